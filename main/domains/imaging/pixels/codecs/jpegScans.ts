import { pixelFailure } from '../pixelFailures.ts';
import { EntropyReader, type HuffmanTable, readHuffmanTables } from './huffman.ts';
import { type JpegComponent, segmentLength } from './jpegSegments.ts';

/** A scan ready to decode, with the tables that hold at that point of the stream. */
export interface JpegScan {
  readonly reader: EntropyReader;
  readonly components: readonly {
    readonly index: number;
    readonly dc: HuffmanTable | undefined;
    readonly ac: HuffmanTable | undefined;
  }[];
  readonly restartInterval: number;
  readonly predictor: number;
  readonly pointTransform: number;
  readonly quantization: readonly (Uint16Array | undefined)[];
}

function readQuantization(bytes: Uint8Array, start: number, end: number, tables: (Uint16Array | undefined)[]): void {
  let position = start;
  while (position < end) {
    const spec = bytes[position++] ?? 0;
    const wide = spec >> 4 === 1;
    const table = new Uint16Array(64);
    for (let i = 0; i < 64; i++) {
      table[i] = wide ? ((bytes[position] ?? 0) << 8) | (bytes[position + 1] ?? 0) : (bytes[position] ?? 0);
      position += wide ? 2 : 1;
    }
    tables[spec & 3] = table;
  }
  if (position > end) throw pixelFailure('imaging.damagedPixelData', 'a JPEG quantization table is cut');
}

/** Calls `decode` for every scan of the stream in order (ITU-T T.81 B.2.3 onwards). */
export function forEachScan(
  bytes: Uint8Array,
  components: readonly JpegComponent[],
  decode: (scan: JpegScan) => void,
): void {
  const dc: (HuffmanTable | undefined)[] = [];
  const ac: (HuffmanTable | undefined)[] = [];
  const quantization: (Uint16Array | undefined)[] = [];
  let restartInterval = 0;
  let position = 2;
  while (position + 1 < bytes.length) {
    if (bytes[position] !== 0xff) {
      position++;
      continue;
    }
    const marker = bytes[position + 1] ?? 0;
    if (marker === 0xff) {
      position++;
      continue;
    }
    if (marker === 0xd9) return;
    if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      position += 2;
      continue;
    }
    const length = segmentLength(bytes, position + 2);
    const body = position + 4;
    const end = position + 2 + length;
    if (marker === 0xc4) readHuffmanTables(bytes, body, end, dc, ac);
    else if (marker === 0xdb) readQuantization(bytes, body, end, quantization);
    else if (marker === 0xdd) restartInterval = ((bytes[body] ?? 0) << 8) | (bytes[body + 1] ?? 0);
    position = end;
    if (marker !== 0xda) continue;
    const count = bytes[body] ?? 0;
    const selected: JpegScan['components'][number][] = [];
    for (let i = 0; i < count; i++) {
      const id = bytes[body + 1 + 2 * i];
      const tables = bytes[body + 2 + 2 * i] ?? 0;
      const index = components.findIndex((component) => component.id === id);
      if (index < 0) throw pixelFailure('imaging.damagedPixelData', 'a JPEG scan names an unknown component');
      selected.push({ index, dc: dc[(tables >> 4) & 3], ac: ac[tables & 3] });
    }
    const parameters = body + 1 + 2 * count;
    const reader = new EntropyReader(bytes, end);
    decode({
      reader,
      components: selected,
      restartInterval,
      predictor: bytes[parameters] ?? 0,
      pointTransform: (bytes[parameters + 2] ?? 0) & 15,
      quantization,
    });
    position = reader.nextMarkerOffset();
  }
}
