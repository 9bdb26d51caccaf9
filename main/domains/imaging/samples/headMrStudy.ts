import { type DicomDataset, pixelBytes } from './dicomWriter.ts';
import { headTissue, headTissueAt } from './headPhantom.ts';
import { slicePositionMm, voxelToPatientMm } from './sampleGeometry.ts';
import { commonModules, greyPixels, type SampleFile, type SampleSeries, sampleFile } from './sampleModules.ts';
import { type HeadMrTruth, headMrTruth } from './samplesTruth.ts';
import { grainTile, lumpTile, type NoiseTile, seededRandom } from './seededRandom.ts';
import type { PointMm } from './softShapes.ts';

const mrImageStorage = '1.2.840.10008.5.1.4.1.1.4';
const noise = 13;

type Contrast = 'T2' | 'T1';

/** Signal of each tissue, in the order of {@link headTissue}; white matter as stated in the truth. */
const signal: Readonly<Record<Contrast, readonly number[]>> = {
  T2: [0, 640, 300, 30, 190, 1400, 660, 430, 210, 560, 1350],
  T1: [0, 1150, 420, 25, 420, 150, 580, 820, 380, 640, 170],
};

/**
 * Makes the head MR: 40 oblique axial slices, T2-like and T1-like, of one phantom, with one lesion of stated place and
 * size. Noise is Rician, as in a magnitude image (Gudbjartsson and Patz 1995).
 */
export function* makeHeadMr(): Generator<SampleFile> {
  const truth = headMrTruth();
  const volumes = signalVolumes(truth);
  for (const { contrast, seriesUid, number } of truth.series) {
    const series = { uid: seriesUid, number, description: `Ax ${contrast} TSE`, modality: 'MR' };
    const fixed = { ...commonModules(truth.study, series), ...mrModules(truth, series, contrast) };
    const random = seededRandom(`head-mr:offset:${contrast}`);
    const grain = grainTile(`head-mr:grain:${contrast}`, 512);
    for (const [slice, plane] of volumes[contrast].entries()) {
      const position = slicePositionMm(truth.geometry, slice);
      yield sampleFile(truth.study.name, series, mrImageStorage, slice + 1, {
        ...fixed,
        ImagePositionPatient: [...position],
        SliceLocation: dot(position, truth.geometry.sliceDirection),
        PixelData: new Uint8Array(pixelBytes(withNoise(plane, grain, Math.floor(random.next() * 262144)))),
      });
    }
  }
}

/** The noise-free slices of both series; the phantom is walked once. */
function signalVolumes(truth: HeadMrTruth): Record<Contrast, Float32Array[]> {
  const { rows, columns, slices } = truth.geometry;
  const shade = lumpTile('head-mr:shade', 256, 128, 0.3);
  const mottle = lumpTile('head-mr:mottle', 256, 8, 0.7);
  const volumes: Record<Contrast, Float32Array[]> = { T2: [], T1: [] };
  const tissue = new Uint8Array(rows * columns * samplesPerSlice);
  for (let slice = 0; slice < slices; slice++) {
    walkTissue(truth, slice, tissue);
    for (const contrast of ['T2', 'T1'] as const) {
      const plane = new Float32Array(rows * columns);
      const values = signal[contrast];
      for (let i = 0; i < plane.length; i++) {
        let sum = 0;
        for (let k = 0; k < samplesPerSlice; k++) sum += values[tissue[i * samplesPerSlice + k]!]!;
        plane[i] = sum / samplesPerSlice;
      }
      const smooth = blur(plane, rows, columns);
      for (let i = 0; i < smooth.length; i++) {
        smooth[i] = smooth[i]! * (1 + 0.035 * shade.values[i]! + 0.012 * mottle.values[(i * 7 + slice * 911) & 65535]!);
      }
      addLesion(smooth, truth, slice, contrast);
      volumes[contrast].push(smooth);
    }
  }
  return volumes;
}

const samplesPerSlice = 2;

function walkTissue(truth: HeadMrTruth, slice: number, tissue: Uint8Array): void {
  const { geometry } = truth;
  const { rows, columns, rowDirection: r, sliceDirection: n } = geometry;
  for (let row = 0; row < rows; row++) {
    const start = voxelToPatientMm(geometry, { slice, row, column: 0 });
    for (let column = 0; column < columns; column++) {
      const along = column * geometry.columnSpacingMm;
      for (let k = 0; k < samplesPerSlice; k++) {
        const off = ((k + 0.5) / samplesPerSlice - 0.5) * truth.sliceThicknessMm;
        tissue[(row * columns + column) * samplesPerSlice + k] = headTissueAt(
          start[0] + along * r[0] + off * n[0],
          start[1] + along * r[1] + off * n[1],
          start[2] + along * r[2] + off * n[2],
        );
      }
    }
  }
}

/**
 * Mixes the lesion in by 4 × 4 × 8 samples of every voxel it touches, over the slice thickness. A rim of white matter
 * of 5 mm is laid around it first, so that its contrast is the stated one on every side.
 */
