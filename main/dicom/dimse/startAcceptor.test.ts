import { afterEach, describe, expect, it } from 'vitest';
import type { AcceptorLimits } from './dimse.ts';
import { encodeReleaseRequest } from './pduCodec.ts';
import { abortAtEnd, abortPdu, associate, closeAcceptors, listen, reported } from './testAcceptors.ts';
import { rawClient, rawCommand, rawData, rawRequest, storeRequest } from './testConnections.ts';

afterEach(closeAcceptors);

describe('an acceptor and a peer that is slow', () => {
  it('ends what asks for nothing, and a request that trickles', async () => {
    const { acceptor, reports } = await listen({ limits: { requestMs: 200 } });
    const silent = await rawClient(acceptor.port);
    expect(abortAtEnd(await silent.closed())).toEqual(abortPdu(0, 0));
    expect(await reported(reports, 1)).toMatchObject({ ending: 'timeout', details: { wait: 'association request' } });
    const request = rawRequest();
    const trickling = await rawClient(acceptor.port);
    let at = 0;
    const drip = setInterval(() => trickling.socket.write(request.subarray(at, ++at)), 20);
    await trickling.closed();
    clearInterval(drip);
    expect(await reported(reports, 2)).toMatchObject({ ending: 'timeout', details: { wait: 'association request' } });
  });

  it.each<[string, Partial<AcceptorLimits>, Buffer, string]>([
    ['rests too long', { idleMs: 250 }, Buffer.alloc(0), 'next message'],
    ['stops inside a message', { pduMs: 250 }, rawCommand(3, storeRequest), 'rest of a message'],
    ['stops inside a command', { pduMs: 250 }, rawCommand(3, storeRequest).subarray(0, 20), 'rest of a message'],
  ])('ends what %s', async (_name, limits, bytes, wait) => {
    const { acceptor, reports } = await listen({ limits });
    const peer = await associate(acceptor.port);
    peer.socket.write(bytes);
    expect(abortAtEnd(await peer.closed())).toEqual(abortPdu(0, 0));
    expect(await reported(reports)).toMatchObject({ ending: 'timeout', details: { wait } });
  });

  it('ends an object that trickles', async () => {
    const { acceptor, reports } = await listen({ limits: { paceMs: 300, slowestBytesPerSecond: 100_000 } });
    const peer = await associate(acceptor.port);
    peer.socket.write(Buffer.concat([rawCommand(3, storeRequest), rawData(3, 0, Buffer.alloc(8))]));
    const drip = setInterval(() => peer.socket.write(rawData(3, 0, Buffer.alloc(8))), 20);
    await peer.closed();
    clearInterval(drip);
    expect(await reported(reports)).toMatchObject({ ending: 'protocol', details: { limit: 'slowestBytesPerSecond' } });
  });

  it('does not count the time in which our own side is slow, and holds the peer back meanwhile', async () => {
    const limits = { pduMs: 20_000, paceMs: 1000, slowestBytesPerSecond: 400_000 };
    const total = 8_000_000;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let bytes = 0;
    const { acceptor, reports } = await listen({
      limits,
      async take(object) {
        await held;
        for await (const part of object.dataset) bytes += part.length;
        return { status: 0 };
      },
    });
    const peer = await associate(acceptor.port);
    const fragment = Buffer.alloc(100_000);
    peer.socket.write(rawCommand(3, storeRequest));
    for (let sent = 0; sent < total; sent += fragment.length) {
      peer.socket.write(rawData(3, sent + fragment.length === total ? 2 : 0, fragment));
    }
    const before = peer.received().length;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    // The sockets' own buffers take some of it; the rest waits with the peer.
    expect(peer.socket.writableLength).toBeGreaterThan(0);
    expect(reports).toEqual([]);
    release();
    await peer.until(before + 20);
    expect(bytes).toBe(total);
    peer.socket.end(encodeReleaseRequest());
    expect(await reported(reports)).toMatchObject({ ending: 'released', objects: 1, bytes: total });
  });

  it('does not wait for ever for a peer that takes no answers', async () => {
    const limits = { pduMs: 300 };
    const { acceptor, reports } = await listen({
      limits,
      async *find({ signal }) {
        while (!signal.aborted) yield Buffer.alloc(100_000);
      },
    });
    const peer = await associate(acceptor.port);
    peer.socket.pause();
    const query = { ...storeRequest, commandField: 0x0020 };
    peer.socket.write(Buffer.concat([rawCommand(3, query), rawData(3, 2, Buffer.alloc(8))]));
    expect(await reported(reports)).toMatchObject({ ending: 'timeout', details: { wait: 'write' } });
    peer.socket.destroy();
  });
});

describe('an acceptor and many peers', () => {
  it('rejects associations over the limits, and drops connections that ask for nothing', async () => {
    const limits = { associations: 3, associationsPerAddress: 2, requestMs: 20_000 };
    const { acceptor, reports } = await listen({ limits });
    const open = [await associate(acceptor.port), await associate(acceptor.port)];
    const third = await rawClient(acceptor.port);
    third.socket.write(rawRequest());
    expect((await third.closed()).toString('hex')).toBe('03000000000400020302');
    expect(await reported(reports)).toMatchObject({
      ending: 'rejected',
      details: { result: 2, source: 3, reason: 2 },
      associationNumber: 3,
    });
    // Two are open; four more may wait for their request, and the next is dropped unheard.
    const silent = await Promise.all(Array.from({ length: 4 }, () => rawClient(acceptor.port)));
    const dropped = await rawClient(acceptor.port);
    expect(await dropped.closed()).toHaveLength(0);
    for (const peer of [...silent, ...open]) peer.socket.destroy();
    await reported(reports, 7);
    (await associate(acceptor.port)).socket.destroy();
  });

  it('closes: lets end what is open, aborts what does not', async () => {
    const { acceptor, reports } = await listen();
    const leaving = await associate(acceptor.port);
    const staying = await associate(acceptor.port);
    const waiting = await rawClient(acceptor.port);
    const closed = acceptor.close(400);
    leaving.socket.write(encodeReleaseRequest());
    await Promise.all([closed, leaving.closed(), staying.closed(), waiting.closed()]);
    expect(abortAtEnd(staying.received())).toEqual(abortPdu(0, 0));
    expect(reports.map(({ ending }) => ending).sort()).toEqual(['cancelled', 'cancelled', 'released']);
    await expect(rawClient(acceptor.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('goes on when those who listen to it fail', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const fail = () => {
      throw new TypeError('the log is full of SECRET^NAME');
    };
    const { acceptor } = await listen({ ended: fail, failed: fail });
    const stranger = await rawClient(acceptor.port);
    stranger.socket.write('GET / HTTP/1.1\r\n\r\n');
    await stranger.closed();
    expect((await warned).message).toBe('a listener of an acceptor failed: TypeError');
    const peer = await associate(acceptor.port);
    peer.socket.destroy();
  });

  it('says no when deciding fails, and tells what failed', async () => {
    const { acceptor, problems, reports } = await listen({
      answer() {
        throw new Error('the database is away');
      },
    });
    const peer = await rawClient(acceptor.port);
    peer.socket.write(rawRequest());
    expect((await peer.closed()).toString('hex')).toBe('03000000000400020301');
    expect(problems).toEqual([{ problem: new Error('the database is away'), where: 'answer' }]);
    expect(await reported(reports)).toMatchObject({ ending: 'rejected' });
  });
});
