import type { Annotation } from '../../../app/domains/imaging/imagingSchema.ts';
import type { StoredObject } from '../../archive/archive.ts';
import type { Replayer } from '../../database/replay.ts';
import type { Author, Transaction } from '../../database/writeGate.ts';
import type { Services } from '../../domainServices.ts';
import { applyAll } from './conflicts/conflictEffects.ts';
import { insertSettlement, type SettlementBody } from './conflicts/settlementRows.ts';
import { insertAnnotation, insertKeyImage, type NewKeyImage } from './imagingFacts.ts';
import type { ArrivalPayload } from './import/arrivalOutbox.ts';
import type { ArrivalNote, Arrived } from './import/arrived.ts';
import { examineObject } from './import/examineObject.ts';
import { indexInstances } from './import/indexInstances.ts';

const system: Author = { operatorId: null, operatorName: null };
const objectsPerStep = 100;

/**
 * Writes studies, series, instances, annotations and key images again from the archive alone. Objects are parsed as
 * they come and wait; the statements of arrival then give each its place, since it is the order of arrival that tells a
 * duplicate from a conflict and whose study it is. What no statement names (a cut between archiving and committing, or a
 * lost statement) is indexed last.
 */
export function imagingReplayer(services: () => Services): Replayer {
  function index(tx: Transaction, author: Author, arrived: readonly Arrived[], note: ArrivalNote): void {
    const { patients, worklist, reports } = services();
    indexInstances(tx, author, arrived, note, { patients, worklist });
    if (note.source !== 'report') return;
    // What was made here about a study is no image to read: its line counts on without it, whichever comes first.
    const studyUids = new Set(arrived.map(({ header }) => header.studyUid));
    for (const studyUid of studyUids) worklist.reportChanged(tx, studyUid, reports.stateOf(tx, studyUid));
  }

  return {
    kinds: ['dicom', 'statement'],
    types: ['arrival', 'annotation', 'keyImage', 'conflictSettlement'],
    replay(tx, object, bytes, statement) {
      if (statement === null) {
        keepParsed(tx, object, bytes, index);
        return;
      }
      const origin = {
        version: statement.version,
        at: statement.at,
        hlc: statement.hlc,
        author: statement.author.operatorName ?? '',
        siteId: statement.siteId,
      };
      if (statement.type === 'annotation') insertAnnotation(tx, statement.payload as Annotation, origin);
      else if (statement.type === 'conflictSettlement')
        insertSettlement(tx, statement.id, statement.payload as SettlementBody, origin);
      else if (statement.type === 'keyImage') insertKeyImage(tx, statement.payload as NewKeyImage, origin);
      else {
        const { source, origin, objects } = statement.payload as ArrivalPayload;
        const note = { source, receivedAt: statement.at, ...(origin ? { origin } : {}) };
        const arrived = objects.flatMap((name) => takeParsed(tx, name) ?? expectLater(tx, name, note));
        index(tx, statement.author, arrived, note);
      }
    },
    finish(tx) {
      for (;;) {
        const rows = tx.all<{ object_name: string }>(
          'SELECT object_name FROM replay_pending ORDER BY rowid LIMIT ?',
          objectsPerStep,
        );
        if (rows.length === 0) break;
        const arrived = rows.flatMap(({ object_name }) => takeParsed(tx, object_name) ?? []);
        index(tx, system, arrived, { source: 'import', receivedAt: tx.nowMs });
      }
      tx.run('DELETE FROM replay_expected');
      const { worklist } = services();
      for (const studyUid of applyAll(tx)) worklist.refreshStudy(tx, studyUid);
    },
  };
}

function keepParsed(
  tx: Transaction,
  object: StoredObject,
  bytes: Uint8Array,
  index: (tx: Transaction, author: Author, arrived: readonly Arrived[], note: ArrivalNote) => void,
): void {
  const arrived: Arrived = { ...examineObject(bytes), objectName: object.name, bytes: object.bytes };
  const expected = tx.get<{ source: string; received_at: number }>(
    'SELECT source, received_at FROM replay_expected WHERE object_name = ?',
    object.name,
  );
  if (expected) {
    index(tx, system, [arrived], { source: expected.source, receivedAt: expected.received_at });
    return;
  }
  const { json, ...rest } = arrived;
  tx.run(
    'INSERT INTO replay_pending (object_name, arrived, json) VALUES (?, ?, ?)',
    object.name,
    JSON.stringify(rest),
    json,
  );
}

function takeParsed(tx: Transaction, objectName: string): Arrived | null {
  const row = tx.get<{ arrived: string; json: Uint8Array }>(
    'SELECT arrived, json FROM replay_pending WHERE object_name = ?',
    objectName,
  );
  if (!row) return null;
  tx.run('DELETE FROM replay_pending WHERE object_name = ?', objectName);
  return { ...(JSON.parse(row.arrived) as Omit<Arrived, 'json'>), json: row.json };
}

/** An object whose statement was listed before it was itself: its place is kept for when it comes. */
function expectLater(tx: Transaction, objectName: string, note: ArrivalNote): [] {
  tx.run(
    'INSERT INTO replay_expected (object_name, source, received_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    objectName,
    note.source,
    note.receivedAt,
  );
  return [];
}