function addLesion(plane: Float32Array, truth: HeadMrTruth, slice: number, contrast: Contrast): void {
  const { geometry, lesion, sliceThicknessMm } = truth;
  const radius = lesion.diameterMm / 2;
  const axial = (slice - lesion.place.slice) * geometry.sliceSpacingMm;
  const rim = radius + 5;
  if (Math.abs(axial) > rim + sliceThicknessMm) return;
  const reach = Math.ceil(rim / geometry.columnSpacingMm) + 1;
  const middleRow = Math.round(lesion.place.row);
  const middleColumn = Math.round(lesion.place.column);
  for (let row = middleRow - reach; row <= middleRow + reach; row++) {
    for (let column = middleColumn - reach; column <= middleColumn + reach; column++) {
      let inside = 0;
      let near = 0;
      for (let k = 0; k < 8; k++) {
        const dz = axial + ((k + 0.5) / 8 - 0.5) * sliceThicknessMm;
        for (let j = 0; j < 4; j++) {
          const dy = (row + (j + 0.5) / 4 - 0.5 - lesion.place.row) * geometry.rowSpacingMm;
          for (let i = 0; i < 4; i++) {
            const dx = (column + (i + 0.5) / 4 - 0.5 - lesion.place.column) * geometry.columnSpacingMm;
            const square = dx * dx + dy * dy + dz * dz;
            if (square <= radius * radius) inside++;
            if (square <= rim * rim) near++;
          }
        }
      }
      const index = row * geometry.columns + column;
      const stated = lesion.stored[contrast];
      const matter = plane[index]! + (near / 128) * (stated.whiteMatter - plane[index]!);
      plane[index] = matter + (inside / 128) * (stated.lesion - stated.whiteMatter);
    }
  }
}

function withNoise(plane: Float32Array, grain: NoiseTile, offset: number): Uint16Array {
  const mask = grain.values.length - 1;
  const pixels = new Uint16Array(plane.length);
  for (let i = 0; i < plane.length; i++) {
    const place = i + (i >> 8) * 256 + offset;
    const real = plane[i]! + noise * grain.values[place & mask]!;
    const imaginary = noise * grain.values[(place + 131_328) & mask]!;
    pixels[i] = Math.min(4095, Math.round(Math.sqrt(real * real + imaginary * imaginary)));
  }
  return pixels;
}

/** The point spread of a filtered acquisition: a 3 × 3 binomial. */
function blur(plane: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(plane.length);
  for (let row = 1; row < rows - 1; row++) {
    for (let column = 1; column < columns - 1; column++) {
      const i = row * columns + column;
      const up = i - columns;
      const down = i + columns;
      out[i] =
        0.0625 * (plane[up - 1]! + plane[up + 1]! + plane[down - 1]! + plane[down + 1]!) +
        0.125 * (plane[up]! + plane[down]! + plane[i - 1]! + plane[i + 1]!) +
        0.25 * plane[i]!;
    }
  }
  return out;
}

function mrModules(truth: HeadMrTruth, series: SampleSeries, contrast: Contrast): DicomDataset {
  const { geometry } = truth;
  const t2 = contrast === 'T2';
  return {
    ImageType: ['ORIGINAL', 'PRIMARY', 'OTHER'],
    BodyPartExamined: 'HEAD',
    ProtocolName: series.description,
    PatientPosition: 'HFS',
    ScanningSequence: 'SE',
    SequenceVariant: 'SK',
    ScanOptions: '',
    MRAcquisitionType: '2D',
    SequenceName: t2 ? '*tse2d1_15' : '*tse2d1_3',
    SliceThickness: truth.sliceThicknessMm,
    SpacingBetweenSlices: geometry.sliceSpacingMm,
    RepetitionTime: t2 ? 5200 : 620,
    EchoTime: t2 ? 98 : 11,
    EchoTrainLength: t2 ? 15 : 3,
    NumberOfAverages: 2,
    ImagingFrequency: 63.86,
    ImagedNucleus: '1H',
    EchoNumbers: 1,
    MagneticFieldStrength: 1.5,
    PixelBandwidth: t2 ? 190 : 160,
    TransmitCoilName: 'Body',
    InPlanePhaseEncodingDirection: 'ROW',
    FlipAngle: t2 ? 150 : 90,
    AcquisitionNumber: 1,
    ImageOrientationPatient: [...geometry.rowDirection, ...geometry.columnDirection],
    FrameOfReferenceUID: truth.frameOfReferenceUid,
    PositionReferenceIndicator: '',
    ...greyPixels(geometry.rows, geometry.columns, 12, false),
    PixelSpacing: [geometry.rowSpacingMm, geometry.columnSpacingMm],
    WindowCenter: t2 ? 680 : 560,
    WindowWidth: t2 ? 1300 : 1050,
    WindowCenterWidthExplanation: 'BRAIN',
  };
}

function dot(a: PointMm, b: PointMm): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

if (signal.T2.length !== Object.keys(headTissue).length) throw new RangeError('a head tissue has no signal');
