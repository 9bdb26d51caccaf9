import { withContrast, withoutContrast } from './chestAnatomy.ts';
import { chestPhantom } from './chestPhantom.ts';
import type { DicomDataset } from './dicomWriter.ts';
import { pixelBytes } from './dicomWriter.ts';
import { slicePositionMm } from './sampleGeometry.ts';
import { commonModules, greyPixels, type SampleFile, type SampleSeries, sampleFile } from './sampleModules.ts';
import type { ChestCtTruth } from './samplesTruth.ts';
import { grainTile, seededRandom } from './seededRandom.ts';
import type { PlaneGrid } from './softShapes.ts';

const ctImageStorage = '1.2.840.10008.5.1.4.1.1.2';
const rescaleIntercept = -1024;
const noiseHu = 11;

/**
 * Makes the chest CT that `truth` describes, slice by slice from the head down: 16-bit signed, Hounsfield value =
 * stored − 1024. The phantom is moved by the shift that the truth states, so that a prior does not lie exactly alike.
 */
export function* makeChestCt(truth: ChestCtTruth): Generator<SampleFile> {
  const { geometry, study } = truth;
  const prior = study.name === 'chest-ct-prior';
  const shift = truth.shiftMm;
  const grid: PlaneGrid = {
    columns: geometry.columns,
    rows: geometry.rows,
    originXMm: geometry.originMm[0] - shift[0],
    originYMm: geometry.originMm[1] - shift[1],
    spacingXMm: geometry.columnSpacingMm,
    spacingYMm: geometry.rowSpacingMm,
    thicknessMm: geometry.sliceSpacingMm,
  };
  const phantom = chestPhantom(
    {
      seed: 'lefevre',
      posture: 'supine',
      arms: 'raised',
      tissue: prior ? withoutContrast : withContrast,
      nodules: truth.nodules.map(({ centreMm: [x, y, z], diameterMm, hu }) => ({
        centreMm: [x - shift[0], y - shift[1], z - shift[2]],
        diameterMm,
        hu,
      })),
      breasts: true,
      table: true,
    },
    grid,
  );
  const grain = grainTile(`${study.name}:grain`, 1024);
  const random = seededRandom(`${study.name}:grain-offset`);
  const series: SampleSeries = {
    uid: truth.seriesUid,
    number: 2,
    description: prior ? 'Thorax 5 mm sans IV' : 'Thorax 2,5 mm portal',
    modality: 'CT',
  };
  const fixed = { ...commonModules(study, series), ...ctModules(truth, prior) };
  const pixels = new Int16Array(geometry.rows * geometry.columns);
  for (let slice = 0; slice < geometry.slices; slice++) {
    const position = slicePositionMm(geometry, slice);
    const plane = phantom.planeAt(position[2] - shift[2]);
    const offset = Math.floor(random.next() * grain.values.length);
    for (let i = 0; i < pixels.length; i++) {
      // The tile's rows are twice as long as the image's.
      const noise = grain.values[(i + (i >> 9) * 512 + offset) & (grain.values.length - 1)]!;
      pixels[i] = Math.round(plane[i]! + noiseHu * noise - rescaleIntercept);
    }
    yield sampleFile(study.name, series, ctImageStorage, slice + 1, {
      ...fixed,
      ImagePositionPatient: [...position],
      SliceLocation: position[2],
      PixelData: new Uint8Array(pixelBytes(pixels)),
    });
  }
}

function ctModules(truth: ChestCtTruth, prior: boolean): DicomDataset {
  const { geometry } = truth;
  return {
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    BodyPartExamined: 'CHEST',
    ProtocolName: 'Thorax standard',
    PatientPosition: 'HFS',
    ...(prior ? {} : { ContrastBolusAgent: 'Iohexol 350', ContrastBolusRoute: 'IV' }),
    ScanOptions: 'HELICAL MODE',
    SliceThickness: geometry.sliceSpacingMm,
    KVP: 120,
    DataCollectionDiameter: 500,
    ReconstructionDiameter: geometry.columns * geometry.columnSpacingMm,
    GantryDetectorTilt: 0,
    TableHeight: 152,
    RotationDirection: 'CW',
    ExposureTime: 500,
    XRayTubeCurrent: 260,
    Exposure: 130,
    FilterType: 'BODY',
    FocalSpots: 1.2,
    ConvolutionKernel: 'STANDARD',
    AcquisitionNumber: 1,
    ImageOrientationPatient: [...geometry.rowDirection, ...geometry.columnDirection],
    FrameOfReferenceUID: truth.frameOfReferenceUid,
    PositionReferenceIndicator: 'SN',
    ...greyPixels(geometry.rows, geometry.columns, 16, true),
    PixelSpacing: [geometry.rowSpacingMm, geometry.columnSpacingMm],
    WindowCenter: [40, -600],
    WindowWidth: [400, 1500],
    WindowCenterWidthExplanation: ['MEDIASTIN', 'POUMON'],
    RescaleIntercept: rescaleIntercept,
    RescaleSlope: 1,
    RescaleType: 'HU',
  };
}
