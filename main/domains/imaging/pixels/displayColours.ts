import { paletteAs8Bit, tableIndex } from './lookupTables.ts';
import type { DecodedFrame, Palette } from './pixelDescription.ts';
import { pixelFailure } from './pixelFailures.ts';

/** Palette indices to 8-bit RGB, interleaved (PS3.3 C.7.9). */
function paletteToRgb(frame: DecodedFrame, palette: Palette): Uint8Array {
  const { data } = frame;
  const tables = [palette.red, palette.green, palette.blue] as const;
  const entries = paletteAs8Bit(palette);
  const out = new Uint8Array(data.length * 3);
  for (let channel = 0; channel < 3; channel++) {
    const table = tables[channel];
    const values = entries[channel];
    if (!table || !values) continue;
    for (let i = 0, at = channel; i < data.length; i++, at += 3) out[at] = values[tableIndex(table, data[i] ?? 0)] ?? 0;
  }
  return out;
}

/**
 * A colour frame as 8-bit RGB, interleaved. Deeper samples keep their upper 8 bits, as no screen path here shows more.
 * @param palette of the description, needed for PALETTE COLOR
 */
export function asRgb8(frame: DecodedFrame, palette: Palette | undefined): Uint8Array {
  if (frame.samplesPerPixel === 1) {
    if (!palette) throw pixelFailure('imaging.unsupportedPixelFormat', 'a palette image without its palette');
    return paletteToRgb(frame, palette);
  }
  const { data, bitsStored } = frame;
  if (data instanceof Uint8Array && bitsStored <= 8) {
    return bitsStored === 8 ? data : data.map((value) => Math.round((value * 255) / (2 ** bitsStored - 1)));
  }
  const out = new Uint8Array(data.length);
  const shift = bitsStored - 8;
  for (let i = 0; i < out.length; i++) out[i] = shift > 0 ? (data[i] ?? 0) >>> shift : (data[i] ?? 0);
  return out;
}
