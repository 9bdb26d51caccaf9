import { withoutContrast } from './chestAnatomy.ts';
import { type ChestPhantomOptions, chestPhantom } from './chestPhantom.ts';
import { type DicomDataset, pixelBytes } from './dicomWriter.ts';
import { code, commonModules, greyPixels, type SampleFile, sampleFile } from './sampleModules.ts';
import { type RadiographTruth, type RadiographViewTruth, radiographTruth } from './samplesTruth.ts';
import { grainTile } from './seededRandom.ts';
import type { PlaneGrid } from './softShapes.ts';

const digitalXRayForPresentation = '1.2.840.10008.5.1.4.1.1.1.1';
const maximum = 4095;

/** Rays per side; each is drawn as 2 × 2 detector pixels, interpolated. */
export const radiographRays = 512;
const rays = radiographRays;
/** Sampling along a ray in mm. */
const alongMm = 2.8;

/**
 * Makes a postero-anterior and a left lateral chest radiograph: line integrals through the same thorax phantom as the
 * CT, standing. Stored value = 10 per mm of water-equivalent thickness; the lateral one is stored as MONOCHROME1.
 * Only ImagerPixelSpacing is given, so a length is a length at the detector (PS3.3 10.7.1.3).
 */
export function* makeChestRadiograph(): Generator<SampleFile> {
  const truth = radiographTruth();
  for (const [index, view] of truth.views.entries()) {
    const thickness = enlargeTwice(
      projectThickness(radiographPhantomOptions(truth, view.view), truth, view.view),
      rays,
    );
    const grain = grainTile(`chest-radiograph:grain:${view.view}`, 1024);
    const pixels = new Uint16Array(truth.rows * truth.columns);
    for (let i = 0; i < pixels.length; i++) {
      const mm = Math.max(0, thickness[i]!);
      // Quantum noise: the more is absorbed, the fewer photons tell of it.
      const noisy = mm === 0 ? 0 : mm + (0.35 + 0.0042 * mm) * grain.values[i]!;
      const stored = Math.min(maximum, Math.max(0, Math.round(noisy * truth.storedPerMm)));
      pixels[i] = view.photometric === 'MONOCHROME1' ? maximum - stored : stored;
    }
    const series = { uid: view.seriesUid, number: index + 1, description: description(view), modality: 'DX' };
    yield sampleFile(truth.study.name, series, digitalXRayForPresentation, view.instanceNumber, {
      ...commonModules(truth.study, series),
      ...radiographModules(truth, view),
      PixelData: new Uint8Array(pixelBytes(pixels)),
    });
  }
}

/** The phantom the radiograph is projected from. */
export function radiographPhantomOptions(truth: RadiographTruth, view: 'PA' | 'LL'): ChestPhantomOptions {
  return {
    seed: 'garcon',
    posture: 'standing',
    arms: view === 'PA' ? 'down' : 'raised',
    tissue: withoutContrast,
    nodules: [truth.nodule],
    breasts: false,
    table: false,
  };
}

/**
 * Attenuation relative to water of a Hounsfield value at the radiograph's softer beam: that of the CT's beam, and four
 * fifths as much again for what bone has over soft tissue.
 */
export function relativeAttenuation(hu: number): number {
  return Math.max(0, 1 + hu / 1000 + (hu > 120 ? (0.8 * (hu - 120)) / 1000 : 0));
}

/** Water-equivalent thickness in mm along parallel rays, `rays × rays` ({@link radiographRays}), row 0 at the head. */
export function projectThickness(
  options: ChestPhantomOptions,
  truth: RadiographTruth,
  view: 'PA' | 'LL',
): Float32Array {
  const rayMm = (2 * truth.imagerPixelSpacingMm) / truth.magnification;
  const first = -((rays - 1) / 2) * rayMm;
  const lateral = view === 'LL';
  const depth = Math.ceil((lateral ? 410 : 290) / alongMm);
  const grid: PlaneGrid = lateral
    ? {
        columns: depth,
        rows: rays,
        originXMm: -((depth - 1) / 2) * alongMm,
        originYMm: truth.centreYMm + first,
        spacingXMm: alongMm,
        spacingYMm: rayMm,
        thicknessMm: rayMm,
      }
    : {
        columns: rays,
        rows: depth,
        originXMm: first,
        originYMm: 5 - ((depth - 1) / 2) * alongMm,
        spacingXMm: rayMm,
        spacingYMm: alongMm,
        thicknessMm: rayMm,
      };
  const phantom = chestPhantom(options, grid);
  const thickness = new Float32Array(rays * rays);
  for (let row = 0; row < rays; row++) {
    const plane = phantom.planeAt(truth.centreZMm - first - row * rayMm);
    for (let y = 0; y < grid.rows; y++) {
      for (let x = 0; x < grid.columns; x++) {
        const hu = plane[y * grid.columns + x]!;
        if (hu <= -1000) continue;
        const ray = row * rays + (lateral ? y : x);
        thickness[ray] = thickness[ray]! + relativeAttenuation(hu) * alongMm;
      }
    }
  }
  return thickness;
}

