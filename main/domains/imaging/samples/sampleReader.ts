import dicomParser from 'dicom-parser';
import type { StackGeometry, VoxelPlace } from './sampleGeometry.ts';
import { patientToVoxel, voxelToPatientMm } from './sampleGeometry.ts';
import type { PointMm } from './softShapes.ts';

/** What a test needs of an uncompressed object: its attributes by tag and its pixels as stored. */
export interface ReadImage {
  readonly dataset: dicomParser.DataSet;
  readonly rows: number;
  readonly columns: number;
  readonly pixels: Int16Array | Uint16Array | Uint8Array;
}

/** Reads an uncompressed little-endian object back, by another program's parser and from its own attributes alone. */
export function readImage(bytes: Uint8Array): ReadImage {
  const dataset = dicomParser.parseDicom(bytes);
  const element = dataset.elements['x7fe00010'];
  const rows = dataset.uint16('x00280010');
  const columns = dataset.uint16('x00280011');
  if (!element || !rows || !columns) throw new RangeError('the object has no image');
  const data = bytes.slice(element.dataOffset, element.dataOffset + element.length);
  const eightBit = dataset.uint16('x00280100') === 8;
  const signed = dataset.uint16('x00280103') === 1;
  const pixels = eightBit ? data : signed ? new Int16Array(data.buffer) : new Uint16Array(data.buffer);
  return { dataset, rows, columns, pixels };
}

/** The numbers of a decimal or integer string attribute. */
export function numbersOf(dataset: dicomParser.DataSet, tag: string): number[] {
  return (dataset.string(tag) ?? '').split('\\').filter(Boolean).map(Number);
}

/** A stack read back; the geometry is worked out from the slices' own positions and orientations. */
export interface ReadStack {
  readonly geometry: StackGeometry;
  readonly images: readonly ReadImage[];
  /** Modality value (stored · slope + intercept) at whole indices. */
  valueAt(slice: number, row: number, column: number): number;
}

/** Reads a series given in the order of InstanceNumber. */
export function readStack(files: readonly Uint8Array[]): ReadStack {
  const images = files.map(readImage);
  const first = images[0]!;
  const last = images[images.length - 1]!;
  const origin = point(numbersOf(first.dataset, 'x00200032'));
  const end = point(numbersOf(last.dataset, 'x00200032'));
  const orientation = numbersOf(first.dataset, 'x00200037');
  const [rowSpacingMm, columnSpacingMm] = numbersOf(first.dataset, 'x00280030');
  const travel: PointMm = [end[0] - origin[0], end[1] - origin[1], end[2] - origin[2]];
  const length = Math.hypot(...travel);
  const geometry: StackGeometry = {
    slices: images.length,
    rows: first.rows,
    columns: first.columns,
    originMm: origin,
    rowDirection: point(orientation.slice(0, 3)),
    columnDirection: point(orientation.slice(3)),
    sliceDirection: [travel[0] / length, travel[1] / length, travel[2] / length],
    rowSpacingMm: rowSpacingMm!,
    columnSpacingMm: columnSpacingMm!,
    sliceSpacingMm: length / (images.length - 1),
  };
  const slope = numbersOf(first.dataset, 'x00281053')[0] ?? 1;
  const intercept = numbersOf(first.dataset, 'x00281052')[0] ?? 0;
  return {
    geometry,
    images,
    valueAt: (slice, row, column) => images[slice]!.pixels[row * first.columns + column]! * slope + intercept,
  };
}

/** Size and middle of a bright or dark ball measured in a stack. */
export interface MeasuredBall {
  readonly centreMm: PointMm;
  /** Diameter in mm of the ball of the same volume, from the shares of voxels filled. */
  readonly diameterMm: number;
  /** The same from counting the voxels beyond the half-way value. */
  readonly countedDiameterMm: number;
  /** Mean of the voxels that lie wholly inside; not a number where there is none. */
  readonly meanInside: number;
}

