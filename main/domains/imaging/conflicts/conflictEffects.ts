import type { Transaction } from '../../../database/writeGate.ts';
import type { InstanceHeader } from '../header/instanceHeader.ts';
import { describeStudy, readFactsNow, type StudyFacts, setAside, takeBack, tellApart } from './asideRows.ts';
import { unpackFacts } from './headerFacts.ts';
import { asideIdentities, listIdentities, refreshIdentityConflict } from './identityTruth.ts';
import { type OtherContent, refreshInstanceConflict, showContent } from './instanceChoice.ts';
import { identityKey, newestSettlement, type SettlementBody } from './settlementRows.ts';

/** What the newest decision about a conflict means for the rows of its study. Doing it again changes nothing. */

/** Makes the decided content the instance. Without `facts` the caller describes the study. Returns how many instances changed. */
export function applyToInstance(
  tx: Transaction,
  studyRow: number,
  { sopUid, objectName }: Pick<SettlementBody, 'sopUid' | 'objectName'>,
  content: OtherContent | null,
  facts: StudyFacts | null,
): number {
  if (sopUid === null) return 0;
  let changes = 0;
  if (content && objectName !== null) {
    const before = tx.get<{ json: Uint8Array }>(
      'SELECT h.json FROM instance i JOIN instance_header h ON h.instance_row = i.instance_row WHERE i.sop_uid = ?',
      sopUid,
    );
    if (showContent(tx, sopUid, objectName, content)) {
      moveIdentity(tx, studyRow, before?.json, content.header);
      if (facts) describeStudy(tx, studyRow, new Map([...facts, [sopUid, unpackFacts(content.json)]]));
      changes = 1;
    }
  }
  refreshInstanceConflict(tx, studyRow, sopUid);
  return changes;
}

/**
 * A number that rises with whatever a decision may change in what is shown of a study, the same after a rebuild. Of an
 * instance only taking another content changes anything.
 */
export function numberRevision(tx: Transaction, studyRow: number): void {
  tx.run(
    `UPDATE study SET revision = (SELECT count(*) FROM conflict c JOIN conflict_settlement d ON d.conflict_id = c.conflict_id
       WHERE c.study_row = study.study_row AND (d.decision = 'take' OR c.kind = 'identity')) WHERE study_row = ?`,
    studyRow,
  );
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

/** Sets aside whom the newest decision sets aside, and takes back everybody else. Returns how many instances moved. */
export function applyToIdentities(
  tx: Transaction,
  { studyRow, studyUid }: { studyRow: number; studyUid: string },
  facts: StudyFacts,
): number {
  const apart = asideIdentities(tx, studyUid);
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
  } else changes = takeAllBack(tx, studyRow, false);
  if (changes > 0) describeStudy(tx, studyRow, facts);
  refreshIdentityConflict(tx, studyRow, studyUid);
  return changes;
}

function takeAllBack(tx: Transaction, studyRow: number, isReplay: boolean): number {
  const aside = tx.get<{ n: number }>('SELECT count(*) AS n FROM instance_aside WHERE study_row = ?', studyRow)?.n ?? 0;
  if (aside === 0) return 0;
  takeBack(tx, studyRow, isReplay);
  tx.run(
    'UPDATE study_identity SET instance_count = instance_count + aside_count, aside_count = 0 WHERE study_row = ?',
    studyRow,
  );
  return aside;
}

/**
 * A rebuild of the index knows every arrival and every decision by now: draws the consequences. Whole studies first: a
 * content is taken of an instance also where that was set aside since. Returns the studies touched.
 */
export function applyAll(tx: Transaction): string[] {
  const rows = tx.all<{ conflict_id: string; version: number }>(
    'SELECT conflict_id, max(version) AS version FROM conflict_settlement GROUP BY conflict_id ORDER BY conflict_id',
  );
  const studies = new Map<string, { studyRow: number; instances: SettlementBody[] }>();
  for (const { conflict_id, version } of rows) {
    const body = newestSettlement(tx, conflict_id)?.body;
    const row = body && tx.get<{ study_row: number }>('SELECT study_row FROM study WHERE study_uid = ?', body.studyUid);
    if (!row) continue;
    tx.run('UPDATE conflict SET version = ? WHERE conflict_id = ?', version, conflict_id);
    const study = studies.get(body.studyUid) ?? { studyRow: row.study_row, instances: [] };
    studies.set(body.studyUid, study);
    if (body.sopUid !== null) study.instances.push(body);
  }
  for (const [studyUid, { studyRow, instances }] of studies) {
    takeAllBack(tx, studyRow, true);
    for (const body of instances) applyKept(tx, studyRow, body);
    const facts = readFactsNow(tx, studyRow);
    applyToIdentities(tx, { studyRow, studyUid }, facts);
    describeStudy(tx, studyRow, facts);
    numberRevision(tx, studyRow);
  }
  return [...studies.keys()];
}

function applyKept(tx: Transaction, studyRow: number, body: SettlementBody): void {
  const { sopUid, objectName } = body;
  const content = sopUid === null || objectName === null ? null : keptContent(tx, sopUid, objectName);
  applyToInstance(tx, studyRow, body, content, null);
}

/** What the index itself has of a content kept aside; null for one received before this was kept. */
function keptContent(tx: Pick<Transaction, 'get'>, sopUid: string, objectName: string): OtherContent | null {
  const row = tx.get<{ header: string; json: Uint8Array | null }>(
    'SELECT header, json FROM instance_conflict WHERE sop_uid = ? AND object_name = ?',
    sopUid,
    objectName,
  );
  if (!row || row.header === '' || row.json === null) return null;
  return { header: JSON.parse(row.header) as InstanceHeader, json: row.json };
}
