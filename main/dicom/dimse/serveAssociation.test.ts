import { afterEach, describe, expect, it } from 'vitest';
import { decodeCommand } from './commandSet.ts';
import type { IncomingEvent } from './dimse.ts';
import { openAssociation } from './openAssociation.ts';
import { encodeAbort, encodePdu, encodeReleaseRequest } from './pduCodec.ts';
import { abortAtEnd, abortPdu, associate, closeAcceptors, listen, reported } from './testAcceptors.ts';
import {
  ctImage,
  echoRequest,
  implicit,
  rawClient,
  rawCommand,
  rawData,
  rawRequest,
  storeRequest,
  verification,
} from './testConnections.ts';

afterEach(closeAcceptors);

describe('an acceptor and a peer that breaks the protocol', () => {
  const garbage = (type: number, length: number, body = Buffer.alloc(0)) => {
    const head = Buffer.alloc(6);
    head[0] = type;
    head.writeUInt32BE(length, 2);
    return Buffer.concat([head, body]);
  };

  it.each<[string, Buffer, number, object]>([
    ['an unknown PDU', garbage(0x16, 0x0301_00ff), 1, { what: 'unknown PDU' }],
    ['data before a request', rawData(1, 3, Buffer.alloc(4)), 2, { what: 'PDU out of place' }],
    ['a request that claims 4 GiB', garbage(1, 0xffff_fff0), 0, { limit: 'pduBytes', claimed: 0xffff_fff0 }],
    ['a request of nothing', garbage(1, 0), 6, { what: 'association PDU too short' }],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 1, { what: 'unknown PDU' }],
  ])('instead of a request: %s', async (_name, bytes, reason, details) => {
    const { acceptor, reports } = await listen();
    const peer = await rawClient(acceptor.port);
    peer.socket.write(bytes);
    expect(abortAtEnd(await peer.closed())).toEqual(abortPdu(2, reason));
    expect(await reported(reports)).toMatchObject({ ending: 'protocol', details, associationNumber: 0 });
  });

  it.each<[string, Buffer, number, object]>([
    ['a PDU over the limit', garbage(4, 262_145), 0, { limit: 'pduBytes' }],
    ['a second request', rawRequest(), 2, { what: 'PDU out of place' }],
    ['a release answer', garbage(6, 4, Buffer.alloc(4)), 2, { what: 'PDU out of place' }],
    ['a fragment past its PDU', encodePdu(4, Buffer.from('000000ff0103', 'hex')), 6, { what: /fragment past/ }],
    ['a fragment without header', encodePdu(4, Buffer.from('0000', 'hex')), 6, { what: /fragment header/ }],
    ['a fragment too short for a header', encodePdu(4, Buffer.from('000000010103', 'hex')), 6, { what: /fragment/ }],
    ['an unknown context', rawData(5, 3, Buffer.alloc(8)), 6, { what: 'unknown presentation context' }],
    ['an odd control header', rawData(1, 7, Buffer.alloc(8)), 6, { what: 'message control header' }],
    ['data where a command is due', rawData(1, 2, Buffer.alloc(8)), 2, { what: /where a command was due/ }],
    ['a command that is none', rawData(1, 3, Buffer.alloc(9, 1)), 6, { what: /command element/ }],
    ['an oversized command', rawData(1, 1, Buffer.alloc(65_538)), 0, { limit: 'commandBytes' }],
    [
      'an answer to nothing',
      rawCommand(1, { commandField: 0x8001, respondedTo: 1, status: 0, hasDataset: false }),
      2,
      {
        what: 'answer to nothing',
      },
    ],
    [
      'a command over two contexts',
      Buffer.concat([rawData(1, 1, Buffer.alloc(8)), rawData(3, 3, Buffer.alloc(8))]),
      6,
      {
        what: 'command over two contexts',
      },
    ],
    [
      'a command where data is due',
      Buffer.concat([rawCommand(3, storeRequest), rawCommand(3, echoRequest)]),
      2,
      {
        what: /where data was due/,
      },
    ],
    [
      'data in another context',
      Buffer.concat([rawCommand(3, storeRequest), rawData(1, 2, Buffer.alloc(8))]),
      6,
      {
        what: 'data set in another context',
      },
    ],
    [
      'a release inside a message',
      Buffer.concat([rawCommand(3, storeRequest), encodeReleaseRequest()]),
      2,
      {
        what: 'release inside a message',
      },
    ],
    [
      'an object without data set',
      rawCommand(3, { ...storeRequest, hasDataset: false }),
      6,
      {
        what: 'object without data set',
      },
    ],
    [
      'empty fragments for ever',
      Buffer.concat(Array.from({ length: 300 }, () => rawData(1, 1, Buffer.alloc(0)))),
      6,
      {
        what: 'empty fragments',
      },
    ],
    [
      'empty PDUs for ever',
      Buffer.concat(Array.from({ length: 300 }, () => garbage(4, 0))),
      6,
      {
        what: 'empty fragments',
      },
    ],
  ])('inside an association: %s', async (_name, bytes, reason, details: { what?: string | RegExp }) => {
    const { acceptor, reports, problems, taken } = await listen();
    const peer = await associate(acceptor.port);
    peer.socket.write(bytes);
    expect(abortAtEnd(await peer.closed())).toEqual(abortPdu(2, reason));
    const report = await reported(reports);
    const { what } = details;
    const expected = what instanceof RegExp ? { what: expect.stringMatching(what) } : details;
    expect(report).toMatchObject({ ending: 'protocol', details: expected, associationNumber: 1, callingAe: 'RAW' });
    expect(problems).toEqual([]);
    expect(taken).toEqual([]);
    expect(acceptor.open).toBe(0);
  });

  it('refuses an object of another class or without a UID, and takes the next', async () => {
    const { acceptor, taken } = await listen();
    const peer = await associate(acceptor.port);
    const data = rawData(3, 2, Buffer.alloc(10));
    const start = peer.received().length;
    peer.socket.write(
      Buffer.concat([
        ...[rawCommand(3, { ...storeRequest, affectedClassUid: '1.2.3' }), data],
        ...[rawCommand(3, { ...storeRequest, affectedInstanceUid: '../../x' }), data],
        ...[rawCommand(3, storeRequest), data, encodeReleaseRequest()],
      ]),
    );
    const all = (await peer.closed()).subarray(start);
    const statuses: (number | undefined)[] = [];
    for (let at = 0; all[at] === 4; ) {
      const end = at + 6 + all.readUInt32BE(at + 2);
      statuses.push(decodeCommand(all.subarray(at + 12, end)).status);
      at = end;
    }
    expect(statuses).toEqual([0x0122, 0x0117, 0]);
    expect(taken).toEqual([10]);
  });

  it('hears an abort, and a peer that goes away half way', async () => {
    const { acceptor, reports, problems, taken } = await listen();
    const half = Buffer.concat([rawCommand(3, storeRequest), rawData(3, 0, Buffer.alloc(1000))]);
    const aborting = await associate(acceptor.port);
    aborting.socket.write(Buffer.concat([half, encodeAbort(2, 4)]));
    expect(await reported(reports, 1)).toMatchObject({ ending: 'aborted', details: { source: 2, reason: 4 } });
    const leaving = await associate(acceptor.port);
    leaving.socket.end(half);
    expect(await reported(reports, 2)).toMatchObject({ ending: 'closed', objects: 0, associationNumber: 2 });
    const resetting = await associate(acceptor.port);
    resetting.socket.write(half.subarray(0, 50));
    resetting.socket.resetAndDestroy();
    expect(await reported(reports, 3)).toMatchObject({ ending: 'closed' });
    expect(taken).toEqual([]);
    // What the connection did is no failure of whoever takes objects.
    expect(problems).toEqual([]);
  });
});

