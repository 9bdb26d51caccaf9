import { type DicomDataset, pixelBytes } from './dicomWriter.ts';
import { code, commonModules, greyPixels, type SampleFile, sampleFile } from './sampleModules.ts';
import { type MammogramTruth, type MammogramViewTruth, mammogramTruth } from './samplesTruth.ts';
import { grainTile, lumpTile, type NoiseTile, spaceNoise } from './seededRandom.ts';

const mammographyForPresentation = '1.2.840.10008.5.1.4.1.1.1.2';

/** Levels of the stored values: fat, what gland adds at its densest, the chest muscle, a speck of lime of 1 mm. */
const fatLevel = 1150;
const glandLevel = 1500;
const muscleLevel = 2350;
const limePerMm = 3600;
const maximum = 4095;

/** Makes the four views of a screening mammogram; the left breast holds a cluster of microcalcifications. */
export function* makeMammogram(): Generator<SampleFile> {
  const truth = mammogramTruth();
  const lumps = lumpTile('mammogram:lumps', 1024, 256, 0.62);
  const fine = lumpTile('mammogram:fine', 1024, 16, 0.75);
  const grain = grainTile('mammogram:grain', 1024);
  for (const view of truth.views) {
    const pixels = breastPixels(truth, view, { lumps, fine, grain });
    const series = { uid: view.seriesUid, number: view.seriesNumber, description: view.view, modality: 'MG' };
    yield sampleFile(truth.study.name, series, mammographyForPresentation, 1, {
      ...commonModules(truth.study, series),
      ...mammographyModules(truth, view),
      PixelData: new Uint8Array(pixelBytes(pixels)),
    });
  }
}

interface Tiles {
  readonly lumps: NoiseTile;
  readonly fine: NoiseTile;
  readonly grain: NoiseTile;
}

/**
 * The stored values of a view. `u` runs in mm from the chest wall to the nipple, `v` downwards from the middle row;
 * right breasts are mirrored.
 */
function breastPixels(truth: MammogramTruth, view: MammogramViewTruth, tiles: Tiles): Uint16Array {
  const { rows, columns, imagerPixelSpacingMm: mm } = truth;
  const oblique = view.projection === 'MLO';
  const right = view.laterality === 'R';
  const seed = right ? 3 : 7;
  const nippleV = oblique ? 12 : 2;
  const pixels = new Uint16Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const v = (row - (rows - 1) / 2) * mm;
    const edge = outlineMm(v, oblique, nippleV);
    for (let step = 0; step < columns; step++) {
      const u = step * mm;
      if (u > edge + 1) break;
      const inward = (edge - u) * outlineSlope(v, oblique, nippleV);
      const cover = Math.min(1, Math.max(0, inward / mm));
      if (cover === 0) continue;
      const column = right ? columns - 1 - step : step;
      const lump = tileAt(tiles.lumps, row + (right ? 300 : 0), step + (oblique ? 411 : 0));
      const tissue = tissueLevel(u, v, inward, lump, { oblique, nippleV, seed });
      const texture =
        26 * tileAt(tiles.fine, row + 90 * seed, step) + 17 * tiles.grain.values[(row & 1023) * 1024 + (step & 1023)]!;
      pixels[row * columns + column] = Math.min(maximum, Math.max(1, Math.round(cover * (tissue + texture))));
    }
  }
  for (const speck of view.cluster?.calcifications ?? []) addSpeck(pixels, truth, speck);
  return pixels;
}

/** Distance in mm from the chest wall to the skin at the height `v`, with the nipple. */
function outlineMm(v: number, oblique: boolean, nippleV: number): number {
  const nipple = 5.5 * Math.exp(-(((v - nippleV) / 3.6) ** 4));
  if (!oblique) {
    const share = Math.abs(v - nippleV) / 54;
    return share >= 1 ? -2 : 72 * (1 - share ** 2.3) ** 0.5 + nipple;
  }
  if (v > nippleV) {
    const share = (v - nippleV) / 46;
    return share >= 1 ? -2 : 76 * (1 - share ** 2.2) ** 0.5 + nipple;
  }
  const share = (nippleV - v) / 78;
  return 24 + 52 * (1 - share ** 1.7) + nipple;
}

/** Cosine between the row and the normal of the outline, to turn a distance along the row into one to the skin. */
function outlineSlope(v: number, oblique: boolean, nippleV: number): number {
  const slope = outlineMm(v + 0.5, oblique, nippleV) - outlineMm(v - 0.5, oblique, nippleV);
  return 1 / Math.sqrt(1 + Math.min(slope * slope, 400));
}

