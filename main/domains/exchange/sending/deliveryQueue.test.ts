import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeliveryState } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { openTestImaging, type TestImaging } from '../../imaging/testImaging.ts';
import type { Deliveries, NodeRegistry } from '../exchangeParts.ts';
import { openNodeRegistry } from '../nodes/nodeRegistry.ts';
import { openReceiver } from '../receiving/receiver.ts';
import { openDeliveries } from './deliveries.ts';
import { countsOf, findDelivery } from './deliveryRows.ts';

const study = '1.2.826.0.1.7';
const noTls = { enabled: false, ca: '', certificate: '', serverName: '' };
const hour = 3_600_000;
const all = { offset: 0, limit: 500, nodeId: null, studyUid: null, states: [] as readonly DeliveryState[] };

let t: TestImaging;
let nodes: NodeRegistry;
let deliveries: Deliveries;
let nodeId: string;

beforeEach(async () => {
  t = await openTestImaging();
  nodes = openNodeRegistry(t.test.store);
  const receiver = openReceiver(t.test.store, () => t.services, nodes);
  deliveries = openDeliveries(t.test.store, () => t.services, nodes, receiver, { random: () => 0.5, lookMs: 10 });
  await t.importSlices({ study, sop: `${study}.1.1` });
  nodeId = addNode();
});
afterEach(async () => {
  await deliveries.close();
  await t.close();
});

/** Nobody listens there. */
function addNode(): string {
  return nodes.save(t.test.author, {
    ...{ nodeId: null, baseVersion: null, name: 'PACS', secrets: {} },
    settings: { kind: 'dimse', host: '127.0.0.1', port: 1, aeTitle: 'PACS', callingAeTitle: '', tls: noTls },
    use: {
      ...{ send: true, search: false, receive: false, proof: 'auto', transcode: true, receiveFrom: '' },
      ...{ kilobytesPerSecond: null, hours: null },
    },
  }).nodeId;
}

const send = (to = nodeId) =>
  deliveries.send(t.test.author, { nodeId: to, studyUid: study, seriesUids: [], reportId: null, deidentify: false })
    .deliveryId;
const run = (sql: string, ...parameters: (string | number | null)[]) =>
  t.test.store.gate.append(t.test.author, (tx) => tx.run(sql, ...parameters));
const rowOf = (deliveryId: string) => findDelivery(t.test.store.reader, deliveryId)!;
const countIn = (deliveryId: string, state: string) =>
  t.test.store.reader.get<{ n: number }>(
    'SELECT count(*) AS n FROM delivery_instance WHERE delivery_id = ? AND state = ?',
    deliveryId,
    state,
  )?.n;

/** Rows of instances that never were: the queue sees no more of them than that. */
function fill(deliveryId: string, count: number, state: string): void {
  run(
    `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
     INSERT INTO delivery_instance (delivery_id, position, sop_uid, series_uid, sop_class_uid, state)
     SELECT ?, i, '1.2.3.' || i, '1.2.3', '1.2', ? FROM n`,
    count,
    deliveryId,
    state,
  );
  run('UPDATE delivery SET filled = 1, instances = ? WHERE delivery_id = ?', count, deliveryId);
}

