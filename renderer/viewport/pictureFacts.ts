import { calibrationOf, type ImagePoint, wholeImageCalibration } from '../../app/domains/imaging/calibrationRules.ts';
import { isHounsfield } from '../../app/domains/imaging/measurementRules.ts';
import type { EdgeLetters } from '../../app/domains/imaging/orientationRules.ts';
import { axisLettersOf, edgeLetters } from '../../app/domains/imaging/orientationRules.ts';
import { isColour, type LoadedFrame } from './cornerstoneFrames.ts';
import { fidelityOf } from './fidelity.ts';
import type { PictureGrey } from './pictureGrey.ts';
import { type PictureTransform, type ScreenPoint, scaleOf, toImage } from './pictureTransform.ts';
import type { DrawnPicture, ScaleBar } from './viewState.ts';

/** What may be said about a drawn picture: its fidelity, its letters, its scale. Nothing here is guessed. */

function lettersOn(frame: LoadedFrame, { perColumn, perRow }: PictureTransform): EdgeLetters {
  return edgeLetters(axisLettersOf(frame.attributes), perColumn, perRow);
}

const roundLengths = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500];

/** The longest round length of at most 120 screen pixels, drawn along the screen's width where the picture's centre is. */
function scaleBarOf(frame: LoadedFrame, transform: PictureTransform, areNumbersTrusted: boolean): ScaleBar | undefined {
  if (!areNumbersTrusted) return undefined;
  const { attributes } = frame;
  const centre: ImagePoint = [attributes.columns / 2, attributes.rows / 2];
  const calibration =
    attributes.ultrasoundRegions.length > 0 ? calibrationOf(attributes, [centre]) : wholeImageCalibration(attributes);
  if (calibration.kind === 'none' || !(scaleOf(transform) > 0)) return undefined;
  const [x0, y0] = toImage(transform, [0, 0]);
  const [x1, y1] = toImage(transform, [100, 0]);
  const pxPerMm = 100 / Math.hypot((x1 - x0) * calibration.spacing.columnMm, (y1 - y0) * calibration.spacing.rowMm);
  const bar = scaleBarFor(pxPerMm);
  return bar && { ...bar, isAtDetector: calibration.kind === 'detector' };
}

/** The bar for a scale in patient millimetres; undefined where the scale is not known. */
export function scaleBarFor(pxPerMm: number): ScaleBar | undefined {
  if (!(pxPerMm > 0)) return undefined;
  const lengthMm = [...roundLengths].reverse().find((length) => length * pxPerMm <= 120);
  return lengthMm === undefined ? undefined : { lengthMm, lengthPx: lengthMm * pxPerMm, isAtDetector: false };
}

/** All that may be said of a picture on the screen. */
export function drawnPicture(
  frame: LoadedFrame,
  index: number,
  transform: PictureTransform,
  grey: Pick<PictureGrey, 'windowFor' | 'sourceFor' | 'isInverted' | 'tableDeviation'>,
  areNumbersTrusted: boolean,
): DrawnPicture {
  return {
    attributes: frame.attributes,
    index,
    window: grey.windowFor(frame),
    windowSource: grey.sourceFor(frame),
    isInverted: grey.isInverted,
    isColour: isColour(frame.attributes),
    isHounsfield: isHounsfield(frame.attributes) && areNumbersTrusted,
    scale: scaleOf(transform),
    letters: lettersOn(frame, transform),
    scaleBar: scaleBarOf(frame, transform, areNumbersTrusted),
    fidelity: fidelityOf(frame, areNumbersTrusted, grey.tableDeviation),
  };
}

/** What lies under a point: the pixel, its stored samples, and for one sample its modality value with a UCUM unit. */
export interface PixelValue {
  readonly column: number;
  readonly row: number;
  readonly stored: readonly number[];
  readonly value: number | undefined;
  readonly unit: string;
}

/** The pixel under a screen point; undefined outside the picture. */
export function pixelValueAt(
  frame: LoadedFrame,
  transform: PictureTransform,
  screen: ScreenPoint,
  areNumbersTrusted: boolean,
): PixelValue | undefined {
  const [x, y] = toImage(transform, screen);
  const column = Math.round(x);
  const row = Math.round(y);
  const { columns, rows, samplesPerPixel } = frame.attributes;
  if (column < 0 || row < 0 || column >= columns || row >= rows) return undefined;
  const first = (row * columns + column) * samplesPerPixel;
  const stored = Array.from({ length: samplesPerPixel }, (_, sample) => frame.stored[first + sample]!);
  const value = isColour(frame.attributes) ? undefined : frame.scale.toModality(stored[0]!);
  return { column, row, stored, value, unit: areNumbersTrusted ? frame.scale.unit : '1' };
}
