import { GrowingBytes } from '../growingBytes.ts';
import { type Command, decodeCommand } from './commandSet.ts';
import { DimseError } from './dimse.ts';
import { abortReasons, broken, overLimit, tooLate } from './dimseTrouble.ts';
import { controlBits, decodeAbort, decodePduHeader, pduHeaderBytes, pduTypes, pdvHeaderBytes } from './pduCodec.ts';
import type { Wire } from './wire.ts';

export interface StreamLimits {
  readonly pduBytes: number;
  readonly commandBytes: number;
  /** Longest silence inside a message, ms. */
  readonly silenceMs: number;
  /** Slowest a message may come over each `paceMs` of waiting for it. */
  readonly slowestBytesPerSecond: number;
  readonly paceMs: number;
}

/** In one message. */
const mostEmptyFragments = 256;

/** The data set of a message as it comes: read it to its end, or `drain` it, before the next message. */
export interface IncomingData extends AsyncIterable<Uint8Array> {
  /** True once the last fragment was read. */
  readonly complete: boolean;
  /** Bytes read so far. */
  readonly bytes: number;
  drain(): Promise<void>;
}

export type Incoming =
  | { readonly kind: 'message'; readonly contextId: number; readonly command: Command; readonly data?: IncomingData }
  | { readonly kind: 'releaseRequest' }
  | { readonly kind: 'releaseAnswer' };

/** The messages of one association, pulled from its wire. Everything a peer claims is checked before it is believed. */
export class MessageStream {
  readonly #wire: Wire;
  readonly #limits: StreamLimits;
  readonly #contextIds: ReadonlySet<number>;
  /** Most bytes of the data set that may follow this command. */
  readonly #dataLimitOf: (command: Command) => { readonly name: string; readonly bytes: number };
  /** Bytes left of the P-DATA-TF, and of the fragment in it, that are being read. */
  #pduLeft = 0;
  #fragmentLeft = 0;
  #contextId = 0;
  #control = 0;
  #waitedMs = 0;
  #paceFrom = 0;
  #emptyFragments = 0;
  #data: Data | undefined;

  constructor(
    wire: Wire,
    limits: StreamLimits,
    contextIds: ReadonlySet<number>,
    dataLimitOf: (command: Command) => { readonly name: string; readonly bytes: number },
  ) {
    this.#wire = wire;
    this.#limits = limits;
    this.#contextIds = contextIds;
    this.#dataLimitOf = dataLimitOf;
  }

