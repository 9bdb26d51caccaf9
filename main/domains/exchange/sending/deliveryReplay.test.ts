import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openIndexBuilder, openOldIndex } from '../../../database/rebuildIndex.ts';
import type { Replayer } from '../../../database/replay.ts';
import { imagingReplayer } from '../../imaging/imagingReplay.ts';
import { openTestImaging, type TestImaging } from '../../imaging/testImaging.ts';
import { patientReplayer } from '../../patients/patientReplay.ts';
import { worklistReplayer } from '../../worklist/worklistReplay.ts';
import type { Deliveries } from '../exchangeParts.ts';
import { exchangeReplayer } from '../exchangeReplay.ts';
import { openNodeRegistry } from '../nodes/nodeRegistry.ts';
import { openReceiver } from '../receiving/receiver.ts';
import { openDeliveries } from './deliveries.ts';
import { deliveryReplayer } from './deliveryReplay.ts';
import { findDelivery } from './deliveryRows.ts';
import { settleDelivery } from './settleDelivery.ts';

const study = '1.2.826.0.1.9';
const noTls = { enabled: false, ca: '', certificate: '', serverName: '' };

let t: TestImaging;
let deliveries: Deliveries;
let nodeId: string;

function open(): void {
  const nodes = openNodeRegistry(t.test.store);
  const receiver = openReceiver(t.test.store, () => t.services, nodes);
  deliveries = openDeliveries(t.test.store, () => t.services, nodes, receiver, { random: () => 0.5 });
}

beforeEach(async () => {
  t = await openTestImaging();
  open();
  await t.importSlices({ study, sop: `${study}.1.1` }, { study, sop: `${study}.1.2` });
  nodeId = openNodeRegistry(t.test.store).save(t.test.author, {
    nodeId: null,
    baseVersion: null,
    name: 'PACS',
    settings: { kind: 'dimse', host: '127.0.0.1', port: 104, aeTitle: 'PACS', callingAeTitle: '', tls: noTls },
    use: {
      ...{ send: true, search: false, receive: false, proof: 'auto', transcode: true, receiveFrom: '' },
      kilobytesPerSecond: null,
      hours: null,
    },
    secrets: {},
  }).nodeId;
});
afterEach(async () => {
  await deliveries.close();
  await t.close();
});

const send = () =>
  deliveries.send(t.test.author, { nodeId, studyUid: study, seriesUids: [], reportId: null, deidentify: false })
    .deliveryId;

async function rebuild(withOld: boolean): Promise<void> {
  await deliveries.close();
  const services = () => t.services;
  const replayers: Replayer[] = [
    patientReplayer(services),
    imagingReplayer(services),
    worklistReplayer(),
    exchangeReplayer(),
    deliveryReplayer,
  ];
  const keys = t.test.holder.keys();
  const builder = openIndexBuilder({ platform: t.test.platform, keys, archive: t.test.store.archive, replayers });
  await builder.catchUp(new AbortController().signal, () => undefined);
  expect(builder.counts.damaged).toBe(0);
  if (withOld) {
    const old = openOldIndex(t.test.home, keys);
    builder.takeOver(old, []);
    old.close();
  }
  await t.test.holder.reopen(() => builder.swap());
  await t.reopen();
  open();
}

/** As the queue would have brought it to its end. */
async function prove(deliveryId: string): Promise<void> {
  t.test.store.gate.append(t.test.author, (tx) => {
    tx.run('UPDATE delivery SET filled = 1, proven = instances, attempts = 1 WHERE delivery_id = ?', deliveryId);
  });
  await settleDelivery(
    t.test.store,
    deliveryId,
    { trouble: null, retryAfterMs: null, progressed: true, proof: 'none', provenBy: 'readBack' },
    0.5,
  );
}

describe('deliveries in a rebuilt index', () => {
  it('that were still to be sent are sent, those that are proven are not, those that were cancelled stay so', async () => {
    const [waiting, proven, cancelled] = [send(), send(), send()];
    await prove(proven);
    deliveries.cancel(t.test.author, cancelled);
    // What comes later is not what was asked for.
    await t.importSlices({ study, sop: `${study}.1.3` });
    const before = deliveries.list({ offset: 0, limit: 10, nodeId: null, studyUid: null, states: [] });
    await rebuild(false);
    const get = (deliveryId: string) => deliveries.get({ deliveryId, offset: 0, limit: 10 });
    expect(get(waiting)).toMatchObject({ state: 'queued', instances: 2, proven: 0, endedAt: null });
    expect(get(waiting).nextAttemptAt).not.toBeNull();
    expect(get(proven)).toMatchObject({ state: 'proven', proof: 'readBack', proven: 2, nextAttemptAt: null });
    expect(get(cancelled)).toMatchObject({ state: 'cancelled', nextAttemptAt: null });
    const after = deliveries.list({ offset: 0, limit: 10, nodeId: null, studyUid: null, states: [] });
    expect(after.rows.map(({ createdAt, createdBy, nodeName }) => [createdAt, createdBy, nodeName])).toEqual(
      before.rows.map(({ createdAt, createdBy, nodeName }) => [createdAt, createdBy, nodeName]),
    );
  });

  it('take over from a readable index how far each instance had come', async () => {
    const deliveryId = send();
    t.test.store.gate.append(t.test.author, (tx) => {
      tx.run(
        `INSERT INTO delivery_instance (delivery_id, position, sop_uid, series_uid, sop_class_uid, state, proven_at)
         VALUES (?, 0, ?, ?, '1.2', 'proven', 5), (?, 1, ?, ?, '1.2', 'queued', NULL)`,
        ...[deliveryId, `${study}.1.1`, `${study}.1`],
        ...[deliveryId, `${study}.1.2`, `${study}.1`],
      );
      // More than are taken over at once.
      tx.run(
        `WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 2300)
         INSERT INTO delivery_instance (delivery_id, position, sop_uid, series_uid, sop_class_uid, state, status)
         SELECT ?, i, '1.2.9.' || i, '1.2.9', '1.2', 'sent', 273 FROM n`,
        deliveryId,
      );
      tx.run('UPDATE delivery SET filled = 1, proven = 1, attempts = 3, retakes = 1 WHERE delivery_id = ?', deliveryId);
    });
    const all = { deliveryId, offset: 0, limit: 5000 };
    const before = deliveries.get(all);
    expect(before.rows).toHaveLength(2301);
    const row = findDelivery(t.test.store.reader, deliveryId);
    await rebuild(true);
    expect(deliveries.get(all)).toEqual(before);
    expect(findDelivery(t.test.store.reader, deliveryId)).toEqual(row);
  });

  it('are refused where nothing can be sent', async () => {
    const ask = (input: Partial<Parameters<Deliveries['send']>[1]>) => () =>
      deliveries.send(t.test.author, {
        nodeId,
        studyUid: study,
        seriesUids: [],
        reportId: null,
        deidentify: false,
        ...input,
      });
    expect(ask({ studyUid: '1.2.3' })).toThrow(expect.objectContaining({ code: 'imaging.studyUnknown' }));
    expect(ask({ seriesUids: ['1.2.3'] })).toThrow(expect.objectContaining({ code: 'exchange.nothingToSend' }));
    expect(ask({ nodeId: '00000000-0000-7000-8000-000000000000' })).toThrow(
      expect.objectContaining({ code: 'exchange.nodeUnknown' }),
    );
    await t.importSlices({ study, sop: `${study}.1.9`, name: 'Somebody^Else', identifier: 'ID-002' });
    expect(ask({})).toThrow(expect.objectContaining({ code: 'imaging.identityConflict' }));
  });
});
