import { afterEach, describe, expect, it } from 'vitest';
import { encodeAbort, encodePdu, encodeReject, encodeReleaseAnswer } from './pduCodec.ts';
import { ctImage, implicit, rawAccept, verification } from './testConnections.ts';
import { closeServers, dial, serve, troubleOf } from './testRequestors.ts';

afterEach(closeServers);

describe('opening an association with a bad peer', () => {
  it.each<[string, Buffer, string, object]>([
    ['rejects', encodeReject(2, 3, 1), 'rejected', { result: 2, source: 3, reason: 1 }],
    ['aborts', encodeAbort(2, 0), 'aborted', { source: 2, reason: 0 }],
    ['says something else', encodeReleaseAnswer(), 'protocol', { what: 'PDU out of place' }],
    ['speaks HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'protocol', { what: 'unknown PDU' }],
    ['claims 4 GiB', Buffer.from('0200fffffff0', 'hex'), 'protocol', { limit: 'pduBytes' }],
    ['answers nothing', encodePdu(2, Buffer.alloc(0)), 'protocol', { what: 'association PDU too short' }],
    ['takes no PDU of use', rawAccept([1], 16), 'protocol', { what: 'maximum length' }],
  ])('that %s', async (_name, bytes, trouble, details) => {
    const port = await serve((peer) => peer.socket.write(bytes));
    expect(await troubleOf(dial(port))).toMatchObject({ trouble, details });
  });

  it('that closes at once, half way, or never answers', async () => {
    const closing = await serve((peer) => peer.socket.end());
    expect(await troubleOf(dial(closing))).toMatchObject({ trouble: 'closed' });
    const half = await serve((peer) => peer.socket.end(rawAccept([1]).subarray(0, 40)));
    expect(await troubleOf(dial(half))).toMatchObject({ trouble: 'closed' });
    const silent = await serve(() => undefined);
    expect(await troubleOf(dial(silent, { associateMs: 200 }))).toMatchObject({ trouble: 'timeout' });
    const trickling = await serve((peer) => {
      const bytes = rawAccept([1]);
      let at = 0;
      const drip = setInterval(() => peer.socket.write(bytes.subarray(at, ++at)), 20);
      peer.socket.on('close', () => clearInterval(drip));
    });
    expect(await troubleOf(dial(trickling, { associateMs: 200 }))).toMatchObject({ trouble: 'timeout' });
  });

  it('that accepts what was not proposed, or forgets to answer', async () => {
    const port = await serve((peer) => peer.socket.write(rawAccept([1, 99])));
    const association = await dial(port);
    expect(association.contexts.map(({ id }) => id)).toEqual([1]);
    expect(association.refused).toEqual([{ abstractSyntax: ctImage, reason: 2 }]);
    association.abort();
    const wrong = await serve((peer) => peer.socket.write(rawAccept([1])));
    const explicitOnly = [{ abstractSyntax: verification, transferSyntaxes: ['1.2.840.10008.1.2.1'] }];
    expect(await troubleOf(dial(wrong, {}, { contexts: explicitOnly }))).toMatchObject({
      trouble: 'protocol',
      details: { what: 'transfer syntax that was not proposed' },
    });
  });

  it('that no TLS can be spoken with, and one that nobody answers for', async () => {
    const tls = { ca: '', certificate: '', key: '', serverName: '' };
    const plain = await serve((peer) => peer.socket.end('this is not TLS at all'));
    expect(await troubleOf(dial(plain, {}, { tls }))).toMatchObject({ trouble: 'tls' });
    const silent = await serve(() => undefined);
    expect(await troubleOf(dial(silent, { connectMs: 200 }, { tls }))).toMatchObject({
      trouble: 'timeout',
      details: { wait: 'tls' },
    });
    expect(await troubleOf(dial(1, {}, { host: 'no-such-host.invalid' }))).toMatchObject({ trouble: 'unreachable' });
  });

  it('is cancelled at any time', async () => {
    const silent = await serve(() => undefined);
    const controller = new AbortController();
    const opening = dial(silent, {}, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    expect(await troubleOf(opening)).toMatchObject({ trouble: 'cancelled' });
    expect(await troubleOf(dial(silent, {}, { signal: controller.signal }))).toMatchObject({ trouble: 'cancelled' });
  });

  it('refuses a wish that no association can carry', async () => {
    const many = Array.from({ length: 129 }, () => ({ abstractSyntax: '1.2', transferSyntaxes: [implicit] }));
    for (const wish of [
      { contexts: [] },
      { contexts: many },
      { contexts: [{ abstractSyntax: '1.2', transferSyntaxes: [] }] },
      { contexts: [{ abstractSyntax: '1.2\n', transferSyntaxes: [implicit] }] },
      { calledAe: 'SEVENTEEN LETTERS' },
      { callingAe: '   ' },
      { calledAe: 'BACK\\SLASH' },
    ]) {
      await expect(dial(1, {}, wish)).rejects.toBeInstanceOf(RangeError);
    }
  });
});
