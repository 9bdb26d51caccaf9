import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../../../app/shared/failure.ts';
import type { JobHandle } from '../../../background/jobs.ts';
import type { OpenStore } from '../../../core.ts';
import { openTestImaging, type TestImaging } from '../../imaging/testImaging.ts';
import type { KnownNode, NodeRegistry, Receiver } from '../exchangeParts.ts';
import { openNodeRegistry } from '../nodes/nodeRegistry.ts';
import type { FetcherThread } from './fetcherThread.ts';
import type { FetchWish } from './fetchMessages.ts';
import { openFetchRun } from './fetchRun.ts';
import { openFetchTurns } from './fetchTurns.ts';
import type { ListedInstance } from './finderMessages.ts';
import type { FinderThread } from './finderThread.ts';

const plain = { enabled: false, ca: '', certificate: '', serverName: '' };
const listening = { state: () => ({ state: 'listening' }) } as unknown as Receiver;

describe('one study on its way', () => {
  let imaging: TestImaging;
  let nodes: NodeRegistry;
  let known: KnownNode;
  beforeAll(async () => {
    imaging = await openTestImaging();
    const { store, author } = imaging.test;
    nodes = openNodeRegistry(store);
    const { nodeId } = nodes.save(author, {
      nodeId: null,
      baseVersion: null,
      name: 'peer',
      settings: { kind: 'dimse', host: '127.0.0.1', port: 104, aeTitle: 'PEER', callingAeTitle: '', tls: plain },
      use: {
        ...({ send: false, search: true, receive: true, proof: 'auto', transcode: true } as const),
        ...{ kilobytesPerSecond: null, hours: null, receiveFrom: '' },
      },
      secrets: {},
    });
    // It does C-MOVE alone.
    nodes.learn(nodeId, 'get', 'no');
    known = nodes.get(nodeId);
  });
  afterAll(() => imaging?.close());

  const until = async (isSo: () => boolean) => {
    const deadline = Date.now() + 20_000;
    while (!isSo() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isSo()).toBe(true);
  };

  function open(
    store: OpenStore,
    studyUid: string,
    seriesUids: readonly string[],
    listed: readonly ListedInstance[],
    bring: (wish: FetchWish) => Promise<void>,
  ) {
    const job: JobHandle = {
      jobId: store.newId(),
      signal: new AbortController().signal,
      checkpoint: null,
      report: () => undefined,
      saveCheckpoint: () => undefined,
    };
    const thread = { list: async () => ({ failure: null, instances: listed, learned: {} }) } as unknown as FinderThread;
    const fetcher: FetcherThread = {
      async fetch(wish) {
        await bring(wish);
        return { failure: null, learned: {} };
      },
      close: async () => undefined,
    };
    return openFetchRun(
      { store, services: () => imaging.services, nodes, receiver: listening, thread, fetcher },
      { nodeId: known.node.nodeId, studyUid, seriesUids },
      job,
      known,
    );
  }

  it('lives through a disk that is full while it watches what comes, and notes it once there is room', async () => {
    const { store, logged } = imaging.test;
    const studyUid = '1.2.3.1';
    const marked = () => store.reader.get('SELECT 1 FROM study_arrival') !== undefined;
    const { begin } = imaging.services.imaging.arrivals;
    let isFull = true;
    Object.assign(imaging.services.imaging.arrivals, {
      begin(...given: Parameters<typeof begin>) {
        if (isFull) throw new Failure('storage.diskFull', 'no room');
        begin(...given);
      },
    });
    const listed = ['1', '2'].map((n) => ({ seriesUid: '1.2.3.1.1', sopUid: `1.2.3.1.1.${n}`, sopClassUid: '' }));
    const run = open(store, studyUid, [], listed, async () => {
      await imaging.importSlices({ study: studyUid, series: '1.2.3.1.1', sop: '1.2.3.1.1.1' });
      await until(() => logged.some((line) => line.includes('no room')));
      expect(marked()).toBe(false);
      isFull = false;
      await until(marked);
    });
    isFull = false;
    const missing = await run.findMissing();
    isFull = true;
    expect(await run.bring(missing)).toBeNull();
    // Said once, however often it looked.
    expect(logged.filter((line) => line.includes('no room'))).toHaveLength(1);
    Object.assign(imaging.services.imaging.arrivals, { begin });
  });

  it('asks for whole series where nothing of them is here, looking at each instance a few times at most', async () => {
    const studyUid = '1.2.3.2';
    const instanceOf = (series: number, n: number) => `${studyUid}.${series}.${n}`;
    await imaging.importSlices({ study: studyUid, series: `${studyUid}.1`, sop: instanceOf(1, 1) });
    let looks = 0;
    const listed = Array.from({ length: 3000 }, (_, at) => {
      const series = 1 + (at % 300);
      return {
        get seriesUid() {
          looks += 1;
          return `${studyUid}.${series}`;
        },
        sopUid: instanceOf(series, 1 + Math.floor(at / 300)),
        sopClassUid: '',
      };
    });
    const wishes: FetchWish[] = [];
    const run = open(imaging.test.store, studyUid, [], listed, async (wish) => void wishes.push(wish));
    await run.bring(await run.findMissing());
    const parts = wishes[0]?.parts ?? [];
    expect(parts).toHaveLength(300);
    expect(parts.filter(({ sopUids }) => sopUids !== undefined)).toEqual([
      {
        seriesUid: `${studyUid}.1`,
        sopUids: Array.from({ length: 9 }, (_, at) => instanceOf(1, at + 2)),
      },
    ]);
    expect(looks).toBeLessThan(10 * listed.length);
  });
});

describe('turns at a node', () => {
  it('passes by who gave up waiting', async () => {
    const turns = openFetchTurns();
    const stay = new AbortController().signal;
    const [leave] = [await turns.enter('a', stay), await turns.enter('a', stay)];
    const givingUp = new AbortController();
    const givenUp = turns.enter('a', givingUp.signal);
    const waiting = turns.enter('a', stay);
    givingUp.abort();
    await expect(givenUp).rejects.toMatchObject({ code: 'jobs.interrupted' });
    leave();
    await expect(waiting).resolves.toBeTypeOf('function');
  });
});
