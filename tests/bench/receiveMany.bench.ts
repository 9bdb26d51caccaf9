/**
 * 50,000 instances of 64² over 16 associations at once into one host: nothing is lost and nothing is there twice, what
 * each instance leaves in the host's memory, and how long the first page of the worklist takes meanwhile.
 */
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { worklistFilterSchema } from '../../app/domains/worklist/worklistSchema.ts';
import { openDatabase } from '../../main/database/openDatabase.ts';
import { storePaths } from '../../main/database/storePaths.ts';
import { syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { databaseKeyOf } from '../../main/keyring/deriveKeys.ts';
import { unlockWithPassword } from '../../main/keyring/keyring.ts';
import { readKeyring } from '../../main/keyring/keyringFile.ts';
import { type BenchHost, makeTemporaryHome, operatorName, password, startBenchHost } from './benchHost.ts';
import { percentile, say, slope, tell, waitForQuiet } from './measure.ts';
import type { SenderData } from './storeSender.worker.ts';

const associations = 16;
const threads = 2;
const wanted = Number(process.env['SALUS_BENCH_INSTANCES'] ?? 50_000);
const perAssociation = Math.ceil(wanted / associations);
const count = perAssociation * associations;
/** Studies of 40, as a busy day of small examinations: each association sends many. */
const perSeries = 20;
const perStudy = 2;
const seeds = Array.from({ length: associations }, (_, index) => `many-${index}`);
const callingAe = 'MANY';
/** What the window asks for at a time (renderer/api/pages.ts). */
const pageSize = 100;
const idleAsks = 200;
/** Between two questions for the page: a person and a few windows, not a load of its own. */
const pauseMs = 50;

const home = makeTemporaryHome();
try {
  const host = await startBenchHost({ home });
  try {
    const port = await openReceiver(host);
    await waitForQuiet();
    const { points, pageMs, seconds } = await receiveAll(host, port);
    await verifyFromOutside(host);
    await waitForQuiet();
    const idleMs = await askForPage(host, () => false, idleAsks);
    const late = points.filter(({ x }) => x >= count / 2);
    say(points.map(({ x, y }) => `${x}:${Math.round(y / 1e6)}`).join(' '));
    const more = { instances: count, associations, seconds: tenths(seconds) };
    tell({
      name: 'memory kept per received instance, second half',
      value: slope(late) / 1024,
      unit: 'KiB',
      // A short run is still warming up: its slope says nothing.
      ...(count >= 20_000 ? { aim: { atMost: 1 } } : {}),
      more: {
        ...more,
        samples: late.length,
        rssStartMB: megabytes(points[0]?.y),
        rssHalfMB: megabytes(late[0]?.y),
        rssEndMB: megabytes(late.at(-1)?.y),
      },
    });
    tell({
      name: 'first page of the worklist while 16 associations bring instances, p95',
      value: percentile(pageMs, 95),
      unit: 'ms',
      peer: 'the same store, nothing arriving',
      peerValue: percentile(idleMs, 95),
      // "Unchanged", within what two runs of the same differ by.
      aim: { atMost: 1.25, of: 'ratio' },
      more: {
        ...more,
        asked: pageMs.length,
        medianMs: tenths(percentile(pageMs, 50)),
        idleMedianMs: tenths(percentile(idleMs, 50)),
        longestMs: Math.round(Math.max(...pageMs)),
      },
    });
    tell({ name: 'receive small instances over 16 associations', value: count / seconds, unit: 'objects/s', more });
  } finally {
    await host.stop();
  }
  const lost = await countLost();
  tell({
    name: 'instances answered with success and not in the index, of 16 associations',
    value: lost,
    unit: 'instances',
    aim: { atMost: 0 },
    more: { instances: count },
  });
  if (lost > 0) throw new Error(`${lost} instances are lost`);
} finally {
  rmSync(home, { recursive: true, force: true, maxRetries: 3 });
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function megabytes(bytes = 0): number {
  return Math.round(bytes / 1e6);
}

async function openReceiver({ client }: BenchHost): Promise<number> {
  await client.exchange.saveNode({
    nodeId: null,
    baseVersion: null,
    name: 'bench',
    settings: { kind: 'dimse', host: '127.0.0.1', port: 104, aeTitle: callingAe, tls: { enabled: false } },
    use: { send: false, search: false, receive: true },
    secrets: {},
  });
  const { settings } = await client.exchange.receiver();
  const { port, failure } = await client.exchange.saveReceiver({
    settings: { ...settings, enabled: true, port: 0, leastFreeMib: 64 },
  });
  if (port === null) throw new Error(`the receiver does not listen: ${failure}`);
  return port;
}

/** Sends everything; reads the host's memory and asks for the page meanwhile. */
async function receiveAll(host: BenchHost, port: number) {
  const { settings } = await host.client.exchange.receiver();
  const answered = new SharedArrayBuffer(4);
  const done = () => Atomics.load(new Int32Array(answered), 0);
  const points: { x: number; y: number }[] = [];
  let ended = false;
  const began = performance.now();
  const sending = Promise.all(
    Array.from({ length: threads }, (_, thread) => {
      const workerData: SenderData = {
        target: { port, callingAe, calledAe: settings.aeTitle },
        seeds: seeds.filter((_seed, index) => index % threads === thread),
        perAssociation,
        perSeries,
        answered,
      };
      return new Promise<void>((resolve, reject) => {
        const worker = new Worker(new URL('./storeSender.worker.ts', import.meta.url), { workerData });
        worker.once('error', reject);
        worker.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a sender ended with ${code}`))));
      });
    }),
  ).finally(() => {
    ended = true;
  });
  const asking = askForPage(host, () => ended);
  const watching = (async () => {
    while (!ended) {
      points.push({ x: done(), y: (await host.probe()).rss });
      await sleep(200);
    }
  })();
  await sending;
  const seconds = (performance.now() - began) / 1000;
  await watching;
  return { points, pageMs: await asking, seconds };
}

/** Asks for the first page until `isOver` or `most` answers; the milliseconds each took. */
async function askForPage({ client }: BenchHost, isOver: () => boolean, most = Number.POSITIVE_INFINITY) {
  const took: number[] = [];
  const filter = worklistFilterSchema.parse({});
  while (!isOver() && took.length < most) {
    const began = performance.now();
    await client.worklist.list({
      filter,
      sort: { key: 'receivedAt', direction: 'descending' },
      offset: 0,
      limit: pageSize,
    });
    took.push(performance.now() - began);
    await sleep(pauseMs);
  }
  return took;
}

/** What the product itself says: counts, the log of associations, and the archive behind the index. */
async function verifyFromOutside({ client }: BenchHost): Promise<void> {
  const listed = async () => (await client.exchange.associations({ limit: 500 })).rows;
  let rows = await listed();
  // The last releases are written down a moment after they were answered.
  for (const until = Date.now() + 20_000; rows.length < associations && Date.now() < until; rows = await listed())
    await sleep(100);
  const sum = (pick: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + pick(row), 0);
  const found = {
    associations: rows.length,
    released: rows.filter(({ ending }) => ending === 'released').length,
    objects: sum(({ objects }) => objects),
    doubtful: sum(({ duplicates, conflicts, refused }) => duplicates + conflicts + refused),
  };
  const expected = { associations, released: associations, objects: count, doubtful: 0 };
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`not as sent: ${JSON.stringify(found)}`);
  const { studies, instances } = await client.storage.status();
  if (instances !== count || studies !== associations * Math.ceil(perAssociation / (perSeries * perStudy)))
    throw new Error(`the list has ${studies} studies of ${instances} instances`);
  const { ok, checks } = await client.storage.doctor();
  if (!ok) throw new Error(`the store is not sound: ${JSON.stringify(checks)}`);
}

/** Instances of those sent that the index does not name, read from the database of the host that has stopped. */
async function countLost(): Promise<number> {
  const { dataKey } = await unlockWithPassword(readKeyring(home).keyring, operatorName, password);
  const handle = openDatabase(storePaths(home).database, databaseKeyOf(dataKey), 'read');
  try {
    const rows = handle.prepare('SELECT sop_uid FROM instance').all() as { sop_uid: string }[];
    const here = new Set(rows.map(({ sop_uid }) => sop_uid));
    if (here.size !== rows.length) throw new Error('an instance is there twice');
    let lost = 0;
    for (const seed of seeds) {
      for (const { sopInstanceUid } of syntheticInstances({
        count: perAssociation,
        perSeries,
        seed,
        rows: 1,
        columns: 1,
      }))
        if (!here.has(sopInstanceUid)) lost += 1;
    }
    return lost;
  } finally {
    handle.close();
  }
}
