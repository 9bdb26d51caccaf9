import { setImmediate } from 'node:timers/promises';
import { type Command, encodeCommand } from './commandSet.ts';
import type { DatasetBytes } from './dimse.ts';
import { broken } from './dimseTrouble.ts';
import { controlBits, pduHeaderBytes, pduTypes, pdvHeaderBytes } from './pduCodec.ts';
import type { Wire } from './wire.ts';

/** What we send where the peer takes PDUs of any length, bytes. */
const ownPduBytes = 128 * 1024;
/** The shortest PDU that a peer may ask for: below it a message is mostly headers. */
const leastPduBytes = 128;
/** PDUs are gathered in blocks of this size; two are under way at most. */
const blockBytes = 160 * 1024;
/**
 * Writes that the system takes at once never let the event loop turn, and a fast peer takes them all at once. After so
 * many of them others get their turn: further associations, a cancel, an abort.
 */
const writesPerTurn = 8;
const headerBytes = pduHeaderBytes + pdvHeaderBytes;

interface Block {
  readonly bytes: Buffer;
  /** When the system took what was last written from it. */
  written: Promise<void>;
}

/** Cuts messages into P-DATA-TF PDUs no longer than the peer takes, and waits for it to take them. One message at a time. */
export class MessageWriter {
  readonly #wire: Wire;
  readonly #writeMs: number;
  readonly #beforeWrite: () => void;
  /** Of the fragment in one PDU; even, as all but the last must be (PS3.8 E.2). */
  readonly #fragmentBytes: number;
  readonly #blocks: Block[] = [];
  #turn = 0;
  #writes = 0;
  /** Bytes used of the block in turn, and where its open PDU begins; -1: none is open. */
  #used = 0;
  #pduStart = -1;
  #contextId = 0;
  #control = 0;

  /**
   * @param beforeWrite throws when the peer said meanwhile that it wants no more
   * @throws DimseError('protocol') when the peer takes no PDU of a usable length
   */
  constructor(wire: Wire, peerPduBytes: number, writeMs: number, beforeWrite: () => void = () => undefined) {
    if (peerPduBytes !== 0 && peerPduBytes < leastPduBytes) throw broken('maximum length', { length: peerPduBytes });
    this.#wire = wire;
    this.#writeMs = writeMs;
    this.#beforeWrite = beforeWrite;
    const most = peerPduBytes === 0 ? ownPduBytes : Math.min(peerPduBytes, ownPduBytes);
    this.#fragmentBytes = (most - pdvHeaderBytes) & ~1;
  }

  /**
   * Sends one message. `command.hasDataset` must agree with `dataset`.
   * @throws DimseError of the connection, or what reading `dataset` throws: the message is then cut short, and the
   *   association must be aborted
   */
  async send(contextId: number, command: Command, dataset?: DatasetBytes): Promise<void> {
    this.#contextId = contextId;
    this.#control = controlBits.command;
    this.#used = 0;
    this.#pduStart = -1;
    await this.#append(encodeCommand(command));
    this.#closePdu(true);
    if (dataset !== undefined) {
      this.#control = 0;
      if (dataset instanceof Uint8Array) await this.#append(dataset);
      else for await (const part of dataset) await this.#append(part);
      // A data set without a byte still needs a last fragment.
      if (this.#pduStart < 0) await this.#openPdu();
      this.#closePdu(true);
    }
    await this.#flush();
    for (const block of this.#blocks) await block.written;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    let at = 0;
    while (at < bytes.length) {
      if (this.#pduStart >= 0 && this.#room() === 0) this.#closePdu(false);
      if (this.#pduStart < 0) await this.#openPdu();
      const part = bytes.subarray(at, at + this.#room());
      this.#block().bytes.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
    }
  }

  /** Bytes that the open PDU still takes. */
  #room(): number {
    return this.#pduStart + headerBytes + this.#fragmentBytes - this.#used;
  }

  async #openPdu(): Promise<void> {
    if (this.#used > 0 && this.#used + headerBytes + this.#fragmentBytes > blockBytes) await this.#flush();
    // Only a block that the system is done with may be written into.
    if (this.#used === 0) await this.#block().written;
    this.#pduStart = this.#used;
    this.#used += headerBytes;
  }

  #closePdu(last: boolean): void {
    const { bytes } = this.#block();
    const fragment = this.#used - this.#pduStart - headerBytes;
    bytes[this.#pduStart] = pduTypes.data;
    bytes[this.#pduStart + 1] = 0;
    bytes.writeUInt32BE(fragment + pdvHeaderBytes, this.#pduStart + 2);
    bytes.writeUInt32BE(fragment + 2, this.#pduStart + 6);
    bytes[this.#pduStart + 10] = this.#contextId;
    bytes[this.#pduStart + 11] = this.#control | (last ? controlBits.last : 0);
    this.#pduStart = -1;
  }

  /** Hands the block in turn to the system and goes on with the other. */
  async #flush(): Promise<void> {
    this.#beforeWrite();
    const block = this.#block();
    block.written = this.#wire.write(block.bytes.subarray(0, this.#used), this.#writeMs);
    // Whoever waits for the block hears of a failure; until then nobody does, and that is no unhandled rejection.
    block.written.catch(() => undefined);
    this.#turn = 1 - this.#turn;
    this.#used = 0;
    this.#writes += 1;
    if (this.#writes % writesPerTurn === 0) await setImmediate();
    await this.#block().written;
  }

  #block(): Block {
    let block = this.#blocks[this.#turn];
    if (!block) {
      block = { bytes: Buffer.allocUnsafeSlow(blockBytes), written: Promise.resolve() };
      this.#blocks[this.#turn] = block;
    }
    return block;
  }
}
