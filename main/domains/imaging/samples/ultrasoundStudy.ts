import type { DicomDataset } from './dicomWriter.ts';
import { commonModules, type SampleFile, sampleFile } from './sampleModules.ts';
import { type UltrasoundTruth, ultrasoundTruth } from './samplesTruth.ts';
import { seededRandom, spaceNoise } from './seededRandom.ts';

const ultrasoundMultiFrame = '1.2.840.10008.5.1.4.1.1.3.1';

/** The fan of a convex probe, in pixels: where its lines meet, its first and last depth, and half its opening. */
const fan = { apexX: 240, apexY: -66, near: 90, far: 412, halfAngleRad: 0.52 } as const;

/** Samples of the speckle: lines over the opening, points along a line. */
const lines = 300;
const points = 644;

/**
 * Makes the ultrasound clip: 24 RGB frames of a liver through a convex probe, a bright ball that moves with the breath
 * and a vein whose flow is coded in colour. Lengths follow from the region's PhysicalDelta (0.05 cm, both ways).
 */
export function* makeUltrasound(): Generator<SampleFile> {
  const truth = ultrasoundTruth();
  const series = { uid: truth.seriesUid, number: 1, description: 'Liver right lobe, cine', modality: 'US' };
  const frameSize = truth.rows * truth.columns * 3;
  const pixels = new Uint8Array(frameSize * truth.frames);
  const speckle = makeSpeckle();
  for (let frame = 0; frame < truth.frames; frame++) {
    paintFrame(pixels.subarray(frame * frameSize, (frame + 1) * frameSize), truth, frame, speckle);
  }
  yield sampleFile(truth.study.name, series, ultrasoundMultiFrame, 1, {
    ...commonModules(truth.study, series),
    ...ultrasoundModules(truth),
    PixelData: pixels,
  });
}

function paintFrame(into: Uint8Array, truth: UltrasoundTruth, frame: number, speckle: Float32Array): void {
  const { columns, rows, blob, pixelCm } = truth;
  const place = blob.places[frame]!;
  const radius = blob.diameterCm / 2 / pixelCm;
  const breath = place.row - 176;
  const pulse = Math.sin((2 * Math.PI * 2 * frame) / truth.frames);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const index = (row * columns + column) * 3;
      const dx = column - fan.apexX;
      const dy = row - fan.apexY;
      const range = Math.hypot(dx, dy);
      const angle = Math.atan2(dx, dy);
      if (range < fan.near || range > fan.far || Math.abs(angle) > fan.halfAngleRad) continue;
      const depth = (range - fan.near) / (fan.far - fan.near);
      const echo = echogenicity(column, row, breath, range, angle);
      const ball = Math.min(1, Math.max(0, radius - Math.hypot(column - place.column, row - place.row) + 0.5));
      const amplitude = speckleAt(speckle, angle, range);
      // Log compression: speckle of fully developed echoes spreads the grey levels by a fixed amount.
      const scatter = 62 * Math.log10(amplitude + 0.12) + 9;
      const tissue = echo * (1 - 0.18 * depth) + scatter * Math.min(1, echo / 60);
      const grey = Math.max(0, Math.min(255, tissue + ball * (204 + 0.4 * scatter - tissue)));
      into[index] = grey;
      into[index + 1] = grey;
      into[index + 2] = grey;
      const flow = veinShare(column, row, breath);
      if (flow > 0 && ball === 0) paintFlow(into, index, flow * (0.35 + 0.65 * Math.abs(pulse)), pulse > -0.2);
    }
  }
  paintScales(into, truth);
}

/** Mean grey level of the tissue at a pixel: skin and muscle, liver, hepatic veins, the diaphragm and what is behind. */
function echogenicity(column: number, row: number, breath: number, range: number, angle: number): number {
  const depth = range - fan.near;
  const y = row - 0.8 * breath;
  if (depth < 34) {
    const layer = Math.sin(depth * 0.55 + 1.5 * spaceNoise(angle * 9, depth / 10, 2, 61));
    return 92 + 62 * layer * layer + (depth < 5 ? 60 : 0);
  }
  const dome = Math.hypot(column - 232, y - 120) - 196 - 6 * spaceNoise(angle * 4, 1, 3, 62);
  if (dome > 0) return dome < 5 ? 235 - 12 * dome : 42 * Math.exp(-dome / 60) + 14;
  const wall = veinDistance(column, y, 1);
  if (wall < 0) return 6;
  const portal = veinDistance(column, y, 0);
  if (portal < 0) return 8;
  if (portal < 2.6) return 190;
  if (wall < 1) return 120;
  return 96 + 12 * spaceNoise(column / 26, y / 26, 4, 63) + 9 * spaceNoise(column / 9, y / 9, 5, 64);
}

/** Signed distance in pixels to the wall of a vessel: 0 the portal branch (with colour), 1 a hepatic vein. */
function veinDistance(column: number, y: number, which: 0 | 1): number {
  if (which === 0) {
    const along = Math.min(1, Math.max(0, (column - 70) / 150));
    const middle = 196 + 26 * along + 7 * Math.sin(along * 3);
    const taper = column > 200 ? (column - 200) * 0.22 : 0;
    return Math.hypot(y - middle, Math.max(0, 84 - column, column - 236)) - (12 - 3 * along - taper);
  }
  const along = Math.min(1, Math.max(0, (y - 215) / 70));
  const middle = 318 - 46 * along;
  return Math.hypot(column - middle, Math.max(0, 215 - y, y - 285)) - (5 + 3 * along);
}

