import type { Socket } from 'node:net';
import { DimseError } from './dimse.ts';
import { asDimseError, tooLate } from './dimseTrouble.ts';
import { encodeAbort } from './pduCodec.ts';

/** Bytes that may wait for their reader before the socket is paused, and below which it goes on. */
const mostQueuedBytes = 256 * 1024;
const fewQueuedBytes = 64 * 1024;
/** How long a connection may linger for the peer to take our last words (the ARTIM timer of PS3.8 9.1.4), ms. */
const lastWordsMs = 2_000;

/**
 * One connection as a queue of bytes to pull from and a place to write to. A slow reader pauses the socket; nothing is
 * copied unless it lies across two chunks.
 */
export class Wire {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #first = 0;
  #queued = 0;
  #paused = false;
  #failure: DimseError | undefined;
  #wake: (() => void) | undefined;
  /** Our last words are on their way: the connection closes by itself. */
  #ending = false;
  /** Bytes that came so far. */
  received = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#queued += chunk.length;
      this.received += chunk.length;
      if (this.#queued >= mostQueuedBytes && !this.#paused) {
        this.#paused = true;
        socket.pause();
      }
      this.#wakeUp();
    });
    socket.on('end', () => this.fail(new DimseError('closed', 'the peer closed the connection')));
    socket.on('error', (problem) => this.fail(asDimseError(problem, 'open')));
    socket.on('close', () => this.fail(new DimseError('closed', 'the connection closed')));
  }

  /** Bytes that can be taken now. */
  get available(): number {
    return this.#queued;
  }

  /** Why nothing more comes or goes; undefined while the connection is whole. */
  get failure(): DimseError | undefined {
    return this.#failure;
  }

  /** The next byte, without taking it. */
  peek(): number | undefined {
    return this.#chunks[0]?.[this.#first];
  }

  /** The next bytes that lie together, at most `most`; at least one must be there. */
  take(most: number): Buffer {
    const chunk = this.#chunks[0] ?? Buffer.alloc(0);
    const end = Math.min(chunk.length, this.#first + most);
    const part = chunk.subarray(this.#first, end);
    if (end === chunk.length) {
      this.#chunks.shift();
      this.#first = 0;
    } else {
      this.#first = end;
    }
    this.#queued -= part.length;
    if (this.#paused && this.#queued <= fewQueuedBytes) {
      this.#paused = false;
      this.socket.resume();
    }
    return part;
  }

  /** Exactly `count` bytes, which must be there. */
  takeExactly(count: number): Buffer {
    if (count === 0) return Buffer.alloc(0);
    const part = this.take(count);
    if (part.length === count) return part;
    const parts = [part];
    for (let left = count - part.length; left > 0; ) {
      const next = this.take(left);
      parts.push(next);
      left -= next.length;
    }
    return Buffer.concat(parts, count);
  }

  /**
   * Waits for bytes beyond those that are there; one waiter at a time.
   * @returns false when none came within `ms`
   * @throws DimseError with the reason why none will come
   */
  async wait(ms: number): Promise<boolean> {
    const before = this.received;
    if (this.#failure) throw this.#failure;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
    if (this.received > before) return true;
    if (this.#failure) throw this.#failure;
    return false;
  }

  /**
   * Resolves when the system took all bytes; they must not change until then.
   * @throws DimseError('timeout') when it did not within `ms`, and what ended the connection
   */
  write(bytes: Uint8Array, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      const timer = setTimeout(() => {
        const failure = tooLate('write', ms);
        this.destroy(failure);
        reject(failure);
      }, ms);
      this.socket.write(bytes, (problem) => {
        clearTimeout(timer);
        if (problem) reject(this.#failure ?? asDimseError(problem, 'write'));
        else resolve();
      });
    });
  }

  /** Whoever waits, or writes later, hears `failure`; the first one counts. */
  fail(failure: DimseError): void {
    this.#failure ??= failure;
    this.#wakeUp();
  }

  /** Says `lastWords`, closes our side and the connection soon after. */
  end(lastWords: Uint8Array | undefined, failure: DimseError): void {
    this.fail(failure);
    this.#drop();
    if (this.#ending || this.socket.destroyed) return;
    this.#ending = true;
    if (lastWords) this.socket.end(lastWords);
    else this.socket.end();
    const timer = setTimeout(() => this.socket.destroy(), lastWordsMs);
    this.socket.once('close', () => clearTimeout(timer));
    // The peer's own end can be heard only while the socket flows; what it still says is dropped.
    this.socket.removeAllListeners('data').resume();
  }

  /** A-ABORT, then the end. */
  abort(source: 0 | 2, reason: number, failure: DimseError): void {
    this.end(encodeAbort(source, reason), failure);
  }

  /** Ends the connection at once, unless our last words are on their way. */
  destroy(failure: DimseError): void {
    this.fail(failure);
    this.#drop();
    if (!this.#ending) this.socket.destroy();
  }

  #drop(): void {
    this.#chunks = [];
    this.#queued = 0;
    this.#first = 0;
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
