import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readHeader } from '../../main/dicom/part10.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import {
  type DicomServer,
  findFreePort,
  have,
  type Orthanc,
  startDcmqrscp,
  startOrthanc,
  startStorescp,
} from '../../scripts/services.ts';
import { runProgram } from './coreWithNodes.ts';
import { startBadDimsePeer } from './peers/badDimsePeer.ts';
import { startBadWebPeer } from './peers/badWebPeer.ts';
import { until } from './peers/receivingStation.ts';
import { noTls, openSendingStation, type SendingStation } from './peers/sendingStation.ts';

let station: SendingStation;
beforeEach(async () => {
  station = await openSendingStation();
});
afterEach(() => station.close());

/** One audit entry when it is asked for, one at its end. */
function auditedActions(deliveryId: string): string[] {
  return station.station.t.test.store.reader
    .all<{ action: string }>('SELECT action FROM audit_entry WHERE subject_id = ? ORDER BY sequence', deliveryId)
    .map(({ action }) => action);
}

describe.skipIf(!have('orthanc', 'orthanc-dicomweb'))('sending to Orthanc (needs Orthanc)', () => {
  let orthanc: Orthanc;
  let receiverPort: number;
  beforeAll(async () => {
    receiverPort = await findFreePort();
    orthanc = await startOrthanc({
      dicom: true,
      configuration: {
        DicomModalities: { salus: { AET: 'SALUS', Host: '127.0.0.1', Port: receiverPort } },
        DicomAlwaysAllowFind: true,
      },
    });
  });
  afterAll(() => orthanc.stop());

  const peer = () => ({ host: '127.0.0.1', port: orthanc.dicomPort ?? 0, aeTitle: orthanc.aeTitle });
  const instancesOf = async (studyUid: string): Promise<string[]> => {
    const answer = await fetch(`${orthanc.dicomWebUrl}/studies/${studyUid}/instances`);
    if (answer.status === 404) return [];
    const rows = (await answer.json()) as Record<string, { Value?: string[] }>[];
    return rows.map((row) => row['00080018']?.Value?.[0] ?? '').sort();
  };

  it('over C-STORE, read back by C-FIND, to proven', async () => {
    const studyUid = await station.importStudy(5);
    const nodeId = station.addDimse(peer(), { proof: 'readBack' });
    const { deliveryId, state } = station.send(nodeId, studyUid);
    expect(state).toBe('queued');
    const done = await station.settled(deliveryId);
    expect(done).toMatchObject({ state: 'proven', proof: 'readBack', instances: 5, proven: 5, lastTrouble: null });
    expect(done.rows.map(({ sopUid }) => sopUid).sort()).toEqual(await instancesOf(studyUid));
    expect(done.endedAt).not.toBeNull();
    expect(auditedActions(deliveryId)).toEqual(['exchange.send', 'exchange.deliver']);
  });

  it('over C-STORE with storage commitment, whose answer comes to our receiver', async () => {
    await station.station.listen({ port: receiverPort });
    const studyUid = await station.importStudy(4);
    const nodeId = station.addDimse(peer(), { proof: 'commitment' });
    const { deliveryId } = station.send(nodeId, studyUid);
    const done = await until(
      () => station.get(deliveryId),
      ({ state }) => state === 'proven',
    );
    expect(done).toMatchObject({ proof: 'commitment', instances: 4, proven: 4, nextAttemptAt: null });
    expect(station.station.nodes.knows(nodeId, 'commitment')).toBe('yes');
    expect(station.station.nodes.knows(nodeId, 'commitmentAnswer')).toBe('yes');
    expect(await instancesOf(studyUid)).toHaveLength(4);
    expect(auditedActions(deliveryId)).toEqual(['exchange.send', 'exchange.deliver']);
  });

  it('over C-STORE, and reads back where nobody would hear the commitment', async () => {
    const studyUid = await station.importStudy(2);
    const { deliveryId } = station.send(station.addDimse(peer()), studyUid);
    expect(await station.settled(deliveryId)).toMatchObject({ state: 'proven', proof: 'readBack', proven: 2 });
  });

  it('over C-STORE, and reads back where the commitment is offered and then refused to whom it does not know', async () => {
    await station.station.listen();
    const studyUid = await station.importStudy(2);
    const { host, port, aeTitle } = peer();
    const nodeId = station.addNode('Orthanc', {
      ...{ kind: 'dimse', host, port, aeTitle, callingAeTitle: 'NOBODY', tls: noTls },
    });
    const { deliveryId } = station.send(nodeId, studyUid);
    expect(await station.settled(deliveryId)).toMatchObject({
      ...{ state: 'proven', proof: 'readBack', attempts: 1, proven: 2 },
    });
    expect(station.station.nodes.knows(nodeId, 'commitment')).toBe('no');
  });

  it('over STOW-RS, read back by QIDO-RS and WADO-RS, to proven', async () => {
    const studyUid = await station.importStudy(5);
    const { deliveryId } = station.send(station.addWeb(orthanc.dicomWebUrl), studyUid);
    const done = await station.settled(deliveryId);
    expect(done).toMatchObject({ state: 'proven', proof: 'readBack', instances: 5, proven: 5 });
    expect(await instancesOf(studyUid)).toHaveLength(5);
  });

  it('a second time is proven by what is there then, not by what was said before', async () => {
    const studyUid = await station.importStudy(3);
    const nodeId = station.addDimse(peer(), { proof: 'readBack' });
    expect((await station.settled(station.send(nodeId, studyUid).deliveryId)).state).toBe('proven');
    const again = await station.settled(station.send(nodeId, studyUid).deliveryId);
    expect(again).toMatchObject({ state: 'proven', proven: 3 });
  });
});

