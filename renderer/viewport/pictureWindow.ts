import type { VoiWindow } from '../../app/domains/imaging/frameAttributes.ts';
import { isHounsfield } from '../../app/domains/imaging/measurementRules.ts';
import { hounsfieldWindow, windowRange } from '../../app/domains/imaging/windowPresets.ts';
import type { LoadedFrame } from './cornerstoneFrames.ts';
import type { LookupTable } from './tableValues.ts';

/** A window in modality values. */
export type PictureWindow = Pick<VoiWindow, 'centre' | 'width' | 'function'>;

/** One point of the way from the values drawn to grey: 0 black, 1 white. */
export interface GreyNode {
  readonly value: number;
  readonly grey: number;
}

/** Window a frame asks for; where it asks for none, soft tissue for Hounsfield units and all its values for the rest. */
export function windowOf(frame: LoadedFrame): PictureWindow {
  const { attributes, maximum, scale } = frame;
  const own = attributes.windows[0];
  if (own) return own;
  if (isHounsfield(attributes)) return hounsfieldWindow;
  const isPlain = attributes.modalityTransform.kind === 'identity' && !attributes.signed;
  if (attributes.bitsStored <= 8 && isPlain) {
    const width = 2 ** Math.max(1, attributes.bitsStored);
    return { centre: width / 2, width, function: 'LINEAR' };
  }
  const { low, high } = modalityRangeOf(frame);
  // One value, and that 0 (or none at all): nothing is there, and nothing is black, as the host draws it.
  if (low === high && high === 0) return { centre: scale.toModality(maximum) + 1, width: 1, function: 'LINEAR_EXACT' };
  // LINEAR_EXACT: an image of values between 0 and 1 has a width below 1.
  return { centre: (low + high) / 2, width: Math.max(high - low, 1e-6), function: 'LINEAR_EXACT' };
}

/**
 * Smallest and largest modality value, padding and what is no number left out, as the host has it
 * (main/domains/imaging/pixels/windowing.ts): air painted at -32,768 around a picture would make all of it one grey.
 */
function modalityRangeOf({ attributes: { padding }, minimum, maximum, scale, stored }: LoadedFrame): {
  low: number;
  high: number;
} {
  let [least, most] = [minimum, maximum];
  if (padding || !Number.isFinite(minimum) || !Number.isFinite(maximum)) {
    [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of stored) {
      if (padding && value >= padding.low && value <= padding.high) continue;
      if (value < least && value > Number.NEGATIVE_INFINITY) least = value;
      if (value > most && value < Number.POSITIVE_INFINITY) most = value;
    }
  }
  if (!(least <= most)) return { low: 0, high: 0 };
  const ends = [scale.toModality(least), scale.toModality(most)];
  return { low: Math.min(...ends), high: Math.max(...ends) };
}

/** True when small values are to be drawn white before anybody inverts. */
export function isBornInverted({ attributes }: LoadedFrame): boolean {
  return attributes.photometric === 'MONOCHROME1';
}

/** Samples a curve takes where two points don't say it. */
const curveSamples = 256;

/**
 * The grey of every drawn value for a window. Cornerstone draws stored values (or modality values behind a modality
 * table), so the window is carried back through a linear transform; a negative slope turns it around.
 */
export function greyNodes(frame: LoadedFrame, window: PictureWindow, isInverted: boolean): GreyNode[] {
  const inverted = isInverted !== isBornInverted(frame);
  const node = (modality: number, grey: number): GreyNode => ({
    value: drawnOf(frame, modality),
    grey: inverted ? 1 - grey : grey,
  });
  const points = window.function === 'SIGMOID' ? sigmoidNodes(window) : linearNodes(window);
  const nodes = points.map(([modality, grey]) => node(modality, grey));
  return nodes.sort((a, b) => a.value - b.value);
}

/** The value drawn for a modality value: stored, or the modality value itself behind a modality table. */
function drawnOf({ attributes: { modalityTransform } }: LoadedFrame, modality: number): number {
  return modalityTransform.kind === 'linear'
    ? (modality - modalityTransform.intercept) / modalityTransform.slope
    : modality;
}

function linearNodes(window: PictureWindow): [number, number][] {
  const { lower, upper } = windowRange(window);
  // A width of 1 is a step: black below the centre, white from it on.
  return [
    [lower, 0],
    [Math.max(upper, lower + 1e-6), 1],
  ];
}

/** PS3.3 equation C.11-1. */
function sigmoidNodes({ centre, width }: PictureWindow): [number, number][] {
  return Array.from({ length: curveSamples + 1 }, (_, index): [number, number] => {
    const value = centre - width * 1.5 + (index / curveSamples) * width * 3;
    return [value, 1 / (1 + Math.exp((-4 * (value - centre)) / width))];
  });
}

