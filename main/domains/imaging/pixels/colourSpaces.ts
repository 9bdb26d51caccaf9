import type { DecodedArray } from './pixelDescription.ts';

type ColourArray = Uint8Array | Uint16Array | Uint32Array;

/** Planes one after the other to samples interleaved by pixel. */
export function interleavePlanes<T extends DecodedArray>(planar: T, components: number): T {
  const Constructor = planar.constructor as new (length: number) => T;
  const out = new Constructor(planar.length);
  const size = planar.length / components;
  for (let component = 0; component < components; component++) {
    let at = component;
    for (let i = component * size; i < (component + 1) * size; i++, at += components) out[at] = planar[i] ?? 0;
  }
  return out;
}

/**
 * YBR_FULL to RGB in place (PS3.3 C.7.6.3.1.2, the full-range matrix of ITU-R BT.601), samples interleaved. The
 * factors and the rounding are the viewer's, so that both show the same pixels.
 */
export function ybrFullToRgb(data: ColourArray, bits: number): void {
  const centre = 2 ** (bits - 1);
  const top = 2 ** bits - 1;
  const clamp = (value: number): number => (value <= 0 ? 0 : value >= top ? top : roundHalfEven(value));
  for (let i = 0; i + 2 < data.length; i += 3) {
    const y = data[i] ?? 0;
    const cb = (data[i + 1] ?? 0) - centre;
    const cr = (data[i + 2] ?? 0) - centre;
    data[i] = clamp(y + 1.402 * cr);
    data[i + 1] = clamp(y - 0.34414 * cb - 0.71414 * cr);
    data[i + 2] = clamp(y + 1.772 * cb);
  }
}

/** The rounding of a Uint8ClampedArray, which the viewer converts into. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** YBR_PARTIAL_422 (retired): luminance 16 to 235 and chrominance 16 to 240 of 8 bits, in place. */
export function ybrPartialToRgb(data: Uint8Array): void {
  for (let i = 0; i + 2 < data.length; i += 3) {
    const y = 1.1644 * ((data[i] ?? 0) - 16);
    const cb = (data[i + 1] ?? 0) - 128;
    const cr = (data[i + 2] ?? 0) - 128;
    data[i] = clampTo8Bit(y + 1.596 * cr);
    data[i + 1] = clampTo8Bit(y - 0.3917 * cb - 0.8129 * cr);
    data[i + 2] = clampTo8Bit(y + 2.0173 * cb);
  }
}

function clampTo8Bit(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : roundHalfEven(value);
}

/** Y1 Y2 Cb Cr groups (YBR_FULL_422, PS3.3 C.7.6.3.1.2) to one Y Cb Cr per pixel; chrominance is repeated. */
export function expand422<T extends Uint8Array | Uint16Array>(packed: T, rows: number, columns: number): T {
  const Constructor = packed.constructor as new (length: number) => T;
  const out = new Constructor(rows * columns * 3);
  let from = 0;
  for (let i = 0; i < out.length; i += 6, from += 4) {
    const cb = packed[from + 2] ?? 0;
    const cr = packed[from + 3] ?? 0;
    out[i] = packed[from] ?? 0;
    out[i + 1] = cb;
    out[i + 2] = cr;
    if (i + 3 < out.length) {
      out[i + 3] = packed[from + 1] ?? 0;
      out[i + 4] = cb;
      out[i + 5] = cr;
    }
  }
  return out;
}
