/**
 * The stated answers of the sample studies: where every lesion lies, how large and how dense it is. Tests compare what
 * a program measures with these; the images are made from the same numbers.
 */
import { type SampleStudy, sampleStudies } from './sampleCatalogue.ts';
import { patientToVoxel, type StackGeometry, type VoxelPlace } from './sampleGeometry.ts';
import { seededUid } from './seededRandom.ts';
import type { PointMm } from './softShapes.ts';

export * from './projectionTruth.ts';
export * from './sampleCatalogue.ts';

/** A ball of stated place, size and density. `hu` is the mean inside, away from its edge. */
export interface NoduleTruth {
  readonly name: string;
  readonly centreMm: PointMm;
  readonly diameterMm: number;
  readonly hu: number;
  readonly place: VoxelPlace;
}

/** A homogeneous region: the mean over a disc of `radiusMm` in the nearest slice is `hu` ± `toleranceHu`. */
export interface RegionTruth {
  readonly name: string;
  readonly centreMm: PointMm;
  readonly radiusMm: number;
  readonly hu: number;
  readonly toleranceHu: number;
  readonly place: VoxelPlace;
}

/** The answers of a chest CT. */
export interface ChestCtTruth {
  readonly study: SampleStudy;
  readonly seriesUid: string;
  readonly frameOfReferenceUid: string;
  readonly geometry: StackGeometry;
  /** How far the person lies from where the phantom is defined; already part of the positions stated here. */
  readonly shiftMm: PointMm;
  readonly nodules: readonly NoduleTruth[];
  readonly regions: readonly RegionTruth[];
}

export const defaultChestSlices = 120;
export const priorChestSlices = 60;

/** The chest CT: `slices` (2–200) planes over 300 mm, first slice at the head end. */
export function chestCtTruth(slices: number = defaultChestSlices): ChestCtTruth {
  return chestTruth('chest-ct', slices, [0, 0, 0], chestNodules, [
    ['aorta', [24.6, 37.4, -20], 5, 190],
    ['trachea', [0, 3, 108.75], 4, -990],
    ['liver', [-62, 12, -121.25], 9, 95],
    ['air', [0, -155, 3.75], 8, -1000],
  ]);
}

/** The prior of the same person eight months before: coarser, without contrast, lying 3 mm off, nodule 3 smaller. */
export function priorChestCtTruth(slices: number = priorChestSlices): ChestCtTruth {
  const nodules = chestNodules.map((nodule) => (nodule.name === 'nodule-3' ? { ...nodule, diameterMm: 4.2 } : nodule));
  return chestTruth('chest-ct-prior', slices, [2.6, -1.8, 3.2], nodules, [
    ['aorta', [24.6, 37.4, -20], 5, 42],
    ['liver', [-62, 12, -121.25], 9, 58],
  ]);
}

const chestNodules: readonly Omit<NoduleTruth, 'place'>[] = [
  { name: 'nodule-1', centreMm: [-71.3, -17.6, 72.4], diameterMm: 12.4, hu: 40 },
  { name: 'nodule-2', centreMm: [88.4, 41.2, -22.7], diameterMm: 8.2, hu: 30 },
  { name: 'nodule-3', centreMm: [-92.1, 41.7, -13.3], diameterMm: 6, hu: 25 },
];

/** The answers of the head MR: two series on one oblique stack, and a lesion bright in T2 and dark in T1. */
export interface HeadMrTruth {
  readonly study: SampleStudy;
  readonly frameOfReferenceUid: string;
  readonly geometry: StackGeometry;
  readonly sliceThicknessMm: number;
  readonly series: readonly { readonly contrast: 'T2' | 'T1'; readonly seriesUid: string; readonly number: number }[];
  readonly lesion: {
    readonly centreMm: PointMm;
    readonly diameterMm: number;
    readonly place: VoxelPlace;
    /** Mean stored value well inside the lesion and of the white matter around it, before noise. */
    readonly stored: Readonly<Record<'T2' | 'T1', { readonly lesion: number; readonly whiteMatter: number }>>;
  };
}