describe('the queues', () => {
  it('open on a full disk, and take up what was interrupted once there is room', async () => {
    const deliveryId = send();
    run("UPDATE delivery SET state = 'sending' WHERE delivery_id = ?", deliveryId);
    const { gate } = t.test.store;
    const { append } = gate;
    let refused = 0;
    const full: typeof append = () => {
      refused += 1;
      throw new Failure('storage.diskFull', 'full');
    };
    Object.assign(gate, { append: full });
    expect(() => deliveries.start()).not.toThrow();
    await expect.poll(() => refused, { timeout: 20_000 }).toBeGreaterThan(2);
    expect(rowOf(deliveryId).state).toBe('sending');
    Object.assign(gate, { append });
    await expect.poll(() => rowOf(deliveryId).attempts, { timeout: 20_000 }).toBeGreaterThan(0);
    await expect.poll(() => rowOf(deliveryId).state, { timeout: 20_000 }).toBe('queued');
  });

  it('put what a person wants again back some hundreds at a time, also after a core was killed over it', async () => {
    const deliveryId = send();
    fill(deliveryId, 1200, 'refused');
    run(
      "UPDATE delivery SET state = 'refused', refused = instances, next_attempt_at = NULL WHERE delivery_id = ?",
      deliveryId,
    );
    const turns: (number | undefined)[] = [];
    t.test.store.gate.onCommit(() => turns.push(countIn(deliveryId, 'queued')));
    deliveries.retry(t.test.author, deliveryId);
    expect(countIn(deliveryId, 'queued')).toBe(0);
    expect(rowOf(deliveryId)).toMatchObject({ state: 'queued', retakes: 1, refused: 1200 });
    deliveries.start();
    await expect.poll(() => rowOf(deliveryId).retakes, { timeout: 20_000 }).toBe(0);
    expect(countIn(deliveryId, 'queued')).toBe(1200);
    expect(countsOf(rowOf(deliveryId))).toMatchObject({ queued: 1200, refused: 0, failed: 0 });
    expect(turns).toEqual(expect.arrayContaining([500, 1000, 1200]));
  });

  it('give up after a week some hundreds at a time, and all of it', async () => {
    const deliveryId = send();
    fill(deliveryId, 1200, 'queued');
    t.test.clock.set(t.test.clock.nowMs() + 8 * 24 * hour);
    deliveries.start();
    await expect.poll(() => rowOf(deliveryId).state, { timeout: 20_000 }).toBe('failed');
    expect(rowOf(deliveryId)).toMatchObject({
      failed: 1200,
      next_attempt_at: null,
      trouble_code: 'exchange.timeout',
    });
    expect(countIn(deliveryId, 'failed')).toBe(1200);
  });

  it('end all that waits for a node that was put away, one entry each', async () => {
    const waiting = Array.from({ length: 17 }, () => send());
    deliveries.start();
    nodes.archive(t.test.author, nodeId);
    await expect
      .poll(() => deliveries.list({ ...all, states: ['cancelled'] }).total, { timeout: 20_000 })
      .toBe(waiting.length);
    const entries = t.test.store.reader.all(
      "SELECT 1 FROM audit_entry WHERE action = 'exchange.deliver' AND subject_type = 'delivery'",
    );
    expect(entries).toHaveLength(waiting.length);
  });

  it('keep the rows of what was proven for ninety days, its counts for ever, and of anything else all', async () => {
    const proven = send();
    fill(proven, 1200, 'proven');
    const failed = send();
    fill(failed, 3, 'failed');
    const at = t.test.clock.nowMs();
    run(
      "UPDATE delivery SET state = 'proven', proven = 1200, next_attempt_at = NULL, ended_at = ? WHERE delivery_id = ?",
      at,
      proven,
    );
    run(
      "UPDATE delivery SET state = 'failed', failed = 3, next_attempt_at = NULL, ended_at = ? WHERE delivery_id = ?",
      at,
      failed,
    );
    t.test.clock.set(at + 89 * 24 * hour);
    deliveries.start();
    // A later one is looked at after the rows of the first would have been.
    const later = send();
    await expect.poll(() => rowOf(later).attempts, { timeout: 20_000 }).toBeGreaterThan(0);
    expect(countIn(proven, 'proven')).toBe(1200);
    t.test.clock.set(at + 91 * 24 * hour);
    await expect.poll(() => countIn(proven, 'proven'), { timeout: 20_000 }).toBe(0);
    expect(deliveries.get({ deliveryId: proven, offset: 0, limit: 10 })).toMatchObject({
      ...{ state: 'proven', instances: 1200, proven: 1200, rows: [] },
    });
    expect(countIn(failed, 'failed')).toBe(3);
  });
});

describe('the list of deliveries', () => {
  it('gives what is asked for, newest first, page by page, in whatever combination', () => {
    const other = addNode();
    const states = ['queued', 'sent', 'proven', 'refused', 'failed', 'cancelled'] as const;
    const made = Array.from({ length: 24 }, (_, index) => {
      const deliveryId = send(index % 2 === 0 ? nodeId : other);
      const state = states[index % states.length] ?? 'queued';
      t.test.clock.set(t.test.clock.nowMs() + (index % 5 === 0 ? 1 : 0));
      const next = index % 4 === 0 ? 5 : null;
      run('UPDATE delivery SET state = ?, next_attempt_at = ? WHERE delivery_id = ?', state, next, deliveryId);
      return deliveryId;
    });
    const every = deliveries.list(all).rows;
    expect(every.map(({ deliveryId }) => deliveryId)).toEqual(made.toReversed());
    const isForPerson = ({ state, nextAttemptAt }: (typeof every)[number]) =>
      state === 'refused' || state === 'failed' || ((state === 'queued' || state === 'sent') && nextAttemptAt === null);
    for (const needsPerson of [false, true]) {
      for (const node of [null, nodeId]) {
        for (const studyUid of [null, study, '1.2.3']) {
          for (const wanted of [[], ['proven'], ['sent', 'failed', 'queued']] as DeliveryState[][]) {
            const right = every.filter(
              (row) =>
                (!needsPerson || isForPerson(row)) &&
                (node === null || row.nodeId === node) &&
                (studyUid === null || row.studyUid === studyUid) &&
                (wanted.length === 0 || wanted.includes(row.state)),
            );
            const question = { ...all, needsPerson, nodeId: node, studyUid, states: wanted };
            expect(deliveries.list(question)).toEqual({ total: right.length, rows: right });
            expect(deliveries.list({ ...question, offset: 2, limit: 3 }).rows).toEqual(right.slice(2, 5));
          }
        }
      }
    }
  });
});
