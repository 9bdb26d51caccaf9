import type { ConflictDecision } from '../../../../app/domains/imaging/conflictSchema.ts';
import { looksAlike } from '../../../../app/domains/patients/patientRules.ts';
import type { Reader } from '../../../database/writeGate.ts';
import type { InstanceHeader } from '../header/instanceHeader.ts';
import { listAnnotations, listKeyImages } from '../imagingFacts.ts';
import { type AsideCandidate, type StudyFacts, tellApart } from './asideRows.ts';
import { type KnownContent, type KnownLine, namesOther } from './conflictRows.ts';
import {
  areToldApart,
  asideIdentities,
  type IdentityStand,
  listIdentities,
  type NamedIdentity,
  sameKeys,
  standsOf,
} from './identityTruth.ts';
import { identityKey, type KnownSettlement } from './settlementRows.ts';

/**
 * Why something may not be decided: a failure's code, or null. A reading must not change under its signature, nor a
 * measurement come to lie on a picture it was not drawn on; where the headers do not say whose an image is, nobody here
 * guesses.
 */

interface ReportRow {
  readonly state: 'draft' | 'signed' | 'archived';
  readonly saved_at: number;
  readonly key_images: string;
}

function listReports(reader: Reader, studyUid: string): ReportRow[] {
  return reader.all<ReportRow>(
    `SELECT v.state, v.saved_at, v.key_images FROM report r JOIN report_version v ON v.report_id = r.report_id
     WHERE r.study_uid = ? AND v.state <> 'archived'
       AND v.version = (SELECT max(n.version) FROM report_version n WHERE n.report_id = r.report_id)`,
    studyUid,
  );
}

function isSignedSince(reader: Reader, studyUid: string, since: number): boolean {
  return listReports(reader, studyUid).some(({ state, saved_at }) => state === 'signed' && saved_at >= since);
}

/** Whether something a person drew, marked or reported points at one of these instances. */
function isUsed(reader: Reader, studyUid: string, sopUids: ReadonlySet<string>): boolean {
  if (listAnnotations(reader, studyUid).some(({ sopUid, archived }) => !archived && sopUids.has(sopUid))) return true;
  if (listKeyImages(reader, studyUid).some(({ sopUid }) => sopUids.has(sopUid))) return true;
  return listReports(reader, studyUid).some(({ key_images }) =>
    (JSON.parse(key_images) as { sopUid?: string }[]).some(({ sopUid }) => sopUid !== undefined && sopUids.has(sopUid)),
  );
}

/** Whether one of these instances is on its way to another system, sent or to be sent, and not proven there. */
function isOnItsWay(reader: Reader, studyUid: string, sopUids: ReadonlySet<string>): boolean {
  const open = reader.all<{ delivery_id: string; filled: number; last_instance_row: number }>(
    `SELECT delivery_id, filled, last_instance_row FROM delivery
     WHERE study_uid = ? AND ended_at IS NULL AND state IN ('queued', 'sending', 'sent')`,
    studyUid,
  );
  const list = JSON.stringify([...sopUids]);
  return open.some(({ delivery_id, filled, last_instance_row }) =>
    filled === 1
      ? reader.get(
          `SELECT 1 FROM delivery_instance WHERE delivery_id = ? AND state IN ('queued', 'sent')
             AND coalesce(stored_uid, sop_uid) IN (SELECT value FROM json_each(?)) LIMIT 1`,
          delivery_id,
          list,
        ) !== undefined
      : reader.get(
          'SELECT 1 FROM instance WHERE instance_row <= ? AND sop_uid IN (SELECT value FROM json_each(?)) LIMIT 1',
          last_instance_row,
          list,
        ) !== undefined,
  );
}

/** Why a content of an instance cannot take the place of the one shown, whatever else hangs on it. */
export function refuseContent(
  reader: Reader,
  line: KnownLine,
  shown: KnownContent,
  header: InstanceHeader,
): string | null {
  if (header.studyUid !== line.study_uid || header.seriesUid !== shown.header.seriesUid)
    return 'imaging.conflictClaimsOther';
  if (namesOther(reader, line, header)) return 'imaging.conflictOtherPerson';
  const isSameKind =
    header.sopClassUid === shown.header.sopClassUid &&
    header.modality === shown.header.modality &&
    header.isImage === shown.header.isImage;
  return isSameKind ? null : 'imaging.conflictOtherKind';
}

/** Why none of the other contents can be taken now, whichever. */
export function refuseTaking(reader: Reader, line: KnownLine, shown: KnownContent): string | null {
  if (line.identity_conflict === 1 || shown.row.place !== 'shown') return 'imaging.conflictStudyRefused';
  const sopUids = new Set([shown.header.sopUid]);
  const reports = listReports(reader, line.study_uid);
  if (reports.some(({ state }) => state === 'signed')) return 'imaging.conflictSigned';
  // Whoever writes it looked at the picture that is shown.
  if (reports.some(({ state }) => state === 'draft')) return 'imaging.conflictDraft';
  if (isUsed(reader, line.study_uid, sopUids)) return 'imaging.conflictUsed';
  return isOnItsWay(reader, line.study_uid, sopUids) ? 'imaging.conflictOnItsWay' : null;
}

