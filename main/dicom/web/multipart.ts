/** multipart/related as DICOMweb uses it (RFC 2387, RFC 2046 5.1, PS3.18 8.6): written and read part by part, never whole. */
import { randomBytes } from 'node:crypto';
import { type MediaType, parseMediaType } from './mediaType.ts';
import { WebError } from './webPeer.ts';

export interface PartToWrite {
  readonly contentType: string;
  /** Null when it is not known; then neither is that of the whole. */
  readonly byteLength: number | null;
  open(): AsyncIterable<Uint8Array>;
}

/** A boundary that no object holds, except by a chance of 1 in 2^160. */
export function newBoundary(): string {
  return `salus-${randomBytes(20).toString('hex')}`;
}

function partHead(part: PartToWrite, boundary: string, isFirst: boolean): Buffer {
  return Buffer.from(`${isFirst ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${part.contentType}\r\n\r\n`, 'latin1');
}

const closing = (boundary: string) => Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');

/** Length in bytes of what `writeMultipart` gives, or null when a part does not know its own. */
export function multipartLength(parts: readonly PartToWrite[], boundary: string): number | null {
  let length = closing(boundary).length;
  for (const [index, part] of parts.entries()) {
    if (part.byteLength === null) return null;
    length += partHead(part, boundary, index === 0).length + part.byteLength;
  }
  return length;
}

/** The body of a multipart message. At least one part: an empty one cannot be told from a broken one. */
export async function* writeMultipart(parts: readonly PartToWrite[], boundary: string): AsyncGenerator<Uint8Array> {
  for (const [index, part] of parts.entries()) {
    yield partHead(part, boundary, index === 0);
    yield* part.open();
  }
  yield closing(boundary);
}

export interface MultipartLimits {
  /** Of one part's header lines together [16 KiB]. */
  readonly partHeaderBytes: number;
  /** Of one part [4 GiB]. */
  readonly partBytes: number;
  /** Parts of one message [1,000,000]. */
  readonly parts: number;
}

export interface ReadPart {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

const usualLimits: MultipartLimits = { partHeaderBytes: 16 * 1024, partBytes: 4 * 1024 ** 3, parts: 1_000_000 };
/** What may stand before the first boundary and after the last, bytes: nobody reads it. */
const longestMargin = 64 * 1024;
/** Blanks that may follow a boundary on its line (RFC 2046 transport padding). */
const longestPadding = 64;

function broken(reason: string, message: string): WebError {
  return new WebError('protocol', message, { reason });
}

/**
 * The boundary of a multipart/related content type.
 * @throws WebError('protocol') when it is another type, or has no usable boundary
 */
export function boundaryOf(mediaType: MediaType | null): string {
  if (mediaType?.type !== 'multipart/related') throw broken('contentType', 'the answer is no multipart/related');
  const boundary = mediaType.parameters.get('boundary') ?? '';
  if (!/^[\x20-\x7e]{1,70}$/.test(boundary) || boundary.endsWith(' ')) {
    throw broken('boundary', 'the answer has no usable boundary');
  }
  return boundary;
}

/**
 * Reads a multipart message. A part's body must be read before the next part is asked for, or it is skipped. A message
 * that ends before its last boundary is an error, whatever came before: nobody knows what is missing.
 *
 * @param boundary as `boundaryOf` gives it
 * @throws WebError('protocol') with reason incomplete, partHeader, partHeaderTooLong, partTooLong, tooManyParts, margin
 */
export async function* readMultipart(
  body: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: Partial<MultipartLimits> = {},
): AsyncGenerator<ReadPart, void, undefined> {
  const rules = { ...usualLimits, ...limits };
  const source = new PartSource(body, boundary);
  try {
    let delimiter = await source.skipMargin();
    for (let count = 1; delimiter === 'next'; count += 1) {
      if (count > rules.parts) throw broken('tooManyParts', 'the answer has more parts than are taken');
      const headers = await source.readHeaders(rules.partHeaderBytes);
      let bytes = 0;
      const next = async (): Promise<Uint8Array | null> => {
        const chunk = await source.readBody();
        bytes += chunk?.length ?? 0;
        if (bytes > rules.partBytes) throw broken('partTooLong', 'a part of the answer is longer than is taken');
        return chunk;
      };
      yield { headers, body: chunksOf(next) };
      while ((await next()) !== null);
      delimiter = source.ending;
    }
    await source.drain();
  } finally {
    await source.close();
  }
}

async function* chunksOf(next: () => Promise<Uint8Array | null>): AsyncGenerator<Uint8Array> {
  for (let chunk = await next(); chunk !== null; chunk = await next()) {
    if (chunk.length > 0) yield chunk;
  }
}

type Delimiter = 'next' | 'last';

/** Bytes of a message, of which no more is held than may be the beginning of a boundary. */
class PartSource {
  /** What ended the last part read. */
  ending: Delimiter = 'next';
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #delimiter: Buffer;
  /** The first boundary may stand at the very beginning, as if a line had ended before it. */
  #held: Buffer = Buffer.from('\r\n');
  #isOver = false;
  #inBody = false;

