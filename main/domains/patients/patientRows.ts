import { createHmac } from 'node:crypto';
import {
  identityText,
  looksAlike,
  nameKey,
  type PatientIdentity,
  parseSex,
  patientHue,
} from '../../../app/domains/patients/patientRules.ts';
import type { Patient } from '../../../app/domains/patients/patientSchema.ts';
import { displayPersonName } from '../../../app/domains/patients/personName.ts';
import { foldMarks, foldText } from '../../../app/shared/foldText.ts';
import type { Reader, Transaction } from '../../database/writeGate.ts';

export interface PatientRow {
  readonly patient_id: string;
  readonly identifier: string;
  readonly issuer: string;
  readonly name: string;
  readonly display_name: string;
  readonly birth_date: string;
  readonly sex: Patient['sex'];
  readonly study_count: number;
  readonly link_group_id: string | null;
  readonly needs_link_decision: number;
}

export const patientColumns =
  'patient_id, identifier, issuer, name, display_name, birth_date, sex, study_count, link_group_id, needs_link_decision';

export function fromPatientRow(row: PatientRow): Patient {
  return {
    patientId: row.patient_id,
    identifier: row.identifier,
    issuer: row.issuer,
    name: row.name,
    displayName: row.display_name,
    birthDate: row.birth_date,
    sex: row.sex,
    hue: patientHue(row.patient_id),
    studyCount: row.study_count,
    linkGroupId: row.link_group_id,
    needsLinkDecision: row.needs_link_decision === 1,
  };
}

export function identityOfRow(row: PatientRow): PatientIdentity & { sex: string } {
  return { identifier: row.identifier, issuer: row.issuer, name: row.name, birthDate: row.birth_date, sex: row.sex };
}

/**
 * The id of the patient an identity stands for: a UUIDv8 (RFC 9562 section 5.8) cut from an HMAC of the identity under
 * a key of this store. Always the same for the same identity, so that an index rebuilt from the archive keeps every
 * reference; and without the key nobody can test a guess at who it is.
 */
export function patientIdOf(key: Uint8Array, identity: PatientIdentity, studyUid: string): string {
  const digest = createHmac('sha256', key)
    .update('salus patient id\0')
    .update(identityText(identity, studyUid))
    .digest();
  const bytes = digest.subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Adds the record of a patient seen for the first time. */
export function insertPatient(
  tx: Transaction,
  patientId: string,
  identity: PatientIdentity & { readonly sex: string },
  author: string | null,
): void {
  const displayName = displayPersonName(identity.name);
  const birthDate = identity.birthDate.replace(/[^0-9]/g, '');
  const search = [
    foldText(identity.name),
    foldMarks(identity.identifier),
    foldText(identity.identifier),
    ...writtenDates(birthDate),
  ].join(' ');
  tx.run(
    `INSERT INTO patient (patient_id, identifier, issuer, name, display_name, birth_date, sex, identifier_key, name_key, sort_name,
       search_text, created_at, version, hlc, author, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)`,
    patientId,
    identity.identifier.trim(),
    identity.issuer.trim(),
    identity.name,
    displayName,
    birthDate,
    parseSex(identity.sex),
    identity.identifier.trim().toLowerCase(),
    nameKey(identity.name),
    foldText(displayName),
    search,
    tx.nowMs,
    tx.hlc,
    author,
    tx.siteId,
  );
}

/** A full date (YYYYMMDD) in the ways people type it; nothing for any other text. */
function writtenDates(date: string): string[] {
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)$/.exec(date) ?? [];
  return day === undefined
    ? []
    : [date, `${year}-${month}-${day}`, `${day}/${month}/${year}`, `${day}.${month}.${year}`];
}

/** How many look-alikes are looked at for one record: beyond that a person has a different problem than linking. */
const mostCandidates = 200;

/** Records that may be the same person as `row`, by identifier or by name and birth date, decided or not. */
export function findLookAlikes(reader: Reader, row: PatientRow): PatientRow[] {
  const found = new Map<string, PatientRow>();
  const identifier = row.identifier.toLowerCase();
  const identity = identityOfRow(row);
  const rows = [
    ...(identifier === ''
      ? []
      : reader.all<PatientRow>(
          `SELECT ${patientColumns} FROM patient WHERE identifier_key = ? AND identifier_key <> '' AND patient_id <> ? LIMIT ${mostCandidates}`,
          identifier,
          row.patient_id,
        )),
    ...(nameKey(row.name) === ''
      ? []
      : reader.all<PatientRow>(
          `SELECT ${patientColumns} FROM patient WHERE name_key = ? AND birth_date = ? AND name_key <> '' AND patient_id <> ? LIMIT ${mostCandidates}`,
          nameKey(row.name),
          row.birth_date,
          row.patient_id,
        )),
  ];
  for (const other of rows) if (looksAlike(identity, identityOfRow(other))) found.set(other.patient_id, other);
  return [...found.values()];
}
