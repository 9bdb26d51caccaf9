import { pixelFailure } from '../pixelFailures.ts';

/** Huffman decoding of JPEG entropy-coded segments (ITU-T T.81 annex F.2.2), shared by the lossless and DCT decoders. */

const LOOKAHEAD = 9;

export interface HuffmanTable {
  /** For the next 9 bits: code length << 8 | value, or 0 when the code is longer. */
  readonly fast: Uint16Array;
  /** Largest code of each length 1..16, -1 when none; index 17 ends the search. */
  readonly maxCode: Int32Array;
  readonly valueOffset: Int32Array;
  readonly values: Uint8Array;
}

export function buildHuffmanTable(counts: Uint8Array, values: Uint8Array): HuffmanTable {
  const fast = new Uint16Array(1 << LOOKAHEAD);
  const maxCode = new Int32Array(18).fill(-1);
  const valueOffset = new Int32Array(18);
  let code = 0;
  let index = 0;
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1] ?? 0;
    valueOffset[length] = index - code;
    for (let i = 0; i < count; i++, code++, index++) {
      if (code >= 1 << length || index >= values.length) {
        throw pixelFailure('imaging.damagedPixelData', 'a JPEG Huffman table is impossible');
      }
      if (length <= LOOKAHEAD) {
        const first = code << (LOOKAHEAD - length);
        fast.fill((length << 8) | (values[index] ?? 0), first, first + (1 << (LOOKAHEAD - length)));
      }
    }
    if (count > 0) maxCode[length] = code - 1;
    code <<= 1;
  }
  return { fast, maxCode, valueOffset, values };
}

/** Reads the tables of a DHT segment whose body is `bytes[start, end)` into `dc` and `ac`. */
export function readHuffmanTables(
  bytes: Uint8Array,
  start: number,
  end: number,
  dc: (HuffmanTable | undefined)[],
  ac: (HuffmanTable | undefined)[],
): void {
  let position = start;
  while (position + 17 <= end) {
    const spec = bytes[position] ?? 0;
    const counts = bytes.subarray(position + 1, position + 17);
    let total = 0;
    for (const count of counts) total += count;
    const values = bytes.subarray(position + 17, position + 17 + total);
    if (position + 17 + total > end) throw pixelFailure('imaging.damagedPixelData', 'a JPEG Huffman table is cut');
    const tables = spec >> 4 === 0 ? dc : ac;
    tables[spec & 3] = buildHuffmanTable(counts, values);
    position += 17 + total;
  }
}

/** Bit reader over an entropy-coded segment; past its end it feeds zeros and remembers, `assertWithinData` then fails. */
export class EntropyReader {
  private readonly bytes: Uint8Array;
  private position: number;
  private buffer = 0;
  private count = 0;
  private borrowed = 0;

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes;
    this.position = position;
  }

  private fill(): void {
    const { bytes } = this;
    while (this.count <= 24) {
      const byte = bytes[this.position];
      if (byte === undefined || (byte === 0xff && bytes[this.position + 1] !== 0)) {
        this.borrowed += 8;
        this.buffer <<= 8;
      } else {
        this.position += byte === 0xff ? 2 : 1;
        this.buffer = (this.buffer << 8) | byte;
      }
      this.count += 8;
    }
  }

  /** The next `n` bits (1 to 16) as an unsigned number. */
  bits(n: number): number {
    if (this.count < n) this.fill();
    this.count -= n;
    return (this.buffer >>> this.count) & ((1 << n) - 1);
  }

  /** The next Huffman-coded value. */
  decode(table: HuffmanTable): number {
    if (this.count < 16) this.fill();
    const entry = table.fast[(this.buffer >>> (this.count - LOOKAHEAD)) & ((1 << LOOKAHEAD) - 1)] ?? 0;
    if (entry !== 0) {
      this.count -= entry >> 8;
      return entry & 0xff;
    }
    for (let length = LOOKAHEAD + 1; length <= 16; length++) {
      const code = (this.buffer >>> (this.count - length)) & ((1 << length) - 1);
      if (code <= (table.maxCode[length] ?? -1)) {
        this.count -= length;
        return table.values[code + (table.valueOffset[length] ?? 0)] ?? 0;
      }
    }
    this.assertWithinData();
    throw pixelFailure('imaging.damagedPixelData', 'a JPEG scan holds an impossible code');
  }

  /** A value of `size` bits with the sign rule of T.81 F.2.2.1 (EXTEND). */
  extended(size: number): number {
    if (size === 0) return 0;
    const value = this.bits(size);
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  }

  /** A failure when more bits were used than the data held. */
  assertWithinData(): void {
    // bits still in the buffer were read last, so the borrowed ones are used only below that count
    if (this.borrowed > this.count) {
      throw pixelFailure('imaging.truncatedPixelData', 'the JPEG scan ends before the image is complete');
    }
  }

  /** Drops what is left of the byte and steps over a restart marker. */
  restart(): void {
    this.assertWithinData();
    const { bytes } = this;
    this.buffer = 0;
    this.count = 0;
    this.borrowed = 0;
    let at = this.position;
    while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff)) at++;
    const marker = bytes[at + 1] ?? 0;
    if (marker < 0xd0 || marker > 0xd7) {
      throw pixelFailure('imaging.truncatedPixelData', 'a JPEG restart marker is missing');
    }
    this.position = at + 2;
  }

  /** Offset of the first marker after the entropy-coded data. */
  nextMarkerOffset(): number {
    const { bytes } = this;
    let at = this.position;
    while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff)) at++;
    return at;
  }
}
