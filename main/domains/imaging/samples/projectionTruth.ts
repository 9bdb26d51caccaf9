import { type SampleStudy, sampleStudies } from './sampleCatalogue.ts';
import { seededUid } from './seededRandom.ts';
import type { PointMm } from './softShapes.ts';

/** One view of the chest radiograph. A place is (row, column) from 0 on the detector. */
export interface RadiographViewTruth {
  readonly view: 'PA' | 'LL';
  readonly photometric: 'MONOCHROME1' | 'MONOCHROME2';
  readonly instanceNumber: number;
  readonly seriesUid: string;
  readonly nodulePlace: { readonly row: number; readonly column: number };
}

/** The answers of the chest radiograph: millimetres are at the detector, the object is `magnification` times smaller. */
export interface RadiographTruth {
  readonly study: SampleStudy;
  readonly rows: number;
  readonly columns: number;
  readonly imagerPixelSpacingMm: number;
  readonly magnification: number;
  /** Patient z of the detector's middle row, and y of the middle column of the lateral view; x is 0 in the PA view. */
  readonly centreZMm: number;
  readonly centreYMm: number;
  /** Stored value of MONOCHROME2 per mm of water-equivalent thickness; MONOCHROME1 stores 4095 minus that. */
  readonly storedPerMm: number;
  readonly nodule: { readonly centreMm: PointMm; readonly diameterMm: number; readonly hu: number };
  readonly views: readonly RadiographViewTruth[];
}

export function radiographTruth(): RadiographTruth {
  const magnification = 8 / 7;
  const imagerPixelSpacingMm = 0.4;
  const objectSpacing = imagerPixelSpacingMm / magnification;
  const centreZMm = -8;
  const centreYMm = 10;
  const nodule = { centreMm: [-80.5, 12.4, 24.6] as const, diameterMm: 17.5, hu: 45 };
  const row = 511.5 + (centreZMm - nodule.centreMm[2]) / objectSpacing;
  const view = (name: 'PA' | 'LL', instanceNumber: number, offsetMm: number): RadiographViewTruth => ({
    view: name,
    photometric: name === 'PA' ? 'MONOCHROME2' : 'MONOCHROME1',
    instanceNumber,
    seriesUid: seededUid(`chest-radiograph:series:${name}`),
    nodulePlace: { row, column: 511.5 + offsetMm / objectSpacing },
  });
  return {
    study: sampleStudies['chest-radiograph'],
    rows: 1024,
    columns: 1024,
    imagerPixelSpacingMm,
    magnification,
    centreZMm,
    centreYMm,
    storedPerMm: 10,
    nodule,
    views: [view('PA', 1, nodule.centreMm[0]), view('LL', 1, nodule.centreMm[1] - centreYMm)],
  };
}

/** One speck of lime: its middle in (row, column) from 0, and its size. */
export interface CalcificationTruth {
  readonly row: number;
  readonly column: number;
  readonly diameterMm: number;
}

/** One view of the mammogram. The cluster is in the left breast only. */
export interface MammogramViewTruth {
  readonly view: 'RCC' | 'LCC' | 'RMLO' | 'LMLO';
  readonly laterality: 'R' | 'L';
  readonly projection: 'CC' | 'MLO';
  readonly seriesUid: string;
  readonly seriesNumber: number;
  readonly cluster?: {
    /** Mean of the specks' middles. */
    readonly row: number;
    readonly column: number;
    readonly calcifications: readonly CalcificationTruth[];
  };
}

/** The answers of the mammogram: the chest wall is at the right edge of right breasts and at the left of left ones. */
export interface MammogramTruth {
  readonly study: SampleStudy;
  readonly rows: number;
  readonly columns: number;
  readonly imagerPixelSpacingMm: number;
  readonly views: readonly MammogramViewTruth[];
}

export function mammogramTruth(): MammogramTruth {
  const views = (['RCC', 'LCC', 'RMLO', 'LMLO'] as const).map((view, index): MammogramViewTruth => {
    const laterality = view.startsWith('R') ? 'R' : 'L';
    const projection = view.endsWith('CC') ? 'CC' : 'MLO';
    const base = {
      view,
      laterality,
      projection,
      seriesUid: seededUid(`mammogram:series:${view}`),
      seriesNumber: index + 1,
    } as const;
    if (laterality === 'R') return base;
    const middle = projection === 'CC' ? { row: 512, column: 468 } : { row: 596, column: 502 };
    const calcifications = calcificationOffsets.map(([down, across, tenths]) => ({
      row: middle.row + down,
      // The two views see the same specks from different sides.
      column: middle.column + (projection === 'CC' ? across : 0.8 * across - 0.3 * down),
      diameterMm: tenths / 10,
    }));
    const mean = (pick: (speck: CalcificationTruth) => number): number =>
      calcifications.reduce((sum, speck) => sum + pick(speck), 0) / calcifications.length;
    return {
      ...base,
      cluster: { row: mean((speck) => speck.row), column: mean((speck) => speck.column), calcifications },
    };
  });
  return { study: sampleStudies.mammogram, rows: 1280, columns: 1024, imagerPixelSpacingMm: 0.1, views };
}

/** Offsets in pixels (down, across) and diameters in tenths of a mm of the specks of the cluster. */
const calcificationOffsets = [
  [0, 0, 5],
  [-14, 9, 4],
  [11, 16, 5],
  [22, -6, 4],
  [-25, -12, 3],
  [-8, -24, 5],
  [6, -38, 3],
  [31, 12, 4],
  [-33, 18, 4],
  [14, 35, 3],
  [-19, 39, 5],
  [41, -21, 4],
] as const;

/** The answers of the ultrasound clip: a bright ball that moves with the breath. */
export interface UltrasoundTruth {
  readonly study: SampleStudy;
  readonly seriesUid: string;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly frameTimeMs: number;
  /** Size of a pixel of the region, both ways. */
  readonly pixelCm: number;
  readonly region: { readonly minX: number; readonly minY: number; readonly maxX: number; readonly maxY: number };
  readonly blob: {
    readonly diameterCm: number;
    /** Middle of the ball in each frame, in pixels from 0. */
    readonly places: readonly { readonly row: number; readonly column: number }[];
  };
}

export function ultrasoundTruth(): UltrasoundTruth {
  const frames = 24;
  const places = Array.from({ length: frames }, (_, frame) => {
    const phase = (2 * Math.PI * frame) / frames;
    return { row: 176 + 13 * Math.sin(phase), column: 276 + 5 * Math.cos(phase) };
  });
  return {
    study: sampleStudies.ultrasound,
    seriesUid: seededUid('ultrasound:series'),
    rows: 360,
    columns: 480,
    frames,
    frameTimeMs: 40,
    pixelCm: 0.05,
    region: { minX: 30, minY: 12, maxX: 450, maxY: 350 },
    blob: { diameterCm: 1.8, places },
  };
}
