import type { PointMm } from './softShapes.ts';

/**
 * Where the voxels of a stack lie (PS3.3 C.7.6.2.1.1): the centre of voxel (slice, row, column) is
 * `origin + column · columnSpacing · rowDirection + row · rowSpacing · columnDirection + slice · sliceSpacing · normal`.
 * Slices are counted from 0 in the order of InstanceNumber.
 */
export interface StackGeometry {
  readonly slices: number;
  readonly rows: number;
  readonly columns: number;
  readonly originMm: PointMm;
  /** Direction of increasing column index, a unit vector. */
  readonly rowDirection: PointMm;
  /** Direction of increasing row index, a unit vector. */
  readonly columnDirection: PointMm;
  /** Direction from one slice to the next, a unit vector. */
  readonly sliceDirection: PointMm;
  readonly rowSpacingMm: number;
  readonly columnSpacingMm: number;
  readonly sliceSpacingMm: number;
}

/** A place in a stack, fractional, counted from 0; DICOM's InstanceNumber is the nearest slice + 1. */
export interface VoxelPlace {
  readonly slice: number;
  readonly row: number;
  readonly column: number;
}

/** Patient position in mm of a voxel place. */
export function voxelToPatientMm(geometry: StackGeometry, place: VoxelPlace): PointMm {
  const along = (i: 0 | 1 | 2): number =>
    geometry.originMm[i] +
    place.column * geometry.columnSpacingMm * geometry.rowDirection[i] +
    place.row * geometry.rowSpacingMm * geometry.columnDirection[i] +
    place.slice * geometry.sliceSpacingMm * geometry.sliceDirection[i];
  return [along(0), along(1), along(2)];
}

/** The voxel place of a patient position in mm. */
export function patientToVoxel(geometry: StackGeometry, pointMm: PointMm): VoxelPlace {
  const d: PointMm = [
    pointMm[0] - geometry.originMm[0],
    pointMm[1] - geometry.originMm[1],
    pointMm[2] - geometry.originMm[2],
  ];
  const dot = (v: PointMm): number => d[0] * v[0] + d[1] * v[1] + d[2] * v[2];
  return {
    slice: dot(geometry.sliceDirection) / geometry.sliceSpacingMm,
    row: dot(geometry.columnDirection) / geometry.rowSpacingMm,
    column: dot(geometry.rowDirection) / geometry.columnSpacingMm,
  };
}

/** ImagePositionPatient of a slice: the centre of its first voxel. */
export function slicePositionMm(geometry: StackGeometry, slice: number): PointMm {
  return voxelToPatientMm(geometry, { slice, row: 0, column: 0 });
}