/** Twice as many pixels both ways by Catmull–Rom interpolation; pixel centres stay where they are in space. */
function enlargeTwice(values: Float32Array, size: number): Float32Array {
  const wide = new Float32Array(size * 2 * size);
  stretch(values, wide, size, size, 1, size, size * 2);
  const out = new Float32Array(size * 2 * size * 2);
  stretch(wide, out, size, size * 2, size * 2, 1, 1);
  return out;
}

/** Doubles one axis: `count` samples `step` apart in each of `lines` lines; the far axis keeps its own step. */
function stretch(
  from: Float32Array,
  to: Float32Array,
  count: number,
  lines: number,
  step: number,
  lineStepFrom: number,
  lineStepTo: number,
): void {
  // Weights at a quarter of a sample before and after.
  const weights = [-0.0703125, 0.8671875, 0.2265625, -0.0234375] as const;
  for (let line = 0; line < lines; line++) {
    const at = (i: number): number => from[line * lineStepFrom + Math.min(count - 1, Math.max(0, i)) * step]!;
    for (let i = 0; i < count; i++) {
      const later = weights[0] * at(i - 1) + weights[1] * at(i) + weights[2] * at(i + 1) + weights[3] * at(i + 2);
      const before = weights[0] * at(i + 1) + weights[1] * at(i) + weights[2] * at(i - 1) + weights[3] * at(i - 2);
      to[line * lineStepTo + 2 * i * step] = before;
      to[line * lineStepTo + (2 * i + 1) * step] = later;
    }
  }
}

function description(view: RadiographViewTruth): string {
  return view.view === 'PA' ? 'Thorax face PA debout' : 'Thorax profil gauche';
}

function radiographModules(truth: RadiographTruth, view: RadiographViewTruth): DicomDataset {
  const pa = view.view === 'PA';
  const inverse = view.photometric === 'MONOCHROME1';
  const centre = pa ? 1500 : 1950;
  return {
    ImageType: ['DERIVED', 'PRIMARY', ''],
    PresentationIntentType: 'FOR PRESENTATION',
    BodyPartExamined: 'CHEST',
    AnatomicRegionSequence: [code('51185008', 'SCT', 'Chest')],
    ViewPosition: view.view,
    ViewCodeSequence: [pa ? code('272479007', 'SCT', 'postero-anterior') : code('399173006', 'SCT', 'left lateral')],
    PatientOrientation: pa ? ['L', 'F'] : ['P', 'F'],
    ImageLaterality: 'U',
    AcquisitionContextSequence: [],
    KVP: 120,
    ExposureTime: pa ? 8 : 20,
    XRayTubeCurrent: 250,
    Exposure: pa ? 2 : 5,
    DistanceSourceToDetector: 1800,
    PositionerType: 'COLUMN',
    Grid: ['FIXED', 'FOCUSED'],
    FocalSpots: 1.2,
    DetectorType: 'SCINTILLATOR',
    ExposureControlMode: 'AUTOMATIC',
    ...greyPixels(truth.rows, truth.columns, 12, false),
    PhotometricInterpretation: view.photometric,
    ImagerPixelSpacing: [truth.imagerPixelSpacingMm, truth.imagerPixelSpacingMm],
    PixelIntensityRelationship: 'LOG',
    PixelIntensityRelationshipSign: inverse ? 1 : -1,
    RescaleIntercept: 0,
    RescaleSlope: 1,
    RescaleType: 'US',
    PresentationLUTShape: inverse ? 'INVERSE' : 'IDENTITY',
    WindowCenter: inverse ? maximum - centre : centre,
    WindowWidth: pa ? 2400 : 3100,
    WindowCenterWidthExplanation: 'STANDARD',
  };
}
