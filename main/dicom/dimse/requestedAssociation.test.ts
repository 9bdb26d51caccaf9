import { afterEach, describe, expect, it } from 'vitest';
import type { Command } from './commandSet.ts';
import { encodeAbort, encodeReleaseAnswer, encodeReleaseRequest } from './pduCodec.ts';
import { ctImage, implicit, type RawPeer, rawAccept, rawCommand, rawData, storeRequest } from './testConnections.ts';
import { accepted, answer, closeServers, contexts, dial, serve, troubleOf } from './testRequestors.ts';

afterEach(closeServers);

describe('an operation with a bad peer', () => {
  const echo = answer(0x0030);
  it.each<[string, Buffer, string, object]>([
    [
      'another message id',
      rawCommand(1, { ...echo, respondedTo: 2 }),
      'protocol',
      { what: 'answer to another message' },
    ],
    ['another command', rawCommand(1, answer(0x0001)), 'protocol', { what: 'answer to something else' }],
    ['another context', rawCommand(3, echo), 'protocol', { what: 'answer in another context' }],
    ['an unknown context', rawCommand(7, echo), 'protocol', { what: 'unknown presentation context' }],
    [
      'no status',
      rawCommand(1, { commandField: 0x8030, respondedTo: 1, hasDataset: false }),
      'protocol',
      {
        what: 'command without status',
      },
    ],
    ['an object that was not asked for', rawCommand(3, storeRequest), 'protocol', { what: 'answer to something else' }],
    ['an abort', encodeAbort(0, 0), 'aborted', {}],
    ['a release', encodeReleaseRequest(), 'closed', { what: 'release' }],
    ['a release answer', encodeReleaseAnswer(), 'protocol', { what: 'release answer out of place' }],
    ['a PDU of 4 GiB', Buffer.from('0400fffffff0', 'hex'), 'protocol', { limit: 'pduBytes' }],
  ])('that answers an echo with %s', async (_name, bytes, trouble, details) => {
    const association = await accepted(async (peer, next) => {
      await next(60);
      peer.socket.write(bytes);
    });
    expect(await troubleOf(association.echo())).toMatchObject({ trouble, details });
    expect(await troubleOf(association.echo())).toMatchObject({ trouble });
    await association.release();
  });

  it('that never answers, closes, or takes nothing', async () => {
    const silent = await accepted(() => undefined, { answerMs: 200 });
    expect(await troubleOf(silent.echo())).toMatchObject({ trouble: 'timeout', details: { wait: 'answer' } });
    const closing = await accepted(async (peer, next) => {
      await next(60);
      peer.socket.destroy();
    });
    expect(await troubleOf(closing.echo())).toMatchObject({ trouble: 'closed' });
    const full = await accepted((peer) => void peer.socket.pause(), { writeMs: 300 });
    async function* endless() {
      for (;;) yield Buffer.alloc(1_000_000);
    }
    const input = { sopClassUid: ctImage, sopInstanceUid: '1.2', transferSyntaxUid: implicit };
    expect(await troubleOf(full.store({ ...input, dataset: endless() }))).toMatchObject({
      trouble: 'timeout',
      details: { wait: 'write' },
    });
  });

  it('that aborts while an object is on its way is heard before the object has ended', async () => {
    const association = await accepted(async (peer, next) => {
      await next(400_000);
      peer.socket.write(encodeAbort(2, 6));
    });
    let sent = 0;
    async function* endless() {
      for (;;) {
        sent += 100_000;
        yield Buffer.alloc(100_000);
      }
    }
    const input = { sopClassUid: ctImage, sopInstanceUid: '1.2', transferSyntaxUid: implicit, dataset: endless() };
    expect(await troubleOf(association.store(input))).toMatchObject({ trouble: 'aborted', details: { reason: 6 } });
    expect(sent).toBeLessThan(1_000_000_000);
  });

  it('aborts when what is to be sent cannot be read, and tells the caller its own problem', async () => {
    let end: Promise<Buffer> | undefined;
    const association = await accepted((peer) => {
      end = peer.closed();
    });
    async function* broken() {
      yield Buffer.alloc(10);
      throw new Error('the file is gone');
    }
    const input = { sopClassUid: ctImage, sopInstanceUid: '1.2', transferSyntaxUid: implicit, dataset: broken() };
    await expect(association.store(input)).rejects.toThrow('the file is gone');
    expect([...((await end) ?? Buffer.alloc(0)).subarray(-10)]).toEqual([7, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    expect(await troubleOf(association.echo())).toMatchObject({ trouble: 'cancelled' });
  });

  it.each([0, 128, 1001, 16_384])(
    'cuts an object for a peer that takes PDUs of %i bytes, and nothing is lost',
    async (most) => {
      const dataset = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
      let peerOf: RawPeer | undefined;
      const port = await serve(async (peer) => {
        peerOf = peer;
        await peer.until(100);
        peer.socket.write(rawAccept([1, 3], most));
      });
      const association = await dial(port, {});
      const before = peerOf?.received().length ?? 0;
      const input = { sopClassUid: ctImage, sopInstanceUid: '1.2', transferSyntaxUid: implicit, dataset };
      const stored = association.store(input);
      const came = (): Buffer => peerOf?.received().subarray(before) ?? Buffer.alloc(0);
      await peerOf?.until(before + dataset.length + 100);
      const fragments: Buffer[] = [];
      let last = 0;
      for (const deadline = Date.now() + 20_000; last !== 2 && Date.now() < deadline; ) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        fragments.length = 0;
        for (let at = 0; at + 6 <= came().length; ) {
          const length = came().readUInt32BE(at + 2);
          if (at + 6 + length > came().length) break;
          expect(length).toBeLessThanOrEqual(most || 131_072);
          last = came()[at + 11] ?? 0;
          if ((last & 1) === 0) fragments.push(came().subarray(at + 12, at + 6 + length));
          at += 6 + length;
        }
      }
      expect(fragments.slice(0, -1).every(({ length }) => length % 2 === 0)).toBe(true);
      expect(Buffer.concat(fragments).equals(dataset)).toBe(true);
      peerOf?.socket.write(rawCommand(3, answer(0x0001)));
      expect((await stored).status).toBe(0);
      association.abort();
    },
  );

  it('does one thing at a time', async () => {
    const association = await accepted(async (peer, next) => {
      await next(60);
      peer.socket.write(rawCommand(1, echo));
    });
    const first = association.echo();
    await expect(association.echo()).rejects.toThrow('one operation at a time');
    expect((await first).status).toBe(0);
    association.abort();
  });

  it('that keeps finding after a cancel is cut off', async () => {
    const match = [
      rawCommand(3, answer(0x0020, { status: 0xff00, hasDataset: true })),
      rawData(3, 2, Buffer.alloc(64)),
    ];
    const association = await accepted(
      async (peer, next) => {
        await next(60);
        const flood = setInterval(() => peer.socket.write(Buffer.concat(match)), 5);
        peer.socket.on('close', () => clearInterval(flood));
      },
      { answerMs: 1500 },
    );
    for await (const found of association.find(ctImage, () => Buffer.alloc(8))) {
      expect(found.dataset).toHaveLength(64);
      break;
    }
    expect(await troubleOf(association.echo())).toMatchObject({ trouble: 'timeout' });
  });

  it('that answers for another instance has answered nothing', async () => {
    const association = await accepted(async (peer, next) => {
      await next(60);
      peer.socket.write(rawCommand(3, answer(0x0001, { affectedClassUid: ctImage, affectedInstanceUid: '9.9.9' })));
    });
    const input = { sopClassUid: ctImage, sopInstanceUid: '1.2.3', transferSyntaxUid: implicit };
    expect(await troubleOf(association.store({ ...input, dataset: Buffer.alloc(200) }))).toMatchObject({
      trouble: 'protocol',
      details: { what: 'answer for another instance' },
    });
  });

  it('that trickles a message for ever keeps nobody who wants to leave, or to end a search', async () => {
    const trickle = (peer: RawPeer, command: Command) => {
      peer.socket.write(rawCommand(3, command));
      const drops = setInterval(() => peer.socket.write(rawData(3, 0, Buffer.alloc(4))), 20);
      peer.socket.on('close', () => clearInterval(drops));
    };
    const event = { commandField: 0x0100, messageId: 9, eventType: 1, hasDataset: true };
    const leaving = await accepted(
      async (peer, next) => {
        await next(10);
        trickle(peer, { ...event, affectedClassUid: ctImage, affectedInstanceUid: '1.2.9' });
      },
      { associateMs: 1500 },
    );
    await leaving.release();
    const match = answer(0x0020, { status: 0xff00, hasDataset: true });
    const searching = await accepted(
      async (peer, next) => {
        await next(60);
        peer.socket.write(Buffer.concat([rawCommand(3, match), rawData(3, 2, Buffer.alloc(64))]));
        await next(60);
        trickle(peer, match);
      },
      { answerMs: 1500 },
    );
    for await (const found of searching.find(ctImage, () => Buffer.alloc(8))) {
      expect(found.dataset).toHaveLength(64);
      break;
    }
    expect(await troubleOf(searching.echo())).toMatchObject({
      trouble: 'timeout',
      details: { wait: 'end of a cancelled search' },
    });
  }, 30_000);

  it('that sends a match without end, or an object over the limit, is cut off', async () => {
    const endless = await accepted(async (peer, next) => {
      await next(60);
      peer.socket.write(rawCommand(3, answer(0x0020, { status: 0xff00, hasDataset: true })));
      const fragment = rawData(3, 0, Buffer.alloc(100_000));
      const flood = setInterval(() => peer.socket.write(fragment), 1);
      peer.socket.on('close', () => clearInterval(flood));
    });
    expect(await troubleOf(endless.find(ctImage, () => Buffer.alloc(8)).next())).toMatchObject({
      details: { limit: 'identifierBytes' },
    });
    const large = await accepted(
      async (peer, next) => {
        await next(60);
        peer.socket.write(Buffer.concat([rawCommand(3, storeRequest), rawData(3, 2, Buffer.alloc(2000))]));
      },
      {},
      { objectBytes: 1999 },
    );
    const take = async () => ({ status: 0 });
    expect(await troubleOf(large.get(ctImage, () => Buffer.alloc(8), take))).toMatchObject({
      details: { limit: 'objectBytes', most: 1999 },
    });
  });

  it('sends objects where it may not', async () => {
    const association = await accepted(
      async (peer, next) => {
        await next(60);
        peer.socket.write(Buffer.concat([rawCommand(3, storeRequest), rawData(3, 2, Buffer.alloc(20))]));
      },
      {},
      { contexts: contexts.map(({ abstractSyntax, transferSyntaxes }) => ({ abstractSyntax, transferSyntaxes })) },
    );
    const take = async () => ({ status: 0 });
    expect(await troubleOf(association.get(ctImage, () => Buffer.alloc(8), take))).toMatchObject({
      details: { what: 'object in a context without that role' },
    });
  });

  it('hears event reports, asked for or not, and goes on after none came', async () => {
    const event: Command = {
      ...{ commandField: 0x0100, messageId: 9, eventType: 1, hasDataset: true },
      ...{ affectedClassUid: ctImage, affectedInstanceUid: '1.2.9' },
    };
    const report = Buffer.concat([rawCommand(3, event), rawData(3, 2, Buffer.from('ab'))]);
    const association = await accepted(async (peer, next) => {
      await next(60);
      peer.socket.write(Buffer.concat([report, rawCommand(3, answer(0x0130))]));
      await next(60);
      await next(60);
      peer.socket.write(Buffer.concat([rawCommand(1, answer(0x0030, { respondedTo: 2 })), report]));
    });
    const wish = { sopClassUid: ctImage, sopInstanceUid: '1.2', actionType: 1, information: () => Buffer.alloc(2) };
    expect((await association.action(wish)).status).toBe(0);
    expect(await association.awaitEvent(0)).toMatchObject({ eventType: 1, sopInstanceUid: '1.2.9' });
    expect(await association.awaitEvent(50)).toBeUndefined();
    expect((await association.echo()).status).toBe(0);
    expect(await association.awaitEvent(20_000)).toMatchObject({ information: Buffer.from('ab') });
    association.abort();
    expect(await troubleOf(association.awaitEvent(10))).toMatchObject({ trouble: 'cancelled' });
  });

  it('releases in order even where both ask for it, and gives up on a peer that does not answer', async () => {
    let last: Buffer = Buffer.alloc(0);
    const both = await accepted(async (peer, next) => {
      await next(10);
      peer.socket.write(encodeReleaseRequest());
      last = await next(10);
      peer.socket.end(encodeReleaseAnswer());
    });
    await both.release();
    expect(last.toString('hex')).toBe(encodeReleaseAnswer().toString('hex'));
    let end: Promise<Buffer> | undefined;
    const silent = await accepted(
      (peer) => {
        end = peer.closed();
      },
      { associateMs: 2000 },
    );
    await silent.release();
    expect((await end)?.at(-10)).toBe(7);
  });
});
