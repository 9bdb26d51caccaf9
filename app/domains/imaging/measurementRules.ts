import {
  type Calibration,
  calibrationOf,
  displayAspect,
  type ImagePoint,
  isSecondaryCapture,
} from './calibrationRules.ts';
import type { FrameAttributes, PixelSpacing } from './frameAttributes.ts';
import type { Annotation } from './imagingSchema.ts';

export type Measurement = Annotation['measurements'][number];
export type MeasurementTool = Annotation['tool'];
export type StoredValues = ArrayLike<number>;

/** Distance of two image points, in the unit of the spacing. */
export function distance(spacing: PixelSpacing, a: ImagePoint, b: ImagePoint): number {
  return Math.hypot((b[0] - a[0]) * spacing.columnMm, (b[1] - a[1]) * spacing.rowMm);
}

/** Angle at `vertex` between two arms, 0 to 180 degrees; undefined when an arm has no length. */
export function angleDegrees(
  spacing: PixelSpacing,
  a: ImagePoint,
  vertex: ImagePoint,
  b: ImagePoint,
): number | undefined {
  const [ax, ay] = [(a[0] - vertex[0]) * spacing.columnMm, (a[1] - vertex[1]) * spacing.rowMm];
  const [bx, by] = [(b[0] - vertex[0]) * spacing.columnMm, (b[1] - vertex[1]) * spacing.rowMm];
  if (Math.hypot(ax, ay) === 0 || Math.hypot(bx, by) === 0) return undefined;
  // atan2 keeps its precision near 0° and 180°, where acos loses half its digits.
  return (Math.atan2(Math.abs(ax * by - ay * bx), ax * bx + ay * by) * 180) / Math.PI;
}

/** The area inside a closed polygon (shoelace), in the spacing's unit squared. */
export function polygonArea(spacing: PixelSpacing, points: readonly ImagePoint[]): number {
  let twice = 0;
  points.forEach(([x, y], index) => {
    const [nextX, nextY] = points[(index + 1) % points.length]!;
    twice += x * nextY - nextX * y;
  });
  return (Math.abs(twice) / 2) * spacing.columnMm * spacing.rowMm;
}

/** What a stored value means: its number after the modality transform and its UCUM unit. */
export interface ValueScale {
  readonly unit: string;
  readonly toModality: (stored: number) => number;
}

const rescaleUnits: Record<string, string> = { HU: "[hnsf'U]", MGML: 'mg/mL', OD: '1', US: '1', PCT: '%', KEV: 'keV' };
const petUnits: Record<string, string> = {
  BQML: 'Bq/mL',
  CNTS: '{counts}',
  PROPCPS: '{propcps}',
  GML: 'g/mL',
  NONE: '1',
};

/** What says whether a frame's values are Hounsfield units. */
export interface HounsfieldFacts {
  readonly modality: string;
  readonly sopClassUid: string;
  readonly imageType: readonly string[];
  readonly modalityTransform: { readonly kind: string; readonly type?: string };
}

/**
 * True when the values of this frame are Hounsfield units: CT, rescaled, not a localizer, no other type named. A
 * secondary capture has to name them: a rescale of 1 and 0 there is a screen's grey.
 */
export function isHounsfield(frame: HounsfieldFacts): boolean {
  if (frame.modality !== 'CT' || frame.modalityTransform.kind !== 'linear') return false;
  const type = (frame.modalityTransform.type ?? '').toUpperCase();
  const isNamed = type === 'HU' || (type === '' && !isSecondaryCapture(frame));
  return isNamed && !frame.imageType.includes('LOCALIZER');
}

/**
 * The scale of a frame's values. Hounsfield units only for CT that says how it is rescaled (PS3.3 C.8.2.1); a named
 * Rescale Type is obeyed; everything else is a number without a unit.
 */
