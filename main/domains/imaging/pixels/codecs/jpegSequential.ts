import { pixelFailure } from '../pixelFailures.ts';
import { inverseDct } from './inverseDct.ts';
import { forEachScan, type JpegScan } from './jpegScans.ts';
import type { JpegSegments } from './jpegSegments.ts';

// biome-ignore format: the zigzag order reads best as a square
const ZIGZAG = new Uint8Array([
   0,  1,  8, 16,  9,  2,  3, 10,
  17, 24, 32, 25, 18, 11,  4,  5,
  12, 19, 26, 33, 40, 48, 41, 34,
  27, 20, 13,  6,  7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36,
  29, 22, 15, 23, 30, 37, 44, 51,
  58, 59, 52, 45, 38, 31, 39, 46,
  53, 60, 61, 54, 47, 55, 62, 63,
])

interface Plane {
  readonly samples: Uint16Array;
  /** Samples per line, whole blocks. */
  readonly stride: number;
  /** Blocks that carry image, as a scan of this component alone counts them (T.81 A.2.2). */
  readonly blocksWide: number;
  readonly blocksHigh: number;
  readonly horizontal: number;
  readonly vertical: number;
  readonly quantization: number;
}

/**
 * Sequential Huffman DCT JPEG of 8 or 12 bits (T.81 annex F: baseline and extended). The 8-bit frames that are shown go
 * through libjpeg-turbo; this decoder is for the 12-bit ones, which it does not read, and for telling whether an 8-bit
 * stream without its end mark is complete.
 *
 * @returns samples interleaved by pixel; subsampled components are repeated. Colour is not transformed.
 * @throws Failure imaging.damagedPixelData, imaging.truncatedPixelData, imaging.unsupportedPixelFormat
 */
export function decodeJpegSequential(bytes: Uint8Array, segments: JpegSegments): Uint16Array {
  const { rows, columns, components, precision } = segments;
  if (precision !== 8 && precision !== 12) {
    throw pixelFailure('imaging.unsupportedPixelFormat', 'a DCT JPEG that is neither 8 nor 12 bits', { precision });
  }
  const maxH = Math.max(...components.map((component) => component.horizontal));
  const maxV = Math.max(...components.map((component) => component.vertical));
  if (components.some(({ horizontal: h, vertical: v }) => h < 1 || h > 4 || v < 1 || v > 4)) {
    throw pixelFailure('imaging.damagedPixelData', 'impossible JPEG sampling factors');
  }
  const mcusWide = Math.ceil(columns / (8 * maxH));
  const mcusHigh = Math.ceil(rows / (8 * maxV));
  const planes = components.map((component): Plane => {
    const { horizontal, vertical, quantization } = component;
    const stride = mcusWide * horizontal * 8;
    return {
      samples: new Uint16Array(stride * mcusHigh * vertical * 8),
      stride,
      blocksWide: Math.ceil((columns * horizontal) / maxH / 8),
      blocksHigh: Math.ceil((rows * vertical) / maxV / 8),
      horizontal,
      vertical,
      quantization,
    };
  });
  const done = new Set<number>();
  forEachScan(bytes, components, (scan) => {
    decodeScan(scan, planes, precision, mcusWide, mcusHigh);
    for (const component of scan.components) done.add(component.index);
  });
  if (done.size !== components.length) {
    throw pixelFailure('imaging.truncatedPixelData', 'the JPEG stream lacks a scan');
  }
  return interleave(planes, rows, columns, maxH, maxV);
}

function decodeScan(
  scan: JpegScan,
  planes: readonly Plane[],
  precision: number,
  mcusWide: number,
  mcusHigh: number,
): void {
  const { reader, restartInterval } = scan;
  const block = new Int32Array(64);
  const centre = 1 << (precision - 1);
  const top = (1 << precision) - 1;
  const parts = scan.components.map(({ index, dc, ac }) => {
    const plane = planes[index];
    const table = plane && scan.quantization[plane.quantization & 3];
    if (!plane || !table || !dc || !ac) {
      throw pixelFailure('imaging.damagedPixelData', 'a JPEG scan without its tables');
    }
    return { plane, table, dc, ac, previous: 0 };
  });
  const decodeBlock = (part: (typeof parts)[number], blockRow: number, blockColumn: number): void => {
    block.fill(0);
    const size = reader.decode(part.dc);
    if (size > 15) throw pixelFailure('imaging.damagedPixelData', 'an impossible JPEG coefficient');
    part.previous += reader.extended(size);
    block[0] = part.previous * (part.table[0] ?? 0);
    for (let k = 1; k < 64; k++) {
      const code = reader.decode(part.ac);
      const bits = code & 15;
      k += code >> 4;
      if (bits === 0) {
        if (code !== 0xf0) break;
        continue;
      }
      if (k > 63) throw pixelFailure('imaging.damagedPixelData', 'a JPEG block with too many coefficients');
      block[ZIGZAG[k] ?? 0] = reader.extended(bits) * (part.table[k] ?? 0);
    }
    inverseDct(block, precision);
    const { samples, stride } = part.plane;
    for (let y = 0; y < 8; y++) {
      const line = (blockRow * 8 + y) * stride + blockColumn * 8;
      for (let x = 0; x < 8; x++) {
        const value = (block[y * 8 + x] ?? 0) + centre;
        samples[line + x] = value < 0 ? 0 : value > top ? top : value;
      }
    }
  };
  const only = parts.length === 1 ? parts[0] : undefined;
  const unitsWide = only ? only.plane.blocksWide : mcusWide;
  const unitsHigh = only ? only.plane.blocksHigh : mcusHigh;
  for (let unit = 0; unit < unitsWide * unitsHigh; unit++) {
    if (restartInterval > 0 && unit > 0 && unit % restartInterval === 0) {
      reader.restart();
      for (const part of parts) part.previous = 0;
    }
    const unitRow = Math.floor(unit / unitsWide);
    const unitColumn = unit % unitsWide;
    if (only) decodeBlock(only, unitRow, unitColumn);
    else {
      for (const part of parts) {
        const { horizontal, vertical } = part.plane;
        for (let v = 0; v < vertical; v++) {
          for (let h = 0; h < horizontal; h++) decodeBlock(part, unitRow * vertical + v, unitColumn * horizontal + h);
        }
      }
    }
    if (unitColumn === unitsWide - 1) reader.assertWithinData();
  }
}

function interleave(planes: readonly Plane[], rows: number, columns: number, maxH: number, maxV: number): Uint16Array {
  const out = new Uint16Array(rows * columns * planes.length);
  planes.forEach((plane, index) => {
    let at = index;
    for (let y = 0; y < rows; y++) {
      const line = Math.floor((y * plane.vertical) / maxV) * plane.stride;
      for (let x = 0; x < columns; x++) {
        out[at] = plane.samples[line + Math.floor((x * plane.horizontal) / maxH)] ?? 0;
        at += planes.length;
      }
    }
  });
  return out;
}
