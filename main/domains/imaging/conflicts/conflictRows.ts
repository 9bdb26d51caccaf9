import { createHash } from 'node:crypto';
import type { ConflictIdentity, ConflictLine } from '../../../../app/domains/imaging/conflictSchema.ts';
import { normaliseIdentity } from '../../../../app/domains/patients/patientRules.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { Reader } from '../../../database/writeGate.ts';
import type { InstanceHeader } from '../header/instanceHeader.ts';
import type { HeaderFacts } from './headerFacts.ts';
import { asideIdentities, joinedKeys, listIdentities, sameKeys, standsOf } from './identityTruth.ts';
import { seenContents } from './instanceChoice.ts';
import { identityKey } from './settlementRows.ts';

/** Conflicts as they are listed and looked at. */

interface LineRow {
  readonly conflict_id: string;
  readonly kind: 'instance' | 'identity';
  readonly state: 'open' | 'settled';
  readonly sop_uid: string | null;
  readonly newest_at: number;
  readonly version: number;
  readonly study_row: number;
  readonly study_uid: string;
  readonly patient_id: string;
  readonly study_date: string;
  readonly description: string;
  readonly modalities: string;
  readonly identity_conflict: number;
  readonly display_name: string;
  readonly identifier: string;
  readonly sides: number;
  readonly revision: number;
  readonly objects: number;
}

const lineSql = `SELECT c.conflict_id, c.kind, c.state, c.sop_uid, c.newest_at, c.version, s.study_row, s.study_uid, s.patient_id, s.study_date,
    s.description, s.modalities, s.identity_conflict, s.revision, s.instance_count + (SELECT coalesce(sum(n.aside_count), 0) FROM study_identity n
      WHERE c.kind = 'identity' AND n.study_row = c.study_row) AS objects, p.display_name, p.identifier,
    CASE c.kind WHEN 'instance' THEN 1 + (SELECT count(*) FROM instance_conflict o WHERE o.sop_uid = c.sop_uid)
      ELSE (SELECT count(*) FROM study_identity n WHERE n.study_row = c.study_row) END AS sides
  FROM conflict c JOIN study s ON s.study_row = c.study_row JOIN patient p ON p.patient_id = s.patient_id`;

export type KnownLine = LineRow;

export interface ConflictQuestion {
  readonly state: 'open' | 'settled' | null;
  readonly studyUid: string | null;
  readonly offset: number;
  readonly limit: number;
}

/** The page is found by an index, in whatever number they wait; what is said of its lines is gathered for them alone. */
export function listLines(reader: Reader, { state, studyUid, offset, limit }: ConflictQuestion) {
  const { ids, total } = findPage(reader, { state, studyUid, offset, limit });
  const rows = ids.flatMap((id) => reader.get<LineRow>(`${lineSql} WHERE c.conflict_id = ?`, id) ?? []);
  return { total, rows: rows.map(toLine) };
}

function findPage(reader: Reader, { state, studyUid, offset, limit }: ConflictQuestion) {
  const count = (sql: string, ...parameters: (string | null)[]) =>
    reader.get<{ n: number }>(sql, ...parameters)?.n ?? 0;
  const list = (sql: string, ...parameters: (string | number | null)[]) =>
    reader.all<{ conflict_id: string }>(sql, ...parameters, limit, offset).map((row) => row.conflict_id);
  if (studyUid !== null) {
    return {
      total: count(
        `SELECT count(*) AS n FROM conflict WHERE study_row = (SELECT study_row FROM study WHERE study_uid = ?)
           AND (? IS NULL OR state = ?)`,
        ...[studyUid, state, state],
      ),
      ids: list(
        `SELECT conflict_id FROM conflict WHERE study_row = (SELECT study_row FROM study WHERE study_uid = ?)
           AND (? IS NULL OR state = ?) ORDER BY newest_at DESC, conflict_id LIMIT ? OFFSET ?`,
        ...[studyUid, state, state],
      ),
    };
  }
  if (state === null) {
    return {
      total: count('SELECT count(*) AS n FROM conflict'),
      ids: list('SELECT conflict_id FROM conflict ORDER BY newest_at DESC, conflict_id LIMIT ? OFFSET ?'),
    };
  }
  return {
    total: count('SELECT count(*) AS n FROM conflict WHERE state = ?', state),
    ids: list(
      'SELECT conflict_id FROM conflict WHERE state = ? ORDER BY newest_at DESC, conflict_id LIMIT ? OFFSET ?',
      state,
    ),
  };
}

/** @throws Failure('imaging.conflictUnknown') also when it is one of another study */
export function getLine(reader: Reader, conflictId: string, studyUid: string): LineRow {
  const row = reader.get<LineRow>(`${lineSql} WHERE c.conflict_id = ? AND s.study_uid = ?`, conflictId, studyUid);
  if (!row) throw new Failure('imaging.conflictUnknown', 'no such conflict of this study');
  return row;
}

