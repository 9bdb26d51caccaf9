import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExchangeNode } from '../../app/domains/exchange/exchangeSchema.ts';
import { type SyntheticInstance, syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import {
  type DicomServer,
  findFreePort,
  have,
  type Orthanc,
  startDcmqrscp,
  startOrthanc,
} from '../../scripts/services.ts';
import {
  type CoreWithNodes,
  openCoreWithNodes,
  putIntoOrthanc,
  runProgram,
  storeWithDcmtk,
  writeInstances,
} from './coreWithNodes.ts';
import { readShelfObject } from './peers/objectShelf.ts';
import { answerQido, answerWado } from './peers/shelfAnswers.ts';

/** Four studies of two series of three images; two patients. */
const instances = [...syntheticInstances({ count: 24, perSeries: 3, rows: 16, columns: 16, seed: 'finding' })];
const first = instances[0] as SyntheticInstance;
const ofStudy = instances.filter(({ studyUid }) => studyUid === first.studyUid);
const days = { studyDateFrom: '20261001', studyDateTo: '20261028' };

describe.skipIf(!have('dcmtk', 'orthanc', 'orthanc-dicomweb'))('finding (needs DCMTK and Orthanc)', () => {
  let salus: CoreWithNodes;
  let dcmqrscp: DicomServer;
  let orthanc: Orthanc;
  let archive: ExchangeNode;
  let overDimse: ExchangeNode;
  let overWeb: ExchangeNode;

  beforeAll(async () => {
    [salus, dcmqrscp, orthanc] = await Promise.all([
      openCoreWithNodes(),
      startDcmqrscp(),
      startOrthanc({ dicom: true, configuration: { DicomAlwaysAllowFind: true, DicomAlwaysAllowGet: true } }),
    ]);
    await Promise.all([storeWithDcmtk(dcmqrscp, instances), putIntoOrthanc(orthanc, instances)]);
    archive = await salus.addDimse('archive', dcmqrscp);
    overDimse = await salus.addDimse('orthanc', {
      host: '127.0.0.1',
      port: orthanc.dicomPort ?? 0,
      aeTitle: orthanc.aeTitle,
    });
    overWeb = await salus.addWeb('orthanc web', orthanc.dicomWebUrl);
    await salus.import(ofStudy.slice(0, 2));
  });
  afterAll(async () => {
    await salus?.close();
    await Promise.all([dcmqrscp?.stop(), orthanc?.stop()]);
  });

  it('finds studies on several nodes at once, with what of them is here', async () => {
    const { rows, ends } = await salus.find([archive, overDimse, overWeb], days);
    expect(ends.map(({ failure, count, isCut }) => ({ failure, count, isCut }))).toEqual(
      Array(3).fill({ failure: null, count: 4, isCut: false }),
    );
    for (const node of [archive, overDimse, overWeb]) {
      const own = rows.filter(({ nodeId }) => nodeId === node.nodeId);
      expect(new Set(own.map(({ studyUid }) => studyUid))).toEqual(new Set(instances.map((one) => one.studyUid)));
      expect(
        own.find(({ studyUid }) => studyUid === first.studyUid),
        node.name,
      ).toMatchObject({
        patientId: first.patientId,
        accessionNumber: 'L0000000',
        studyDate: '20261001',
        hereCount: 2,
        // DCMTK's archive knows neither of the optional keys: what a peer does not say stays unknown.
        ...(node === archive ? { modalities: [], instanceCount: null } : { modalities: ['OT'], instanceCount: 6 }),
      });
      expect(own.filter(({ hereCount }) => hereCount > 0)).toHaveLength(1);
    }
  });

  it('asks every level of each of them', async () => {
    for (const node of [archive, overDimse, overWeb]) {
      const patients = await salus.find([node], { level: 'PATIENT', patientId: 'LOAD-finding-*' });
      expect(patients.ends[0]?.failure, node.name).toBeNull();
      expect(patients.rows.map(({ patientId }) => patientId).sort()).toEqual([
        ...new Set(instances.map(({ patientId }) => patientId)),
      ]);
      expect(patients.rows.find(({ patientId }) => patientId === first.patientId)?.hereCount).toBe(2);
      const series = await salus.find([node], { level: 'SERIES', studyUid: first.studyUid });
      expect(series.rows.map((row) => [row.modalities, row.hereCount]).sort()).toEqual([
        [['OT'], 0],
        [['OT'], 2],
      ]);
      const images = await salus.find([node], {
        level: 'IMAGE',
        studyUid: first.studyUid,
        seriesUid: first.seriesUid,
      });
      expect(images.rows.map(({ sopUid }) => sopUid).sort()).toEqual(
        ofStudy
          .filter(({ seriesUid }) => seriesUid === first.seriesUid)
          .map(({ sopInstanceUid }) => sopInstanceUid)
          .sort(),
      );
    }
  });

  it('takes names as they are typed, wildcards and letters beyond ASCII included', async () => {
    const accented = [
      ...syntheticInstances({ count: 10, perSeries: 1, perStudy: 1, perPatient: 1, rows: 8, columns: 8 }),
    ];
    await Promise.all([storeWithDcmtk(dcmqrscp, accented), putIntoOrthanc(orthanc, accented)]);
    const typed = [
      ['ÇELIK*', 'ÇELIK'],
      ['NÚÑEZ^*', 'NÚÑEZ'],
      ['Ø*RD^*', 'ØSTERGÅRD'],
    ];
    for (const node of [archive, overDimse, overWeb]) {
      for (const [patientName = '', family] of typed) {
        const { rows, ends } = await salus.find([node], { patientName });
        expect(ends[0]?.failure, node.name).toBeNull();
        expect(
          rows.map((row) => row.patientName.split('^')[0]),
          `${node.name} ${patientName}`,
        ).toEqual([family]);
      }
    }
  });

  it('cuts each node at the limit and says so', async () => {
    const { rows, ends } = await salus.find([archive, overDimse, overWeb], days, 3);
    expect(ends.map(({ count, isCut, failure }) => ({ count, isCut, failure }))).toEqual(
      Array(3).fill({ count: 3, isCut: true, failure: null }),
    );
    expect(rows).toHaveLength(9);
  });

  it('hides no result behind another node that fails', async () => {
    const gone = await salus.addDimse('gone', { host: '127.0.0.1', port: await findFreePort(), aeTitle: 'GONE' });
    const elsewhere = await salus.addWeb('elsewhere', `${orthanc.url}/nothing-here`);
    const notSearched = await salus.addWeb('not searched', orthanc.dicomWebUrl, { search: false });
    const { rows, ends } = await salus.find([gone, elsewhere, notSearched, archive], days);
    const codeOf = (node: ExchangeNode) => ends.find(({ nodeId }) => nodeId === node.nodeId)?.failure?.code;
    expect(codeOf(gone)).toBe('exchange.unreachable');
    expect(codeOf(elsewhere)).toBe('exchange.notFound');
    expect(codeOf(notSearched)).toBe('exchange.nodeNotFor');
    expect(codeOf(archive)).toBeUndefined();
    expect(rows.length).toBeGreaterThanOrEqual(4);
    expect(rows.every(({ nodeId }) => nodeId === archive.nodeId)).toBe(true);
  });

  it('refuses a search for everything before anybody is asked', async () => {
    await expect(salus.find([archive], {})).rejects.toMatchObject({ code: 'exchange.queryTooWide' });
    await expect(salus.find([archive], { level: 'SERIES', patientName: 'X' })).rejects.toMatchObject({
      code: 'exchange.queryTooWide',
    });
  });

  /** What the store says of a study. */
  async function look(studyUid: string) {
    const { study, series } = await salus.client.imaging.openStudy({ studyUid });
    return { count: study.instanceCount, series: series.length, arriving: study.arriving };
  }

  it('completes a study that is here in part, by C-GET', async () => {
    expect(await look(first.studyUid)).toMatchObject({ count: 2 });
    const job = await salus.fetch(archive, first.studyUid);
    expect(job).toMatchObject({ state: 'done', done: 6, total: 6, counts: { fetched: 4, missing: 0, rejected: 0 } });
    expect(await look(first.studyUid)).toEqual({ count: 6, series: 2, arriving: false });
    const again = await salus.fetch(archive, first.studyUid);
    expect(again).toMatchObject({ state: 'done', done: 6, counts: { fetched: 0 } });
  });

  it('brings a whole study by C-GET from Orthanc, and some series of one', async () => {
    const [, second, third] = [...new Set(instances.map(({ studyUid }) => studyUid))];
    const whole = await salus.fetch(overDimse, second ?? '');
    expect(whole).toMatchObject({ state: 'done', done: 6, counts: { fetched: 6 } });
    const seriesUid = instances.find(({ studyUid }) => studyUid === third)?.seriesUid ?? '';
    const part = await salus.fetch(overDimse, third ?? '', [seriesUid]);
    expect(part).toMatchObject({ state: 'done', done: 3, total: 3, counts: { fetched: 3 } });
    expect(await look(third ?? '')).toEqual({ count: 3, series: 1, arriving: false });
  });

  it('brings the rest over WADO-RS', async () => {
    const [, , third, fourth] = [...new Set(instances.map(({ studyUid }) => studyUid))];
    expect(await salus.fetch(overWeb, third ?? '')).toMatchObject({ state: 'done', done: 6, counts: { fetched: 3 } });
    expect(await salus.fetch(overWeb, fourth ?? '')).toMatchObject({ state: 'done', done: 6, counts: { fetched: 6 } });
    expect(await look(fourth ?? '')).toEqual({ count: 6, series: 2, arriving: false });
  });

  it('takes compressed objects as they are kept', async () => {
    const [plain] = syntheticInstances({ count: 1, rows: 16, columns: 16, seed: 'compressed' });
    const { studyUid, seriesUid } = plain as SyntheticInstance;
    const folder = writeInstances([plain as SyntheticInstance]);
    try {
      const compressed = path.join(folder, 'compressed');
      await runProgram('dcmcjpeg', ['+e1', path.join(folder, (plain as SyntheticInstance).relativePath), compressed]);
      await putIntoOrthanc(orthanc, [{ ...(plain as SyntheticInstance), bytes: readFileSync(compressed) }]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    expect(await salus.fetch(overDimse, studyUid)).toMatchObject({ state: 'done', done: 1 });
    const [instance] = await salus.client.imaging.listInstances({ studyUid, seriesUid });
    expect(instance?.transferSyntaxUid).toBe('1.2.840.10008.1.2.4.70');
  });

  it('says that a study is not there', async () => {
    for (const node of [archive, overDimse, overWeb]) {
      expect(await salus.fetch(node, '1.2.3.4'), node.name).toMatchObject({
        state: 'failed',
        failure: 'exchange.studyNotThere',
      });
    }
  });

  it('learns who can be searched', async () => {
    const nodes = await salus.client.exchange.listNodes();
    const learned = (node: ExchangeNode) =>
      nodes.find(({ nodeId }) => nodeId === node.nodeId)?.capabilities.map(({ name, state }) => `${name} ${state}`);
    expect(learned(archive)).toContain('find yes');
    expect(learned(overWeb)).toEqual(expect.arrayContaining(['qido yes', 'wado yes']));
    expect(learned(overDimse)).toContain('get yes');
  });
});

describe.skipIf(!have('dcmtk'))('fetching by C-MOVE (needs DCMTK)', () => {
  it('has the peer send to our own receiver where it does no C-GET', async () => {
    const port = await findFreePort();
    const [salus, peer] = await Promise.all([
      openCoreWithNodes(),
      startDcmqrscp({
        aeTitle: 'MOVEONLY',
        destinations: [{ aeTitle: 'SALUS', port }],
        arguments: ['--disable-get'],
      }),
    ]);
    try {
      await storeWithDcmtk(peer, ofStudy);
      const node = await salus.addDimse('mover', peer);
      // Nobody could take what it would send: nothing comes, and the fetch says what the peer lacks.
      expect(await salus.fetch(node, first.studyUid)).toMatchObject({ state: 'failed', failure: 'exchange.noContext' });
      const { settings } = await salus.client.exchange.receiver();
      await salus.client.exchange.saveReceiver({ settings: { ...settings, enabled: true, port } });
      const job = await salus.fetch(node, first.studyUid);
      expect(job).toMatchObject({ state: 'done', done: 6, total: 6, counts: { missing: 0 } });
      const { study } = await salus.client.imaging.openStudy({ studyUid: first.studyUid });
      expect(study).toMatchObject({ instanceCount: 6, arriving: false });
      const [{ capabilities } = { capabilities: [] }] = await salus.client.exchange.listNodes();
      expect(capabilities.map(({ name, state }) => `${name} ${state}`)).toEqual(
        expect.arrayContaining(['get no', 'move yes']),
      );
    } finally {
      await salus.close();
      await peer.stop();
    }
  });
});

describe('a fetch that a restart cuts off', () => {
  it('goes on by itself and brings the rest', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'salus-refetch-'));
    const home = path.join(folder, 'home');
    const shelf = ofStudy.map(({ bytes }) => readShelfObject(Buffer.from(bytes)));
    let isOpen = false;
    let heldBack = 0;
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://peer');
      const parts = pathname.split('/').filter((part) => part !== '');
      const isSearch = ['studies', 'series', 'instances'].includes(parts.at(-1) ?? '');
      const { status, type, body } = isSearch
        ? answerQido(shelf, parts, searchParams, 'both')
        : answerWado(shelf, parts);
      response.writeHead(status, { 'content-type': type });
      if (isSearch || isOpen) {
        response.end(body);
        return;
      }
      // Three objects and a half: the rest would come after the restart.
      heldBack += 1;
      response.write(body.subarray(0, Math.floor((body.length * 3.5) / shelf.length)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    let salus = await openCoreWithNodes(home);
    try {
      const node = await salus.addWeb('slow', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      const { jobId } = await salus.client.exchange.fetch({ nodeId: node.nodeId, studyUid: first.studyUid });
      for await (const job of await salus.client.jobs.watch({ jobId })) if ((job.counts['fetched'] ?? 0) >= 3) break;
      expect(heldBack).toBe(1);
      await salus.close();
      isOpen = true;
      salus = await openCoreWithNodes(home);
      const job = await salus.ended(jobId);
      expect(job).toMatchObject({ state: 'done', done: 6, counts: { missing: 0, fetched: 3 } });
      const { study } = await salus.client.imaging.openStudy({ studyUid: first.studyUid });
      expect(study).toMatchObject({ instanceCount: 6, arriving: false });
    } finally {
      await salus.close();
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