/** A table as the graphics card is given it. */
export interface TableCurve {
  readonly nodes: readonly GreyNode[];
  /** Texels of the card's colour table. */
  readonly texels: number;
  /** Largest difference between what is drawn and what the table says; 0 to 1. */
  readonly deviation: number;
}

/**
 * A VOI table (PS3.3 C.11.2.1.1) for the whole numbers that an image holds, one texel each. The card takes texel i from
 * the curve at i/(texels−1) of the range and reads it at (i+½)/texels: a range half a value wider on both sides puts
 * each value on its texel's middle, where nothing is mixed in from the next. So any table, however it jumps, is drawn as
 * the host applies it. Where an image has more values than the card has texels, lines lie between them: `deviation`.
 *
 * @param mostTexels width of the widest texture the card takes
 */
export function tableCurve(
  frame: LoadedFrame,
  isInverted: boolean,
  table: LookupTable,
  mostTexels: number,
): TableCurve {
  const { minimum, maximum, scale } = frame;
  const first = Math.floor(minimum);
  const values = Math.max(2, Math.ceil(maximum) - first + 1);
  const texels = Math.min(values, mostTexels);
  const top = 2 ** table.bits - 1;
  const last = table.values.length - 1;
  const isTurned = isInverted !== isBornInverted(frame);
  const greyOf = (drawn: number) => {
    const index = Math.min(last, Math.max(0, Math.round(scale.toModality(drawn)) - table.first));
    const grey = Math.min(1, table.values[index]! / top);
    return isTurned ? 1 - grey : grey;
  };
  const nodes = Array.from({ length: texels }, (_, texel): GreyNode => {
    const value = first - 0.5 + (texel / (texels - 1)) * values;
    return { value, grey: greyOf(Math.round(first - 0.5 + ((texel + 0.5) / texels) * values)) };
  });
  let deviation = 0;
  const compare = (value: number) => {
    if (!(value >= 0 && value < values)) return;
    deviation = Math.max(deviation, Math.abs(readTexels(nodes, (value + 0.5) / values) - greyOf(first + value)));
  };
  if (texels < values && values <= mostCompared) for (let value = 0; value < values; value += 1) compare(value);
  else if (texels < values) for (const value of turns(frame, table, texels, values)) compare(value);
  return { nodes, texels, deviation };
}

/** Up to as many values each is compared with its table; 2¹⁸ take some milliseconds, the 2³² of 32 bits a minute. */
const mostCompared = 2 ** 18;

/**
 * The values, counted from the image's smallest, where what is drawn can be farthest from its table: that is flat between
 * two of its entries, and the card draws straight lines between the middles of two texels, so the largest difference
 * stands on either side of an entry's edge or of a texel's middle.
 */
function* turns(frame: LoadedFrame, table: LookupTable, texels: number, values: number): Generator<number> {
  const around = function* (value: number) {
    for (let step = -1; step <= 2; step += 1) yield Math.floor(value) + step;
  };
  const first = Math.floor(frame.minimum);
  for (let entry = 0; entry <= table.values.length; entry += 1)
    yield* around(drawnOf(frame, table.first + entry - 0.5) - first);
  for (let texel = 0; texel < texels; texel += 1) yield* around(((texel + 0.5) / texels) * values - 0.5);
}

/** What a card reads at a place (0 to 1) of a texture: straight lines between the middles of its texels. */
export function readTexels(texels: readonly GreyNode[], place: number): number {
  const at = Math.min(texels.length - 1, Math.max(0, place * texels.length - 0.5));
  const left = Math.floor(at);
  const right = Math.min(texels.length - 1, left + 1);
  return texels[left]!.grey + (at - left) * (texels[right]!.grey - texels[left]!.grey);
}

/**
 * True when the image brings a VOI table and no window: the table is what it wants to be seen through. A curve over
 * values without an end cannot be laid out, so a map with an infinity in it is seen through a window.
 */
export function wantsVoiTable({ attributes, voiTable, minimum, maximum }: LoadedFrame): boolean {
  const isBounded = Number.isFinite(minimum) && Number.isFinite(maximum);
  return voiTable !== undefined && attributes.windows.length === 0 && isBounded;
}

/** A window that can be drawn: LINEAR is not defined below a width of 1 (PS3.3 C.11.2.1.2.1), the others at none. */
export function drawableWindow(window: PictureWindow): PictureWindow {
  return { ...window, width: Math.max(window.function === 'LINEAR' ? 1 : 1e-6, window.width) };
}

/** A window moved by screen pixels: right is wider, down is higher, in steps that fit its width, maps of small values included. */
export function draggedWindow(now: PictureWindow, dx: number, dy: number): PictureWindow {
  const step = now.width / 300;
  const fine = now.width <= 1 && now.function === 'LINEAR' ? 'LINEAR_EXACT' : now.function;
  return drawableWindow({ function: fine, width: now.width + dx * step, centre: now.centre + dy * step });
}
