/** Rules for priors over a real store, with as much of the other domains as they need, and an archive to ask. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewPrefetchRule, PrefetchRule, PrefetchRun } from '../../app/domains/exchange/prefetchSchema.ts';
import type { OpenedStore } from '../../main/database/openStore.ts';
import { openTestStore, type TestStore } from '../../main/database/testStore.ts';
import type { Services } from '../../main/domainServices.ts';
import type { Finding, NewNode, NodeRegistry, Receiver } from '../../main/domains/exchange/exchangeParts.ts';
import { openFinding } from '../../main/domains/exchange/finding/finding.ts';
import { openNodeRegistry } from '../../main/domains/exchange/nodes/nodeRegistry.ts';
import { openPrefetch, type Prefetch } from '../../main/domains/exchange/prefetch/prefetch.ts';
import { openReceiver } from '../../main/domains/exchange/receiving/receiver.ts';
import { openSchedule, type Schedule } from '../../main/domains/exchange/schedule/schedule.ts';
import { openImagingService } from '../../main/domains/imaging/imagingService.ts';
import { openTestImaging, type TestImaging } from '../../main/domains/imaging/testImaging.ts';
import { aSlice, type SliceFacts } from '../../main/domains/imaging/testObjects.ts';
import { openPatientService } from '../../main/domains/patients/patientService.ts';
import { openWorklistService } from '../../main/domains/worklist/worklistService.ts';
import { readShelfObject, type ShelfObject } from '../integration/peers/objectShelf.ts';
import { answerQido, answerWado } from '../integration/peers/shelfAnswers.ts';

/** The day of these tests: noon of 2026-11-20, by the clock of this machine. */
export const noonMs = new Date(2026, 10, 20, 12).getTime();
export const today = '20261120';

/** A slice of that day unless told otherwise. */
export interface DatedSlice extends SliceFacts {
  readonly date?: string;
  readonly modality?: string;
  readonly sex?: string;
}

export function datedSlice({ date = today, modality = 'CT', sex = 'F', more, ...facts }: DatedSlice): SliceFacts {
  return {
    ...facts,
    more: { '00080020': ['DA', date], '00080060': ['CS', modality], '00100040': ['CS', sex], ...more },
  };
}

/** The same as an object of an archive. */
export const shelved = (slice: DatedSlice): ShelfObject => readShelfObject(aSlice(datedSlice(slice)));

/** A DICOMweb archive that a test may switch off, slow down, or have answer with everything it has. */
export interface ArchivePeer {
  objects: ShelfObject[];
  /** Answers a search for studies with all of them, whatever was asked. */
  ignoresKeys: boolean;
  isDown: boolean;
  /** Objects are handed over only once this is fulfilled. */
  hold: Promise<void> | null;
  /** How long it takes over each answer, ms. */
  delayMs: number;
  /** Paths asked for, with their query. */
  readonly requests: string[];
  readonly baseUrl: string;
  /** Searches for studies so far. */
  looks(): number;
  /** Study UIDs of which objects were asked for. */
  fetched(): string[];
  stop(): Promise<void>;
}

export async function startArchivePeer(): Promise<ArchivePeer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    void answer(request.url ?? '/').then(({ status, type, body }) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    });
  });
  async function answer(url: string) {
    requests.push(url);
    await sleep(peer.delayMs);
    if (peer.isDown) return { status: 500, type: 'text/plain', body: Buffer.from('down') };
    const { pathname, searchParams } = new URL(url, 'http://peer');
    const parts = pathname.split('/').filter((part) => part !== '');
    if (!['studies', 'series', 'instances'].includes(parts.at(-1) ?? '')) {
      await peer.hold;
      return answerWado(peer.objects, parts);
    }
    if (peer.ignoresKeys && parts.length === 1) {
      for (const name of [...searchParams.keys()]) if (name !== 'offset' && name !== 'limit') searchParams.delete(name);
    }
    return answerQido(peer.objects, parts, searchParams, 'both');
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const peer: ArchivePeer = {
    objects: [],
    ignoresKeys: false,
    isDown: false,
    hold: null,
    delayMs: 0,
    requests,
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    looks: () => requests.filter((url) => /^\/studies\?/.test(url) && !/[?&]offset=[1-9]/.test(url)).length,
    fetched: () => [
      ...new Set(
        requests
          .map((url) => url.split('?')[0]?.split('/') ?? [])
          .filter((parts) => !['studies', 'series', 'instances'].includes(parts.at(-1) ?? ''))
          .map((parts) => parts[2] ?? ''),
      ),
    ],
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return peer;
}

export interface PrefetchTest {
  readonly test: TestStore;
  readonly imaging: TestImaging;
  readonly nodes: NodeRegistry;
  readonly receiver: Receiver;
  readonly finding: Finding;
  readonly schedule: Schedule;
  readonly prefetch: Prefetch;
  addArchive(name: string, peer: Pick<ArchivePeer, 'baseUrl'>): string;
  addRule(nodeIds: readonly string[], changes?: Partial<NewPrefetchRule>): PrefetchRule;
  arrives(...slices: DatedSlice[]): Promise<void>;
  /** The same bytes as an archive has. */
  arrivesToo(object: ShelfObject): Promise<void>;
  runs(studyUid?: string): PrefetchRun[];
  /** The only look there is, once `isSo` holds for it. */
  run(isSo: (run: PrefetchRun) => boolean, studyUid?: string): Promise<PrefetchRun>;
  /** Instances of a study that are here. */
  here(studyUid: string): number;
  /** Closes what runs and opens the store again, as a restart does. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export const isEnded = ({ nextAttemptAt }: PrefetchRun): boolean => nextAttemptAt === null;

/** Polls: nothing here is said by an event that a test could await. */
export async function until<Value>(look: () => Value | undefined | false, what: () => string): Promise<Value> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const value = look();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`did not come to pass: ${what()}`);
    await sleep(20);
  }
}

