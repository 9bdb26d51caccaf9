import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NodeUse } from '../../app/domains/exchange/exchangeSchema.ts';
import type { Failure } from '../../app/shared/failure.ts';
import { openIndexBuilder, openOldIndex } from '../../main/database/rebuildIndex.ts';
import type { Replayer } from '../../main/database/replay.ts';
import { createStoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import { openPseudonyms } from '../../main/dicom/deidentify/pseudonyms.ts';
import type { Deliveries } from '../../main/domains/exchange/exchangeParts.ts';
import { exchangeReplayer } from '../../main/domains/exchange/exchangeReplay.ts';
import { openNodeRegistry } from '../../main/domains/exchange/nodes/nodeRegistry.ts';
import { openReceiver } from '../../main/domains/exchange/receiving/receiver.ts';
import { openDeliveries } from '../../main/domains/exchange/sending/deliveries.ts';
import { deliveryReplayer } from '../../main/domains/exchange/sending/deliveryReplay.ts';
import { openOutgoing } from '../../main/domains/exchange/sending/outgoingObjects.ts';
import type { AttemptOrder, SendItem } from '../../main/domains/exchange/sending/sendMessages.ts';
import { imagingReplayer } from '../../main/domains/imaging/imagingReplay.ts';
import { openTestImaging, type TestImaging } from '../../main/domains/imaging/testImaging.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { patientReplayer } from '../../main/domains/patients/patientReplay.ts';
import { worklistReplayer } from '../../main/domains/worklist/worklistReplay.ts';
import { type BadDimsePeer, startBadDimsePeer } from '../integration/peers/badDimsePeer.ts';
import { until } from '../integration/peers/receivingStation.ts';
import { openSendingServices, sender } from './sendingServices.ts';

/* Hazard: what was to leave without the person leaves with the person, after a crash, a rebuild, a retry, by another path. */

const study = '1.2.826.0.1.888.1';
const facts = { study, name: 'CANARY^Jane', identifier: 'CANARY-1', birthDate: '19730417' } as const;
const noTls = { enabled: false, ca: '', certificate: '', serverName: '' };
const use: NodeUse = {
  ...{ send: true, search: false, receive: false, proof: 'readBack', transcode: true, receiveFrom: '', hours: null },
  kilobytesPerSecond: null,
};

/** Whatever a peer was given: no object of ours by its UID, no word of the person in its bytes. */
function expectNobody(peer: BadDimsePeer): void {
  for (const uid of peer.got) expect(uid).toMatch(/^2\.25\./);
  for (const { bytes, studyUid } of peer.kept.values()) {
    expect(studyUid).toMatch(/^2\.25\./);
    for (const canary of ['CANARY', 'Jane', '19730417', study]) expect(bytes.includes(canary), canary).toBe(false);
  }
}

describe('a delivery asked for without the person', { timeout: 60_000 }, () => {
  let t: TestImaging;
  let deliveries: Deliveries;
  let peer: BadDimsePeer;
  let nodeId: string;
  function open(start = false): void {
    const nodes = openNodeRegistry(t.test.store);
    const receiver = openReceiver(t.test.store, () => t.services, nodes);
    const times = { dimse: { answerMs: 1500, associateMs: 1500 }, eventMs: 100 };
    deliveries = openDeliveries(t.test.store, () => t.services, nodes, receiver, {
      random: () => 0.01,
      lookMs: 20,
      times,
    });
    if (start) deliveries.start();
  }
  beforeEach(async () => {
    peer = await startBadDimsePeer('good');
    t = await openTestImaging();
    open();
    await t.importSlices({ ...facts, sop: `${study}.1.1` }, { ...facts, sop: `${study}.1.2` });
    const { host, port, aeTitle } = peer;
    nodeId = openNodeRegistry(t.test.store).save(t.test.author, {
      ...{ nodeId: null, baseVersion: null, name: 'PACS', use, secrets: {} },
      settings: { kind: 'dimse', host, port, aeTitle, callingAeTitle: '', tls: noTls },
    }).nodeId;
  });
  afterEach(async () => {
    await deliveries.close();
    await t.close();
    await peer.stop();
  });

  const send = () =>
    deliveries.send(t.test.author, {
      ...{ nodeId, studyUid: study, seriesUids: [], reportId: null, deidentify: true },
    }).deliveryId;
  const get = (deliveryId: string) => deliveries.get({ deliveryId, offset: 0, limit: 100 });
  /** The clock goes on to whatever is due next. */
  function moved(deliveryId: string) {
    const delivery = get(deliveryId);
    const { state, nextAttemptAt } = delivery;
    if (state !== 'sending' && nextAttemptAt !== null && nextAttemptAt > t.test.clock.nowMs())
      t.test.clock.set(nextAttemptAt);
    return delivery;
  }
  const ended = (deliveryId: string) =>
    until(
      () => moved(deliveryId),
      ({ endedAt }) => endedAt !== null,
      30_000,
    );

  async function rebuild(withOld: boolean, replayers?: readonly Replayer[]): Promise<void> {
    await deliveries.close();
    const services = () => t.services;
    const usual = [patientReplayer(services), imagingReplayer(services), worklistReplayer(), exchangeReplayer()];
    const keys = t.test.holder.keys();
    const { platform } = t.test;
    const builder = openIndexBuilder({
      ...{ platform, keys, archive: t.test.store.archive },
      replayers: replayers ?? [...usual, deliveryReplayer],
    });
    await builder.catchUp(new AbortController().signal, () => undefined);
    if (withOld) {
      const old = openOldIndex(t.test.home, keys);
      builder.takeOver(old, []);
      old.close();
    }
    await t.test.holder.reopen(() => builder.swap());
    await t.reopen();
    open(true);
  }

  it.each([false, true])('leaves so after a rebuild of the index (with the old one: %s)', async (withOld) => {
    const deliveryId = send();
    if (withOld) {
      // Some of it was under way before.
      deliveries.start();
      await ended(deliveryId);
      t.test.store.gate.append(t.test.author, (tx) => {
        tx.run("UPDATE delivery_instance SET state = 'queued' WHERE delivery_id = ? AND position = 1", deliveryId);
        tx.run(
          "UPDATE delivery SET state = 'queued', proven = 1, ended_at = NULL, next_attempt_at = 1, version = 1 WHERE delivery_id = ?",
          deliveryId,
        );
      });
    }
    await rebuild(withOld);
    expect(get(deliveryId).deidentified).toBe(true);
    expect(await ended(deliveryId)).toMatchObject({ state: 'proven', proven: 2, deidentified: true });
    expect(peer.kept.size).toBe(2);
    expectNobody(peer);
  });

  it('is unknown to a program that knows no such deliveries: it sends nothing of it', async () => {
    const deliveryId = send();
    let kinds = 0;
    const asBefore: Replayer = {
      ...deliveryReplayer,
      replay(tx, object, bytes, statement) {
        const payload = statement?.payload as { kind: string; deidentify?: unknown };
        // What an older program does with a kind that it does not know.
        if (!['asked', 'retried', 'ended'].includes(payload.kind)) kinds += 1;
        else deliveryReplayer.replay(tx, object, bytes, statement);
      },
    };
    const services = () => t.services;
    await rebuild(false, [
      patientReplayer(services),
      imagingReplayer(services),
      worklistReplayer(),
      exchangeReplayer(),
      asBefore,
    ]);
    expect(kinds).toBe(1);
    expect(() => get(deliveryId)).toThrow(expect.objectContaining({ code: 'exchange.deliveryUnknown' }));
    expect(peer.got).toEqual([]);
  });

  it('stays so in its rows, whatever is written to them', async () => {
    const deliveryId = send();
    const { gate } = t.test.store;
    const run =
      (sql: string, ...parameters: string[]) =>
      () =>
        gate.append(t.test.author, (tx) => tx.run(sql, ...parameters));
    expect(run('UPDATE delivery SET deidentify = 0 WHERE delivery_id = ?', deliveryId)).toThrow(/from the beginning/);
    const insert = `INSERT INTO delivery_instance (delivery_id, position, sop_uid, series_uid, sop_class_uid, state)
      VALUES (?, 7, '1.2.3', '1.2', '1.2', 'queued')`;
    expect(run(insert, deliveryId)).toThrow(/as its delivery was asked for/);
    deliveries.start();
    expect(await ended(deliveryId)).toMatchObject({ state: 'proven' });
    const back = 'UPDATE delivery_instance SET sop_uid = stored_uid, stored_uid = NULL WHERE delivery_id = ?';
    expect(run(back, deliveryId)).toThrow(/keeps the UID/);
    // And one that leaves as it is is none of these.
    const plain = deliveries.send(t.test.author, {
      nodeId,
      studyUid: study,
      seriesUids: [],
      reportId: null,
      deidentify: false,
    }).deliveryId;
    expect(run('UPDATE delivery SET deidentify = 1 WHERE delivery_id = ?', plain)).toThrow(/from the beginning/);
    deliveries.cancel(t.test.author, plain);
  });

  it.each(['abortsMidObject', 'abortsAfterObject', 'drops'] as const)(
    'leaves so through retries at a peer that %s',
    async (behaviour) => {
      peer.become(behaviour);
      deliveries.start();
      const deliveryId = send();
      await until(
        () => moved(deliveryId),
        ({ attempts, state }) => attempts > 1 && state !== 'sending',
        30_000,
      );
      peer.become('good');
      deliveries.retry(t.test.author, deliveryId);
      // Over DIMSE a peer that had it before is no proof: the delivery rests then.
      await until(
        () => moved(deliveryId),
        ({ proven, sent }) => proven === 2 || sent === 2,
        30_000,
      );
      expect(peer.got.length).toBeGreaterThan(0);
      expectNobody(peer);
    },
  );

  it('does not leave at all without the table, and says so', async () => {
    await deliveries.close();
    const nodes = openNodeRegistry(t.test.store);
    const store = {
      ...t.test.store,
      platform: { ...t.test.store.platform, resourcesDirectory: join(tmpdir(), 'nowhere') },
    };
    deliveries = openDeliveries(
      store,
      () => t.services,
      nodes,
      openReceiver(t.test.store, () => t.services, nodes),
      { lookMs: 20 },
    );
    deliveries.start();
    const deliveryId = send();
    const tried = await until(
      () => get(deliveryId),
      ({ lastTrouble }) => lastTrouble !== null,
      20_000,
    );
    expect(tried).toMatchObject({ proven: 0, sent: 0, lastTrouble: { code: 'jobs.failed' } });
    expect(peer.got).toEqual([]);
    deliveries.cancel(t.test.author, deliveryId);
  });

  it('is read by an attempt of its kind only, and an object is what it was promised to be', async () => {
    const { archive } = t.test.store;
    const rows = t.test.store.reader.all<{
      sop_uid: string;
      object_name: string;
      bytes: number;
      transfer_syntax_uid: string;
    }>('SELECT sop_uid, object_name, bytes, transfer_syntax_uid FROM instance ORDER BY sop_uid');
    const { uidOf } = openPseudonyms(archive.access.nameKey);
    const [first, second] = rows;
    if (!first || !second) throw new Error('nothing here');
    const itemOf = (row: typeof first, more: Partial<SendItem>): SendItem => ({
      ...{ position: 0, sopUid: uidOf(row.sop_uid), storedUid: row.sop_uid, sopClassUid: '1.2.840.10008.5.1.4.1.1.2' },
      ...{ seriesUid: uidOf(`${study}.1`), transferSyntaxUid: row.transfer_syntax_uid, objectName: row.object_name },
      ...{ bytes: row.bytes, transcodedTo: null, isDuplicate: 0, ...more },
    });
    const orderOf = (identity: AttemptOrder['identity']) => ({ identity, studyUid: uidOf(study) }) as AttemptOrder;
    const parts = {
      archive: t.test.store.archive as Parameters<typeof openOutgoing>[0]['archive'],
      resourcesDirectory: t.test.store.platform.resourcesDirectory,
      ask: (() => Promise.resolve(null)) as never,
    };
    const kept = openOutgoing(parts, orderOf({ kind: 'kept' }));
    const removed = openOutgoing(parts, orderOf({ kind: 'removed', patientId: 'p' }));
    const code = (work: () => unknown) => {
      try {
        work();
        return 'read';
      } catch (error) {
        return (error as Failure).code;
      }
    };
    const wanted = itemOf(first, {});
    expect(code(() => removed.read(wanted))).toBe('read');
    expect(code(() => kept.read(wanted))).toBe('jobs.failed');
    expect(code(() => removed.read(itemOf(first, { storedUid: null, sopUid: first.sop_uid })))).toBe('jobs.failed');
    for (const wrong of [
      { objectName: second.object_name },
      { seriesUid: `${study}.1` },
      { sopUid: first.sop_uid },
      { sopClassUid: '1.2.840.10008.5.1.4.1.1.4' },
      { storedUid: second.sop_uid },
      { bytes: 513 * 1024 * 1024 },
    ]) {
      expect(
        code(() => removed.read(itemOf(first, wrong))),
        JSON.stringify(wrong),
      ).toBe('exchange.notDeidentifiable');
      expect(removed.reasonOf(0)).toMatch(/other|tooLong/);
    }
    await expect(kept.native(wanted, '1.2.840.10008.1.2.1')).rejects.toThrow();
  });
});

describe('a core killed while it sends without the person', () => {
  const instances = 12;
  const kills = 2;
  let home: string;
  let peer: BadDimsePeer;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'salus-deidentified-killed-'));
    peer = await startBadDimsePeer('good');
  });
  afterAll(async () => {
    await peer.stop();
    rmSync(home, { recursive: true, force: true });
  });

  it(`${kills} times gives the peer nobody`, { timeout: 120_000 }, async () => {
    const stretchCost = { memoryKib: 256, iterations: 1, parallelism: 1 };
    const holder = await createStoreHolder(testPlatform(home, Date.now, []), { stretchCost });
    const { operatorId } = await holder.setUp({ ...sender, siteName: '', initialise: () => undefined });
    const author = { operatorId, operatorName: sender.operatorName, roles: ['administrator' as const], signedInAt: 0 };
    const { services, nodes, deliveries, close } = openSendingServices(holder.store());
    const paths = Array.from({ length: instances }, (_, index) => {
      const path = join(home, `${index}.dcm`);
      writeFileSync(path, aSlice({ ...facts, sop: `${study}.1.${index + 1}`, number: index + 1 }));
      return path;
    });
    await holder.store().jobs.finished(services.imaging.importPaths(author, paths));
    const { host, port, aeTitle } = peer;
    const { nodeId } = nodes.save(author, {
      ...{ nodeId: null, baseVersion: null, name: 'peer', secrets: {} },
      settings: { kind: 'dimse', host, port, aeTitle, callingAeTitle: '', tls: noTls },
      // Slow enough to be killed in the middle.
      use: { ...use, kilobytesPerSecond: 12 },
    });
    deliveries.send(author, { nodeId, studyUid: study, seriesUids: [], reportId: null, deidentify: true });
    await close();
    await holder.close();
    for (let kill = 0; kill < kills; kill += 1) {
      const enough = peer.got.length + 3;
      await run(home, () => peer.got.length >= enough);
    }
    await run(home, () => false);
    expect(peer.kept.size).toBe(instances);
    expectNobody(peer);
  });
});

/** Runs the sending process to its end, or kills it once it has come far enough. */
function run(home: string, isEnough: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL('./sendingProcess.ts', import.meta.url));
    const child = spawn(process.execPath, [program, home], { stdio: ['ignore', 'ignore', 'pipe'] });
    const look = setInterval(() => {
      if (isEnough()) child.kill('SIGKILL');
    }, 5);
    let problems = '';
    child.stderr.on('data', (piece: Buffer) => {
      problems += piece.toString();
    });
    child.on('exit', (code, signal) => {
      clearInterval(look);
      if (signal === 'SIGKILL' || code === 0) resolve();
      else reject(new Error(`the sending process ended with ${code}: ${problems}`));
    });
  });
}
