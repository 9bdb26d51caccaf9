import { MessageChannel } from 'node:worker_threads';
import { ORPCError } from '@orpc/client';
import { type WebSocket, WebSocketServer } from 'ws';
import * as z from 'zod';
import { isAllowed, type Role } from '../../app/domains/security/securityRules.ts';
import { type Channel, maxFrameLength } from '../../app/shared/channel.ts';
import { Failure } from '../../app/shared/failure.ts';
import { op, streamOf, type Topic } from '../../app/shared/operation.ts';
import type { CallContext, Session } from '../../main/core.ts';
import { noteEntry } from '../../main/kernel/callTrace.ts';
import { openChannelClient } from '../../main/kernel/channelClient.ts';
import { startKernel } from '../../main/kernel/kernel.ts';
import { Mailbox } from '../../main/kernel/mailbox.ts';
import type { KernelHost } from '../../main/kernel/runOperation.ts';
import { memoryChannels, portChannel, webSocketChannel } from '../../main/kernel/transports.ts';

/** Stands for a patient's name: it may leave the kernel nowhere. */
export const secret = 'DUPONT^CANARY';
export const studyUid = '1.2.3.4';

/** A small contract with one procedure for each thing the kernel does. */
const table = {
  probe: {
    echo: op({ shape: 'query', permission: 'public', audit: false })
      .input(z.object({ text: z.string().max(5_000_000), at: z.date().optional() }))
      .output(z.object({ text: z.string(), operatorName: z.string().nullable() })),
    read: op({ shape: 'query', permission: 'studies.read', audit: true })
      .input(z.object({ studyUid: z.string() }))
      .output(z.string()),
    change: op({ shape: 'command', permission: 'signedIn', changes: ['studies'], audit: true })
      .input(z.object({ how: z.string() }))
      .output(z.string()),
    wait: op({ shape: 'query', permission: 'public', audit: false }).output(z.string()),
    count: op({ shape: 'stream', permission: 'signedIn', audit: true })
      .input(z.object({ studyUid: z.string().optional(), how: z.enum(['three', 'fail', 'mistyped', 'forever']) }))
      .output(streamOf(z.object({ n: z.number() }))),
    flood: op({ shape: 'stream', permission: 'public', audit: false }).output(streamOf(z.object({ n: z.number() }))),
  },
};

export interface ProbeClient {
  probe: {
    echo(input: { text: string }): Promise<{ text: string; operatorName: string | null }>;
    read(input: { studyUid: string }): Promise<string>;
    change(input: { how: string }): Promise<string>;
    wait(input: undefined, options?: { signal: AbortSignal }): Promise<string>;
    count(input: object, options?: { signal: AbortSignal }): Promise<AsyncIterableIterator<{ n: number }>>;
    flood(): Promise<AsyncIterableIterator<{ n: number }>>;
    nothing(): Promise<unknown>;
  };
}

interface AuditNote {
  operatorName: string | null;
  action: string;
  outcome: string;
  subject?: { type: string; id: string };
  detail: object;
}

const cleanUps: (() => void)[] = [];

/** Closes what the transports of a test opened. */
export function closeTransports(): void {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
}

