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
export function windowOf({ attributes, minimum, maximum, scale }: LoadedFrame): PictureWindow {
  const own = attributes.windows[0];
  if (own) return own;
  if (isHounsfield(attributes)) return hounsfieldWindow;
  if (attributes.bitsStored <= 8 && attributes.modalityTransform.kind === 'identity') {
    const width = 2 ** Math.max(1, attributes.bitsStored);
    return { centre: width / 2, width, function: 'LINEAR' };
  }
  const ends = [scale.toModality(minimum), scale.toModality(maximum)];
  const low = Math.min(...ends);
  const high = Math.max(...ends);
  // LINEAR_EXACT: an image of values between 0 and 1 has a width below 1.
  return { centre: (low + high) / 2, width: Math.max(high - low, 1e-6), function: 'LINEAR_EXACT' };
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
export function greyNodes(
  frame: LoadedFrame,
  window: PictureWindow,
  isInverted: boolean,
  voiTable: LookupTable | undefined,
): GreyNode[] {
  const transform = frame.attributes.modalityTransform;
  const toDrawn = (modality: number) =>
    transform.kind === 'linear' ? (modality - transform.intercept) / transform.slope : modality;
  const inverted = isInverted !== isBornInverted(frame);
  const node = (modality: number, grey: number): GreyNode => ({
    value: toDrawn(modality),
    grey: inverted ? 1 - grey : grey,
  });
  const nodes = voiTable
    ? tableNodes(voiTable).map(([modality, grey]) => node(modality, grey))
    : window.function === 'SIGMOID'
      ? sigmoidNodes(window).map(([modality, grey]) => node(modality, grey))
      : linearNodes(window).map(([modality, grey]) => node(modality, grey));
  return nodes.sort((a, b) => a.value - b.value);
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

function tableNodes({ first, bits, values }: LookupTable): [number, number][] {
  const white = 2 ** bits - 1;
  const step = Math.max(1, Math.floor(values.length / 1024));
  const nodes: [number, number][] = [];
  for (let index = 0; index < values.length; index += step)
    nodes.push([first + index, Math.min(1, values[index]! / white)]);
  const last = values.length - 1;
  if (last % step !== 0) nodes.push([first + last, Math.min(1, values[last]! / white)]);
  return nodes;
}

/** True when the image brings a VOI table and no window: the table is what it wants to be seen through. */
export function wantsVoiTable({ attributes, voiTable }: LoadedFrame): boolean {
  return voiTable !== undefined && attributes.windows.length === 0;
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
