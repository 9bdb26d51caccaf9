import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type ExchangeNode,
  type FindEvent,
  findQuerySchema,
  type NodeSettings,
} from '../../app/domains/exchange/exchangeSchema.ts';
import { openTestStore, type TestStore } from '../../main/database/testStore.ts';
import type { Reader } from '../../main/database/writeGate.ts';
import type { JsonDataSet } from '../../main/dicom/dicomJson.ts';
import type { Acceptor } from '../../main/dicom/dimse/dimse.ts';
import { startAcceptor } from '../../main/dicom/dimse/startAcceptor.ts';
import { encodeDataset } from '../../main/dicom/writeDataset.ts';
import type { Finding, NodeRegistry, Receiver } from '../../main/domains/exchange/exchangeParts.ts';
import { openFinding } from '../../main/domains/exchange/finding/finding.ts';
import { openNodeRegistry } from '../../main/domains/exchange/nodes/nodeRegistry.ts';
import { openReceiver } from '../../main/domains/exchange/receiving/receiver.ts';
import { type SyntheticInstance, syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { openTestImaging, type TestImaging } from '../../main/domains/imaging/testImaging.ts';
import { startBadDimsePeer } from '../integration/peers/badDimsePeer.ts';
import { readShelfObject, type ShelfObject } from '../integration/peers/objectShelf.ts';
import { answerQido, answerWado } from '../integration/peers/shelfAnswers.ts';

const shelfOf = (instances: readonly SyntheticInstance[]) =>
  instances.map(({ bytes }) => readShelfObject(Buffer.from(bytes)));
const made = shelfOf([...syntheticInstances({ count: 12, perSeries: 3, rows: 8, columns: 8, seed: 'hostile' })]);
const studyUid = made[0]?.studyUid ?? '';
const ours = made.filter((object) => object.studyUid === studyUid);
const others = made.filter((object) => object.studyUid !== studyUid);
const implicit = '1.2.840.10008.1.2';
const plain = { enabled: false, ca: '', certificate: '', serverName: '' };

/** A DICOMweb server that lists one thing and hands over another. */
interface LyingPeer {
  listed: readonly ShelfObject[];
  given: readonly ShelfObject[];
  /** What a whole study comes as, whatever was asked for. */
  inPlaceOfStudy: readonly ShelfObject[] | null;
  readonly requests: string[];
  readonly baseUrl: string;
  stop(): Promise<void>;
}

async function startLyingPeer(): Promise<LyingPeer> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://peer');
    const parts = pathname.split('/').filter((part) => part !== '');
    requests.push(pathname);
    const isSearch = ['studies', 'series', 'instances'].includes(parts.at(-1) ?? '');
    const lie = peer.inPlaceOfStudy !== null && parts.length === 2;
    const answer = isSearch
      ? answerQido(peer.listed, parts, searchParams, 'both')
      : lie
        ? answerWado(
            (peer.inPlaceOfStudy ?? []).map((object) => ({ ...object, studyUid: parts[1] ?? '' })),
            parts,
          )
        : answerWado(peer.given, parts);
    response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const peer: LyingPeer = {
    listed: ours,
    given: ours,
    inPlaceOfStudy: null,
    requests,
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return peer;
}

describe('what a hostile peer answers', { timeout: 60_000 }, () => {
  let test: TestStore;
  let imaging: TestImaging;
  let nodes: NodeRegistry;
  let receiver: Receiver;
  let finding: Finding;
  let web: LyingPeer;
  let isReaderClosed = false;
  const acceptors: Acceptor[] = [];

  beforeAll(async () => {
    test = await openTestStore();
    imaging = await openTestImaging(test);
    nodes = openNodeRegistry(test.store);
    receiver = openReceiver(test.store, () => imaging.services, nodes);
    const { store } = test;
    const reader: Reader = {
      all: (sql, ...parameters) => store.reader.all(sql, ...parameters),
      get(sql, ...parameters) {
        if (isReaderClosed) throw new Error('the database connection is not open');
        return store.reader.get(sql, ...parameters);
      },
    };
    finding = openFinding({ ...store, reader }, () => imaging.services, nodes, receiver, [20, 20, 20]);
    web = await startLyingPeer();
  });
  afterEach(async () => {
    Object.assign(web, { listed: ours, given: ours, inPlaceOfStudy: null });
    await Promise.all(acceptors.splice(0).map((acceptor) => acceptor.close(0)));
  });
  afterAll(async () => {
    await Promise.all([finding?.close(), receiver?.close(), web?.stop()]);
    await imaging?.close();
  });

  let names = 0;
  function add(settings: NodeSettings): ExchangeNode {
    names += 1;
    const use = {
      ...({ send: false, search: true, receive: false, proof: 'auto', transcode: true } as const),
      ...{ kilobytesPerSecond: null, hours: null, receiveFrom: '' },
    };
    return nodes.save(test.author, {
      nodeId: null,
      baseVersion: null,
      name: `peer ${names}`,
      settings,
      use,
      secrets: {},
    });
  }
  const addDimse = (port: number, aeTitle = 'PEER') =>
    add({ kind: 'dimse', host: '127.0.0.1', port, aeTitle, callingAeTitle: '', tls: plain });
  const addWeb = () =>
    add({
      kind: 'dicomweb',
      baseUrl: web.baseUrl,
      auth: { method: 'none' },
      tls: { ca: '', certificate: '', serverName: '' },
    });

  /** A peer that answers every C-FIND with these, encoded as it was agreed. */
  async function addAnswering(answers: () => Iterable<JsonDataSet | Uint8Array>) {
    const ended: string[] = [];
    const acceptor = await startAcceptor({
      host: '127.0.0.1',
      port: 0,
      answer: () => ({ accept: true, transferSyntaxesOf: () => [implicit] }),
      take: async () => ({ status: 0x0110 }),
      async *find({ transferSyntaxUid, signal }) {
        try {
          for (const answer of answers()) {
            if (signal.aborted) return;
            yield answer instanceof Uint8Array ? answer : encodeDataset(answer, transferSyntaxUid);
            // Lets the cancel in.
            await new Promise((resolve) => setImmediate(resolve));
          }
        } finally {
          ended.push(signal.aborted ? 'cancelled' : 'told all');
        }
      },
    });
    acceptors.push(acceptor);
    return { node: addDimse(acceptor.port), ended };
  }

  const bounded = findQuerySchema.parse({ level: 'STUDY', patientId: '7' });
  async function search(asked: readonly ExchangeNode[], limit = 500) {
    const events: FindEvent[] = [];
    const nodeIds = asked.map(({ nodeId }) => nodeId);
    for await (const event of finding.find({ nodeIds, query: bounded, limit }, new AbortController().signal)) {
      events.push(event);
    }
    return {
      rows: events.flatMap((event) => (event.type === 'found' ? event.rows : [])),
      ends: events.filter((event) => event.type === 'ended'),
    };
  }
  const studyAnswer = (uid: string, more: JsonDataSet = {}): JsonDataSet => ({
    '00080052': { vr: 'CS', Value: ['STUDY'] },
    '00100020': { vr: 'LO', Value: ['7'] },
    ...(uid === '' ? {} : { '0020000D': { vr: 'UI', Value: [uid] } }),
    ...more,
  });
  const until = async (isSo: () => boolean) => {
    const deadline = Date.now() + 20_000;
    while (!isSo() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isSo()).toBe(true);
  };

  it('is cut at the limit where it has no end, and the peer is told to stop', async () => {
    const { node, ended } = await addAnswering(function* () {
      for (let index = 1; ; index += 1) yield studyAnswer(`1.2.3.${index}`);
    });
    const { rows, ends } = await search([node], 50);
    expect(rows).toHaveLength(50);
    expect(ends).toMatchObject([{ failure: null, count: 50, isCut: true }]);
    await until(() => ended.length > 0);
  });

  it('is given up where it is endless and useless', async () => {
    const { node, ended } = await addAnswering(function* () {
      for (;;) yield studyAnswer('');
    });
    const { rows, ends } = await search([node], 10);
    expect(rows).toEqual([]);
    expect(ends).toMatchObject([{ failure: { code: 'exchange.protocol' }, count: 0 }]);
    await until(() => ended.length > 0);
  });

  it('loses nothing good among doubles, nameless answers, bytes that are no data set, and broken text', async () => {
    const { node } = await addAnswering(function* () {
      yield studyAnswer('1.2.3.1');
      yield studyAnswer('1.2.3.1');
      yield studyAnswer('');
      yield Buffer.from('0800050043530', 'hex');
      const broken = encodeDataset(studyAnswer('1.2.3.2', { '00081030': { vr: 'LO', Value: ['Müller'] } }), implicit);
      broken[broken.indexOf(0xc3)] = 0x41;
      yield broken;
      yield studyAnswer('1.2.3.3');
    });
    const { rows, ends } = await search([node]);
    expect(rows.map((row) => row.studyUid)).toEqual(['1.2.3.1', '1.2.3.2', '1.2.3.3']);
    expect(rows[1]?.studyDescription).toContain('\ufffd');
    expect(ends).toMatchObject([{ failure: null, count: 3, isCut: false }]);
  });

  it('keeps nobody waiting: another node is shown at once, and closing the search ends all of them', async () => {
    const silent = await startBadDimsePeer('neverAnswers');
    const { node } = await addAnswering(() => [studyAnswer('1.2.3.1')]);
    try {
      const asked = [addDimse(silent.port, silent.aeTitle), node];
      const stream = finding.find(
        { nodeIds: asked.map(({ nodeId }) => nodeId), query: bounded, limit: 10 },
        new AbortController().signal,
      );
      const seen: FindEvent[] = [];
      for await (const event of stream) {
        seen.push(event);
        if (event.type === 'ended') break;
      }
      expect(seen).toMatchObject([
        { type: 'found', rows: [{ studyUid: '1.2.3.1' }] },
        { type: 'ended', nodeId: node.nodeId, failure: null },
      ]);
      // An abort from outside ends a search that nobody answers, too.
      const abort = new AbortController();
      const waiting = finding
        .find({ nodeIds: [asked[0]?.nodeId ?? ''], query: bounded, limit: 10 }, abort.signal)
        [Symbol.asyncIterator]();
      const next = waiting.next();
      await until(() => silent.associations.length >= 2);
      abort.abort();
      expect(await next).toMatchObject({ done: true });
    } finally {
      await silent.stop();
    }
  });

  it('says of each how it failed', async () => {
    const flood = await startBadDimsePeer('giantPdu');
    const rejecting = await startBadDimsePeer({ rejects: { result: 1, source: 1, reason: 7 } });
    try {
      const asked = [addDimse(flood.port, flood.aeTitle), addDimse(rejecting.port, rejecting.aeTitle)];
      const { ends } = await search(asked);
      const codes = asked.map(({ nodeId }) => ends.find((end) => end.nodeId === nodeId)?.failure?.code);
      expect(codes).toEqual(['exchange.protocol', 'exchange.calledAeUnknown']);
    } finally {
      await Promise.all([flood.stop(), rejecting.stop()]);
    }
  });

  it('ends the search and nothing else when the store cannot be read meanwhile', async () => {
    const { node, ended } = await addAnswering(function* () {
      for (let index = 1; ; index += 1) yield studyAnswer(`1.2.3.${index}`);
    });
    const ends: FindEvent[] = [];
    const question = { nodeIds: [node.nodeId], query: bounded, limit: 5000 };
    try {
      for await (const event of finding.find(question, new AbortController().signal)) {
        isReaderClosed = true;
        if (event.type === 'ended') ends.push(event);
      }
    } finally {
      isReaderClosed = false;
    }
    expect(ends).toMatchObject([{ failure: { code: 'internal' } }]);
    await until(() => ended.length > 0);
  });

  const fetchStudy = async (node: ExchangeNode) =>
    test.store.jobs.finished(finding.startFetch(test.author, { nodeId: node.nodeId, studyUid, seriesUids: [] }));
  const stateOf = () => {
    const { study } = imaging.imaging.getStudyDetail(studyUid);
    return { count: study.instanceCount, arriving: study.arriving };
  };

  it('takes nothing of another study for the one that was asked for', async () => {
    web.inPlaceOfStudy = others.slice(0, ours.length);
    web.given = [];
    const job = await fetchStudy(addWeb());
    expect(job).toMatchObject({ state: 'failed', done: 0, counts: { fetched: 0, missing: ours.length } });
    expect(job.counts['rejected']).toBeGreaterThanOrEqual(ours.length);
    for (const uid of [studyUid, others[0]?.studyUid ?? '']) expect(imaging.imaging.listSopUids(uid)).toEqual([]);
  });

  it('never calls half a study done: it stays marked as arriving until all of it is here', async () => {
    web.given = ours.filter((_, index) => [0, 1, 3].includes(index));
    const node = addWeb();
    const half = await fetchStudy(node);
    expect(half).toMatchObject({
      state: 'failed',
      failure: 'exchange.incomplete',
      counts: { fetched: 3, missing: 3 },
    });
    expect(stateOf()).toEqual({ count: 3, arriving: true });
    web.given = ours;
    const before = web.requests.length;
    const whole = await fetchStudy(node);
    expect(whole).toMatchObject({ state: 'done', done: 6, counts: { fetched: 3, missing: 0 } });
    expect(stateOf()).toEqual({ count: 6, arriving: false });
    // What was here was not asked for again.
    const named = web.requests.slice(before).filter((path) => path.includes('/instances/'));
    expect(named.map((path) => path.split('/').at(-1)).sort()).toEqual(
      [2, 4, 5].map((index) => ours[index]?.sopInstanceUid).sort(),
    );
  });

  it('stops at once when it is cancelled', async () => {
    const silent = await startBadDimsePeer('neverAnswers');
    try {
      const { nodeId } = addDimse(silent.port, silent.aeTitle);
      const jobId = finding.startFetch(test.author, { nodeId, studyUid, seriesUids: [] });
      await until(() => silent.associations.length > 0);
      test.store.jobs.cancel(jobId, test.author);
      expect(await test.store.jobs.finished(jobId)).toMatchObject({ state: 'cancelled' });
    } finally {
      await silent.stop();
    }
  });

  it('has named nobody in the log', () => {
    expect(test.logged.join('\n')).not.toMatch(/BERNARD|PETIT|LOAD-hostile|Müller/);
  });
});
