import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMediaType } from './mediaType.ts';
import {
  boundaryOf,
  multipartLength,
  newBoundary,
  type PartToWrite,
  readMultipart,
  writeMultipart,
} from './multipart.ts';
import { WebError } from './webPeer.ts';

/** Cut at the given places, over and over; a 0 gives an empty chunk. */
async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function readAll(body: AsyncIterable<Uint8Array>, boundary: string, limits = {}) {
  const parts: { headers: Record<string, string>; body: Buffer }[] = [];
  for await (const part of readMultipart(body, boundary, limits)) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of part.body) chunks.push(chunk);
    parts.push({ headers: { ...part.headers }, body: Buffer.concat(chunks) });
  }
  return parts;
}

async function reasonOf(text: string, limits = {}, boundary = 'b'): Promise<unknown> {
  const work = readAll(chunked(Buffer.from(text, 'latin1'), [5]), boundary, limits);
  const error = await work.then(
    (parts) => parts,
    (problem: unknown) => problem,
  );
  return error instanceof WebError ? error.details.reason : error;
}

const toWrite = (body: Uint8Array, isLengthKnown = true): PartToWrite => ({
  contentType: 'application/dicom',
  byteLength: isLengthKnown ? body.length : null,
  open: () => chunked(body, [1000]),
});

/** Bytes in which line ends, hyphens and beginnings of the boundary are as likely as not. */
const trickyBytes = fc
  .array(fc.constantFrom('\r', '\n', '-', '--', '\r\n--', '\r\n--bound', '\r\n--boundaryX', 'boundary', 'x', '\0'), {
    maxLength: 40,
  })
  .map((pieces) => Buffer.from(pieces.join(''), 'latin1'))
  .filter((bytes) => !/\r\n--boundary(--|[ \t]*\r\n)/.test(`${bytes.toString('latin1')}\r\n`));
const sizes = fc
  .array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 8 })
  .filter((all) => all.some((size) => size > 0));

describe('multipart', () => {
  it('is read as it was written, however its bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(trickyBytes, { minLength: 1, maxLength: 5 }), sizes, async (bodies, cuts) => {
        const parts = bodies.map((body) => toWrite(body));
        const written: Uint8Array[] = [];
        for await (const chunk of writeMultipart(parts, 'boundary')) written.push(chunk);
        const whole = Buffer.concat(written);
        expect(whole.length).toBe(multipartLength(parts, 'boundary'));
        const read = await readAll(chunked(whole, cuts), 'boundary');
        expect(read.map(({ body }) => body.toString('hex'))).toEqual(bodies.map((body) => body.toString('hex')));
        expect(read.every(({ headers }) => headers['content-type'] === 'application/dicom')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is an error wherever it is cut off, and no part is made up', async () => {
    const bodies = [Buffer.from('first\r\n--b'), Buffer.from('second')];
    const written: Uint8Array[] = [];
    for await (const chunk of writeMultipart(
      bodies.map((body) => toWrite(body)),
      'boundary',
    ))
      written.push(chunk);
    const whole = Buffer.concat(written);
    const last = whole.lastIndexOf('--') + 2;
    for (let length = 0; length < last; length += 1) {
      await expect(readAll(chunked(whole.subarray(0, length), [3]), 'boundary')).rejects.toMatchObject({
        trouble: 'protocol',
        details: { reason: 'incomplete' },
      });
    }
    expect((await readAll(chunked(whole.subarray(0, last), [3]), 'boundary')).length).toBe(2);
  });

  it('has room for what other programs write: preamble, epilogue, blanks behind a boundary, folded and missing headers', async () => {
    const text =
      'who reads this\r\n--b \t\r\nContent-Type: application/dicom;\r\n transfer-syntax=1.2\r\nX: y\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\nthe end';
    const parts = await readAll(chunked(Buffer.from(text), [4]), 'b');
    expect(parts).toEqual([
      { headers: { 'content-type': 'application/dicom; transfer-syntax=1.2', x: 'y' }, body: Buffer.from('one') },
      { headers: {}, body: Buffer.from('two') },
    ]);
    expect(await readAll(chunked(Buffer.from('--b--'), [1]), 'b')).toEqual([]);
  });

  it('skips what nobody reads of a part, and tells the source that it may stop', async () => {
    const written: Uint8Array[] = [];
    const bodies = [Buffer.alloc(5000, 'a'), Buffer.from('second'), Buffer.from('third')];
    for await (const chunk of writeMultipart(
      bodies.map((body) => toWrite(body)),
      'boundary',
    ))
      written.push(chunk);
    let isStopped = false;
    async function* source() {
      try {
        yield* chunked(Buffer.concat(written), [100]);
      } finally {
        isStopped = true;
      }
    }
    const seen: string[] = [];
    for await (const part of readMultipart(source(), 'boundary')) {
      if (seen.length === 0) {
        for await (const chunk of part.body) {
          seen.push(`${chunk.length > 0}`);
          break;
        }
        continue;
      }
      for await (const chunk of part.body) seen.push(Buffer.from(chunk).toString());
      break;
    }
    expect(seen.join('')).toBe('truesecond');
    expect(isStopped).toBe(true);
  });

  it.each([
    ['partHeaderTooLong', `--b\r\nX: ${'y'.repeat(300)}\r\n\r\n\r\n--b--`, { partHeaderBytes: 100 }],
    ['partHeaderTooLong', `--b\r\nX: ${'y'.repeat(300)}`, { partHeaderBytes: 100 }],
    ['partHeader', '--b\r\nno header at all\r\n\r\n\r\n--b--', {}],
    ['partTooLong', `--b\r\n\r\n${'y'.repeat(300)}\r\n--b--`, { partBytes: 299 }],
    ['tooManyParts', '--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--', { parts: 1 }],
    ['margin', 'x'.repeat(70_000), {}],
    ['margin', `--b--${'x'.repeat(70_000)}`, {}],
    ['incomplete', '', {}],
  ])('is refused beyond its limits: %s', async (reason, text, limits) => {
    expect(await reasonOf(text, limits)).toBe(reason);
  });

  it('does not know its length where a part does not know its own, and makes a boundary of its own each time', () => {
    expect(multipartLength([toWrite(Buffer.from('x')), toWrite(Buffer.from('y'), false)], 'b')).toBeNull();
    expect(newBoundary()).not.toBe(newBoundary());
    expect(newBoundary().length).toBeLessThanOrEqual(70);
  });
});

describe('media types', () => {
  it.each([
    ['multipart/related; type="application/dicom"; boundary=abc', 'abc'],
    ['Multipart/Related;boundary="a b\\"c";type=x', 'a b"c'],
    ['multipart/related; boundary=a/b=c:d', 'a/b=c:d'],
    ['multipart/related; boundary=one; boundary=two', 'one'],
  ])('%s', (header, boundary) => {
    expect(boundaryOf(parseMediaType(header))).toBe(boundary);
  });

  it.each([
    'multipart/related',
    'multipart/mixed; boundary=b',
    'multipart/related; boundary=""',
    'multipart/related; boundary="a ',
    `multipart/related; boundary=${'b'.repeat(71)}`,
    'text/html',
    '',
  ])('no boundary in %s', (header) => {
    expect(() => boundaryOf(parseMediaType(header))).toThrow(WebError);
  });
});