/**
 * Measures a ball: voxels that hang together with the one at `seed` and lie nearer to `inside` than to `outside`, with
 * their neighbours two voxels around; each counts by how far its value has gone from the one to the other.
 */
export function measureBall(stack: ReadStack, seed: VoxelPlace, inside: number, outside: number): MeasuredBall {
  const { geometry } = stack;
  const fraction = (slice: number, row: number, column: number): number =>
    (stack.valueAt(slice, row, column) - outside) / (inside - outside);
  // A ball thinner than a slice never reaches the half: then half of what it reaches is the edge.
  const [atSlice, atRow, atColumn] = [Math.round(seed.slice), Math.round(seed.row), Math.round(seed.column)];
  const threshold = 0.5 * Math.min(1, fraction(atSlice, atRow, atColumn));
  const core = connected(stack, seed, (slice, row, column) => fraction(slice, row, column) > threshold);
  const around = new Map<number, readonly [number, number, number]>();
  for (const [slice, row, column] of core) {
    for (let k = -1; k <= 1; k++) {
      for (let j = -2; j <= 2; j++) {
        for (let i = -2; i <= 2; i++) {
          const place = [slice + k, row + j, column + i] as const;
          around.set((place[0] * geometry.rows + place[1]) * geometry.columns + place[2], place);
        }
      }
    }
  }
  const sum: [number, number, number] = [0, 0, 0];
  let filled = 0;
  for (const [slice, row, column] of around.values()) {
    const share = Math.min(1, Math.max(-0.2, fraction(slice, row, column)));
    const mm = voxelToPatientMm(geometry, { slice, row, column });
    for (const axis of [0, 1, 2] as const) sum[axis] += share * mm[axis];
    filled += share;
  }
  const voxel = geometry.rowSpacingMm * geometry.columnSpacingMm * geometry.sliceSpacingMm;
  const centreMm: PointMm = [sum[0] / filled, sum[1] / filled, sum[2] / filled];
  const diameter = (volume: number): number => 2 * Math.cbrt((3 * volume) / (4 * Math.PI));
  const diameterMm = diameter(filled * voxel);
  const middle = patientToVoxel(geometry, centreMm);
  const inner = core.filter(([slice, row, column]) => {
    const across = Math.hypot(row - middle.row, column - middle.column) * geometry.rowSpacingMm;
    const along = (Math.abs(slice - middle.slice) + 0.5) * geometry.sliceSpacingMm;
    return Math.hypot(across + geometry.rowSpacingMm, along) < diameterMm / 2;
  });
  const meanInside = inner.reduce((total, place) => total + stack.valueAt(...place), 0) / inner.length;
  return { centreMm, diameterMm, countedDiameterMm: diameter(core.length * voxel), meanInside };
}

function connected(
  stack: ReadStack,
  seed: VoxelPlace,
  belongs: (slice: number, row: number, column: number) => boolean,
): (readonly [number, number, number])[] {
  const { geometry } = stack;
  const found: (readonly [number, number, number])[] = [];
  const seen = new Set<number>();
  const open: (readonly [number, number, number])[] = [
    [Math.round(seed.slice), Math.round(seed.row), Math.round(seed.column)],
  ];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const [slice, row, column] = place;
    const key = (slice * geometry.rows + row) * geometry.columns + column;
    if (slice < 0 || slice >= geometry.slices || seen.has(key)) continue;
    seen.add(key);
    if (!belongs(slice, row, column)) continue;
    found.push(place);
    if (found.length > 20_000) throw new RangeError('the region runs out into what is around it');
    open.push([slice - 1, row, column], [slice + 1, row, column], [slice, row - 1, column]);
    open.push([slice, row + 1, column], [slice, row, column - 1], [slice, row, column + 1]);
  }
  return found;
}

function point(values: readonly number[]): PointMm {
  const [x, y, z] = values;
  if (x === undefined || y === undefined || z === undefined) throw new RangeError('a point has three numbers');
  return [x, y, z];
}
