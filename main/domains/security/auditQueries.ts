import type { AuditEntry } from '../../../app/domains/security/securitySchema.ts';
import type { AuditRow } from '../../database/auditChain.ts';
import type { Reader, SqlValue } from '../../database/writeGate.ts';

function auditFromRow(row: AuditRow): AuditEntry {
  return {
    sequence: row.sequence,
    at: row.at,
    operatorId: row.operator_id,
    operatorName: row.operator_name,
    action: row.action,
    outcome: row.outcome,
    subjectType: row.subject_type,
    subjectId: row.subject_id,
    detail: JSON.parse(row.detail) as AuditEntry['detail'],
  };
}

export interface AuditFilter {
  readonly beforeSequence?: number | undefined;
  readonly limit: number;
  readonly subjectId?: string | undefined;
  readonly action?: string | undefined;
}

/** Newest first. */
export function listAudit(reader: Reader, { beforeSequence, limit, subjectId, action }: AuditFilter): AuditEntry[] {
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  const where = (condition: string, value: SqlValue | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  where('sequence < ?', beforeSequence);
  where('subject_id = ?', subjectId);
  where('action = ?', action);
  const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return reader
    .all<AuditRow>(`SELECT * FROM audit_entry ${filter} ORDER BY sequence DESC LIMIT ?`, ...values, limit)
    .map(auditFromRow);
}
