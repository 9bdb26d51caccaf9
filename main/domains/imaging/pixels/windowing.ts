import { hounsfieldWindow } from '../../../../app/domains/imaging/windowPresets.ts';
import { tableIndex } from './lookupTables.ts';
import type { DecodedArray, LookupTable, ModalityTransform, VoiFunction, VoiTransform } from './pixelDescription.ts';

/** Stored value to modality value (PS3.3 C.11.1). */
export function modalityFunction(modality: ModalityTransform): (stored: number) => number {
  if (modality.kind === 'linear') {
    const { slope, intercept } = modality;
    return (stored) => stored * slope + intercept;
  }
  if (modality.kind === 'lut') {
    const { lut } = modality;
    return (stored) => lut.values[tableIndex(lut, stored)] ?? 0;
  }
  return (stored) => stored;
}

/** Modality value to display value 0 to 255, not rounded, through a window (PS3.3 C.11.2.1.2 and C.11.2.1.3). */
export function windowFunction(centre: number, width: number, kind: VoiFunction): (value: number) => number {
  if (kind === 'SIGMOID') return (value) => 255 / (1 + Math.exp((-4 * (value - centre)) / width));
  const shift = kind === 'LINEAR' ? 0.5 : 0;
  const span = kind === 'LINEAR' ? width - 1 : width;
  const middle = centre - shift;
  const low = middle - span / 2;
  const high = middle + span / 2;
  return (value) => (value <= low ? 0 : value > high ? 255 : ((value - middle) / span + 0.5) * 255);
}

/** Modality value to display value 0 to 255, not rounded, through a VOI LUT (PS3.3 C.11.2.1.1). */
export function voiLutFunction(lut: LookupTable): (value: number) => number {
  const top = 2 ** lut.bits - 1;
  return (value) => {
    const entry = lut.values[tableIndex(lut, Math.round(value))] ?? 0;
    return entry >= top ? 255 : (entry * 255) / top;
  };
}

export interface PaddingRange {
  readonly low: number;
  readonly high: number;
}

/** Smallest and largest finite modality value of a frame, padding left out; undefined when nothing is left. */
export function modalityRange(
  data: DecodedArray,
  modality: (stored: number) => number,
  padding: PaddingRange | undefined,
): { min: number; max: number } | undefined {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const stored = data[i] ?? 0;
    if (padding && stored >= padding.low && stored <= padding.high) continue;
    const value = modality(stored);
    if (value < min && value > Number.NEGATIVE_INFINITY) min = value;
    if (value > max && value < Number.POSITIVE_INFINITY) max = value;
  }
  return min <= max ? { min, max } : undefined;
}

/**
 * The VOI function of a frame: the window asked for, else its first window, else its first VOI LUT, else soft
 * tissue for Hounsfield units, else one that spreads the frame's own values over the display.
 */
export function chooseVoi(
  voi: VoiTransform,
  asked: { centre: number; width: number; function?: VoiFunction } | undefined,
  range: () => { min: number; max: number } | undefined,
  isHounsfield = false,
): (value: number) => number {
  const first = voi.windows[0];
  if (asked && asked.width > 0) {
    const kind = asked.function ?? first?.function ?? 'LINEAR';
    // LINEAR has no meaning below a width of 1 (PS3.3 C.11.2.1.2).
    return windowFunction(asked.centre, asked.width, kind === 'LINEAR' && asked.width < 1 ? 'LINEAR_EXACT' : kind);
  }
  if (first) return windowFunction(first.centre, first.width, first.function);
  const lut = voi.luts[0];
  if (lut) return voiLutFunction(lut);
  if (isHounsfield) return windowFunction(hounsfieldWindow.centre, hounsfieldWindow.width, hounsfieldWindow.function);
  const { min, max } = range() ?? { min: 0, max: 0 };
  if (max === min) return () => (max === 0 ? 0 : 128);
  return windowFunction((min + max) / 2, max - min, 'LINEAR_EXACT');
}

/** Applies stored → modality → display to a whole frame; integers of up to 16 bits go through one table. */
export function toDisplay(
  data: DecodedArray,
  modality: (stored: number) => number,
  voi: (value: number) => number,
  invert: boolean,
): Uint8Array {
  const display = (stored: number): number => {
    const value = modality(stored);
    const shown = Number.isNaN(value) ? 0 : Math.round(voi(value));
    return invert ? 255 - shown : shown;
  };
  const out = new Uint8Array(data.length);
  if (data.BYTES_PER_ELEMENT <= 2) {
    const offset = data instanceof Int8Array || data instanceof Int16Array ? 32_768 : 0;
    const table = new Int16Array(65_536).fill(-1);
    for (let i = 0; i < out.length; i++) {
      const stored = data[i] ?? 0;
      let shown = table[stored + offset] ?? -1;
      if (shown < 0) {
        shown = display(stored);
        table[stored + offset] = shown;
      }
      out[i] = shown;
    }
    return out;
  }
  for (let i = 0; i < out.length; i++) out[i] = display(data[i] ?? 0);
  return out;
}