describe.skipIf(!have('dcmtk'))('sending to DCMTK (needs DCMTK)', () => {
  it('storescp gives no proof: what it took is sent, never proven', async () => {
    const server = await startStorescp();
    try {
      const studyUid = await station.importStudy(3);
      const { deliveryId } = station.send(station.addDimse(server), studyUid);
      const done = await station.settled(deliveryId);
      expect(done).toMatchObject({
        state: 'sent',
        sent: 3,
        proven: 0,
        proof: null,
        lastTrouble: { code: 'exchange.notProvable' },
      });
      expect(readdirSync(server.folder)).toHaveLength(3);
    } finally {
      await server.stop();
    }
  });

  it('dcmqrscp is read back', async () => {
    const server = await startDcmqrscp();
    try {
      const studyUid = await station.importStudy(4);
      const done = await station.settled(station.send(station.addDimse(server), studyUid).deliveryId);
      expect(done).toMatchObject({ state: 'proven', proof: 'readBack', proven: 4 });
    } finally {
      await server.stop();
    }
  });

  it('storescp that takes implicit VR alone gets it, with the same pixels', async () => {
    const server = await startStorescp({ arguments: ['+xi'] });
    try {
      const studyUid = await station.importStudy(1, { value: 1234 });
      const { deliveryId } = station.send(station.addDimse(server), studyUid);
      const done = await station.settled(deliveryId);
      expect(done.rows[0]).toMatchObject({ state: 'sent', transcodedTo: '1.2.840.10008.1.2' });
      const [name = ''] = readdirSync(server.folder);
      const header = readHeader(readFileSync(join(server.folder, name)));
      expect(header).toMatchObject({ transferSyntaxUid: '1.2.840.10008.1.2', ending: 'complete' });
      const { bytes, pixelData } = header!;
      const pixels = Buffer.from(bytes.subarray(pixelData!.offset, pixelData!.offset + pixelData!.length));
      expect([pixels.length, pixels.readUInt16LE(0), pixels.readUInt16LE(126)]).toEqual([128, 1234, 1234]);
    } finally {
      await server.stop();
    }
  });
});