describe('an acceptor and the operations of a peer', () => {
  const contexts = [verification, ctImage].map((abstractSyntax) => ({ abstractSyntax, transferSyntaxes: [implicit] }));
  const open = (port: number, more: typeof contexts = contexts) =>
    openAssociation({ host: '127.0.0.1', port, callingAe: 'SALUS', calledAe: 'SALUS', contexts: more });

  it('refuses operations that it does not offer', async () => {
    const { acceptor } = await listen();
    const association = await open(acceptor.port);
    const keys = () => Buffer.alloc(8);
    const answers = association.find(ctImage, keys);
    expect(await answers.next()).toMatchObject({ done: true, value: { status: 0x0211 } });
    expect(await association.move(ctImage, keys, 'ELSEWHERE')).toMatchObject({ status: 0x0211 });
    expect((await association.echo()).status).toBe(0);
    await association.release();
  });

  it('takes event reports in the role that storage commitment needs', async () => {
    const events: { event: IncomingEvent; callingAe: string }[] = [];
    const commitment = '1.2.840.10008.1.20.1';
    const { acceptor } = await listen({
      event: async (event, { callingAe }) => {
        events.push({ event, callingAe });
      },
    });
    const association = await openAssociation({
      ...{ host: '127.0.0.1', port: acceptor.port, callingAe: 'PACS', calledAe: 'SALUS' },
      contexts: [
        { abstractSyntax: commitment, transferSyntaxes: [implicit], role: { scu: false, scp: true } },
        { abstractSyntax: ctImage, transferSyntaxes: [implicit], role: { scu: true, scp: true } },
      ],
    });
    expect(association.contexts.map(({ role }) => role)).toEqual([
      { scu: false, scp: true },
      { scu: true, scp: false },
    ]);
    association.abort();
    const peer = await rawClient(acceptor.port);
    peer.socket.write(rawRequest());
    const length = (await peer.until(100)).length;
    const event = { ...storeRequest, commandField: 0x0100, eventType: 1, affectedClassUid: commitment };
    peer.socket.write(Buffer.concat([rawCommand(3, event), rawData(3, 2, Buffer.from('facts', 'latin1'))]));
    const answer = (await peer.until(length + 80)).subarray(length);
    expect(decodeCommand(answer.subarray(12))).toMatchObject({ commandField: 0x8100, status: 0, eventType: 1 });
    expect(events).toEqual([
      {
        event: {
          sopClassUid: commitment,
          sopInstanceUid: '1.2.3.4',
          eventType: 1,
          transferSyntaxUid: implicit,
          information: Buffer.from('facts', 'latin1'),
        },
        callingAe: 'RAW',
      },
    ]);
    peer.socket.destroy();
  });

  it('waits for a search that takes longer than a peer may rest', async () => {
    const { acceptor } = await listen({
      limits: { idleMs: 400 },
      async *find() {
        await new Promise((resolve) => setTimeout(resolve, 1300));
        yield Buffer.alloc(20);
      },
    });
    const association = await open(acceptor.port);
    const matches: number[] = [];
    for await (const match of association.find(ctImage, () => Buffer.alloc(8))) matches.push(match.dataset.length);
    expect(matches).toEqual([20]);
    expect((await association.echo()).status).toBe(0);
    await association.release();
  });

  it('counts the rest of a peer from the end of its search', async () => {
    const { acceptor } = await listen({
      limits: { idleMs: 4000 },
      async *find() {
        await new Promise((resolve) => setTimeout(resolve, 3700));
        yield Buffer.alloc(20);
      },
    });
    const association = await open(acceptor.port);
    for await (const match of association.find(ctImage, () => Buffer.alloc(8))) expect(match.dataset).toHaveLength(20);
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect((await association.echo()).status).toBe(0);
    await association.release();
  }, 30_000);

  it('sends 20,000 matches without keeping others waiting', async () => {
    const { acceptor } = await listen({
      async *find() {
        for (let number = 0; number < 20_000; number += 1) yield Buffer.alloc(200, number);
      },
    });
    const association = await open(acceptor.port);
    const other = await open(acceptor.port);
    let matches = 0;
    const counted = (async () => {
      for await (const match of association.find(ctImage, () => Buffer.alloc(8))) {
        expect(match.dataset).toHaveLength(200);
        matches += 1;
      }
    })();
    expect((await other.echo()).status).toBe(0);
    expect(matches).toBeLessThan(20_000);
    await counted;
    expect(matches).toBe(20_000);
    await Promise.all([association.release(), other.release()]);
  });
});
