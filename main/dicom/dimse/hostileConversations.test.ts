/** Recorded good streams, changed at random with a fixed seed: whatever comes, both sides end, and neither grows. */
import { connect, createServer, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Acceptor, AcceptorLimits, AssociationReport, DimseTimes, RequestedAssociation } from './dimse.ts';
import { DimseError } from './dimse.ts';
import { openAssociation } from './openAssociation.ts';
import { startAcceptor } from './startAcceptor.ts';
import { ctImage, implicit, verification } from './testConnections.ts';

const findClass = '1.2.840.10008.5.1.4.1.2.2.1';
const rounds = 400;
const sideBySide = 16;
/** Mulberry32: the same numbers for the same seed, anywhere. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** One to four changes: bytes, lengths, cuts, repeats and swaps, often where the headers are. */
function mutate(stream: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(stream);
  for (let changes = 1 + random(4); changes > 0; changes -= 1) {
    const at = random(Math.min(bytes.length, random(2) === 0 ? 600 : bytes.length));
    const length = 1 + random(64);
    switch (random(7)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 2:
        bytes.writeUInt32BE([0, 1, 0xffff_ffff, 0x7fff_ffff, 65_536][random(5)] ?? 0, Math.min(at, bytes.length - 4));
        break;
      case 3:
        bytes = bytes.subarray(0, Math.max(8, at));
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at)]);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(at + length, bytes.length - 8))]);
        break;
      default:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(Array.from({ length }, () => random(256))),
          bytes.subarray(at),
        ]);
    }
    if (bytes.length < 8) return Buffer.alloc(8);
  }
  return bytes;
}

/** Short, as half of the changed conversations are only ended by them. Good ones have the usual ones. */
const short = { requestMs: 300, idleMs: 300, pduMs: 300, paceMs: 300, associations: 64, associationsPerAddress: 64 };
const shortTimes = { connectMs: 5000, associateMs: 300, answerMs: 300, writeMs: 300 };
const reports: AssociationReport[] = [];
const problems: unknown[] = [];
let acceptor: Acceptor;
let recorded: { client: Buffer; server: Buffer };

function dial(port: number, times: Partial<DimseTimes>): Promise<RequestedAssociation> {
  const contexts = [verification, ctImage, findClass].map((abstractSyntax) => ({
    abstractSyntax,
    transferSyntaxes: [implicit],
    ...(abstractSyntax === ctImage ? { role: { scu: true, scp: true } } : {}),
  }));
  return openAssociation({ host: '127.0.0.1', port, callingAe: 'SALUS', calledAe: 'SALUS', contexts, times });
}

/** Everything that an association of ours does, once. */
async function converse(port: number, times: Partial<DimseTimes> = {}): Promise<number> {
  const association = await dial(port, times);
  try {
    let matches = 0;
    const input = { sopClassUid: ctImage, sopInstanceUid: '1.2.3', transferSyntaxUid: implicit };
    await association.echo();
    await association.store({ ...input, dataset: Buffer.alloc(3000, 1) });
    for await (const match of association.find(findClass, () => Buffer.alloc(16))) matches += match.dataset.length;
    const take = async () => ({ status: 0xa700 });
    await association.get(findClass, () => Buffer.alloc(16), take);
    await association.release();
    return matches;
  } finally {
    association.abort();
  }
}