  /**
   * The next message or release. What was left of the data before it is read and dropped.
   * @param withinMs for its first byte
   * @returns undefined when not one byte came in time; the association is as whole as before
   * @throws DimseError of any kind that can end an association
   */
  async next(withinMs: number): Promise<Incoming | undefined> {
    await this.#data?.drain();
    this.#data = undefined;
    if (this.#pduLeft === 0 && this.#wire.available === 0 && !(await this.#wire.wait(withinMs))) return undefined;
    this.#waitedMs = 0;
    this.#emptyFragments = 0;
    this.#paceFrom = this.#wire.received;
    const other = await this.#nextFragment();
    if (other) return other;
    const contextId = this.#contextId;
    const command = decodeCommand(await this.#readCommand());
    if (!command.hasDataset) return { kind: 'message', contextId, command };
    const limit = this.#dataLimitOf(command);
    this.#data = new Data((data) => this.#readData(data, contextId, limit));
    return { kind: 'message', contextId, command, data: this.#data };
  }

  /**
   * Hears an A-ABORT that came while we were sending. Only for a side that reads nothing meanwhile.
   * @throws DimseError('aborted')
   */
  throwIfAborted(): void {
    if (this.#pduLeft > 0 || this.#wire.peek() !== pduTypes.abort) return;
    if (this.#wire.available < pduHeaderBytes + 4) return;
    throw decodeAbort(this.#wire.takeExactly(pduHeaderBytes + 4).subarray(pduHeaderBytes));
  }

  async #readCommand(): Promise<Buffer> {
    const contextId = this.#contextId;
    const whole = new GrowingBytes();
    for (;;) {
      if (this.#contextId !== contextId) throw broken('command over two contexts');
      if ((this.#control & controlBits.command) === 0) throw broken('data where a command was due', {}, 2);
      const bytes = whole.length + this.#fragmentLeft;
      if (bytes > this.#limits.commandBytes) throw overLimit('commandBytes', this.#limits.commandBytes, bytes);
      while (this.#fragmentLeft > 0) whole.append(await this.#takePart());
      if ((this.#control & controlBits.last) !== 0) break;
      if (await this.#nextFragment()) throw broken('release inside a message', {}, abortReasons.unexpectedPdu);
    }
    return whole.bytes();
  }

  async *#readData(
    data: Data,
    contextId: number,
    limit: { readonly name: string; readonly bytes: number },
  ): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      if (await this.#nextFragment()) throw broken('release inside a message', {}, abortReasons.unexpectedPdu);
      if (this.#contextId !== contextId) throw broken('data set in another context');
      if ((this.#control & controlBits.command) !== 0) throw broken('command where data was due', {}, 2);
      if (data.bytes + this.#fragmentLeft > limit.bytes) throw overLimit(limit.name, limit.bytes);
      const last = (this.#control & controlBits.last) !== 0;
      while (this.#fragmentLeft > 0) {
        const part = this.#wire.available > 0 ? this.#takeNow() : await this.#takePart();
        data.bytes += part.length;
        if (last && this.#fragmentLeft === 0) data.complete = true;
        yield part;
      }
      if (last) {
        data.complete = true;
        return;
      }
    }
  }

  /** Steps to the next fragment, over as many PDUs as that needs; gives what came instead of one. */
  async #nextFragment(): Promise<Incoming | undefined> {
    while (this.#pduLeft === 0) {
      await this.#need(pduHeaderBytes);
      const { type, length } = decodePduHeader(this.#wire.takeExactly(pduHeaderBytes), this.#limits.pduBytes);
      if (type === pduTypes.data) {
        if (length === 0) this.#countEmpty();
        this.#pduLeft = length;
        continue;
      }
      if (type <= pduTypes.associateReject) throw broken('PDU out of place', { type }, abortReasons.unexpectedPdu);
      await this.#need(length);
      const body = this.#wire.takeExactly(length);
      if (type === pduTypes.abort) throw decodeAbort(body);
      return { kind: type === pduTypes.releaseRequest ? 'releaseRequest' : 'releaseAnswer' };
    }
    if (this.#pduLeft < pdvHeaderBytes) throw broken('fragment header past the end of its PDU');
    await this.#need(pdvHeaderBytes);
    const header = this.#wire.takeExactly(pdvHeaderBytes);
    const length = header.readUInt32BE(0) - 2;
    this.#pduLeft -= pdvHeaderBytes;
    if (length < 0 || length > this.#pduLeft) throw broken('fragment past the end of its PDU');
    this.#contextId = header[4] ?? 0;
    this.#control = header[5] ?? 0;
    if (!this.#contextIds.has(this.#contextId)) throw broken('unknown presentation context');
    if (this.#control > 3) throw broken('message control header');
    this.#pduLeft -= length;
    this.#fragmentLeft = length;
    if (length === 0) this.#countEmpty();
    return undefined;
  }

  /** Emptiness costs a peer little and us time: some is borne with. */
  #countEmpty(): void {
    this.#emptyFragments += 1;
    if (this.#emptyFragments > mostEmptyFragments) throw broken('empty fragments');
  }

  async #takePart(): Promise<Buffer> {
    if (this.#wire.available === 0) await this.#more();
    return this.#takeNow();
  }

  #takeNow(): Buffer {
    const part = this.#wire.take(this.#fragmentLeft);
    this.#fragmentLeft -= part.length;
    return part;
  }

  async #need(count: number): Promise<void> {
    while (this.#wire.available < count) await this.#more();
  }

  /** Waits inside a message: silence and a trickle both end it. Time in which our own reader is slow does not count. */
  async #more(): Promise<void> {
    const { silenceMs, paceMs, slowestBytesPerSecond } = this.#limits;
    const since = performance.now();
    if (!(await this.#wire.wait(silenceMs))) throw tooLate('rest of a message', silenceMs);
    this.#waitedMs += performance.now() - since;
    if (this.#waitedMs < paceMs) return;
    const came = this.#wire.received - this.#paceFrom;
    if (came * 1000 < slowestBytesPerSecond * this.#waitedMs) {
      throw overLimit('slowestBytesPerSecond', slowestBytesPerSecond, Math.round((came * 1000) / this.#waitedMs));
    }
    this.#waitedMs = 0;
    this.#paceFrom = this.#wire.received;
  }
}

class Data implements IncomingData {
  complete = false;
  bytes = 0;
  readonly #parts: AsyncGenerator<Uint8Array, void>;
  #failure: unknown;

  constructor(read: (data: Data) => AsyncGenerator<Uint8Array, void>) {
    this.#parts = read(this);
  }

  /** One reading, however often it is asked for: whoever breaks off can go on, or `drain`. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#next() };
  }

  async drain(): Promise<void> {
    if (this.#failure) throw this.#failure;
    while (!(await this.#next()).done);
    if (!this.complete) throw new DimseError('closed', 'the data set was cut short');
  }

  async #next(): Promise<IteratorResult<Uint8Array, void>> {
    try {
      return await this.#parts.next();
    } catch (problem) {
      this.#failure = problem;
      throw problem;
    }
  }
}