  constructor(body: AsyncIterable<Uint8Array>, boundary: string) {
    this.#chunks = body[Symbol.asyncIterator]();
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  }

  /** Skips what comes before the first boundary. */
  async skipMargin(): Promise<Delimiter> {
    this.#inBody = true;
    let bytes = 0;
    for (let chunk = await this.readBody(); chunk !== null; chunk = await this.readBody()) {
      bytes += chunk.length;
      if (bytes > longestMargin) throw broken('margin', 'the answer has no boundary where one should be');
    }
    return this.ending;
  }

  /** The next bytes of the part, maybe none; null at its end, and `ending` then says what ended it. */
  async readBody(): Promise<Uint8Array | null> {
    if (!this.#inBody) return null;
    let from = 0;
    for (;;) {
      const at = this.#held.indexOf(this.#delimiter, from);
      if (at < 0) break;
      const found = this.#classify(at + this.#delimiter.length);
      if (found === 'more') {
        if (at > 0) return this.#take(at);
        await this.#fill();
        continue;
      }
      if (found === 'no') {
        from = at + 1;
        continue;
      }
      if (at > 0) return this.#take(at);
      this.#held = this.#held.subarray(found.end);
      this.#inBody = false;
      this.ending = found.delimiter;
      return null;
    }
    const safe = this.#held.length - this.#delimiter.length + 1;
    if (safe > 0) return this.#take(safe);
    await this.#fill();
    return empty;
  }

  /** What stands behind a delimiter at `at`: a line's end, the two hyphens of the last one, or neither. */
  #classify(at: number): 'more' | 'no' | { delimiter: Delimiter; end: number } {
    const held = this.#held;
    if (held[at] === hyphen) {
      if (at + 1 >= held.length) return 'more';
      return held[at + 1] === hyphen ? { delimiter: 'last', end: at + 2 } : 'no';
    }
    let end = at;
    while (end - at <= longestPadding && (held[end] === 0x20 || held[end] === 0x09)) end += 1;
    if (end >= held.length) return 'more';
    if (held[end] !== 0x0d) return 'no';
    if (end + 1 >= held.length) return 'more';
    return held[end + 1] === 0x0a ? { delimiter: 'next', end: end + 2 } : 'no';
  }

  /** The header lines of a part. */
  async readHeaders(longest: number): Promise<Record<string, string>> {
    for (;;) {
      // No header at all: the empty line comes at once.
      const end = this.#held.subarray(0, 2).equals(lineEnd) ? 0 : this.#held.indexOf(headerEnd);
      if (end >= 0 || this.#held.length > longest + headerEnd.length) {
        if (end < 0 || end > longest) throw broken('partHeaderTooLong', 'the header of a part is longer than is taken');
        const text = this.#held.subarray(0, end).toString('latin1');
        this.#held = this.#held.subarray(end === 0 ? 2 : end + headerEnd.length);
        this.#inBody = true;
        return parseHeaders(text);
      }
      await this.#fill();
    }
  }

  /** Reads what comes after the last boundary, so that the connection can be used again. */
  async drain(): Promise<void> {
    let bytes = this.#held.length;
    while (!this.#isOver) {
      const next = await this.#chunks.next();
      if (next.done) this.#isOver = true;
      else bytes += next.value.length;
      if (bytes > longestMargin) throw broken('margin', 'the answer goes on after its end');
    }
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#chunks.return?.();
  }

  #take(length: number): Uint8Array {
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  async #fill(): Promise<void> {
    const next = this.#isOver ? ({ done: true } as const) : await this.#chunks.next();
    if (next.done) {
      this.#isOver = true;
      throw broken('incomplete', 'the answer ended before its last boundary');
    }
    this.#held = this.#held.length === 0 ? bufferOf(next.value) : Buffer.concat([this.#held, next.value]);
  }
}

const empty = new Uint8Array(0);
const hyphen = 0x2d;
const lineEnd = Buffer.from('\r\n');
const headerEnd = Buffer.from('\r\n\r\n');

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function parseHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  // A line that begins with a blank goes on from the one before (RFC 822 folding).
  for (const line of text.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    if (line === '') continue;
    const match = /^([!-9;-~]+)[ \t]*:(.*)$/.exec(line);
    if (!match) throw broken('partHeader', 'a part of the answer has a header that is none');
    headers[(match[1] as string).toLowerCase()] = (match[2] as string).trim();
  }
  return headers;
}

/** Transfer syntax that a part's content type names; '' when it names none. */
export function transferSyntaxOf(headers: Readonly<Record<string, string>>): string {
  const syntax = parseMediaType(headers['content-type'] ?? '')?.parameters.get('transfer-syntax') ?? '';
  return /^[0-9.]{1,64}$/.test(syntax) ? syntax : '';
}
