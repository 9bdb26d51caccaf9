import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonDataSet } from '../../main/dicom/dicomJson.ts';
import { decodeDataset } from '../../main/dicom/readDataset.ts';
import { encodeDataset } from '../../main/dicom/writeDataset.ts';
import { rawDataSet, rawFile } from '../../main/domains/imaging/testObjects.ts';
import {
  type DicomServer,
  findFreePort,
  have,
  startDcmqrscp,
  startStorescp,
  startWlmscpfs,
} from '../../scripts/services.ts';

import {
  bytesOf,
  ctImage,
  ctWish,
  echoWish,
  explicit,
  instanceKeys,
  keysOf,
  listen,
  open,
  plain,
  slice,
  study,
  studyFind,
  studyGet,
  studyKeys,
  studyMove,
  until,
  verification,
  worklistFind,
} from './dimsePeer.ts';

describe.skipIf(!have('dcmtk'))('DIMSE towards DCMTK (needs DCMTK)', () => {
  const servers: DicomServer[] = [];
  const started = (server: DicomServer) => {
    servers.push(server);
    return server;
  };
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });

  it('echoes and stores: what storescp wrote is what was sent, from bytes and from parts', async () => {
    const peer = started(await startStorescp({ arguments: ['+B'] }));
    const association = await open(peer, [echoWish, ctWish]);
    expect(association.peer).toMatchObject({ implementationVersion: 'OFFIS_DCMTK_367', maxPduBytes: 16_384 });
    expect(await association.echo()).toEqual({ status: 0, comment: '' });
    const objects = [1, 2, 3].map((number) => ({ number, dataset: rawDataSet(slice(number, number * 50_000)) }));
    for (const { number, dataset } of objects) {
      const input = {
        sopClassUid: ctImage,
        sopInstanceUid: `${study}.1.${number}`,
        transferSyntaxUid: explicit,
      };
      async function* inParts() {
        for (let at = 0; at < dataset.length; at += 7777) yield dataset.subarray(at, at + 7777);
      }
      const sent = number === 2 ? inParts() : dataset;
      expect((await association.store({ ...input, dataset: sent })).status).toBe(0);
    }
    await association.release();
    const files = (await readdir(peer.folder)).sort();
    expect(files).toEqual([1, 2, 3].map((number) => `CT.${study}.1.${number}`));
    for (const { number, dataset } of objects) {
      const written = await readFile(join(peer.folder, `CT.${study}.1.${number}`));
      expect(written.subarray(-dataset.length).equals(dataset)).toBe(true);
    }
  });

  it('sends in PDUs as short as the peer wants them', async () => {
    const peer = started(await startStorescp({ arguments: ['+B', '-pdu', '4096'] }));
    const association = await open(peer, [ctWish]);
    const dataset = rawDataSet(slice(1, 160_000));
    const input = { sopClassUid: ctImage, sopInstanceUid: `${study}.1.1`, transferSyntaxUid: explicit, dataset };
    expect((await association.store(input)).status).toBe(0);
    await association.release();
    const written = await readFile(join(peer.folder, `CT.${study}.1.1`));
    expect(written.subarray(-dataset.length).equals(dataset)).toBe(true);
  });

  it('knows what was refused, and says noContext without harm to the association', async () => {
    const peer = started(await startStorescp({ arguments: ['+xi'] }));
    const unknown = { abstractSyntax: '1.2.3.4.5', transferSyntaxes: plain };
    const association = await open(peer, [echoWish, ctWish, unknown]);
    expect(association.contexts.map(({ id, abstractSyntax }) => [id, abstractSyntax])).toEqual([[1, verification]]);
    expect(association.refused).toEqual([
      { abstractSyntax: ctImage, reason: 4 },
      { abstractSyntax: '1.2.3.4.5', reason: 3 },
    ]);
    const input = {
      sopClassUid: ctImage,
      sopInstanceUid: '1.2',
      transferSyntaxUid: explicit,
      dataset: Buffer.alloc(8),
    };
    await expect(association.store(input)).rejects.toMatchObject({ trouble: 'noContext' });
    expect((await association.echo()).status).toBe(0);
    await association.release();
    await expect(association.echo()).rejects.toMatchObject({ trouble: 'closed' });
  });

  it('says rejected, aborted, unreachable and cancelled for what they are', async () => {
    const refusing = started(await startStorescp({ arguments: ['--refuse'] }));
    await expect(open(refusing, [echoWish])).rejects.toMatchObject({
      trouble: 'rejected',
      details: { result: 1, source: 1, reason: 1 },
    });
    const aborting = started(await startStorescp({ arguments: ['--abort-after'] }));
    const association = await open(aborting, [ctWish]);
    const input = {
      sopClassUid: ctImage,
      sopInstanceUid: `${study}.1.1`,
      transferSyntaxUid: explicit,
      dataset: rawDataSet(slice(1)),
    };
    await expect(association.store(input)).rejects.toMatchObject({ trouble: 'aborted' });
    await expect(association.echo()).rejects.toMatchObject({ trouble: 'aborted' });
    await expect(open({ port: await findFreePort() }, [echoWish])).rejects.toMatchObject({
      trouble: 'unreachable',
      details: { code: 'ECONNREFUSED' },
    });
    const slow = started(await startStorescp({ arguments: ['--sleep-during', '60'] }));
    const controller = new AbortController();
    const waiting = await open(slow, [ctWish], { signal: controller.signal });
    const stored = waiting.store(input);
    controller.abort();
    await expect(stored).rejects.toMatchObject({ trouble: 'cancelled' });
  });

  it('gives up on a peer that does not answer in time', async () => {
    const peer = started(await startStorescp({ arguments: ['--sleep-during', '60'] }));
    const association = await open(peer, [ctWish], { times: { answerMs: 300 } });
    const input = {
      sopClassUid: ctImage,
      sopInstanceUid: `${study}.1.1`,
      transferSyntaxUid: explicit,
      dataset: rawDataSet(slice(1)),
    };
    await expect(association.store(input)).rejects.toMatchObject({ trouble: 'timeout', details: { wait: 'answer' } });
  });

  describe('with an archive', () => {
    const count = 20;
    let archive: DicomServer;
    let listening: Awaited<ReturnType<typeof listen>>;

    beforeAll(async () => {
      listening = await listen();
      const destinations = [
        { aeTitle: 'SALUS', port: listening.acceptor.port },
        { aeTitle: 'NOBODY', port: await findFreePort() },
      ];
      archive = started(await startDcmqrscp({ destinations }));
      const association = await open(archive, [ctWish]);
      for (let number = 1; number <= count; number += 1) {
        const sopInstanceUid = `${study}.1.${number}`;
        const dataset = rawDataSet(slice(number));
        const stored = { sopClassUid: ctImage, sopInstanceUid, transferSyntaxUid: explicit, dataset };
        expect((await association.store(stored)).status).toBe(0);
      }
      await association.release();
    });
    afterAll(() => listening.acceptor.close());

    it('finds', async () => {
      const association = await open(archive, [{ abstractSyntax: studyFind, transferSyntaxes: plain }]);
      const found: JsonDataSet[] = [];
      const answers = association.find(studyFind, instanceKeys);
      for (;;) {
        const { done, value } = await answers.next();
        if (done) {
          expect(value).toMatchObject({ status: 0 });
          break;
        }
        found.push(decodeDataset(value.dataset, value.transferSyntaxUid));
      }
      const uids = found.map((dataset) => dataset['00080018']?.Value?.[0]);
      expect(new Set(uids)).toEqual(new Set(Array.from({ length: count }, (_, index) => `${study}.1.${index + 1}`)));
      await association.release();
    });

    it('breaks a search off with a cancel, and goes on with the same association', async () => {
      const association = await open(archive, [echoWish, { abstractSyntax: studyFind, transferSyntaxes: plain }]);
      let seen = 0;
      for await (const match of association.find(studyFind, instanceKeys)) {
        expect(match.dataset.length).toBeGreaterThan(0);
        seen += 1;
        if (seen === 3) break;
      }
      expect(seen).toBe(3);
      expect((await association.echo()).status).toBe(0);
      await association.release();
    });

    it('gets objects over the same association', async () => {
      const storage = { abstractSyntax: ctImage, transferSyntaxes: plain, role: { scu: false, scp: true } };
      const association = await open(archive, [{ abstractSyntax: studyGet, transferSyntaxes: plain }, storage]);
      expect(association.contexts.map(({ role }) => role)).toEqual([
        { scu: true, scp: false },
        { scu: false, scp: true },
      ]);
      const got = new Map<string, Buffer>();
      let pending = 0;
      const status = await association.get(
        studyGet,
        studyKeys,
        async ({ sopInstanceUid, dataset }) => {
          got.set(sopInstanceUid, await bytesOf(dataset));
          return { status: 0 };
        },
        () => {
          pending += 1;
        },
      );
      expect(status).toMatchObject({ status: 0, completed: count, failed: 0 });
      expect(pending).toBeGreaterThan(0);
      expect(got.size).toBe(count);
      const first = got.get(`${study}.1.7`) ?? Buffer.alloc(0);
      expect(decodeDataset(first, explicit)['00200013']?.Value).toEqual([7]);
      await association.release();
    });

    it('says which objects of a C-GET it did not take', async () => {
      const storage = { abstractSyntax: ctImage, transferSyntaxes: plain, role: { scu: false, scp: true } };
      const association = await open(archive, [{ abstractSyntax: studyGet, transferSyntaxes: plain }, storage]);
      let asked = 0;
      const status = await association.get(studyGet, studyKeys, async ({ dataset }) => {
        asked += 1;
        if (asked % 2 === 0) return { status: 0xa700, comment: 'the disk is full' };
        await bytesOf(dataset);
        return { status: 0 };
      });
      expect(status).toMatchObject({ status: 0xb000, failed: count / 2, completed: count / 2 });
      await association.release();
    });

    it('moves objects to our own listener', async () => {
      listening.objects.length = 0;
      const association = await open(archive, [{ abstractSyntax: studyMove, transferSyntaxes: plain }]);
      let pending = 0;
      const status = await association.move(studyMove, studyKeys, 'SALUS', () => {
        pending += 1;
      });
      expect(status).toMatchObject({ status: 0, completed: count, failed: 0 });
      expect(pending).toBeGreaterThan(0);
      await until(() => listening.reports.length > 0);
      expect(listening.objects).toHaveLength(count);
      expect(listening.reports.at(-1)).toMatchObject({ ending: 'released', objects: count });
      expect(await association.move(studyMove, studyKeys, 'UNKNOWN')).toMatchObject({ status: 0xa801 });
      expect((await association.move(studyMove, studyKeys, 'NOBODY')).status).not.toBe(0);
      await association.release();
      expect(listening.problems).toEqual([]);
    });
  });

  it('asks a worklist', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'salus-worklist-'));
    const entry: JsonDataSet = {
      '00080050': { vr: 'SH', Value: ['ACC9'] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Planned^Person' }] },
      '00100020': { vr: 'LO', Value: ['ID-9'] },
      '0020000D': { vr: 'UI', Value: ['1.2.9'] },
      '00321060': { vr: 'LO', Value: ['CT thorax'] },
      '00400100': {
        vr: 'SQ',
        Value: [
          {
            '00080060': { vr: 'CS', Value: ['CT'] },
            '00400001': { vr: 'AE', Value: ['CT1'] },
            '00400002': { vr: 'DA', Value: ['20260301'] },
            '00400003': { vr: 'TM', Value: ['101500'] },
            '00400009': { vr: 'SH', Value: ['STEP1'] },
          },
        ],
      },
      '00401001': { vr: 'SH', Value: ['PROC1'] },
    };
    const file = join(folder, 'entry.wl');
    const body = encodeDataset(entry, explicit);
    await writeFile(file, Buffer.concat([rawFile({}), body]));
    try {
      const peer = started(await startWlmscpfs({ worklist: [file], arguments: ['-dfr'] }));
      const association = await open(peer, [{ abstractSyntax: worklistFind, transferSyntaxes: plain }]);
      const keys = keysOf({
        '00080050': { vr: 'SH' },
        '00100010': { vr: 'PN' },
        '00400100': { vr: 'SQ', Value: [{ '00080060': { vr: 'CS', Value: ['CT'] } }] },
      });
      const found: JsonDataSet[] = [];
      for await (const { dataset, transferSyntaxUid } of association.find(worklistFind, keys)) {
        found.push(decodeDataset(dataset, transferSyntaxUid));
      }
      expect(found.map((match) => match['00080050']?.Value)).toEqual([['ACC9']]);
      await association.release();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