/** A kernel over the probe table, with everything it tells its host kept for the test. */
export function openProbe() {
  const audit: AuditNote[] = [];
  const logged: unknown[] = [];
  const published: Topic[][] = [];
  let session: Session | null = null;
  let sessionEnd = new AbortController();
  let incidents = 0;
  const state = { waiting: 0, closedStreams: 0, auditBreaks: false, produced: 0 };
  const host: KernelHost = {
    log: {
      info: (...line) => logged.push(line),
      warn: (...line) => logged.push(line),
      error: (...line) => logged.push(line),
    },
    newId() {
      incidents += 1;
      return `incident-${incidents}`;
    },
    openCall: (connectionId, signal) => ({
      connectionId,
      session,
      signal,
      author: () => session as Session,
      can: (permission) => session !== null && isAllowed(session.roles, permission),
      store: () => {
        throw new Error('no store in this test');
      },
      services: () => {
        throw new Error('no services in this test');
      },
    }),
    sessionSignal: () => (session ? sessionEnd.signal : undefined),
    audit: (author, action, outcome, subject, detail) => {
      if (state.auditBreaks) throw new Failure('storage.diskFull', 'full');
      audit.push({ operatorName: author.operatorName, action, outcome, ...(subject ? { subject } : {}), detail });
    },
    publish: (topics) => published.push([...topics]),
  };
  const handlers = {
    probe: {
      echo: ({ text }: { text: string }, context: CallContext) => ({
        text,
        operatorName: context.session?.operatorName ?? null,
      }),
      read: ({ studyUid: asked }: { studyUid: string }) => asked,
      change: async ({ how }: { how: string }) => {
        if (how === 'wrote' || how === 'wroteElse') {
          // As the write gate does, some turns of the loop into the call.
          await new Promise((resolve) => setTimeout(resolve, 5));
          noteEntry(how === 'wrote' ? 'probe.change' : 'another.act', 'success');
        }
        if (how === 'failure') throw new Failure('imaging.studyUnknown', `log only ${secret}`, { count: 1 });
        if (how === 'badDetails')
          throw new Failure('imaging.studyUnknown', 'x', { patient: { name: secret } } as never);
        if (how === 'badCode') throw new Failure(`no code ${secret}`, 'x');
        if (how === 'declared') throw new ORPCError('FAILURE', { message: secret, data: { name: secret } });
        if (how === 'foreign') throw new ORPCError('CONFLICT', { message: secret, data: secret });
        if (how === 'error') throw new TypeError(secret);
        if (how === 'text') throw secret;
        if (how === 'mistyped') return { name: secret } as unknown as string;
        return how;
      },
      wait: (_input: unknown, { signal }: CallContext) =>
        new Promise<string>((_resolve, reject) => {
          state.waiting += 1;
          signal.addEventListener('abort', () => {
            state.waiting -= 1;
            reject(signal.reason);
          });
        }),
      count: ({ how }: { how: string }, { signal }: CallContext) => countTo(how, signal, state),
      flood: (_input: unknown, { signal }: CallContext) => {
        const mailbox = new Mailbox<{ n: number }>();
        const timer = setInterval(() => {
          for (let burst = 0; burst < 100 && state.produced < 3000; burst += 1) {
            state.produced += 1;
            mailbox.put({ n: state.produced });
          }
          if (state.produced >= 3000) {
            clearInterval(timer);
            mailbox.close();
          }
        }, 2);
        signal.addEventListener('abort', () => clearInterval(timer));
        return mailbox;
      },
    },
  };
  const kernel = startKernel(handlers, host, table);
  return {
    kernel,
    audit,
    logged,
    published,
    state,
    signIn(roles: Role[]) {
      sessionEnd = new AbortController();
      session = { operatorId: 'o', operatorName: 'reader', roles, signedInAt: 0 };
    },
    signOut() {
      session = null;
      sessionEnd.abort();
    },
    logText: () =>
      JSON.stringify(logged, (_key, value) =>
        value instanceof Error ? [value.name, value.message, value.stack] : value,
      ),
  };
}

async function* countTo(how: string, signal: AbortSignal, state: { closedStreams: number }) {
  try {
    yield { n: 1 };
    if (how === 'fail') throw new Error(secret);
    if (how === 'mistyped') yield { n: secret } as unknown as { n: number };
    if (how === 'forever') await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    yield { n: 2 };
    yield { n: 3 };
  } finally {
    state.closedStreams += 1;
  }
}

type Probe = ReturnType<typeof openProbe>;
interface Ends {
  readonly client: ProbeClient;
  /** The caller's raw end. */
  readonly raw: Channel;
}

export const probeTransports: Record<string, (probe: Probe) => Promise<Ends>> = {
  async memory(probe) {
    const [here, there] = memoryChannels();
    probe.kernel.serve(there, 'c1');
    return { client: openChannelClient<ProbeClient>(here), raw: here };
  },
  async port(probe) {
    const { port1, port2 } = new MessageChannel();
    cleanUps.push(() => port1.close());
    probe.kernel.serve(portChannel(port2), 'c1');
    const here = portChannel(port1);
    return { client: openChannelClient<ProbeClient>(here), raw: here };
  },
  async 'Electron port'(probe) {
    // Electron's port hands an event with the message in `data`, where node:worker_threads hands the message.
    const { port1, port2 } = new MessageChannel();
    cleanUps.push(() => port1.close());
    const electronPort = {
      postMessage: (message: string) => port2.postMessage(message),
      on: (event: 'message' | 'close', listener: (message?: unknown) => void) =>
        event === 'message'
          ? port2.on('message', (data) => listener({ data, ports: [] }))
          : port2.on('close', () => listener()),
      start: () => port2.start(),
      close: () => port2.close(),
    };
    probe.kernel.serve(portChannel(electronPort), 'c1');
    const here = portChannel(port1);
    return { client: openChannelClient<ProbeClient>(here), raw: here };
  },
  async WebSocket(probe) {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: maxFrameLength });
    await new Promise((resolve) => server.once('listening', resolve));
    server.on('connection', (socket) => {
      socket.on('error', () => socket.close());
      probe.kernel.serve(webSocketChannel(socket), 'c1');
    });
    const { WebSocket: Socket } = await import('ws');
    const socket: WebSocket = new Socket(`ws://127.0.0.1:${(server.address() as { port: number }).port}`);
    await new Promise((resolve) => socket.once('open', resolve));
    cleanUps.push(() => {
      socket.terminate();
      server.close();
    });
    const here = webSocketChannel(socket);
    return { client: openChannelClient<ProbeClient>(here), raw: here };
  },
};