/** A real conversation through a relay that keeps what each side said. */
async function record(port: number): Promise<typeof recorded> {
  const said: { client: Buffer[]; server: Buffer[] } = { client: [], server: [] };
  const relay = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    client.on('data', (chunk: Buffer) => said.client.push(chunk));
    server.on('data', (chunk: Buffer) => said.server.push(chunk));
    client.pipe(server).pipe(client);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const address = relay.address();
  const relayed = typeof address === 'object' && address ? address.port : 0;
  expect(await converse(relayed)).toBe(500);
  await new Promise((resolve) => relay.close(resolve));
  return { client: Buffer.concat(said.client), server: Buffer.concat(said.server) };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heldBytes = () => {
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
};

function accept(limits: Partial<AcceptorLimits>): Promise<Acceptor> {
  return startAcceptor({
    ...{ host: '127.0.0.1', port: 0, limits },
    answer: () => ({ accept: true, transferSyntaxesOf: () => [implicit] }),
    async take(object) {
      for await (const part of object.dataset) expect(part.length).toBeGreaterThan(0);
      return { status: 0 };
    },
    async *find() {
      for (let number = 0; number < 5; number += 1) yield Buffer.alloc(100, number);
    },
    event: async () => undefined,
    ended: (report) => reports.push(report),
    failed: (problem) => problems.push(problem),
  });
}

/** A good conversation with limits that a busy machine may be too slow for: once it is quick enough. */
async function converseAtLast(port: number): Promise<number> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      return await converse(port);
    } catch (problem) {
      if (Date.now() > deadline) throw problem;
    }
  }
}

beforeAll(async () => {
  const patient = await accept({});
  recorded = await record(patient.port);
  await patient.close(0);
  acceptor = await accept(short);
  expect(recorded.client.length).toBeGreaterThan(3500);
  expect(recorded.server.length).toBeGreaterThan(1000);
});
afterAll(() => acceptor.close(0));

describe('hostile bytes', () => {
  it(`an acceptor reports each of ${rounds} changed conversations, and then serves a good one`, async () => {
    const random = numbersFrom(20_261_120);
    const streams = Array.from({ length: rounds }, () => mutate(recorded.client, random));
    reports.length = 0;
    const before = heldBytes();
    const send = async (stream: Buffer, wait: boolean): Promise<void> => {
      const socket = connect(acceptor.port, '127.0.0.1');
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.on('error', () => undefined).resume();
      socket.write(stream.subarray(0, stream.length >> 1));
      // Half of them close as soon as all is said; the other half wait to be thrown out.
      if (wait) socket.write(stream.subarray(stream.length >> 1));
      else socket.end(stream.subarray(stream.length >> 1));
      await closed;
    };
    const workers = Array.from({ length: sideBySide }, async (_, first) => {
      for (let index = first; index < rounds; index += sideBySide)
        await send(streams[index] as Buffer, index % 2 === 0);
    });
    await Promise.all(workers);
    const deadline = Date.now() + 20_000;
    while (reports.length < rounds && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(reports).toHaveLength(rounds);
    expect(acceptor.open).toBe(0);
    expect(problems).toEqual([]);
    expect(new Set(reports.map(({ ending }) => ending))).toContain('protocol');
    expect(await converseAtLast(acceptor.port)).toBe(500);
    expect(heldBytes() - before).toBeLessThan(48 * 1024 * 1024);
  });

  it(`a requestor ends each of ${rounds} changed conversations, with a DimseError or with what it was told`, async () => {
    const random = numbersFrom(4711);
    const streams = Array.from({ length: rounds }, () => mutate(recorded.server, random));
    const sockets = new Set<Socket>();
    let next = 0;
    const server = createServer((socket) => {
      sockets.add(socket);
      const stream = streams[next] ?? Buffer.alloc(0);
      next += 1;
      socket.on('error', () => undefined).resume();
      socket.on('close', () => sockets.delete(socket));
      socket.once('data', () => socket.write(stream));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const before = heldBytes();
    const troubles = new Map<string, number>();
    const workers = Array.from({ length: sideBySide }, async (_, first) => {
      for (let index = first; index < rounds; index += sideBySide) {
        const trouble = await converse(port, shortTimes).then(
          () => 'none',
          (problem: unknown) => {
            if (problem instanceof DimseError) return problem.trouble;
            throw problem;
          },
        );
        troubles.set(trouble, (troubles.get(trouble) ?? 0) + 1);
      }
    });
    await Promise.all(workers);
    expect([...troubles.values()].reduce((sum, count) => sum + count, 0)).toBe(rounds);
    expect(troubles.get('protocol')).toBeGreaterThan(rounds / 10);
    expect(heldBytes() - before).toBeLessThan(48 * 1024 * 1024);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});
