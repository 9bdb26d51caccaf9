import { contradicts, type PatientIdentity } from '../../../../app/domains/patients/patientRules.ts';
import type { Reader, Transaction } from '../../../database/writeGate.ts';
import { identityConflictId, identityKey, newestSettlement } from './settlementRows.ts';

/** Whom a study names, and whether that is one person: a function of what arrived and the newest decision, in whatever order they came. */

export interface NamedIdentity extends PatientIdentity {
  readonly patientId: string;
  readonly instances: number;
  readonly aside: number;
  readonly source: string;
  readonly firstAt: number;
}

export type IdentityStand = 'study' | 'agrees' | 'other' | 'unclear';

/** Most identities of one study that are compared pair by pair; a study naming more people than that is a conflict anyway. */
const mostIdentities = 50;

export function listIdentities(reader: Reader, studyRow: number): NamedIdentity[] {
  return reader.all<NamedIdentity>(
    `SELECT identifier, issuer, name, birth_date AS birthDate, patient_id AS patientId, instance_count AS instances,
       aside_count AS aside, source, first_at AS firstAt
     FROM study_identity WHERE study_row = ? ORDER BY first_at, name, identifier, issuer, birth_date LIMIT ${mostIdentities + 1}`,
    studyRow,
  );
}

/**
 * How each identity stands to the study's patient. `same`: keys of spellings that a person called that patient's too.
 * 'unclear' is one that contradicts neither that patient nor somebody who does, two that agree with the patient and not
 * with each other, or one that agrees with another spelling alone: nobody can tell from the headers whose they are.
 */
export function standsOf(
  identities: readonly NamedIdentity[],
  patientId: string,
  same: ReadonlySet<string> = new Set(),
): IdentityStand[] {
  const own = identities.filter((each) => each.patientId === patientId);
  const spelled = identities.filter((each) => each.patientId !== patientId && same.has(identityKey(each)));
  const first = identities.map((each): IdentityStand => {
    if (each.patientId === patientId || same.has(identityKey(each))) return 'study';
    if (!own.some((one) => contradicts(one, each))) return 'agrees';
    return spelled.every((one) => contradicts(one, each)) ? 'other' : 'unclear';
  });
  return first.map((stand, at) => {
    if (stand !== 'agrees') return stand;
    const one = identities[at] as NamedIdentity;
    const isUnclear = identities.some((each, index) => {
      if (index === at || first[index] === 'study') return false;
      const isAgainst = contradicts(one, each);
      return first[index] === 'other' ? !isAgainst : isAgainst;
    });
    return isUnclear ? 'unclear' : 'agrees';
  });
}

/** Keys of the identities whose instances a decision set aside. */
export function asideIdentities(reader: Reader, studyUid: string): ReadonlySet<string> {
  const newest = newestSettlement(reader, identityConflictId(studyUid));
  return new Set(newest?.decision === 'keepApart' ? newest.body.identities.map(identityKey) : []);
}

/** Spellings the newest decision calls one person, the study's patient; empty without one. */
export function joinedIdentities(reader: Reader, studyUid: string): readonly PatientIdentity[] {
  const newest = newestSettlement(reader, identityConflictId(studyUid));
  if (newest?.decision === 'onePerson') return newest.body.identities;
  return newest?.decision === 'keepApart' ? newest.body.joined : [];
}

/** Keys of the spellings a decision calls one person, as far as nobody told their records apart since. */
export function joinedKeys(
  reader: Reader,
  studyUid: string,
  patientId: string,
  all: readonly NamedIdentity[],
): ReadonlySet<string> {
  const said = new Set(joinedIdentities(reader, studyUid).map(identityKey));
  const joined = all.filter((each) => said.has(identityKey(each)));
  const isDisputed = (one: NamedIdentity) =>
    joined.some(
      (each) => each !== one && contradicts(one, each) && areToldApart(reader, one.patientId, each.patientId),
    );
  return new Set(joined.filter((one) => one.patientId === patientId || !isDisputed(one)).map(identityKey));
}

