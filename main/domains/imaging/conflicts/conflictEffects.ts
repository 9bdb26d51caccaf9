import type { Transaction } from '../../../database/writeGate.ts';
import type { InstanceHeader } from '../header/instanceHeader.ts';
import { describeStudy, readFactsNow, recount, type StudyFacts, setAside, takeBack, tellApart } from './asideRows.ts';
import { unpackFacts } from './headerFacts.ts';
import { asideIdentities, listIdentities, refreshIdentityConflict } from './identityTruth.ts';
import { type OtherContent, refreshInstanceConflict, showContent } from './instanceChoice.ts';
import { identityKey, newestSettlement, type SettlementBody } from './settlementRows.ts';

/** What the newest decision about a conflict means for the rows of its study. Doing it again changes nothing. */

/** Makes the decided content the instance. */
export function applyToInstance(
  tx: Transaction,
  studyRow: number,
  { sopUid, objectName }: Pick<SettlementBody, 'sopUid' | 'objectName'>,
  content: OtherContent | null,
): void {
  if (sopUid === null) return;
  if (content && objectName !== null) {
    const before = tx.get<{ json: Uint8Array }>(
      'SELECT h.json FROM instance i JOIN instance_header h ON h.instance_row = i.instance_row WHERE i.sop_uid = ?',
      sopUid,
    );
    if (showContent(tx, sopUid, objectName, content)) {
      recount(tx, studyRow);
      moveIdentity(tx, studyRow, before?.json, content.header);
      addBodyPart(tx, studyRow, content.header.bodyPart);
      tx.run('UPDATE study SET revision = revision + 1 WHERE study_row = ?', studyRow);
    }
  }
  refreshInstanceConflict(tx, studyRow, sopUid);
}

/** One instance less that names whom the content before named, one more that names whom this one does. */
function moveIdentity(tx: Transaction, studyRow: number, before: Uint8Array | undefined, header: InstanceHeader): void {
  const was = before && unpackFacts(before).identity;
  if (!was || identityKey(was) === identityKey(header)) return;
  const count = (identity: typeof was, change: 1 | -1) =>
    tx.run(
      `UPDATE study_identity SET instance_count = max(0, instance_count + ?)
       WHERE study_row = ? AND identifier = ? AND issuer = ? AND name = ? AND birth_date = ?`,
      change,
      studyRow,
      identity.identifier,
      identity.issuer,
      identity.name,
      identity.birthDate,
    );
  count(was, -1);
  count(header, 1);
}

function addBodyPart(tx: Transaction, studyRow: number, bodyPart: string): void {
  const row = tx.get<{ body_parts: string }>('SELECT body_parts FROM study WHERE study_row = ?', studyRow);
  const parts = new Set((row?.body_parts ?? '').split('\\').filter((part) => part !== ''));
  if (bodyPart === '' || parts.has(bodyPart)) return;
  tx.run('UPDATE study SET body_parts = ? WHERE study_row = ?', [...parts, bodyPart].sort().join('\\'), studyRow);
}

/** Sets aside whom the newest decision sets aside, and takes back everybody else. */
export function applyToIdentities(
  tx: Transaction,
  { studyRow, studyUid }: { studyRow: number; studyUid: string },
  facts: StudyFacts,
): void {
  const apart = asideIdentities(tx, studyUid);
  const before =
    tx.get<{ n: number }>('SELECT count(*) AS n FROM instance_aside WHERE study_row = ?', studyRow)?.n ?? 0;
  let changes = 0;
  if (apart.size > 0) {
    const others = tellApart(tx, studyRow, facts, apart).filter(({ isOther }) => isOther);
    setAside(
      tx,
      studyRow,
      others.map(({ instanceRow }) => instanceRow),
    );
    changes = others.length;
    for (const one of listIdentities(tx, studyRow).filter((each) => apart.has(identityKey(each)))) {
      tx.run(
        `UPDATE study_identity SET aside_count = aside_count + instance_count, instance_count = 0
         WHERE study_row = ? AND identifier = ? AND issuer = ? AND name = ? AND birth_date = ?`,
        studyRow,
        one.identifier,
        one.issuer,
        one.name,
        one.birthDate,
      );
    }
  } else if (before > 0) {
    takeBack(tx, studyRow);
    tx.run(
      'UPDATE study_identity SET instance_count = instance_count + aside_count, aside_count = 0 WHERE study_row = ?',
      studyRow,
    );
    changes = before;
  }
  if (changes > 0) {
    describeStudy(tx, studyRow, facts);
    tx.run('UPDATE study SET revision = revision + 1 WHERE study_row = ?', studyRow);
  }
  refreshIdentityConflict(tx, studyRow, studyUid);
}

/** A rebuild of the index knows every arrival and every decision by now: draws the consequences. Returns the studies touched. */
export function applyAll(tx: Transaction): string[] {
  const rows = tx.all<{ conflict_id: string; version: number }>(
    'SELECT conflict_id, max(version) AS version FROM conflict_settlement GROUP BY conflict_id ORDER BY conflict_id',
  );
  const touched = new Set<string>();
  for (const { conflict_id, version } of rows) {
    const newest = newestSettlement(tx, conflict_id);
    if (!newest) continue;
    const { studyUid, sopUid, objectName } = newest.body;
    const study = tx.get<{ study_row: number }>('SELECT study_row FROM study WHERE study_uid = ?', studyUid);
    if (!study) continue;
    tx.run('UPDATE conflict SET version = ? WHERE conflict_id = ?', version, conflict_id);
    if (sopUid === null) {
      applyToIdentities(tx, { studyRow: study.study_row, studyUid }, readFactsNow(tx, study.study_row));
    } else {
      applyToInstance(
        tx,
        study.study_row,
        newest.body,
        objectName === null ? null : keptContent(tx, sopUid, objectName),
      );
    }
    touched.add(studyUid);
  }
  return [...touched];
}

/** What the index itself has of a content kept aside; null for one received before this was kept. */
export function keptContent(tx: Pick<Transaction, 'get'>, sopUid: string, objectName: string): OtherContent | null {
  const row = tx.get<{ header: string; json: Uint8Array | null }>(
    'SELECT header, json FROM instance_conflict WHERE sop_uid = ? AND object_name = ?',
    sopUid,
    objectName,
  );
  if (!row || row.header === '' || row.json === null) return null;
  return { header: JSON.parse(row.header) as InstanceHeader, json: row.json };
}