export function headMrTruth(): HeadMrTruth {
  // Turned 4° about the body axis, then tipped 10° with the forehead up.
  const [cosTurn, sinTurn] = [Math.cos((4 * Math.PI) / 180), Math.sin((4 * Math.PI) / 180)];
  const [cosTip, sinTip] = [Math.cos((10 * Math.PI) / 180), Math.sin((10 * Math.PI) / 180)];
  const rowDirection: PointMm = [cosTurn, sinTurn, 0];
  const columnDirection: PointMm = [-sinTurn * cosTip, cosTurn * cosTip, -sinTip];
  const sliceDirection: PointMm = [-sinTurn * sinTip, cosTurn * sinTip, cosTip];
  const middle: PointMm = [1.5, -2, 4];
  const [slices, size, spacing, sliceSpacing] = [40, 256, 0.9, 4];
  const at = (i: 0 | 1 | 2): number =>
    middle[i] -
    ((size - 1) / 2) * spacing * (rowDirection[i] + columnDirection[i]) -
    ((slices - 1) / 2) * sliceSpacing * sliceDirection[i];
  const geometry: StackGeometry = {
    slices,
    rows: size,
    columns: size,
    originMm: [at(0), at(1), at(2)],
    rowDirection,
    columnDirection,
    sliceDirection,
    rowSpacingMm: spacing,
    columnSpacingMm: spacing,
    sliceSpacingMm: sliceSpacing,
  };
  const centreMm: PointMm = [27.4, -36.3, 31.2];
  return {
    study: sampleStudies['head-mr'],
    frameOfReferenceUid: seededUid('head-mr:frame-of-reference'),
    geometry,
    sliceThicknessMm: 3.6,
    series: [
      { contrast: 'T2', seriesUid: seededUid('head-mr:series:T2'), number: 3 },
      { contrast: 'T1', seriesUid: seededUid('head-mr:series:T1'), number: 4 },
    ],
    lesion: {
      centreMm,
      diameterMm: 13.6,
      place: patientToVoxel(geometry, centreMm),
      stored: { T2: { lesion: 1150, whiteMatter: 430 }, T1: { lesion: 420, whiteMatter: 820 } },
    },
  };
}

function chestTruth(
  name: 'chest-ct' | 'chest-ct-prior',
  slices: number,
  shiftMm: PointMm,
  nodules: readonly Omit<NoduleTruth, 'place'>[],
  regions: readonly (readonly [name: string, centreMm: PointMm, radiusMm: number, hu: number])[],
): ChestCtTruth {
  if (!Number.isInteger(slices) || slices < 2 || slices > 200) throw new RangeError('a chest CT has 2 to 200 slices');
  const spacing = 300 / slices;
  const geometry: StackGeometry = {
    slices,
    rows: 512,
    columns: 512,
    originMm: [-178.85, -170.85, 150 - spacing / 2],
    rowDirection: [1, 0, 0],
    columnDirection: [0, 1, 0],
    sliceDirection: [0, 0, -1],
    rowSpacingMm: 0.7,
    columnSpacingMm: 0.7,
    sliceSpacingMm: spacing,
  };
  const seed = `${name}:${slices}`;
  const moved = (p: PointMm): PointMm => [p[0] + shiftMm[0], p[1] + shiftMm[1], p[2] + shiftMm[2]];
  const placed = <T extends { readonly centreMm: PointMm }>(truth: T): T & { readonly place: VoxelPlace } => {
    const centreMm = moved(truth.centreMm);
    return { ...truth, centreMm, place: patientToVoxel(geometry, centreMm) };
  };
  return {
    study: { ...sampleStudies[name], studyUid: seededUid(`${seed}:study`) },
    seriesUid: seededUid(`${seed}:series:1`),
    frameOfReferenceUid: seededUid(`${seed}:frame-of-reference`),
    geometry,
    shiftMm,
    nodules: nodules.map(placed),
    regions: regions.map(([region, centreMm, radiusMm, hu]) =>
      placed({ name: region, centreMm, radiusMm, hu, toleranceHu: 8 }),
    ),
  };
}
