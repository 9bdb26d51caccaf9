/** A store with images, the receiver and the queues over it, whose clock and chances are the test's. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Delivery, NodeSecrets, NodeSettings, NodeUse } from '../../../app/domains/exchange/exchangeSchema.ts';
import type { Deliveries } from '../../../main/domains/exchange/exchangeParts.ts';
import { type DeliveryOptions, openDeliveries } from '../../../main/domains/exchange/sending/deliveries.ts';
import { aSlice, type SliceFacts } from '../../../main/domains/imaging/testObjects.ts';
import { openReceivingStation, type ReceivingStation, until } from './receivingStation.ts';

export const noTls = { enabled: false, ca: '', certificate: '', serverName: '' };
const usualUse: NodeUse = {
  send: true,
  search: false,
  receive: true,
  proof: 'auto',
  transcode: true,
  kilobytesPerSecond: null,
  hours: null,
  receiveFrom: '',
};

/** Patience for peers that never answer, ms. */
export const shortTimes: DeliveryOptions['times'] = {
  dimse: { connectMs: 3000, associateMs: 1500, answerMs: 1500, writeMs: 1500 },
  web: { connectMs: 3000, answerMs: 1500, idleMs: 1000, wholeMs: 5000 },
  eventMs: 300,
};

export interface SendingStation {
  readonly station: ReceivingStation;
  readonly deliveries: Deliveries;
  addNode(name: string, settings: NodeSettings, use?: Partial<NodeUse>, secrets?: NodeSecrets): string;
  addDimse(peer: { host: string; port: number; aeTitle: string }, use?: Partial<NodeUse>): string;
  addWeb(baseUrl: string, use?: Partial<NodeUse>, ca?: string): string;
  /** Imports a study of small slices; returns its UID. */
  importStudy(count: number, facts?: SliceFacts): Promise<string>;
  importFiles(...files: Uint8Array[]): Promise<void>;
  send(nodeId: string, studyUid: string): Delivery;
  get(deliveryId: string): ReturnType<Deliveries['get']>;
  /** Waits, moving the clock on to whatever is due next, until nothing more happens to the delivery by itself. */
  settled(deliveryId: string, withinMs?: number): Promise<ReturnType<Deliveries['get']>>;
  close(): Promise<void>;
}

let made = 0;

export async function openSendingStation(options: DeliveryOptions = {}): Promise<SendingStation> {
  const station = await openReceivingStation();
  const { t, nodes, receiver } = station;
  const { store, author, clock } = t.test;
  const services = () => t.services;
  const deliveries = openDeliveries(store, services, nodes, receiver, {
    times: shortTimes,
    lookMs: 20,
    random: () => 0.5,
    ...options,
  });
  deliveries.start();
  const folder = mkdtempSync(join(tmpdir(), 'salus-sending-'));

  const addNode: SendingStation['addNode'] = (name, settings, use = {}, secrets = {}) =>
    nodes.save(author, {
      nodeId: null,
      baseVersion: null,
      name,
      settings,
      use: { ...usualUse, ...use },
      secrets,
    }).nodeId;
  const get = (deliveryId: string) => deliveries.get({ deliveryId, offset: 0, limit: 500 });

  async function importFiles(...files: Uint8Array[]): Promise<void> {
    const paths = files.map((bytes) => {
      made += 1;
      const path = join(folder, `${made}.dcm`);
      writeFileSync(path, bytes);
      return path;
    });
    const job = await t.importPaths(...paths);
    if (job.state !== 'done' || job.counts['rejected'] !== 0) throw new Error(`imported ${JSON.stringify(job.counts)}`);
  }

  return {
    station,
    deliveries,
    addNode,
    addDimse: ({ host, port, aeTitle }, use) =>
      addNode(aeTitle, { kind: 'dimse', host, port, aeTitle, callingAeTitle: '', tls: noTls }, use),
    addWeb: (baseUrl, use, ca = '') =>
      addNode(
        'web',
        { kind: 'dicomweb', baseUrl, auth: { method: 'none' }, tls: { ca, certificate: '', serverName: '' } },
        use,
      ),
    importFiles,
    async importStudy(count, facts = {}) {
      made += 1;
      const study = facts.study ?? `1.2.826.0.1.3680043.${made}`;
      const slices = Array.from({ length: count }, (_, index) =>
        aSlice({ study, identifier: `ID-${made}`, ...facts, sop: `${study}.1.${index + 1}`, number: index + 1 }),
      );
      await importFiles(...slices);
      return study;
    },
    send: (nodeId, studyUid) =>
      deliveries.send(author, { nodeId, studyUid, seriesUids: [], reportId: null, deidentify: false }),
    get,
    settled: (deliveryId, withinMs = 60_000) =>
      until(
        () => {
          const delivery = get(deliveryId);
          const { state, nextAttemptAt } = delivery;
          if (state !== 'sending' && nextAttemptAt !== null && nextAttemptAt > clock.nowMs()) clock.set(nextAttemptAt);
          return delivery;
        },
        ({ state, nextAttemptAt }) => state !== 'sending' && nextAttemptAt === null,
        withinMs,
      ),
    async close() {
      await deliveries.close();
      await station.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