/** The people a study names and how each stands to its patient, for a decision. */
export interface NamedPeople {
  readonly all: readonly NamedIdentity[];
  readonly stands: readonly IdentityStand[];
}

export function listPeople(reader: Reader, line: KnownLine): NamedPeople {
  const all = listIdentities(reader, line.study_row);
  return {
    all,
    stands: standsOf(all, line.patient_id, sameKeys(reader, line.study_uid, line.patient_id, all)),
  };
}

/** What may be decided about the people a study names. */
export function identityDecisions(
  reader: Reader,
  line: KnownLine,
  facts: StudyFacts,
  newest: KnownSettlement | undefined,
): Partial<Record<ConflictDecision, string | null>> {
  return {
    onePerson: refuseOnePerson(reader, line, newest),
    keepApart: refuseKeepingApart(reader, line, facts),
  };
}

function refuseOnePerson(reader: Reader, line: KnownLine, newest: KnownSettlement | undefined): string | null {
  const { all, stands } = listPeople(reader, line);
  const own = all.filter((_, at) => stands[at] === 'study');
  // Neither an identifier nor a name with a birth date in common: nothing here says that it is one person.
  const isAlike = all.every((one, at) => stands[at] === 'study' || own.some((mine) => looksAlike(mine, one)));
  if (!isAlike) return 'imaging.conflictNothingInCommon';
  if (all.some((one) => areToldApart(reader, one.patientId, line.patient_id))) return 'patients.linkContradicts';
  // Whoever signed since did not see what was set aside then.
  const isBack = newest?.decision === 'keepApart' && isSignedSince(reader, line.study_uid, newest.at);
  return isBack ? 'imaging.conflictSigned' : null;
}

function refuseKeepingApart(reader: Reader, line: KnownLine, facts: StudyFacts): string | null {
  const { all, stands } = listPeople(reader, line);
  if (stands.includes('unclear') || !stands.includes('study')) return 'imaging.conflictUnclear';
  const others = new Set(all.filter((_, at) => stands[at] === 'other').map(identityKey));
  // Records that are linked are one person: nobody is kept apart from himself, nor left aside.
  const aside = asideIdentities(reader, line.study_uid);
  if (others.size === 0 || [...aside].some((key) => !others.has(key))) return 'imaging.conflictLinked';
  const rows = tellApart(reader, line.study_row, facts, others);
  if (!areCounted(all, rows)) return 'imaging.conflictUnclear';
  const [leaving, staying] = [rows.filter(({ isOther }) => isOther), rows.filter(({ isOther }) => !isOther)];
  if (staying.length === 0) return 'imaging.conflictUnclear';
  const kept = new Set(staying.map(({ seriesRow }) => seriesRow));
  if (leaving.some(({ seriesRow }) => kept.has(seriesRow))) return 'imaging.conflictMixedSeries';
  const sopUids = new Set(leaving.map(({ sopUid }) => sopUid));
  if (sopUids.size === 0) return null;
  if (isSignedSince(reader, line.study_uid, firstReceived(reader, sopUids))) return 'imaging.conflictSigned';
  if (isUsed(reader, line.study_uid, sopUids)) return 'imaging.conflictUsed';
  return isOnItsWay(reader, line.study_uid, sopUids) ? 'imaging.conflictOnItsWay' : null;
}

/** Whether the headers of the instances name exactly those, and as often, whom the study was noted to name. */
function areCounted(all: readonly NamedIdentity[], rows: readonly AsideCandidate[]): boolean {
  const counts = new Map<string, number>();
  const add = (key: string, count: number) => counts.set(key, (counts.get(key) ?? 0) + count);
  for (const one of all) add(identityKey(one), one.instances);
  for (const { key } of rows) {
    if (key === null || !counts.has(key)) return false;
    add(key, -1);
  }
  return [...counts.values()].every((left) => left === 0);
}

/** When the first of these instances came, epoch ms. */
function firstReceived(reader: Reader, sopUids: ReadonlySet<string>): number {
  const row = reader.get<{ at: number | null }>(
    'SELECT min(received_at) AS at FROM instance WHERE sop_uid IN (SELECT value FROM json_each(?))',
    JSON.stringify([...sopUids]),
  );
  return row?.at ?? 0;
}

/** Why a decision cannot be taken back. */
export function refuseReopening(reader: Reader, line: KnownLine, newest: KnownSettlement | undefined): string | null {
  if (!newest || newest.decision === 'reopen') return 'imaging.conflictChanged';
  return isSignedSince(reader, line.study_uid, newest.at) ? 'imaging.conflictSigned' : null;
}