function tissueLevel(
  u: number,
  v: number,
  inward: number,
  lump: number,
  shape: { readonly oblique: boolean; readonly nippleV: number; readonly seed: number },
): number {
  const { oblique, nippleV, seed } = shape;
  // Processed for presentation: the thinning towards the skin is evened out except for the outermost millimetres.
  const rim = 0.45 + 0.55 * (1 - Math.exp(-inward / 5));
  const skin = inward < 1.6 ? 420 : 0;
  const du = (u - 40) / 27;
  const dv = (v - (oblique ? 0.45 * nippleV : 0)) / 29;
  const envelope = Math.exp(-((du * du + dv * dv) ** 1.4) * 0.75);
  // Strands run from the nipple into the gland: noise in polar coordinates about it.
  const toNippleU = 76 - u;
  const toNippleV = v - nippleV;
  const away = Math.hypot(toNippleU, toNippleV);
  const turn = Math.atan2(toNippleV, toNippleU);
  const strand = 1 - Math.abs(spaceNoise(turn * 7 + lump * 0.35, away / 15, seed, 91));
  const web = 1 - Math.abs(spaceNoise(u / 6 + 0.5 * lump, v / 6, seed * 2, 17));
  const gland = envelope * (0.42 + 0.3 * lump + 0.34 * strand ** 4 + 0.2 * web ** 6);
  const stroma = Math.min(1, inward / 12) * (0.1 * web ** 8 + 0.12 * strand ** 10 + 0.05 * lump);
  let level = fatLevel * rim + skin + glandLevel * Math.min(1.15, Math.max(0, gland + stroma));
  if (oblique) {
    // The chest muscle: a wedge from the armpit, fading out downwards.
    const muscle = (40 - 0.62 * (v + 64) - u) * 0.85 + 0.8 * lump;
    const share = Math.min(1, Math.max(0, muscle / 1.6 + 0.5));
    level += share * (muscleLevel + 60 * lump + 3 * muscle - level);
  }
  return level;
}

/** Adds the shadow of a ball of lime, by 5 × 5 samples of each pixel. */
function addSpeck(
  pixels: Uint16Array,
  truth: MammogramTruth,
  speck: { readonly row: number; readonly column: number; readonly diameterMm: number },
): void {
  const radius = speck.diameterMm / 2 / truth.imagerPixelSpacingMm;
  const reach = Math.ceil(radius) + 1;
  for (let row = Math.round(speck.row) - reach; row <= Math.round(speck.row) + reach; row++) {
    for (let column = Math.round(speck.column) - reach; column <= Math.round(speck.column) + reach; column++) {
      let chord = 0;
      for (let j = 0; j < 5; j++) {
        for (let i = 0; i < 5; i++) {
          const dy = row + (j - 2) / 5 - speck.row;
          const dx = column + (i - 2) / 5 - speck.column;
          const inside = radius * radius - dx * dx - dy * dy;
          if (inside > 0) chord += (2 * Math.sqrt(inside)) / 25;
        }
      }
      const index = row * truth.columns + column;
      const lime = chord * truth.imagerPixelSpacingMm * limePerMm;
      pixels[index] = Math.min(maximum, Math.round(pixels[index]! + lime));
    }
  }
}

function tileAt(tile: NoiseTile, row: number, column: number): number {
  const mask = tile.size - 1;
  return tile.values[(row & mask) * tile.size + (column & mask)]!;
}

function mammographyModules(truth: MammogramTruth, view: MammogramViewTruth): DicomDataset {
  const oblique = view.projection === 'MLO';
  const right = view.laterality === 'R';
  return {
    ImageType: ['DERIVED', 'PRIMARY', ''],
    PresentationIntentType: 'FOR PRESENTATION',
    BodyPartExamined: 'BREAST',
    AnatomicRegionSequence: [code('76752008', 'SCT', 'Breast')],
    OrganExposed: 'BREAST',
    ImageLaterality: view.laterality,
    ViewPosition: view.projection,
    ViewCodeSequence: [
      {
        ...(oblique ? code('399368009', 'SCT', 'medio-lateral oblique') : code('399162004', 'SCT', 'cranio-caudal')),
        ViewModifierCodeSequence: [],
      },
    ],
    PatientOrientation: [right ? 'P' : 'A', oblique ? (right ? 'FL' : 'FR') : right ? 'L' : 'R'],
    AcquisitionContextSequence: [],
    BreastImplantPresent: 'NO',
    PartialView: 'NO',
    KVP: 28,
    ExposureTime: 900,
    XRayTubeCurrent: 90,
    Exposure: 81,
    AnodeTargetMaterial: 'TUNGSTEN',
    FilterMaterial: 'RHODIUM',
    FocalSpots: 0.3,
    Grid: ['RECIPROCATING', 'FOCUSED'],
    DetectorType: 'DIRECT',
    ExposureControlMode: 'AUTOMATIC',
    PositionerType: 'MAMMOGRAPHIC',
    PositionerPrimaryAngle: oblique ? (right ? -45 : 45) : 0,
    DistanceSourceToDetector: 650,
    DistanceSourceToPatient: 633,
    BodyPartThickness: oblique ? 54 : 49,
    CompressionForce: oblique ? 96 : 88,
    OrganDose: 0.014,
    EntranceDoseInmGy: 5.2,
    ...greyPixels(truth.rows, truth.columns, 12, false),
    ImagerPixelSpacing: [truth.imagerPixelSpacingMm, truth.imagerPixelSpacingMm],
    PixelIntensityRelationship: 'LOG',
    PixelIntensityRelationshipSign: -1,
    RescaleIntercept: 0,
    RescaleSlope: 1,
    RescaleType: 'US',
    PresentationLUTShape: 'IDENTITY',
    WindowCenter: 1950,
    WindowWidth: 2700,
    WindowCenterWidthExplanation: 'STANDARD',
  };
}
