/** A store with the receiver over it, and DCMTK's storescu to send to it. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReceiverSettings } from '../../../app/domains/exchange/exchangeSchema.ts';
import { openTestStore, type TestStore } from '../../../main/database/testStore.ts';
import type { Services } from '../../../main/domainServices.ts';
import type { NodeRegistry, Receiver } from '../../../main/domains/exchange/exchangeParts.ts';
import { openNodeRegistry } from '../../../main/domains/exchange/nodes/nodeRegistry.ts';
import { openReceiver, type ReceiverOptions } from '../../../main/domains/exchange/receiving/receiver.ts';
import { openTestImaging, type TestImaging } from '../../../main/domains/imaging/testImaging.ts';
import { programOf } from '../../../scripts/services.ts';

export interface ReceivingStation {
  readonly t: TestImaging;
  readonly nodes: NodeRegistry;
  readonly receiver: Receiver;
  readonly port: number;
  /** Makes a node of that title at `host`, whose associations are taken. */
  allow(aeTitle: string, host?: string): string;
  /** Turns the receiver on with these settings over the usual ones. */
  listen(settings?: Partial<ReceiverSettings>, privateKey?: string): Promise<void>;
  close(): Promise<void>;
}

const noTls = { enabled: false, ca: '', certificate: '', serverName: '' };

export async function openReceivingStation(
  options: ReceiverOptions = {},
  store?: TestStore,
): Promise<ReceivingStation> {
  const t = await openTestImaging(store ?? (await openTestStore()));
  const services = t.services as { -readonly [Name in keyof Services]: Services[Name] };
  const nodes = openNodeRegistry(t.test.store);
  const receiver = openReceiver(t.test.store, () => services, nodes, options);
  await receiver.start();
  return {
    t,
    nodes,
    receiver,
    get port() {
      const { port, failure } = receiver.state();
      if (port === null) throw new Error(`the receiver does not listen: ${failure}`);
      return port;
    },
    allow(aeTitle, host = '127.0.0.1') {
      return nodes.save(t.test.author, {
        nodeId: null,
        baseVersion: null,
        name: aeTitle,
        settings: { kind: 'dimse', host, port: 104, aeTitle, callingAeTitle: '', tls: noTls },
        use: {
          send: false,
          search: false,
          receive: true,
          proof: 'auto',
          transcode: true,
          kilobytesPerSecond: null,
          hours: null,
          receiveFrom: '',
        },
        secrets: {},
      }).nodeId;
    },
    async listen(settings = {}, privateKey) {
      const before = receiver.state().settings;
      const state = await receiver.save(
        t.test.author,
        { ...before, enabled: true, port: 0, leastFreeMib: 64, ...settings },
        privateKey,
      );
      if (state.state !== 'listening') throw new Error(`the receiver does not listen: ${state.failure}`);
    },
    async close() {
      await receiver.close();
      await t.close();
    },
  };
}

export interface Sent {
  readonly code: number | null;
  readonly output: string;
  /** What storescu said it was answered, in order: the part in brackets, as `Success`. */
  readonly answers: readonly string[];
}

/** Sends files with DCMTK's storescu, as MODALITY to SALUS unless told otherwise. */
export function storescu(
  port: number,
  files: readonly string[],
  options: {
    readonly calling?: string;
    readonly called?: string;
    readonly arguments?: readonly string[];
    readonly host?: string;
  } = {},
): Promise<Sent> {
  const { calling = 'MODALITY', called = 'SALUS', host = '127.0.0.1' } = options;
  const child = spawn(
    programOf('storescu'),
    ['-v', '-aet', calling, '-aec', called, ...(options.arguments ?? []), host, String(port), ...files],
    { env: { ...process.env, TCP_NODELAY: '1' }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({
        code,
        output,
        answers: [...output.matchAll(/Received Store Response \(([^)]*)\)/g)].map((match) => match[1] ?? ''),
      }),
    );
  });
}

/** Waits until `look` gives what is wanted. */
export async function until<Found>(
  look: () => Found | Promise<Found>,
  isFine: (found: Found) => boolean,
  withinMs = 30_000,
): Promise<Found> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (isFine(found)) return found;
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms in vain; last: ${JSON.stringify(found)}`);
    await sleep(50);
  }
}