export function valueScaleOf(frame: FrameAttributes, lut?: { first: number; values: ArrayLike<number> }): ValueScale {
  const transform = frame.modalityTransform;
  if (transform.kind === 'linear') {
    const { slope, intercept } = transform;
    const unit = isHounsfield(frame)
      ? "[hnsf'U]"
      : frame.modality === 'PT'
        ? (petUnits[frame.petUnits] ?? '1')
        : transform.type !== '' && transform.type.toUpperCase() !== 'HU'
          ? (rescaleUnits[transform.type.toUpperCase()] ?? '1')
          : '1';
    return { unit, toModality: (stored) => stored * slope + intercept };
  }
  if (transform.kind === 'lut' && lut && lut.values.length > 0) {
    const last = lut.values.length - 1;
    return {
      unit: transform.type === 'HU' && frame.modality !== 'CT' ? '1' : (rescaleUnits[transform.type] ?? '1'),
      toModality: (stored) => lut.values[Math.min(last, Math.max(0, Math.round(stored) - lut.first))]!,
    };
  }
  return { unit: '1', toModality: (stored) => stored };
}

export interface RegionStatistics {
  readonly count: number;
  readonly mean: number;
  /** Of the population of pixels: √(Σ(x−mean)²/n). */
  readonly standardDeviation: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** An axis-parallel shape by two opposite corners of its box, or a closed polygon. */
export type RegionShape =
  | { readonly kind: 'ellipse' | 'rectangle'; readonly corners: readonly [ImagePoint, ImagePoint] }
  | { readonly kind: 'polygon'; readonly points: readonly ImagePoint[] };

/** True when a pixel's centre lies in the shape or on its edge. */
function isInside(shape: RegionShape, column: number, row: number): boolean {
  if (shape.kind === 'polygon') {
    let inside = false;
    const { points } = shape;
    for (let i = 0, j = points.length - 1; i < points.length; j = i, i += 1) {
      const [xi, yi] = points[i]!;
      const [xj, yj] = points[j]!;
      if (yi > row !== yj > row && column < ((xj - xi) * (row - yi)) / (yj - yi) + xi) inside = !inside;
    }
    return inside;
  }
  if (shape.kind === 'rectangle') return true;
  const [[x0, y0], [x1, y1]] = shape.corners;
  const dx = (column - (x0 + x1) / 2) / (Math.abs(x1 - x0) / 2);
  const dy = (row - (y0 + y1) / 2) / (Math.abs(y1 - y0) / 2);
  return dx * dx + dy * dy <= 1;
}

function boundsOf(shape: RegionShape): { left: number; right: number; top: number; bottom: number } {
  const points = shape.kind === 'polygon' ? shape.points : shape.corners;
  const columns = points.map(([column]) => column);
  const rows = points.map(([, row]) => row);
  return { left: Math.min(...columns), right: Math.max(...columns), top: Math.min(...rows), bottom: Math.max(...rows) };
}

/**
 * Statistics over the pixels whose centre lies inside the shape, on modality values, padding left out
 * (PS3.3 C.7.5.1.1.2). Undefined when no pixel is inside.
 *
 * @param stored stored values in rows, one sample a pixel
 */
export function statisticsOf(
  frame: FrameAttributes,
  stored: StoredValues,
  scale: ValueScale,
  shape: RegionShape,
): RegionStatistics | undefined {
  const { left, right, top, bottom } = boundsOf(shape);
  let count = 0;
  let mean = 0;
  let squares = 0;
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  for (let row = Math.max(0, Math.ceil(top)); row <= Math.min(frame.rows - 1, Math.floor(bottom)); row += 1) {
    for (
      let column = Math.max(0, Math.ceil(left));
      column <= Math.min(frame.columns - 1, Math.floor(right));
      column += 1
    ) {
      if (!isInside(shape, column, row)) continue;
      const value = stored[row * frame.columns + column]!;
      if (frame.padding && value >= frame.padding.low && value <= frame.padding.high) continue;
      const modalityValue = scale.toModality(value);
      // Maps of floats write "no value" as NaN: one such pixel would leave no number of the region.
      if (!Number.isFinite(modalityValue)) continue;
      // Welford's update: no cancellation, however large the offset of the values.
      count += 1;
      const delta = modalityValue - mean;
      mean += delta / count;
      squares += delta * (modalityValue - mean);
      if (modalityValue < minimum) minimum = modalityValue;
      if (modalityValue > maximum) maximum = modalityValue;
    }
  }
  if (count === 0) return undefined;
  return { count, mean, standardDeviation: Math.sqrt(squares / count), minimum, maximum };
}

const millimetreUnits = { length: 'mm', area: 'mm2' };
const pixelUnits = { length: '{px}', area: '{px2}' };

function unitsOf(calibration: Calibration) {
  return calibration.kind === 'none' ? pixelUnits : millimetreUnits;
}

/** What a measurement needs of the image it lies on. `stored` is absent for colour, or before the pixels are there. */
export interface MeasuredImage {
  readonly frame: FrameAttributes;
  readonly stored: StoredValues | undefined;
  readonly scale: ValueScale;
  /** False when the self-test of the measurements failed: only pixels and plain values are given then. */
  readonly isTrusted: boolean;
}

function cornersOfBox(a: ImagePoint, b: ImagePoint): ImagePoint[] {
  return [a, [b[0], a[1]], b, [a[0], b[1]]];
}

function calibrate(image: MeasuredImage, points: readonly ImagePoint[]): Calibration {
  if (image.isTrusted) return calibrationOf(image.frame, points);
  return { kind: 'none', spacing: { rowMm: displayAspect(image.frame), columnMm: 1 } };
}

function regionMeasurements(image: MeasuredImage, shape: RegionShape): Measurement[] {
  if (!image.stored || image.frame.samplesPerPixel !== 1) return [];
  const statistics = statisticsOf(image.frame, image.stored, image.scale, shape);
  if (!statistics) return [];
  const unit = image.isTrusted ? image.scale.unit : '1';
  const { mean, standardDeviation, minimum, maximum, count } = statistics;
  return [
    { kind: 'mean', value: mean, unit, calibration: 'none' },
    { kind: 'standardDeviation', value: standardDeviation, unit, calibration: 'none' },
    { kind: 'minimum', value: minimum, unit, calibration: 'none' },
    { kind: 'maximum', value: maximum, unit, calibration: 'none' },
    { kind: 'count', value: count, unit: '{px}', calibration: 'none' },
  ];
}

/**
 * Every number of an annotation, from its points in image pixels: the one source of what is drawn, listed and saved.
 * length, bidirectional, angle: distances and angles in the plane of the pixels. ellipse, rectangle, freehand: area of
 * the drawn shape and statistics of the pixels inside. probe: the value of the pixel under the point.
 */
export function measure(tool: MeasurementTool, points: readonly ImagePoint[], image: MeasuredImage): Measurement[] {
  const [a, b, c, d] = points;
  const calibration = calibrate(image, points);
  const units = unitsOf(calibration);
  const { spacing, kind } = calibration;
  if (tool === 'length' && a && b)
    return [{ kind: 'length', value: distance(spacing, a, b), unit: units.length, calibration: kind }];
  if (tool === 'bidirectional' && a && b && c && d) {
    return [
      { kind: 'length', value: distance(spacing, a, b), unit: units.length, calibration: kind },
      { kind: 'width', value: distance(spacing, c, d), unit: units.length, calibration: kind },
    ];
  }
  if (tool === 'angle' && a && b && c) {
    const degrees = angleDegrees(spacing, a, b, c);
    return degrees === undefined ? [] : [{ kind: 'angle', value: degrees, unit: 'deg', calibration: kind }];
  }
  if ((tool === 'ellipse' || tool === 'rectangle') && a && b) {
    const box = calibrate(image, cornersOfBox(a, b));
    const full = Math.abs(b[0] - a[0]) * box.spacing.columnMm * Math.abs(b[1] - a[1]) * box.spacing.rowMm;
    const value = tool === 'ellipse' ? (Math.PI / 4) * full : full;
    return [
      { kind: 'area', value, unit: unitsOf(box).area, calibration: box.kind },
      ...regionMeasurements(image, { kind: tool, corners: [a, b] }),
    ];
  }
  if (tool === 'freehand' && points.length >= 3) {
    return [
      { kind: 'area', value: polygonArea(spacing, points), unit: units.area, calibration: kind },
      ...regionMeasurements(image, { kind: 'polygon', points }),
    ];
  }
  if (tool === 'probe' && a) return probe(image, a);
  return [];
}

function probe(image: MeasuredImage, [x, y]: ImagePoint): Measurement[] {
  const column = Math.round(x);
  const row = Math.round(y);
  const isOutside = column < 0 || row < 0 || column >= image.frame.columns || row >= image.frame.rows;
  if (isOutside || !image.stored || image.frame.samplesPerPixel !== 1) return [];
  const stored = image.stored[row * image.frame.columns + column];
  if (stored === undefined) return [];
  if (image.frame.padding && stored >= image.frame.padding.low && stored <= image.frame.padding.high) return [];
  if (!Number.isFinite(image.scale.toModality(stored))) return [];
  return [
    {
      kind: 'value',
      value: image.scale.toModality(stored),
      unit: image.isTrusted ? image.scale.unit : '1',
      calibration: 'none',
    },
  ];
}

const digitsOf: Record<string, number> = { mm: 1, mm2: 1, deg: 1, '{px}': 1, '{px2}': 0, "[hnsf'U]": 0 };
const symbolOf: Record<string, Record<'fr' | 'en', string>> = {
  mm: { fr: 'mm', en: 'mm' },
  mm2: { fr: 'mm²', en: 'mm²' },
  deg: { fr: '°', en: '°' },
  '{px}': { fr: 'px', en: 'px' },
  '{px2}': { fr: 'px²', en: 'px²' },
  "[hnsf'U]": { fr: 'UH', en: 'HU' },
  'Bq/mL': { fr: 'Bq/ml', en: 'Bq/mL' },
};

/**
 * A number as a person reads it: exactly `digits` decimals, a comma in French, thousands apart, a true minus, never
 * minus zero. Written here and not left to the machine's own rules, since host and window must say the same.
 */
export function formatNumber(value: number, digits: number, language: 'fr' | 'en'): string {
  const [whole = '', fraction] = Math.abs(value).toFixed(digits).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, language === 'fr' ? '\u202f' : ',');
  const text = fraction === undefined ? grouped : `${grouped}${language === 'fr' ? ',' : '.'}${fraction}`;
  return value < 0 && /[1-9]/.test(text) ? `\u2212${text}` : text;
}

