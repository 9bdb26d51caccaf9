import { isHounsfield } from '../../../../app/domains/imaging/measurementRules.ts';
import { decodeFrame } from './decodeFrame.ts';
import { asRgb8 } from './displayColours.ts';
import { transformsOfFrame } from './frameTransforms.ts';
import type { PixelDescription, VoiFunction } from './pixelDescription.ts';
import { fitWithin, type Picture, resample } from './resample.ts';
import { chooseVoi, modalityFunction, modalityRange, type PaddingRange, toDisplay } from './windowing.ts';

export interface RenderOptions {
  /** Window in modality units; the frame's own by default. Ignored for colour. Without a function, the frame's own. */
  readonly window?: { readonly centre: number; readonly width: number; readonly function?: VoiFunction };
  readonly invert?: boolean;
  /** Box in pixels the picture must fit into, in its true proportions; without them one pixel stays one pixel. */
  readonly width?: number;
  readonly height?: number;
}

function paddingOf(description: PixelDescription): PaddingRange | undefined {
  const { paddingValue, paddingRangeLimit } = description;
  if (paddingValue === undefined) return undefined;
  const other = paddingRangeLimit ?? paddingValue;
  return { low: Math.min(paddingValue, other), high: Math.max(paddingValue, other) };
}

/** Width divided by height of the frame on a screen with square pixels. */
function displayAspect(description: PixelDescription, frameIndex: number): number {
  const { rows, columns, pixelAspectRatio, imagerPixelSpacingMm } = description;
  const spacing = transformsOfFrame(description, frameIndex).pixelSpacingMm ?? imagerPixelSpacingMm;
  if (spacing) return (columns * spacing.column) / (rows * spacing.row);
  if (pixelAspectRatio) return (columns * pixelAspectRatio.horizontal) / (rows * pixelAspectRatio.vertical);
  return columns / rows;
}

function withAlpha(rgb: Uint8Array, invert: boolean): Uint8Array {
  const out = new Uint8Array((rgb.length / 3) * 4);
  const flip = invert ? 255 : 0;
  for (let i = 0, at = 0; i < rgb.length; i += 3, at += 4) {
    out[at] = (rgb[i] ?? 0) ^ flip;
    out[at + 1] = (rgb[i + 1] ?? 0) ^ flip;
    out[at + 2] = (rgb[i + 2] ?? 0) ^ flip;
    out[at + 3] = 255;
  }
  return out;
}

/**
 * Renders a frame as a screen would show it: Modality LUT, then VOI, then the inversion of MONOCHROME1 (PS3.4 annex N.2
 * without presentation state), palettes applied, overlays left out.
 *
 * @param frameIndex 0-based
 * @returns grey for monochrome frames, RGBA (opaque) for colour
 * @throws Failure as decodeFrame
 */
export async function renderFrame(
  description: PixelDescription,
  frameIndex: number,
  options: RenderOptions = {},
): Promise<Picture> {
  const frame = await decodeFrame(description, frameIndex);
  const { rows, columns } = frame;
  const invert = options.invert ?? false;
  let picture: Picture;
  if (frame.samplesPerPixel === 3 || description.palette) {
    picture = {
      data: withAlpha(asRgb8(frame, description.palette), invert),
      width: columns,
      height: rows,
      channels: 4,
    };
  } else {
    const transforms = transformsOfFrame(description, frameIndex);
    const modality = modalityFunction(transforms.modality);
    const voi = chooseVoi(
      transforms.voi,
      options.window,
      () => modalityRange(frame.data, modality, paddingOf(description)),
      isHounsfield({ ...description.meaning, modalityTransform: transforms.modality }),
    );
    const isInverted = invert !== (frame.photometricInterpretation === 'MONOCHROME1');
    picture = { data: toDisplay(frame.data, modality, voi, isInverted), width: columns, height: rows, channels: 1 };
  }
  if (options.width === undefined && options.height === undefined) return picture;
  const box = fitWithin(
    displayAspect(description, frameIndex),
    options.width ?? Number.POSITIVE_INFINITY,
    options.height ?? Number.POSITIVE_INFINITY,
  );
  return resample(picture, box.width, box.height);
}
