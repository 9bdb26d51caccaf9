import { Failure } from '../../../app/shared/failure.ts';
import type { Reader, Transaction } from '../../database/writeGate.ts';
import { findLookAlikes, type PatientRow, patientColumns } from './patientRows.ts';

/** What a person decided about two records. */
export interface LinkDecision {
  readonly patientId: string;
  readonly otherPatientId: string;
  readonly same: boolean;
  readonly reason: string;
}

/** The newest decision on each pair that `patientId` is part of: other id → same. */
export function decisionsOf(reader: Reader, patientId: string): Map<string, boolean> {
  const rows = reader.all<{ other: string; same: number }>(
    `SELECT other_patient_id AS other, same, max(version) FROM patient_link WHERE patient_id = ? GROUP BY other_patient_id
     UNION ALL
     SELECT patient_id AS other, same, max(version) FROM patient_link WHERE other_patient_id = ? GROUP BY patient_id`,
    patientId,
    patientId,
  );
  return new Map(rows.map((row) => [row.other, row.same === 1]));
}

/** The two ids of a pair in the order the table keeps them. */
export function pairOf(patientId: string, otherPatientId: string): [string, string] {
  if (patientId === otherPatientId) throw new Failure('patients.sameRecord', 'a record cannot be linked with itself');
  return patientId < otherPatientId ? [patientId, otherPatientId] : [otherPatientId, patientId];
}

export function nextLinkVersion(reader: Reader, pair: readonly [string, string]): number {
  const row = reader.get<{ version: number | null }>(
    'SELECT max(version) AS version FROM patient_link WHERE patient_id = ? AND other_patient_id = ?',
    ...pair,
  );
  return (row?.version ?? 0) + 1;
}

/**
 * Refuses to link two records when one that hangs on the first was told apart from one that hangs on the second: links
 * are followed from record to record, and no two people become one by way of a third record.
 *
 * @throws Failure('patients.linkContradicts')
 */
export function refuseContradiction(reader: Reader, { patientId, otherPatientId, same }: LinkDecision): void {
  if (!same) return;
  const pair = pairOf(patientId, otherPatientId);
  const theirs = connected(reader, otherPatientId);
  for (const one of connected(reader, patientId)) {
    for (const [other, isSame] of decisionsOf(reader, one)) {
      const isThisPair = pair.includes(one) && pair.includes(other);
      if (!isSame && !isThisPair && theirs.has(other))
        throw new Failure('patients.linkContradicts', 'two of the records to be linked were told apart');
    }
  }
}

/**
 * Appends a decision and draws its consequences: the groups of linked records, and which records still wait for a
 * decision.
 *
 * @returns the ids of the records whose row changed
 */
export function applyDecision(
  tx: Transaction,
  decision: LinkDecision,
  fact: { version: number; at: number; hlc: string; author: string | null; siteId: string },
): string[] {
  const [first, second] = pairOf(decision.patientId, decision.otherPatientId);
  tx.run(
    `INSERT INTO patient_link (patient_id, other_patient_id, version, same, reason, decided_at, hlc, author, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    first,
    second,
    fact.version,
    decision.same ? 1 : 0,
    decision.reason,
    fact.at,
    fact.hlc,
    fact.author,
    fact.siteId,
  );
  // Both sides of the pair, with whoever was or is linked to them, may now form other groups.
  const touched = new Set([
    ...groupMembers(tx, first),
    ...groupMembers(tx, second),
    ...connected(tx, first),
    ...connected(tx, second),
  ]);
  for (const patientId of touched) {
    const group = undisputedGroup(tx, patientId);
    const groupId = group.size > 1 ? ([...group].sort()[0] as string) : null;
    tx.run(
      'UPDATE patient SET link_group_id = ?, hlc = ?, version = version + 1 WHERE patient_id = ?',
      groupId,
      tx.hlc,
      patientId,
    );
  }
  const changed = new Set(touched);
  for (const patientId of touched) for (const id of refreshNeed(tx, patientId)) changed.add(id);
  return [...changed];
}

/** Every record of the group a person linked `patientId` into, itself included. */
export function groupMembers(reader: Reader, patientId: string): string[] {
  const rows = reader.all<{ patient_id: string }>(
    `SELECT b.patient_id FROM patient a JOIN patient b ON b.link_group_id = a.link_group_id WHERE a.patient_id = ?`,
    patientId,
  );
  return rows.length === 0 ? [patientId] : rows.map((row) => row.patient_id);
}

/** Records reached from `patientId` over decisions that say 'same'. */
function connected(reader: Reader, patientId: string): Set<string> {
  const seen = new Set([patientId]);
  const queue = [patientId];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const [other, same] of decisionsOf(reader, next)) {
      if (!same || seen.has(other)) continue;
      seen.add(other);
      queue.push(other);
    }
  }
  return seen;
}

/**
 * The records that are one person with `patientId`. Where two records of a group were told apart, some link in it is
 * wrong and nobody has said which: all stand alone, waiting for a decision, until that is settled.
 */
function undisputedGroup(reader: Reader, patientId: string): Set<string> {
  const group = connected(reader, patientId);
  for (const one of group) {
    for (const [other, same] of decisionsOf(reader, one)) if (!same && group.has(other)) return new Set([patientId]);
  }
  return group;
}

/**
 * Settles whether a record waits for a decision: true while a look-alike is neither linked with it nor decided to be
 * another person; also where a link to it hangs on others that contradict each other.
 *
 * @returns the ids of the records whose flag changed, look-alikes that became flagged included
 */
export function refreshNeed(tx: Transaction, patientId: string): string[] {
  const row = tx.get<PatientRow>(`SELECT ${patientColumns} FROM patient WHERE patient_id = ?`, patientId);
  if (!row) return [];
  const decisions = decisionsOf(tx, patientId);
  const open = findLookAlikes(tx, row).filter(
    (other) =>
      decisions.get(other.patient_id) !== false &&
      !(row.link_group_id !== null && row.link_group_id === other.link_group_id),
  );
  const changed: string[] = [];
  const setFlag = (id: string, flag: 0 | 1) => {
    if (
      tx.run(
        'UPDATE patient SET needs_link_decision = ? WHERE patient_id = ? AND needs_link_decision <> ?',
        flag,
        id,
        flag,
      ).changes > 0
    ) {
      changed.push(id);
    }
  };
  setFlag(patientId, open.length > 0 ? 1 : 0);
  for (const other of open) if (other.needs_link_decision === 0) setFlag(other.patient_id, 1);
  return changed;
}
