import type { FrameAttributes, PixelSpacing, UltrasoundRegion } from './frameAttributes.ts';

/** A point of an image: [column, row] in pixels, the centre of the first pixel being [0, 0]. */
export type ImagePoint = readonly [number, number];

/**
 * What the pixels of a place in an image measure.
 * patient: millimetres in the patient's plane. detector: millimetres at the detector, larger than the patient's by an
 * unknown magnification. ultrasound: millimetres of one region. none: no millimetres; spacing is the pixel's shape
 * with a width of 1.
 */
export interface Calibration {
  readonly kind: 'patient' | 'detector' | 'ultrasound' | 'none';
  readonly spacing: PixelSpacing;
  /** Why there are no millimetres. */
  readonly reason?:
    | 'noSpacing'
    | 'noOrientation'
    | 'secondaryCapture'
    | 'localizer'
    | 'outsideRegion'
    | 'regionsDiffer'
    | 'regionUnits';
}

const projectionModalities = new Set(['CR', 'DX', 'MG', 'XA', 'RF', 'IO', 'PX', 'XC', 'RG', 'DR', 'RTIMAGE', 'BMD']);
/** Slices computed from projections (X-ray 3D angiographic, craniofacial, breast tomosynthesis): volumes of the patient. */
const computedVolumes = new Set([
  '1.2.840.10008.5.1.4.1.1.13.1.1',
  '1.2.840.10008.5.1.4.1.1.13.1.2',
  '1.2.840.10008.5.1.4.1.1.13.1.3',
]);
const secondaryCaptureRoot = '1.2.840.10008.5.1.4.1.1.7';
/** PS3.3 C.8.5.5.1.15: centimetres. */
const centimetres = 3;
/** PS3.3 C.8.5.5.1.1: a two-dimensional image of tissue or flow. */
const twoDimensional = 1;

function isUltrasound(frame: FrameAttributes): boolean {
  return frame.modality === 'US' || frame.modality === 'IVUS';
}

export function isSecondaryCapture(frame: Pick<FrameAttributes, 'sopClassUid'>): boolean {
  return frame.sopClassUid === secondaryCaptureRoot || frame.sopClassUid.startsWith(`${secondaryCaptureRoot}.`);
}

function withoutMillimetres(frame: FrameAttributes, reason: Calibration['reason']): Calibration {
  // The shape it is drawn in: an angle read off the screen is the one that is said.
  return { kind: 'none', spacing: { rowMm: displayAspect(frame), columnMm: 1 }, reason };
}

function contains(region: UltrasoundRegion, [column, row]: ImagePoint): boolean {
  // A point belongs to the pixel whose centre is nearest: half a pixel around the region's edges.
  return (
    column >= region.minColumn - 0.5 &&
    column <= region.maxColumn + 0.5 &&
    row >= region.minRow - 0.5 &&
    row <= region.maxRow + 0.5
  );
}

/**
 * The region that speaks for a point: a high-priority one over a low-priority one (PS3.3 C.8.5.5.1.3), then the
 * smaller. Undefined where no region holds the point.
 */
export function regionAt(frame: FrameAttributes, point: ImagePoint): UltrasoundRegion | undefined {
  const area = (region: UltrasoundRegion) => (region.maxColumn - region.minColumn) * (region.maxRow - region.minRow);
  return frame.ultrasoundRegions
    .filter((region) => contains(region, point))
    .sort((a, b) => Number(a.lowPriority) - Number(b.lowPriority) || area(a) - area(b))[0];
}

function calibrationInRegions(frame: FrameAttributes, points: readonly ImagePoint[]): Calibration {
  const regions = points.map((point) => regionAt(frame, point));
  const [first] = regions;
  if (!first || regions.some((region) => region === undefined)) return withoutMillimetres(frame, 'outsideRegion');
  if (regions.some((region) => region !== first)) return withoutMillimetres(frame, 'regionsDiffer');
  const rowMm = Math.abs(first.deltaY) * 10;
  const columnMm = Math.abs(first.deltaX) * 10;
  const isTissue = first.spatialFormat === twoDimensional && first.unitX === centimetres && first.unitY === centimetres;
  if (!isTissue || !(rowMm > 0) || !(columnMm > 0)) return withoutMillimetres(frame, 'regionUnits');
  return { kind: 'ultrasound', spacing: { rowMm, columnMm } };
}

/**
 * What the pixels at these points measure (PS3.3 10.7.1.3 for spacings, C.8.5.5 for ultrasound regions). Two points of
 * an ultrasound image have a distance only inside one region whose axes are both centimetres.
 *
 * A projection image is in patient millimetres only when it says how it was calibrated (0028,0A02); else its spacing
 * holds at the detector. A secondary capture has none unless calibrated: a spacing there describes paper or a screen.
 */
export function calibrationOf(frame: FrameAttributes, points: readonly ImagePoint[]): Calibration {
  if (frame.ultrasoundRegions.length > 0) return calibrationInRegions(frame, points);
  const isCalibrated = frame.spacingCalibrationType === 'GEOMETRY' || frame.spacingCalibrationType === 'FIDUCIAL';
  if (frame.pixelSpacing && isCalibrated) return { kind: 'patient', spacing: frame.pixelSpacing };
  if (isSecondaryCapture(frame)) return withoutMillimetres(frame, 'secondaryCapture');
  // A CT's localizer is a projection whose pixels hold at the isocentre only, somewhere inside the patient.
  if (frame.modality === 'CT' && frame.imageType.includes('LOCALIZER')) return withoutMillimetres(frame, 'localizer');
  if (projectionModalities.has(frame.modality) && !computedVolumes.has(frame.sopClassUid)) {
    const spacing = frame.imagerPixelSpacing ?? frame.pixelSpacing;
    return spacing ? { kind: 'detector', spacing } : withoutMillimetres(frame, 'noSpacing');
  }
  // Without an orientation, nothing says that the plane of the pixels is a plane of the patient.
  if (frame.pixelSpacing && frame.directions && !isUltrasound(frame))
    return { kind: 'patient', spacing: frame.pixelSpacing };
  if (frame.imagerPixelSpacing) return { kind: 'detector', spacing: frame.imagerPixelSpacing };
  return withoutMillimetres(frame, frame.pixelSpacing && !isUltrasound(frame) ? 'noOrientation' : 'noSpacing');
}

/** The calibration that holds over the whole image, for a scale bar; an ultrasound image has none as a whole. */
export function wholeImageCalibration(frame: FrameAttributes): Calibration {
  const corners: ImagePoint[] = [
    [0, 0],
    [frame.columns - 1, 0],
    [0, frame.rows - 1],
    [frame.columns - 1, frame.rows - 1],
  ];
  return calibrationOf(frame, corners);
}

/** Shape of a pixel for drawing: height over width. */
export function displayAspect(frame: FrameAttributes): number {
  const spacing = frame.pixelSpacing ?? frame.imagerPixelSpacing;
  return spacing ? spacing.rowMm / spacing.columnMm : frame.pixelAspect;
}
