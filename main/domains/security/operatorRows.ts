import { isAllowed, permissions, type Role } from '../../../app/domains/security/securityRules.ts';
import type { Language, Operator, SessionView } from '../../../app/domains/security/securitySchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { Session } from '../../core.ts';
import type { Author, Reader, Transaction } from '../../database/writeGate.ts';
import { nameKeyOf } from '../../keyring/keyring.ts';

/** A row of table `operator`. */
export interface OperatorRow {
  readonly operator_id: string;
  readonly operator_name: string;
  readonly full_name: string;
  readonly roles: string;
  readonly disabled: number;
  readonly language: Language;
  readonly theme: SessionView['theme'];
  readonly created_at: number;
  readonly last_sign_in_at: number | null;
  readonly version: number;
}

/** What the archive keeps of an operator, so that a rebuilt index knows who wrote what. */
export interface OperatorFact {
  readonly operatorName: string;
  readonly fullName: string;
  readonly roles: readonly Role[];
  readonly disabled: boolean;
  readonly language: Language;
  readonly createdAt: number;
}

export function operatorFromRow(row: OperatorRow): Operator {
  return {
    operatorId: row.operator_id,
    operatorName: row.operator_name,
    fullName: row.full_name,
    roles: JSON.parse(row.roles) as Role[],
    disabled: row.disabled === 1,
    createdAt: row.created_at,
    lastSignInAt: row.last_sign_in_at,
  };
}

export function findOperatorRow(reader: Reader, operatorId: string): OperatorRow | undefined {
  return reader.get<OperatorRow>('SELECT * FROM operator WHERE operator_id = ?', operatorId);
}

/** @throws Failure('security.operatorUnknown') */
export function getOperatorRow(reader: Reader, operatorId: string): OperatorRow {
  const row = findOperatorRow(reader, operatorId);
  if (!row) throw new Failure('security.operatorUnknown', 'no such operator');
  return row;
}

/** @throws Failure('security.operatorUnknown' | 'security.operatorDisabled') */
export function refuseDisabled({ reader }: { readonly reader: Reader }, operatorId: string | null): void {
  if (getOperatorRow(reader, operatorId ?? '').disabled === 1)
    throw new Failure('security.operatorDisabled', 'this operator is disabled');
}

export function findOperatorRowByName(reader: Reader, operatorName: string): OperatorRow | undefined {
  return reader.get<OperatorRow>('SELECT * FROM operator WHERE name_key = ?', nameKeyOf(operatorName));
}

/** Enabled administrators other than this operator. */
export function countOtherAdministrators(reader: Reader, operatorId: string): number {
  const rows = reader.all<{ roles: string }>(
    'SELECT roles FROM operator WHERE disabled = 0 AND operator_id <> ?',
    operatorId,
  );
  return rows.filter(({ roles }) => (JSON.parse(roles) as Role[]).includes('administrator')).length;
}

function archiveOperator(tx: Transaction, operatorId: string, version: number, fact: OperatorFact): void {
  tx.statement({ type: 'operator', id: operatorId, version, payload: fact });
}

/** @throws Failure('security.operatorNameTaken') */
export function insertOperator(tx: Transaction, author: Author, operatorId: string, fact: OperatorFact): void {
  if (findOperatorRowByName(tx, fact.operatorName))
    throw new Failure('security.operatorNameTaken', 'this name is in use');
  archiveOperator(tx, operatorId, 1, fact);
  tx.run(
    `INSERT INTO operator (operator_id, operator_name, name_key, full_name, roles, disabled, language, created_at, version, hlc, author, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)`,
    operatorId,
    fact.operatorName,
    nameKeyOf(fact.operatorName),
    fact.fullName,
    JSON.stringify(fact.roles),
    fact.disabled ? 1 : 0,
    fact.language,
    fact.createdAt,
    tx.hlc,
    author.operatorId,
    tx.siteId,
  );
  tx.subject({ type: 'operator', id: operatorId }, { roles: fact.roles.join(' ') });
  tx.topic('operators');
}

/** Appends a version with other roles or another state. */
export function updateOperator(
  tx: Transaction,
  author: Author,
  row: OperatorRow,
  change: { roles?: readonly Role[]; disabled?: boolean },
): void {
  const roles = change.roles ?? (JSON.parse(row.roles) as Role[]);
  const disabled = change.disabled ?? row.disabled === 1;
  archiveOperator(tx, row.operator_id, row.version + 1, {
    operatorName: row.operator_name,
    fullName: row.full_name,
    roles,
    disabled,
    language: row.language,
    createdAt: row.created_at,
  });
  tx.run(
    'UPDATE operator SET roles = ?, disabled = ?, version = ?, hlc = ?, author = ? WHERE operator_id = ?',
    JSON.stringify(roles),
    disabled ? 1 : 0,
    row.version + 1,
    tx.hlc,
    author.operatorId,
    row.operator_id,
  );
  tx.subject({ type: 'operator', id: row.operator_id }, { roles: roles.join(' '), disabled });
  tx.topic('operators');
}

export function sessionViewOf(session: Session, row: OperatorRow, idleMinutes: number): SessionView {
  return {
    operatorId: session.operatorId,
    operatorName: session.operatorName,
    fullName: row.full_name,
    roles: [...session.roles],
    permissions: permissions.filter((permission) => isAllowed(session.roles, permission)),
    signedInAt: session.signedInAt,
    idleMinutes,
    language: row.language,
    theme: row.theme,
  };
}