type Shown = Pick<Measurement, 'kind' | 'value' | 'unit' | 'calibration'>;

/** The number of a measurement without its unit, with the digits that the pixels can bear. */
export function formatValue({ kind, value, unit }: Shown, language: 'fr' | 'en'): string {
  const isKnownUnit = unit in digitsOf;
  const size = Math.abs(value);
  if (kind === 'count') return formatNumber(value, 0, language);
  // Maps of fractions and of diffusion: three digits that mean something, not 0.00.
  if (!isKnownUnit && size > 0 && size < 1)
    return formatNumber(value, Math.min(9, 2 - Math.floor(Math.log10(size))), language);
  if (kind === 'mean' || kind === 'standardDeviation') return formatNumber(value, 1, language);
  return formatNumber(value, digitsOf[unit] ?? (Number.isInteger(value) ? 0 : 2), language);
}

/**
 * A measurement for people, the same on a picture, in a list and in a report: number, a no-break space, unit. '†' marks
 * millimetres at the detector where the sentence around does not say so; its meaning stands in the picture's corner.
 */
export function formatMeasurement(measurement: Shown, language: 'fr' | 'en', detectorMark = '\u2020'): string {
  const text = formatValue(measurement, language);
  const { unit: code, calibration } = measurement;
  const unit = code === '1' ? '' : (symbolOf[code]?.[language] ?? code.replace(/[{}]/g, ''));
  if (unit === '') return text;
  return unit === '°' ? `${text}${unit}` : `${text}\u00a0${unit}${calibration === 'detector' ? detectorMark : ''}`;
}