describe.skipIf(!have('dcmtk'))('compressed objects (need DCMTK)', () => {
  const jpegLossless = '1.2.840.10008.1.2.4.70';
  let folder: string;
  let server: DicomServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'salus-jpeg-'));
    // As it is started, storescp takes nothing that is compressed.
    server = await startStorescp();
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A study of one slice, compressed by DCMTK without loss. */
  async function compressedStudy(studyUid: string): Promise<string> {
    writeFileSync(join(folder, 'plain.dcm'), aSlice({ study: studyUid, sop: `${studyUid}.1`, value: 777 }));
    await runProgram('dcmcjpeg', ['+e1', join(folder, 'plain.dcm'), join(folder, 'coded.dcm')]);
    await station.importFiles(readFileSync(join(folder, 'coded.dcm')));
    return studyUid;
  }

  it('are decoded for a peer that does not take them, and keep their UID and their pixels', async () => {
    const studyUid = await compressedStudy('1.2.826.0.1.3680043.70.1');
    const done = await station.settled(station.send(station.addDimse(server), studyUid).deliveryId);
    expect(done.rows[0]).toMatchObject({ state: 'sent', transcodedTo: '1.2.840.10008.1.2.1', sopUid: `${studyUid}.1` });
    const [name = ''] = readdirSync(server.folder);
    const { bytes, pixelData } = readHeader(readFileSync(join(server.folder, name)))!;
    const pixels = Buffer.from(bytes.subarray(pixelData!.offset, pixelData!.offset + pixelData!.length));
    expect([pixels.length, pixels.readUInt16LE(0), pixels.readUInt16LE(126)]).toEqual([128, 777, 777]);
  });

  it('are refused, not altered, where that is not allowed', async () => {
    const studyUid = await compressedStudy('1.2.826.0.1.3680043.70.2');
    const nodeId = station.addDimse(server, { transcode: false });
    const done = await station.settled(station.send(nodeId, studyUid).deliveryId);
    expect(done).toMatchObject({ state: 'refused', refused: 1, lastTrouble: { code: 'exchange.syntaxNotTaken' } });
    expect(station.station.nodes.knows(nodeId, `1.2.840.10008.5.1.4.1.1.2 ${jpegLossless}`)).toBe('no');
  });
});

