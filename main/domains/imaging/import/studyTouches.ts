import type { PatientIdentity } from '../../../../app/domains/patients/patientRules.ts';
import type { Author, Transaction } from '../../../database/writeGate.ts';
import { asideIdentities, refreshIdentityConflict } from '../conflicts/identityTruth.ts';
import { recountConflicts } from '../conflicts/instanceChoice.ts';
import { identityKey } from '../conflicts/settlementRows.ts';
import type { InstanceHeader } from '../header/instanceHeader.ts';
import type { ArrivalNote, Arrived, IndexParts } from './arrived.ts';

interface StudyRow {
  study_row: number;
  study_uid: string;
  patient_id: string;
  study_date: string;
  study_time: string;
  study_id: string;
  description: string;
  accession_number: string;
  referring_physician: string;
  institution: string;
  patient_age: string;
  patient_weight_kg: number | null;
  modalities: string;
  body_parts: string;
}

interface SeriesRow {
  series_row: number;
  description: string;
  body_part: string;
  laterality: string;
  frame_of_reference_uid: string;
}

/** What one transaction adds to a study and its series; written once at its end. */
export interface StudyTouch {
  row: StudyRow;
  changed: boolean;
  instances: number;
  frames: number;
  bytes: number;
  series: number;
  conflicts: number;
  readonly modalities: Set<string>;
  readonly bodyParts: Set<string>;
  readonly identities: Map<string, TouchedIdentity>;
  /** Keys of the people a decision set aside in this study. */
  readonly aside: ReadonlySet<string>;
}

interface TouchedIdentity {
  readonly identity: PatientIdentity;
  readonly note: ArrivalNote;
  count: number;
  aside: number;
}

export interface SeriesTouch {
  readonly row: SeriesRow;
  instances: number;
  frames: number;
}

const studyColumns = `study_row, study_uid, patient_id, study_date, study_time, study_id, description, accession_number, referring_physician,
  institution, patient_age, patient_weight_kg, modalities, body_parts`;

/** The study an object belongs to, made when it is the first of its UID; once per transaction. */
export function openStudy(
  tx: Transaction,
  author: Author,
  studyUid: string,
  object: Arrived,
  note: ArrivalNote,
  parts: IndexParts,
  studies: Map<string, StudyTouch>,
): StudyTouch {
  const open = studies.get(studyUid);
  if (open) return open;
  const known = tx.get<StudyRow>(`SELECT ${studyColumns} FROM study WHERE study_uid = ?`, studyUid);
  const row = known ?? insertStudy(tx, author, object.header, note, parts);
  const touch: StudyTouch = {
    row,
    changed: false,
    instances: 0,
    frames: 0,
    bytes: 0,
    series: 0,
    conflicts: 0,
    modalities: new Set(row.modalities === '' ? [] : row.modalities.split('\\')),
    bodyParts: new Set(row.body_parts === '' ? [] : row.body_parts.split('\\')),
    identities: new Map(),
    aside: known ? asideIdentities(tx, studyUid) : new Set(),
  };
  studies.set(studyUid, touch);
  return touch;
}

function insertStudy(
  tx: Transaction,
  author: Author,
  header: InstanceHeader,
  note: ArrivalNote,
  parts: IndexParts,
): StudyRow {
  const patientId = parts.patients.registerStudy(tx, author, header, header.studyUid);
  return tx.get<StudyRow>(
    `INSERT INTO study (study_uid, patient_id, study_date, study_time, study_id, description, accession_number, referring_physician,
       institution, patient_age, patient_weight_kg, modalities, body_parts, source, received_at, version, hlc, author, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?, ?, 1, ?, ?, ?) RETURNING ${studyColumns}`,
    header.studyUid,
    patientId,
    header.studyDate,
    header.studyTime,
    header.studyId,
    header.studyDescription,
    header.accessionNumber,
    header.referringPhysician,
    header.institution,
    header.patientAge,
    header.patientWeightKg,
    note.source,
    note.receivedAt,
    tx.hlc,
    author.operatorName,
    tx.siteId,
  ) as StudyRow;
}

/** What the first instance left empty, a later one may say; what it said stays. */
export function fillStudy(touch: StudyTouch, header: InstanceHeader): void {
  const { row } = touch;
  const fill = (
    column:
      | 'study_date'
      | 'study_time'
      | 'study_id'
      | 'description'
      | 'accession_number'
      | 'referring_physician'
      | 'institution'
      | 'patient_age',
    value: string,
  ) => {
    if (row[column] !== '' || value === '') return;
    row[column] = value;
    touch.changed = true;
  };
  fill('study_date', header.studyDate);
  fill('study_time', header.studyTime);
  fill('study_id', header.studyId);
  fill('description', header.studyDescription);
  fill('accession_number', header.accessionNumber);
  fill('referring_physician', header.referringPhysician);
  fill('institution', header.institution);
  fill('patient_age', header.patientAge);
  if (row.patient_weight_kg === null && header.patientWeightKg !== null) {
    row.patient_weight_kg = header.patientWeightKg;
    touch.changed = true;
  }
}