export async function openPrefetchTest(): Promise<PrefetchTest> {
  const test = await openTestStore({ startMs: noonMs });
  const imaging = await openTestImaging(test);
  let parts = openParts();

  function openParts() {
    const services = () => imaging.services;
    const nodes = openNodeRegistry(test.store);
    const receiver = openReceiver(test.store, services, nodes);
    const finding = openFinding(test.store, services, nodes, receiver, [20, 20]);
    const schedule = openSchedule(test.store);
    const prefetch = openPrefetch(test.store, services, nodes, finding, schedule, 50);
    return { nodes, receiver, finding, schedule, prefetch };
  }
  const closeParts = async () => {
    await parts.prefetch.close();
    await Promise.all([parts.receiver.close(), parts.finding.close()]);
  };
  parts.prefetch.start();

  const runs = (studyUid?: string) => parts.prefetch.runs({ offset: 0, limit: 100, studyUid: studyUid ?? null }).rows;
  return {
    test,
    imaging,
    get nodes() {
      return parts.nodes;
    },
    get receiver() {
      return parts.receiver;
    },
    get finding() {
      return parts.finding;
    },
    get schedule() {
      return parts.schedule;
    },
    get prefetch() {
      return parts.prefetch;
    },
    addArchive: (name, { baseUrl }) => parts.nodes.save(test.author, archiveNode(name, baseUrl)).nodeId,
    addRule: (nodeIds, changes) =>
      parts.prefetch.save(test.author, { ruleId: null, baseVersion: null, rule: aPrefetchRule(nodeIds, changes) }),
    async arrivesToo({ bytes }) {
      const folder = mkdtempSync(path.join(tmpdir(), 'salus-prefetch-'));
      writeFileSync(path.join(folder, 'object.dcm'), bytes);
      await imaging.importPaths(folder);
      rmSync(folder, { recursive: true, force: true });
    },
    arrives: (...slices) => imaging.importSlices(...slices.map(datedSlice)),
    runs,
    run: (isSo, studyUid) =>
      until(
        () => {
          const [run, ...more] = runs(studyUid);
          return more.length === 0 && run !== undefined && isSo(run) && run;
        },
        () => `a look in that state; there is ${JSON.stringify(runs(studyUid))}`,
      ),
    here: (studyUid) => imaging.imaging.listSopUids(studyUid).length,
    async restart() {
      await closeParts();
      await imaging.reopen(() => {
        parts = openParts();
      });
      parts.prefetch.start();
    },
    async close() {
      await closeParts();
      await imaging.close();
    },
  };
}

export const keeper = { operatorName: 'keeper', password: 'a long enough password' };

/** The same over a store that a process of its own opened; nothing runs before `prefetch.start()`. */
export function openPrefetchCore(store: OpenedStore) {
  const services = {} as { -readonly [Name in keyof Services]: Services[Name] };
  services.patients = openPatientService(store, () => services);
  services.worklist = openWorklistService(store, () => services);
  services.imaging = openImagingService(store, () => services);
  const nodes = openNodeRegistry(store);
  const receiver = openReceiver(store, () => services, nodes);
  const finding = openFinding(store, () => services, nodes, receiver, [20, 20]);
  const prefetch = openPrefetch(store, () => services, nodes, finding, openSchedule(store), 50);
  return {
    services,
    nodes,
    prefetch,
    async close() {
      await prefetch.close();
      await Promise.all([receiver.close(), finding.close()]);
      await services.imaging.close();
    },
  };
}

/** A DICOMweb node that is searched and nothing else. */
export function archiveNode(name: string, baseUrl: string): NewNode {
  return {
    nodeId: null,
    baseVersion: null,
    name,
    settings: {
      kind: 'dicomweb',
      baseUrl,
      auth: { method: 'none' },
      tls: { ca: '', certificate: '', serverName: '' },
    },
    use: {
      ...({ send: false, search: true, receive: false, proof: 'auto', transcode: true } as const),
      ...{ kilobytesPerSecond: null, hours: null, receiveFrom: '' },
    },
    secrets: {},
  };
}

/** A rule for any study: the three newest of five years. */
export function aPrefetchRule(nodeIds: readonly string[], changes: Partial<NewPrefetchRule> = {}): NewPrefetchRule {
  return {
    name: 'priors',
    enabled: true,
    triggers: ['arrival', 'planned'],
    match: { modalities: [], bodyParts: [] },
    nodeIds: [...nodeIds],
    priors: { sameModality: false, modalities: [], atMost: 3, years: 5 },
    ...changes,
  };
}