function veinShare(column: number, row: number, breath: number): number {
  const distance = veinDistance(column, row - 0.8 * breath, 0);
  return Math.min(1, Math.max(0, (-distance - 0.5) / 6));
}

/** Red towards the probe, blue away from it. */
function paintFlow(into: Uint8Array, index: number, speed: number, towards: boolean): void {
  const level = Math.min(1, speed);
  into[index] = towards ? 90 + 165 * level : 10;
  into[index + 1] = 150 * level * level * (towards ? 1 : 0.8);
  into[index + 2] = towards ? 8 : 90 + 165 * level;
}

/** The grey bar at the left, the colour bar at the right and a mark every centimetre of depth. */
function paintScales(into: Uint8Array, truth: UltrasoundTruth): void {
  const set = (row: number, column: number, rgb: readonly [number, number, number]): void => {
    into.set(rgb, (row * truth.columns + column) * 3);
  };
  for (let row = 20; row < 148; row++) {
    const level = 255 - (row - 20) * 2;
    const speed = (84 - row) / 64;
    for (let k = 0; k < 9; k++) {
      set(row, 8 + k, [level, level, level]);
      const bright = 90 + 165 * Math.abs(speed);
      set(row, 460 + k, speed > 0 ? [bright, 150 * speed * speed, 8] : [10, 120 * speed * speed, bright]);
    }
  }
  const skin = fan.near + fan.apexY;
  const perCm = 1 / truth.pixelCm;
  for (let cm = 0; skin + cm * perCm < truth.region.maxY; cm++) {
    const length = cm % 5 === 0 ? 7 : 3;
    for (let k = 0; k < length; k++) set(Math.round(skin + cm * perCm), 454 - k, [200, 200, 200]);
  }
}

/**
 * Envelope of fully developed speckle on (line, point): circular complex Gaussian noise, smeared by the beam's width
 * and the pulse's length (Wagner et al. 1983); mean square 1.
 */
function makeSpeckle(): Float32Array {
  const random = seededRandom('ultrasound:speckle');
  const size = lines * points;
  const parts = [0, 1].map(() => {
    const white = new Float32Array(size);
    for (let i = 0; i < size; i++) white[i] = random.gaussian();
    return smear(smear(smear(white, points, 5), 1, 5), 1, 3);
  });
  const envelope = new Float32Array(size);
  let power = 0;
  for (let i = 0; i < size; i++) {
    const square = parts[0]![i]! ** 2 + parts[1]![i]! ** 2;
    power += square;
    envelope[i] = Math.sqrt(square);
  }
  const scale = 1 / Math.sqrt(power / size);
  for (let i = 0; i < size; i++) envelope[i] = envelope[i]! * scale;
  return envelope;
}

/** A moving mean over `width` samples `step` apart. */
function smear(values: Float32Array, step: number, width: number): Float32Array {
  const out = new Float32Array(values.length);
  const half = (width - 1) / 2;
  for (let i = 0; i < values.length; i++) {
    let sum = 0;
    for (let k = -half; k <= half; k++) sum += values[Math.min(values.length - 1, Math.max(0, i + k * step))]!;
    out[i] = sum / width;
  }
  return out;
}

function speckleAt(speckle: Float32Array, angle: number, range: number): number {
  const line = ((angle + fan.halfAngleRad) / (2 * fan.halfAngleRad)) * (lines - 1);
  const point = ((range - fan.near) / (fan.far - fan.near)) * (points - 1);
  const l = Math.min(lines - 2, Math.floor(line));
  const p = Math.min(points - 2, Math.floor(point));
  const u = line - l;
  const v = point - p;
  const at = l * points + p;
  const near = speckle[at]! + (speckle[at + 1]! - speckle[at]!) * v;
  const next = speckle[at + points]! + (speckle[at + points + 1]! - speckle[at + points]!) * v;
  return near + (next - near) * u;
}

function ultrasoundModules(truth: UltrasoundTruth): DicomDataset {
  return {
    ImageType: ['ORIGINAL', 'PRIMARY', 'ABDOMINAL', '0001'],
    BodyPartExamined: 'ABDOMEN',
    TransducerType: 'CURVED LINEAR',
    TransducerData: 'C5-2 PHANTOM',
    PatientOrientation: '',
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    UltrasoundColorDataPresent: 1,
    NumberOfFrames: truth.frames,
    FrameIncrementPointer: '00181063',
    FrameTime: truth.frameTimeMs,
    CineRate: Math.round(1000 / truth.frameTimeMs),
    Rows: truth.rows,
    Columns: truth.columns,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    SequenceOfUltrasoundRegions: [
      {
        RegionSpatialFormat: 1,
        RegionDataType: 1,
        RegionFlags: 0,
        RegionLocationMinX0: truth.region.minX,
        RegionLocationMinY0: truth.region.minY,
        RegionLocationMaxX1: truth.region.maxX,
        RegionLocationMaxY1: truth.region.maxY,
        ReferencePixelX0: fan.apexX - truth.region.minX,
        ReferencePixelY0: fan.near + fan.apexY - truth.region.minY,
        PhysicalUnitsXDirection: 3,
        PhysicalUnitsYDirection: 3,
        ReferencePixelPhysicalValueX: 0,
        ReferencePixelPhysicalValueY: 0,
        PhysicalDeltaX: truth.pixelCm,
        PhysicalDeltaY: truth.pixelCm,
      },
    ],
  };
}