describe('sending', () => {
  it('does not wait behind a delivery that waits, but behind a node that does not answer', async () => {
    const peer = await startBadDimsePeer({ answers: 0xa700 });
    try {
      const { clock } = station.station.t.test;
      const nodeId = station.addDimse(peer);
      const [first, second, third] = [
        await station.importStudy(1),
        await station.importStudy(1),
        await station.importStudy(1),
      ];
      const waiting = station.send(nodeId, first).deliveryId;
      const tried = (deliveryId: string, times: number) =>
        until(
          () => station.get(deliveryId),
          ({ state, attempts }) => state !== 'sending' && attempts >= times,
        );
      await tried(waiting, 1);
      peer.become('good');
      const next = station.send(nodeId, second).deliveryId;
      expect(await tried(next, 1)).toMatchObject({ state: 'proven' });
      expect(station.get(waiting).state).toBe('queued');
      // Three failures of the connection in a row: the node is left alone, whatever is in its queue.
      peer.become('neverAssociates');
      for (let attempt = 2; attempt <= 4; attempt += 1) {
        clock.set(station.get(waiting).nextAttemptAt ?? 0);
        await tried(waiting, attempt);
      }
      const last = station.send(nodeId, third);
      expect(last.nextAttemptAt).toBeGreaterThan(clock.nowMs() + 5000);
      // Half open, it is asked for an echo first.
      peer.become('good');
      expect(await station.settled(last.deliveryId)).toMatchObject({ state: 'proven', attempts: 1 });
      expect(await station.settled(waiting)).toMatchObject({ state: 'proven' });
    } finally {
      await peer.stop();
    }
  });

  it('waits for a promise ten minutes, then reads back; a late or foreign answer proves nothing', async () => {
    await station.station.listen();
    const { clock } = station.station.t.test;
    const report = { host: '127.0.0.1', port: station.station.port, aeTitle: 'SALUS' };
    const silent = await startBadDimsePeer('commitmentNeverReports');
    const other = await startBadDimsePeer('commitmentOtherTransaction', { reportTo: report });
    const right = await startBadDimsePeer('good', { reportTo: report });
    try {
      const start = async (peer: typeof right) =>
        station.send(station.addDimse(peer), await station.importStudy(2)).deliveryId;
      const [waits, foreign, proven] = [await start(silent), await start(other), await start(right)];
      const asked = (deliveryId: string) =>
        until(
          () => station.get(deliveryId),
          ({ state, attempts }) => state === 'sent' && attempts === 1,
        );
      expect((await asked(waits)).nextAttemptAt).toBeGreaterThan(clock.nowMs() + 500_000);
      await asked(foreign);
      const done = await until(
        () => station.get(proven),
        ({ state }) => state === 'proven',
      );
      expect(done).toMatchObject({ proof: 'commitment', proven: 2, attempts: 1 });
      expect(station.get(waits).proven + station.get(foreign).proven).toBe(0);
      for (const deliveryId of [waits, foreign]) {
        expect(await station.settled(deliveryId)).toMatchObject({ state: 'proven', proof: 'readBack', attempts: 2 });
      }
    } finally {
      await Promise.all([silent, other, right].map((peer) => peer.stop()));
    }
  });

  it('is cancelled while it runs, and taken up again by a person; what is proven is not sent again', async () => {
    const peer = await startBadDimsePeer('good');
    const { author } = station.station.t.test;
    try {
      const nodeId = station.addDimse(peer, { kilobytesPerSecond: 8, proof: 'readBack' });
      const studyUid = await station.importStudy(60);
      const { deliveryId } = station.send(nodeId, studyUid);
      await until(
        () => peer.got.length,
        (count) => count > 3,
      );
      expect(station.deliveries.cancel(author, deliveryId)).toMatchObject({ state: 'cancelled', nextAttemptAt: null });
      expect(() => station.deliveries.cancel(author, deliveryId)).toThrow(
        expect.objectContaining({ code: 'exchange.deliveryEnded' }),
      );
      const known = station.station.nodes.get(nodeId).node;
      station.station.nodes.save(author, {
        ...{ nodeId, baseVersion: known.version, name: known.name, settings: known.settings, secrets: {} },
        use: { ...known.use, kilobytesPerSecond: null },
      });
      expect(peer.got.length).toBeLessThan(60);
      expect(station.deliveries.retry(author, deliveryId).nextAttemptAt).not.toBeNull();
      expect(await station.settled(deliveryId)).toMatchObject({ state: 'proven', proven: 60 });
      expect(peer.kept.size).toBe(60);
      expect(() => station.deliveries.retry(author, deliveryId)).toThrow(
        expect.objectContaining({ code: 'exchange.deliveryEnded' }),
      );
    } finally {
      await peer.stop();
    }
  });

  it('pauses where a person has to act, and goes on when the node was changed; a node put away is sent nothing', async () => {
    const peer = await startBadWebPeer('good', { authorization: 'Bearer right' });
    const { author } = station.station.t.test;
    const { nodes } = station.station;
    try {
      const settings = {
        ...{ kind: 'dicomweb' as const, baseUrl: peer.baseUrl, auth: { method: 'bearer' as const } },
        tls: { ca: '', certificate: '', serverName: '' },
      };
      const nodeId = station.addNode('web', settings, {}, { credential: 'wrong' });
      const { deliveryId } = station.send(nodeId, await station.importStudy(2));
      const paused = await station.settled(deliveryId);
      expect(paused).toMatchObject({ state: 'queued', lastTrouble: { code: 'exchange.unauthorized' }, endedAt: null });
      const { name, use, version } = nodes.get(nodeId).node;
      nodes.save(author, { nodeId, baseVersion: version, name, settings, use, secrets: { credential: 'right' } });
      expect(await station.settled(deliveryId)).toMatchObject({ state: 'proven', proven: 2 });

      peer.become('serverError');
      const left = station.send(nodeId, await station.importStudy(1)).deliveryId;
      nodes.archive(author, nodeId);
      expect(await station.settled(left)).toMatchObject({
        state: 'cancelled',
        lastTrouble: { code: 'exchange.nodeUnknown' },
      });
    } finally {
      await peer.stop();
    }
  });

  it('takes up again what a peer refused for now, and leaves the peer alone in between', async () => {
    const peer = await startBadDimsePeer({ answers: 0xa700 });
    try {
      const studyUid = await station.importStudy(2);
      const { deliveryId } = station.send(station.addDimse(peer), studyUid);
      const waiting = await until(
        () => station.get(deliveryId),
        ({ state, attempts }) => state === 'queued' && attempts > 0,
      );
      expect(waiting).toMatchObject({ lastTrouble: { code: 'exchange.outOfResources' }, proven: 0, sent: 0 });
      expect(waiting.nextAttemptAt).toBeGreaterThan(station.station.t.test.clock.nowMs());
      peer.become('good');
      expect(await station.settled(deliveryId)).toMatchObject({ state: 'proven', proven: 2 });
      expect(peer.kept.size).toBe(2);
    } finally {
      await peer.stop();
    }
  });
});