export function toLine(row: LineRow): ConflictLine {
  return {
    conflictId: row.conflict_id,
    studyUid: row.study_uid,
    kind: row.kind,
    state: row.state,
    sopUid: row.sop_uid,
    newestAt: row.newest_at,
    sides: row.sides,
    mark: [row.version, row.revision, row.identity_conflict, row.kind === 'identity' ? row.objects : 0].join('.'),
    displayName: row.display_name,
    identifier: row.identifier,
    studyDate: row.study_date,
    studyDescription: row.description,
    modalities: row.modalities === '' ? [] : row.modalities.split('\\'),
  };
}

/** One content as the index has it. */
export interface ContentRow {
  readonly object_name: string;
  readonly place: 'shown' | 'aside' | 'kept';
  readonly received_at: number;
  readonly source: string;
  readonly author: string | null;
  readonly bytes: number;
  /** InstanceHeader as JSON; '' where only the object knows. */
  readonly header: string;
}

export function listContentRows(reader: Reader, sopUid: string): ContentRow[] {
  return reader.all<ContentRow>(
    `SELECT object_name, 'shown' AS place, received_at, source, author, bytes, '' AS header FROM instance WHERE sop_uid = ?
     UNION ALL SELECT object_name, 'aside', received_at, source, author, bytes, '' FROM instance_aside WHERE sop_uid = ?
     UNION ALL SELECT * FROM (SELECT object_name, 'kept', received_at, source, author, bytes, header FROM instance_conflict
       WHERE sop_uid = ? ORDER BY received_at, object_name LIMIT 50)`,
    sopUid,
    sopUid,
    sopUid,
  );
}

/** A content with the header it was indexed by. */
export interface KnownContent {
  readonly row: ContentRow;
  readonly header: InstanceHeader;
}

/** Names everything a person saw of a conflict, so that a decision about something else is refused. */
export function standOf(reader: Reader, line: LineRow): string {
  const seen =
    line.sop_uid === null
      ? listIdentities(reader, line.study_row)
      : [
          listContentRows(reader, line.sop_uid).map(({ object_name, place }) => [object_name, place]),
          seenContents(reader, line.sop_uid),
        ];
  const text = JSON.stringify([line.conflict_id, line.version, line.state, line.identity_conflict, seen]);
  return createHash('sha256').update(text).digest('hex');
}

/** The people a study names, with how many series name each. `facts` is by SOP Instance UID. */
export function describeIdentities(
  reader: Reader,
  line: Pick<LineRow, 'study_row' | 'study_uid' | 'patient_id'>,
  facts: ReadonlyMap<string, HeaderFacts>,
): ConflictIdentity[] {
  const all = listIdentities(reader, line.study_row);
  const stands = standsOf(all, line.patient_id, sameKeys(reader, line.study_uid, line.patient_id, all));
  const own = all.find((one) => one.patientId === line.patient_id) ?? all[0];
  const series = seriesOfIdentities(reader, line.study_row, facts);
  return all.map((one, at) => {
    const isKnown = reader.get('SELECT 1 FROM patient WHERE patient_id = ?', one.patientId) !== undefined;
    const [left, right] = [normaliseIdentity(own ?? one), normaliseIdentity(one)];
    return {
      identifier: one.identifier,
      issuer: one.issuer,
      name: one.name,
      birthDate: one.birthDate,
      patientId: isKnown ? one.patientId : null,
      stands: stands[at] ?? 'unclear',
      differs: (['identifier', 'issuer', 'birthDate', 'name'] as const).filter((part) => left[part] !== right[part]),
      instances: one.instances,
      aside: one.aside,
      series: series.get(identityKey(one))?.size ?? 0,
      source: one.source,
      firstAt: one.firstAt,
    };
  });
}

function seriesOfIdentities(
  reader: Reader,
  studyRow: number,
  facts: ReadonlyMap<string, HeaderFacts>,
): Map<string, Set<string>> {
  const rows = reader.all<{ sop_uid: string; series_uid: string }>(
    `SELECT i.sop_uid, s.series_uid FROM series s JOIN instance i ON i.series_row = s.series_row WHERE s.study_row = ?
     UNION ALL SELECT sop_uid, series_uid FROM instance_aside WHERE study_row = ?`,
    studyRow,
    studyRow,
  );
  const found = new Map<string, Set<string>>();
  for (const { sop_uid, series_uid } of rows) {
    const said = facts.get(sop_uid);
    if (!said) continue;
    const key = identityKey(said.identity);
    found.set(key, (found.get(key) ?? new Set()).add(series_uid));
  }
  return found;
}

/** True when a header names somebody who is not surely the study's patient, set aside or not. */
export function namesOther(
  reader: Reader,
  line: Pick<LineRow, 'study_row' | 'study_uid' | 'patient_id'>,
  header: Pick<InstanceHeader, 'identifier' | 'issuer' | 'name' | 'birthDate'>,
): boolean {
  const key = identityKey(header);
  if (asideIdentities(reader, line.study_uid).has(key)) return true;
  const all = listIdentities(reader, line.study_row);
  const joined = joinedKeys(reader, line.study_uid, line.patient_id, all);
  const named = { ...header, patientId: '', instances: 0, aside: 0, source: '', firstAt: 0 };
  const stand = standsOf([...all, named], line.patient_id, joined).at(-1);
  return stand === 'other' || stand === 'unclear';
}
