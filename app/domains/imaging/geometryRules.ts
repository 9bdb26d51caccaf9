import type { ImagePoint } from './calibrationRules.ts';
import type { FrameAttributes, ImagePlane, PixelSpacing, Vector3 } from './frameAttributes.ts';
import { displayOrder } from './instanceOrder.ts';

export function dot(a: Vector3, b: Vector3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a: Vector3, b: Vector3): Vector3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function subtract(a: Vector3, b: Vector3): Vector3 {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

export function addScaled(a: Vector3, b: Vector3, factor: number): Vector3 {
  return [a[0] + b[0] * factor, a[1] + b[1] * factor, a[2] + b[2] * factor];
}

/** Image pixel [column, row] → patient LPS in mm (PS3.3 equation C.7.6.2.1-1). */
export function pixelToPatient(plane: ImagePlane, spacing: PixelSpacing, [column, row]: ImagePoint): Vector3 {
  const alongRow = addScaled(plane.originMm, plane.rowDirection, column * spacing.columnMm);
  return addScaled(alongRow, plane.columnDirection, row * spacing.rowMm);
}

/** Patient LPS in mm → image pixel [column, row] of the nearest point of the plane, and the distance to it in mm. */
export function patientToPixel(
  plane: ImagePlane,
  spacing: PixelSpacing,
  positionMm: Vector3,
): { point: ImagePoint; offPlaneMm: number } {
  const offset = subtract(positionMm, plane.originMm);
  return {
    point: [dot(offset, plane.rowDirection) / spacing.columnMm, dot(offset, plane.columnDirection) / spacing.rowMm],
    offPlaneMm: dot(offset, cross(plane.rowDirection, plane.columnDirection)),
  };
}

/**
 * Frames as a person scrolls them. Single frames in the order the whole of Salus gives a series; the frames of
 * multi-frame objects along their normal where every position is known and differs, else as they are numbered.
 */
export function sortFrames(frames: readonly FrameAttributes[]): FrameAttributes[] {
  if (frames.every((frame) => frame.frames === 1)) {
    const placed = frames.map(({ instanceNumber, plane, directions }) => ({
      instanceNumber: instanceNumber ?? null,
      positionMm: plane?.originMm ?? [],
      orientation: directions ? [...directions.rowDirection, ...directions.columnDirection] : [],
      frames: 1,
    }));
    return displayOrder(placed).map((index) => frames[index]!);
  }
  const numbered = [...frames].sort(
    (a, b) =>
      (a.instanceNumber ?? Number.MAX_SAFE_INTEGER) - (b.instanceNumber ?? Number.MAX_SAFE_INTEGER) ||
      (a.sopUid < b.sopUid ? -1 : a.sopUid > b.sopUid ? 1 : 0) ||
      a.frame - b.frame,
  );
  const normal = sharedNormal(numbered);
  if (!normal) return numbered;
  const positioned = numbered.map((frame, order) => ({ frame, order, along: dot(frame.plane!.originMm, normal) }));
  const isDistinct = new Set(positioned.map((each) => each.along.toFixed(3))).size === positioned.length;
  if (!isDistinct) return numbered;
  positioned.sort((a, b) => a.along - b.along);
  // The end that was numbered first comes first.
  if (positioned[0]!.order > positioned[positioned.length - 1]!.order) positioned.reverse();
  return positioned.map((each) => each.frame);
}

/**
 * Where a plane lies along its own normal, in patient mm, growing to L, P or H, whichever is nearest: the same for every
 * pixel of it, and two slices differ by their distance. A coordinate of its corner is neither on a tilted slice.
 */
export function positionAlongNormal({ originMm, rowDirection, columnDirection }: ImagePlane): number {
  const normal = cross(rowDirection, columnDirection);
  const main = normal.reduce((best, part, axis) => (Math.abs(part) > Math.abs(normal[best]!) ? axis : best), 0);
  return dot(originMm, normal) * Math.sign(normal[main]!) + 0;
}

function sharedNormal(frames: readonly FrameAttributes[]): Vector3 | undefined {
  const first = frames[0]?.plane;
  if (!first || frames.length < 2) return undefined;
  const normal = cross(first.rowDirection, first.columnDirection);
  const allParallel = frames.every(
    ({ plane }) =>
      plane &&
      dot(plane.rowDirection, first.rowDirection) > 0.9999 &&
      dot(plane.columnDirection, first.columnDirection) > 0.9999,
  );
  return allParallel ? normal : undefined;
}

/** Why a series is not a volume that may be cut in other planes. */
export type VolumeRefusal =
  | 'tooFewSlices'
  | 'colour'
  | 'noPosition'
  | 'frameOfReferenceDiffers'
  | 'sizeDiffers'
  | 'spacingDiffers'
  | 'orientationDiffers'
  | 'valuesDiffer'
  | 'samePosition'
  | 'tilted'
  | 'missingSlices'
  | 'irregularSpacing';

/** A volume proven to be regular: voxel [column, row, slice] lies at origin + column·x + row·y + slice·z. */
export interface ProvenVolume {
  readonly frames: readonly FrameAttributes[];
  readonly dimensions: readonly [number, number, number];
  /** Along a row, down a column, between slices. */
  readonly spacingMm: Vector3;
  readonly originMm: Vector3;
  readonly rowDirection: Vector3;
  readonly columnDirection: Vector3;
  readonly normal: Vector3;
}

/** Slices may lie off a regular grid by this share of their distance before a volume is refused. */
const spacingTolerance = 0.02;
/** In-plane drift between neighbours, mm, that a tilted gantry exceeds and rounding does not. */
const driftToleranceMm = 0.05;
/** What small steps may add up to before a volume is refused: this share of a slice's distance along the normal … */
const gridTolerance = 0.1;
/** … and this share of a pixel in the plane, drift and turned corners alike. */
const planeTolerance = 0.5;

/**
 * Proves that frames make a regular volume, or says the first reason why they do not: one frame of reference, one
 * orientation, one spacing, one size, one modality scale, equal steps along the normal and no drift in the plane,
 * neither from slice to slice nor added up: thin slices of a tilted gantry drift by little each and by centimetres over
 * the volume.
 */
export function proveVolume(
  frames: readonly FrameAttributes[],
): { readonly volume: ProvenVolume } | { readonly refusal: VolumeRefusal } {
  const [first] = frames;
  if (!first || frames.length < 4) return { refusal: 'tooFewSlices' };
  if (frames.some((frame) => frame.samplesPerPixel !== 1 || !frame.photometric.startsWith('MONOCHROME')))
    return { refusal: 'colour' };
  if (!first.plane || frames.some((frame) => !frame.plane || !frame.pixelSpacing)) return { refusal: 'noPosition' };
  if (
    first.frameOfReferenceUid === '' ||
    frames.some((frame) => frame.frameOfReferenceUid !== first.frameOfReferenceUid)
  ) {
    return { refusal: 'frameOfReferenceDiffers' };
  }
  if (frames.some((frame) => frame.rows !== first.rows || frame.columns !== first.columns))
    return { refusal: 'sizeDiffers' };
  const spacing = first.pixelSpacing!;
  const near = (a: number, b: number) => Math.abs(a - b) <= 1e-4 * Math.max(a, b);
  if (
    frames.some(
      ({ pixelSpacing }) =>
        !near(pixelSpacing!.rowMm, spacing.rowMm) || !near(pixelSpacing!.columnMm, spacing.columnMm),
    )
  ) {
    return { refusal: 'spacingDiffers' };
  }
  const normal = sharedNormal(frames);
  const pixelMm = Math.min(spacing.rowMm, spacing.columnMm);
  if (!normal || frames.some((frame) => turnedCornerMm(frame, first) > planeTolerance * pixelMm))
    return { refusal: 'orientationDiffers' };
  if (frames.some((frame) => !sameScale(frame, first))) return { refusal: 'valuesDiffer' };

  const sorted = [...frames].sort((a, b) => dot(a.plane!.originMm, normal) - dot(b.plane!.originMm, normal));
  const steps = sorted.slice(1).map((frame, index) => subtract(frame.plane!.originMm, sorted[index]!.plane!.originMm));
  const along = steps.map((step) => dot(step, normal));
  if (along.some((step) => step < 1e-3)) return { refusal: 'samePosition' };
  const drift = steps.map((step, index) => Math.hypot(...addScaled(step, normal, -along[index]!)));
  if (drift.some((each) => each > driftToleranceMm)) return { refusal: 'tilted' };
  const median = [...along].sort((a, b) => a - b)[Math.floor(along.length / 2)]!;
  const uneven = along.filter((step) => Math.abs(step - median) > spacingTolerance * median);
  if (uneven.length > 0) {
    const areWholeSteps = uneven.every(
      (step) => step > 1.5 * median && Math.abs(step / median - Math.round(step / median)) < 0.1,
    );
    return { refusal: areWholeSteps ? 'missingSlices' : 'irregularSpacing' };
  }
  const head = sorted[0]!.plane!;
  const places = sorted.map((frame) => subtract(frame.plane!.originMm, head.originMm));
  const depths = places.map((place) => dot(place, normal));
  const sliceMm = depths[depths.length - 1]! / (sorted.length - 1);
  if (
    places.some((place, index) => Math.hypot(...addScaled(place, normal, -depths[index]!)) > planeTolerance * pixelMm)
  )
    return { refusal: 'tilted' };
  if (depths.some((depth, index) => Math.abs(depth - index * sliceMm) > gridTolerance * sliceMm))
    return { refusal: 'irregularSpacing' };
  return {
    volume: {
      frames: sorted,
      dimensions: [first.columns, first.rows, sorted.length],
      spacingMm: [spacing.columnMm, spacing.rowMm, sliceMm],
      originMm: head.originMm,
      rowDirection: head.rowDirection,
      columnDirection: head.columnDirection,
      normal,
    },
  };
}

/** How far apart two frames put the corner opposite their first pixel, mm, by their directions alone. */
function turnedCornerMm(a: FrameAttributes, b: FrameAttributes): number {
  const reach = ({ plane, pixelSpacing, columns, rows }: FrameAttributes) =>
    addScaled(
      addScaled([0, 0, 0], plane!.rowDirection, columns * pixelSpacing!.columnMm),
      plane!.columnDirection,
      rows * pixelSpacing!.rowMm,
    );
  return Math.hypot(...subtract(reach(a), reach(b)));
}

function sameScale(a: FrameAttributes, b: FrameAttributes): boolean {
  const x = a.modalityTransform;
  const y = b.modalityTransform;
  if (a.signed !== b.signed || a.bitsStored !== b.bitsStored || a.bitsAllocated !== b.bitsAllocated) return false;
  if (x.kind === 'linear' && y.kind === 'linear')
    return x.slope === y.slope && x.intercept === y.intercept && x.type === y.type;
  return x.kind === 'identity' && y.kind === 'identity';
}
