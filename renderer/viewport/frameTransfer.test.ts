import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf, FrameError, fetchFrame, firstPart } from './frameTransfer.ts';

const bytes = (text: string) => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
function multipart(pixels: Uint8Array, boundary: string, partType: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...bytes(`--${boundary}\r\nContent-Type: ${partType}\r\n\r\n`),
    ...pixels,
    ...bytes(`\r\n--${boundary}--\r\n`),
  ]);
}

describe('a frame in a multipart body', () => {
  it('is taken out whole, whatever its bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (pixels) => {
        const body = multipart(pixels, 'b0undary', 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.80');
        const part = firstPart(body, 'multipart/related; type="application/octet-stream"; boundary="b0undary"');
        expect([...part.bytes]).toEqual([...pixels]);
        expect(part.syntaxUid).toBe('1.2.840.10008.1.2.4.80');
      }),
    );
  });
  it('may hold the boundary among its pixels', () => {
    const pixels = Uint8Array.from([...bytes('\r\n--b\r\n'), 1, 2, 3]);
    const body = Uint8Array.from([...multipart(pixels, 'b', 'image/jls')]);
    const longTail = firstPart(body, 'multipart/related; boundary=b');
    expect([...longTail.bytes]).toEqual([...pixels]);
    expect(longTail.syntaxUid).toBe('1.2.840.10008.1.2.4.80');
  });
  it('or in a plain one is explicit little endian unless said otherwise', () => {
    expect(firstPart(bytes('xy'), 'application/octet-stream').syntaxUid).toBe('1.2.840.10008.1.2.1');
    expect(firstPart(bytes('xy'), 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.5').syntaxUid).toBe(
      '1.2.840.10008.1.2.5',
    );
  });
  it('without a part is an error, not an empty picture', () => {
    expect(() => firstPart(bytes('nothing here'), 'multipart/related; boundary=b')).toThrow(FrameError);
  });
});

describe('a fetch', () => {
  const { signal } = new AbortController();
  it('passes on the reason of the host', async () => {
    const refused = async () => new Response(JSON.stringify({ code: 'imaging.truncatedPixelData' }), { status: 422 });
    await expect(fetchFrame(refused, '/x', signal)).rejects.toMatchObject({
      code: 'imaging.truncatedPixelData',
    });
  });
  it('calls an empty answer what it is', async () => {
    await expect(fetchFrame(async () => new Response(''), '/x', signal)).rejects.toMatchObject({
      code: 'imaging.emptyPixelData',
    });
  });
  it('takes a frame in whatever syntax the host has it', async () => {
    let accept = '';
    const fetchAsset = async (_path: string, init?: RequestInit) => {
      accept = new Headers(init?.headers).get('accept') ?? '';
      return new Response('x');
    };
    await fetchFrame(fetchAsset, '/x', signal);
    expect(accept).toContain('transfer-syntax=*');
  });
  it('has a code for every kind of error', () => {
    expect(codeOf(new FrameError('imaging.x', ''))).toBe('imaging.x');
    expect(codeOf(new Error('anything'))).toBe('imaging.frameUnavailable');
  });
});