/** The same, with those whose records a person linked with the study's patient: whoever decides now leaves them there. */
export function sameKeys(
  reader: Reader,
  studyUid: string,
  patientId: string,
  all: readonly NamedIdentity[],
): ReadonlySet<string> {
  const rows = reader.all<{ patient_id: string }>(
    'SELECT b.patient_id FROM patient a JOIN patient b ON b.link_group_id = a.link_group_id WHERE a.patient_id = ?',
    patientId,
  );
  const group = new Set(rows.map((row) => row.patient_id));
  const linked = all.filter((each) => group.has(each.patientId)).map(identityKey);
  return new Set([...joinedKeys(reader, studyUid, patientId, all), ...linked]);
}

/**
 * True when instances that are part of the study name two people, or could be those of somebody who was set aside, as far
 * as nobody decided otherwise.
 */
export function isIdentityConflict(reader: Reader, studyRow: number, studyUid: string): boolean {
  const all = listIdentities(reader, studyRow);
  if (all.length < 2) return false;
  if (all.length > mostIdentities) return true;
  const patientId =
    reader.get<{ patient_id: string }>('SELECT patient_id FROM study WHERE study_row = ?', studyRow)?.patient_id ?? '';
  const aside = asideIdentities(reader, studyUid);
  const stands = standsOf(all, patientId, joinedKeys(reader, studyUid, patientId, all));
  return all.some((each, at) => !aside.has(identityKey(each)) && (stands[at] === 'other' || stands[at] === 'unclear'));
}

/** True when the newest decision about two records says that they are two people. */
export function areToldApart(reader: Reader, one: string, other: string): boolean {
  const [first, second] = one < other ? [one, other] : [other, one];
  const row = reader.get<{ same: number }>(
    'SELECT same FROM patient_link WHERE patient_id = ? AND other_patient_id = ? ORDER BY version DESC LIMIT 1',
    first,
    second,
  );
  return row?.same === 0;
}

/** Writes the study's flag, and the line of its conflict where there is or was one. Returns whether it may not be read. */
export function refreshIdentityConflict(tx: Transaction, studyRow: number, studyUid: string): boolean {
  const isOpen = isIdentityConflict(tx, studyRow, studyUid);
  const conflictId = identityConflictId(studyUid);
  const flag = isOpen ? 1 : 0;
  tx.run('UPDATE study SET identity_conflict = ? WHERE study_row = ? AND identity_conflict <> ?', flag, studyRow, flag);
  if (!isOpen && !tx.get('SELECT 1 FROM conflict WHERE conflict_id = ?', conflictId)) return false;
  const newest = tx.get<{ at: number | null; received_at: number }>(
    `SELECT received_at, (SELECT max(first_at) FROM study_identity n WHERE n.study_row = study.study_row) AS at
     FROM study WHERE study_row = ?`,
    studyRow,
  );
  tx.run(
    `INSERT INTO conflict (conflict_id, kind, study_row, sop_uid, state, newest_at) VALUES (?, 'identity', ?, NULL, ?, ?)
     ON CONFLICT (conflict_id) DO UPDATE SET state = excluded.state, newest_at = max(conflict.newest_at, excluded.newest_at)`,
    conflictId,
    studyRow,
    isOpen ? 'open' : 'settled',
    Math.max(newest?.at ?? 0, newest?.received_at ?? 0),
  );
  return isOpen;
}

/** After two records were linked or told apart: studies in which both are named may be one person's no more, or again. */
export function refreshOfRecords(tx: Transaction, patientIds: readonly [string, string]): string[] {
  const rows = tx.all<{ study_row: number; study_uid: string }>(
    `SELECT DISTINCT s.study_row, s.study_uid FROM study_identity a JOIN study_identity b ON b.study_row = a.study_row
       JOIN study s ON s.study_row = a.study_row JOIN conflict c ON c.conflict_id = 'study:' || s.study_uid
     WHERE a.patient_id = ? AND b.patient_id = ?`,
    ...patientIds,
  );
  for (const { study_row, study_uid } of rows) refreshIdentityConflict(tx, study_row, study_uid);
  return rows.map(({ study_uid }) => study_uid);
}
