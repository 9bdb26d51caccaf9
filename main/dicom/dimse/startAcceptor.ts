import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import type { Acceptor, AcceptorInput, AcceptorLimits, AssociationReport, AssociationRequest } from './dimse.ts';
import { DimseError } from './dimse.ts';
import { serverTlsOptions, subjectOf } from './dimseTls.ts';
import { serveAssociation } from './serveAssociation.ts';
import { Wire } from './wire.ts';

const defaultLimits: AcceptorLimits = {
  pduBytes: 256 * 1024,
  associations: 32,
  associationsPerAddress: 16,
  commandBytes: 64 * 1024,
  identifierBytes: 1024 * 1024,
  objectBytes: 4 * 1024 ** 3,
  requestMs: 10_000,
  idleMs: 5 * 60_000,
  pduMs: 30_000,
  slowestBytesPerSecond: 1024,
  paceMs: 30_000,
};
/** How long open associations may go on when the acceptor closes and nothing else is said, ms. */
const defaultGraceMs = 5_000;
/** How long whatever was called for an association may take to end after that, ms. */
const stuckMs = 5_000;
/** Connections that have not asked for an association yet may be this many times the associations allowed. */
const waitingFactor = 2;

/** One connection, from its first byte on. */
interface Caller {
  readonly address: string;
  /** True once its association was accepted. */
  associated: boolean;
}

/**
 * Listens for associations (PS3.8 7.1) until it is closed.
 * @throws NodeJS.ErrnoException when the port cannot be listened on, Error when the certificate cannot be used
 */
export async function startAcceptor(wish: AcceptorInput): Promise<Acceptor> {
  const input: AcceptorInput = { ...wish, ...guarded(wish) };
  const limits: AcceptorLimits = { ...defaultLimits, ...input.limits };
  const callers = new Map<Wire, Caller>();
  const serving = new Set<Promise<void>>();
  /** Raw connections by address; those that still shake hands are among them. */
  const sockets = new Map<Socket, string>();
  let closing = false;
  let lastNumber = 0;

  const countOf = (values: Iterable<string>, address: string) =>
    [...values].filter((other) => other === address).length;

  /** Holds a flood of connections off before it costs memory: rejecting them politely needs their request first. */
  const admit = (socket: Socket): void => {
    const address = addressOf(socket);
    const full =
      sockets.size >= limits.associations * (1 + waitingFactor) ||
      countOf(sockets.values(), address) >= limits.associationsPerAddress * (1 + waitingFactor);
    if (full || closing) {
      socket.on('error', () => undefined).destroy();
      return;
    }
    sockets.set(socket, address);
    socket.once('close', () => sockets.delete(socket));
  };

  /** PS3.8 table 9-21: local limit exceeded is transient and comes from the presentation part of the provider. */
  const enter = (caller: Caller): boolean => {
    const open = [...callers.values()].filter(({ associated }) => associated);
    const fromThere = open.filter(({ address }) => address === caller.address);
    if (closing || open.length >= limits.associations || fromThere.length >= limits.associationsPerAddress)
      return false;
    caller.associated = true;
    return true;
  };

  const serve = (socket: Socket): void => {
    if (socket.destroyed) return;
    const wire = new Wire(socket);
    const caller: Caller = { address: addressOf(socket), associated: false };
    callers.set(wire, caller);
    const served = serveAssociation({
      wire,
      address: caller.address,
      certificate: certificateOf(socket),
      limits,
      input,
      nextNumber: () => {
        lastNumber += 1;
        return lastNumber;
      },
      enter: () => enter(caller),
    }).finally(() => {
      callers.delete(wire);
      serving.delete(served);
    });
    serving.add(served);
  };

  const server = input.tls
    ? createTlsServer({ ...serverTlsOptions(input.tls, limits.requestMs), noDelay: true })
    : createServer({ noDelay: true });
  server.on('connection', admit);
  server.on(input.tls ? 'secureConnection' : 'connection', serve);
  server.on('tlsClientError', (problem: Error, socket: TLSSocket) => {
    const address = addressOf(socket);
    socket.destroy();
    const now = (input.nowMs ?? Date.now)();
    const code = (problem as NodeJS.ErrnoException).code ?? 'unknown';
    input.ended?.({ ...unknownCaller(address, now), ending: 'tls', details: { phase: 'tls', code } });
  });

  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(input.port, input.host, () => {
      server.removeListener('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : input.port);
    });
  });
  // Running out of descriptors ends one connection, never the listener.
  server.on('error', (problem) => input.failed?.(problem, 'listen'));

  return {
    port,
    get open() {
      return [...callers.values()].filter(({ associated }) => associated).length;
    },
    async close(graceMs = defaultGraceMs) {
      closing = true;
      let stuck: NodeJS.Timeout | undefined;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const failure = new DimseError('cancelled', 'the listener closes');
      for (const [wire, { associated }] of callers) if (!associated) wire.abort(0, 0, failure);
      const late = setTimeout(() => {
        for (const wire of callers.keys()) wire.abort(0, 0, failure);
      }, graceMs);
      // Whoever takes objects and never comes back must not keep us open: its connection is gone by then.
      const last = new Promise((resolve) => {
        stuck = setTimeout(resolve, graceMs + stuckMs);
      });
      await Promise.race([Promise.all(serving), last]);
      clearTimeout(late);
      clearTimeout(stuck);
      for (const socket of sockets.keys()) socket.destroy();
      await closed;
    },
  };
}

/** A listener of ours that throws must not end the process, nor a conversation: it is told to `failed`, or warned of. */
function guarded({ ended, failed }: AcceptorInput): Required<Pick<AcceptorInput, 'ended' | 'failed'>> {
  const warn = (problem: unknown): void =>
    process.emitWarning(`a listener of an acceptor failed: ${problem instanceof Error ? problem.name : 'no error'}`);
  const tell: NonNullable<AcceptorInput['failed']> = (problem, where) => {
    try {
      failed?.(problem, where);
    } catch (failure) {
      warn(failure);
    }
  };
  return {
    failed: tell,
    ended: (report) => {
      try {
        ended?.(report);
      } catch (failure) {
        tell(failure, 'listen');
      }
    },
  };
}

function unknownCaller(address: string, now: number): Omit<AssociationReport, 'ending' | 'details'> {
  return {
    associationNumber: 0,
    callingAe: '',
    calledAe: '',
    address,
    startedAtMs: now,
    endedAtMs: now,
    objects: 0,
    bytes: 0,
  };
}

/** An IPv4 address that came by IPv6 is the same one. */
function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}

function certificateOf(socket: Socket): AssociationRequest['certificate'] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  const certificate = socket.getPeerCertificate();
  return certificate.fingerprint256
    ? { subject: subjectOf(certificate), fingerprint256: certificate.fingerprint256 }
    : null;
}