/** The series of an object, the same way. */
export function openSeries(
  tx: Transaction,
  study: StudyTouch,
  header: InstanceHeader,
  all: Map<string, SeriesTouch>,
): SeriesTouch {
  const key = `${study.row.study_row} ${header.seriesUid}`;
  const open = all.get(key);
  if (open) return open;
  let row = tx.get<SeriesRow>(
    'SELECT series_row, description, body_part, laterality, frame_of_reference_uid FROM series WHERE study_row = ? AND series_uid = ?',
    study.row.study_row,
    header.seriesUid,
  );
  if (!row) {
    row = tx.get<SeriesRow>(
      `INSERT INTO series (series_uid, study_row, modality, series_number, description, body_part, laterality, frame_of_reference_uid)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING series_row, description, body_part, laterality, frame_of_reference_uid`,
      header.seriesUid,
      study.row.study_row,
      header.modality,
      header.seriesNumber,
      header.seriesDescription,
      header.bodyPart,
      header.laterality,
      header.frameOfReferenceUid,
    ) as SeriesRow;
    study.series += 1;
  }
  const touch: SeriesTouch = { row, instances: 0, frames: 0 };
  all.set(key, touch);
  return touch;
}

/** True when a decision set aside whom this header names. */
export function isSetAside(study: StudyTouch, header: InstanceHeader): boolean {
  return study.aside.size > 0 && study.aside.has(identityKey(header));
}

/** Notes whom an instance names; 'kept' is one of which another content is shown. */
export function addIdentity(
  study: StudyTouch,
  header: InstanceHeader,
  note: ArrivalNote,
  place: 'study' | 'aside' | 'kept',
): void {
  const identity: PatientIdentity = {
    identifier: header.identifier,
    issuer: header.issuer,
    name: header.name,
    birthDate: header.birthDate,
  };
  const key = JSON.stringify([identity.identifier, identity.issuer, identity.name, identity.birthDate]);
  const touched = study.identities.get(key) ?? { identity, note, count: 0, aside: 0 };
  study.identities.set(key, touched);
  if (place === 'study') touched.count += 1;
  else if (place === 'aside') touched.aside += 1;
}

/** Writes what the transaction added to a study: counts, modalities, identities and whether they contradict each other; then its line. */
export function closeStudy(tx: Transaction, touch: StudyTouch, parts: IndexParts): void {
  const { row } = touch;
  for (const { identity, note, count, aside } of touch.identities.values()) {
    tx.run(
      `INSERT INTO study_identity (study_row, identifier, issuer, name, birth_date, patient_id, instance_count, aside_count, source, first_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET instance_count = instance_count + excluded.instance_count, aside_count = aside_count + excluded.aside_count`,
      row.study_row,
      identity.identifier,
      identity.issuer,
      identity.name,
      identity.birthDate,
      parts.patients.identify(identity, row.study_uid),
      count,
      aside,
      note.source,
      note.receivedAt,
    );
  }
  tx.run(
    `UPDATE study SET instance_count = instance_count + ?, frame_count = frame_count + ?, bytes = bytes + ?, series_count = series_count + ?,
       modalities = ?, body_parts = ?, hlc = ? WHERE study_row = ?`,
    touch.instances,
    touch.frames,
    touch.bytes,
    touch.series,
    [...touch.modalities].sort().join('\\'),
    [...touch.bodyParts].sort().join('\\'),
    tx.hlc,
    row.study_row,
  );
  if (touch.changed) {
    tx.run(
      `UPDATE study SET study_date = ?, study_time = ?, study_id = ?, description = ?, accession_number = ?, referring_physician = ?,
         institution = ?, patient_age = ?, patient_weight_kg = ? WHERE study_row = ?`,
      row.study_date,
      row.study_time,
      row.study_id,
      row.description,
      row.accession_number,
      row.referring_physician,
      row.institution,
      row.patient_age,
      row.patient_weight_kg,
      row.study_row,
    );
  }
  if (touch.identities.size > 0) refreshIdentityConflict(tx, row.study_row, row.study_uid);
  if (touch.conflicts > 0) recountConflicts(tx, row.study_row);
  parts.worklist.refreshStudy(tx, row.study_uid);
}
