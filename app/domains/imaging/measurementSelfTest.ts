import type { ImagePoint } from './calibrationRules.ts';
import type { DicomDataset } from './dicomElements.ts';
import { type FrameAttributes, frameAttributesOf } from './frameAttributes.ts';
import { type Measurement, type MeasurementTool, measure, valueScaleOf } from './measurementRules.ts';

/**
 * Golden measurements: images described the way they arrive, points, and answers worked out by hand. They run in the
 * window before its first number is shown, through the same code as every number a person reads. Should a build, an
 * engine or a locale ever change a result, millimetres and Hounsfield units are withheld.
 */
interface Golden {
  readonly name: string;
  readonly image: DicomDataset;
  readonly stored: (column: number, row: number) => number;
  readonly tool: MeasurementTool;
  readonly points: readonly ImagePoint[];
  readonly expected: readonly Pick<Measurement, 'kind' | 'value' | 'unit' | 'calibration'>[];
}

const size = 16;
const us = (...values: number[]) => ({ vr: 'US', Value: values });
const ds = (...values: number[]) => ({ vr: 'DS', Value: values });
const cs = (...values: string[]) => ({ vr: 'CS', Value: values });

function image(modality: string, more: DicomDataset): DicomDataset {
  return {
    '00080060': cs(modality),
    '00280002': us(1),
    '00280004': cs('MONOCHROME2'),
    '00280010': us(size),
    '00280011': us(size),
    '00280100': us(16),
    '00280101': us(12),
    ...more,
  };
}

const axial = { '00200037': ds(1, 0, 0, 0, 1, 0), '00200032': ds(0, 0, 0) };
const hounsfield = { '00281052': ds(-1024), '00281053': ds(1) };
const region = (minX: number, maxX: number, cmX: number, cmY: number): DicomDataset => ({
  '00186012': us(1),
  '00186018': us(minX),
  '0018601A': us(0),
  '0018601C': us(maxX),
  '0018601E': us(size - 1),
  '00186024': us(3),
  '00186026': us(3),
  '0018602C': { vr: 'FD', Value: [cmX] },
  '0018602E': { vr: 'FD', Value: [cmY] },
});
const twoRegions = { '00186011': { vr: 'SQ', Value: [region(0, 7, 0.1, 0.1), region(8, 15, 0.05, 0.2)] } };
const ramp = (column: number, row: number) => 1000 + column + 10 * row;

const goldens: readonly Golden[] = [
  {
    name: 'length on rows and columns of different spacing',
    image: image('CT', { ...axial, ...hounsfield, '00280030': ds(2, 0.5) }),
    stored: ramp,
    tool: 'length',
    points: [
      [2, 3],
      [8, 5],
    ],
    // 6 columns of 0.5 mm and 2 rows of 2 mm: 3, 4, 5.
    expected: [{ kind: 'length', value: 5, unit: 'mm', calibration: 'patient' }],
  },
  {
    name: 'length at the detector',
    image: image('DX', { '00181164': ds(0.2, 0.2) }),
    stored: ramp,
    tool: 'length',
    points: [
      [0, 0],
      [10, 0],
    ],
    expected: [{ kind: 'length', value: 2, unit: 'mm', calibration: 'detector' }],
  },
  {
    name: 'length without spacing',
    image: image('OT', {}),
    stored: ramp,
    tool: 'length',
    points: [
      [0, 0],
      [3, 4],
    ],
    expected: [{ kind: 'length', value: 5, unit: '{px}', calibration: 'none' }],
  },
  {
    name: 'length inside an ultrasound region',
    image: image('US', twoRegions),
    stored: ramp,
    tool: 'length',
    points: [
      [8, 0],
      [14, 2],
    ],
    // 6 columns of 0.5 mm and 2 rows of 2 mm.
    expected: [{ kind: 'length', value: 5, unit: 'mm', calibration: 'ultrasound' }],
  },
  {
    name: 'no millimetres across ultrasound regions',
    image: image('US', twoRegions),
    stored: ramp,
    tool: 'length',
    points: [
      [6, 0],
      [9, 4],
    ],
    expected: [{ kind: 'length', value: 5, unit: '{px}', calibration: 'none' }],
  },
  {
    name: 'right angle on pixels that are not square',
    image: image('MR', { ...axial, '00280030': ds(2, 1) }),
    stored: ramp,
    tool: 'angle',
    points: [
      [4, 2],
      [2, 2],
      [2, 5],
    ],
    expected: [{ kind: 'angle', value: 90, unit: 'deg', calibration: 'patient' }],
  },
  {
    name: 'angle of 45 degrees on pixels that are not square',
    image: image('MR', { ...axial, '00280030': ds(2, 1) }),
    stored: ramp,
    tool: 'angle',
    points: [
      [6, 2],
      [2, 2],
      [6, 4],
    ],
    expected: [{ kind: 'angle', value: 45, unit: 'deg', calibration: 'patient' }],
  },
  {
    name: 'Hounsfield units under a probe',
    image: image('CT', { ...axial, ...hounsfield, '00280030': ds(1, 1) }),
    stored: ramp,
    tool: 'probe',
    points: [[3.4, 2.6]],
    // Column 3, row 3: 1000 + 3 + 30 − 1024.
    expected: [{ kind: 'value', value: 9, unit: "[hnsf'U]", calibration: 'none' }],
  },
  {
    name: 'no Hounsfield units without a rescale',
    image: image('CT', { ...axial, '00280030': ds(1, 1) }),
    stored: ramp,
    tool: 'probe',
    points: [[0, 0]],
    expected: [{ kind: 'value', value: 1000, unit: '1', calibration: 'none' }],
  },
  {
    name: 'statistics in a rectangle',
    image: image('CT', { ...axial, ...hounsfield, '00280030': ds(0.5, 0.5) }),
    stored: (column) => 1024 + (column % 2 === 0 ? 10 : 20),
    tool: 'rectangle',
    points: [
      [1.6, 1.6],
      [5.4, 3.4],
    ],
    // Columns 2..5 and rows 2..3: four of 10, four of 20. 3.8 × 1.8 pixels of 0.25 mm².
    expected: [
      { kind: 'area', value: 1.71, unit: 'mm2', calibration: 'patient' },
      { kind: 'mean', value: 15, unit: "[hnsf'U]", calibration: 'none' },
      { kind: 'standardDeviation', value: 5, unit: "[hnsf'U]", calibration: 'none' },
      { kind: 'minimum', value: 10, unit: "[hnsf'U]", calibration: 'none' },
      { kind: 'maximum', value: 20, unit: "[hnsf'U]", calibration: 'none' },
      { kind: 'count', value: 8, unit: '{px}', calibration: 'none' },
    ],
  },
  {
    name: 'statistics in an ellipse leave padding out',
    image: image('CT', { ...axial, ...hounsfield, '00280030': ds(1, 1), '00280120': us(7) }),
    stored: (column, row) => (column === 5 && row === 5 ? 7 : 1124),
    tool: 'ellipse',
    points: [
      [3, 3],
      [7, 7],
    ],
    // Radius 2 around (5,5): 13 pixel centres, one of them padding. π·2².
    expected: [
      { kind: 'area', value: 12.566370614359172, unit: 'mm2', calibration: 'patient' },
      { kind: 'mean', value: 100, unit: "[hnsf'U]", calibration: 'none' },
      { kind: 'standardDeviation', value: 0, unit: "[hnsf'U]", calibration: 'none' },
      { kind: 'minimum', value: 100, unit: "[hnsf'U]", calibration: 'none' },
      { kind: 'maximum', value: 100, unit: "[hnsf'U]", calibration: 'none' },
      { kind: 'count', value: 12, unit: '{px}', calibration: 'none' },
    ],
  },
  {
    name: 'area of a freehand triangle',
    image: image('OT', {}),
    stored: () => 3,
    tool: 'freehand',
    points: [
      [0.5, 0.5],
      [4.5, 0.5],
      [0.5, 4.5],
    ],
    // Half of 4 × 4; centres (1..3, 1..3) with column + row below 5: six.
    expected: [
      { kind: 'area', value: 8, unit: '{px2}', calibration: 'none' },
      { kind: 'mean', value: 3, unit: '1', calibration: 'none' },
      { kind: 'standardDeviation', value: 0, unit: '1', calibration: 'none' },
      { kind: 'minimum', value: 3, unit: '1', calibration: 'none' },
      { kind: 'maximum', value: 3, unit: '1', calibration: 'none' },
      { kind: 'count', value: 6, unit: '{px}', calibration: 'none' },
    ],
  },
];

/**
 * Runs every golden measurement. Returns the names of those that differ: an empty list means that numbers may be shown.
 *
 * @param run the function under test; another one only to prove that a wrong one is found
 */
export function failedGoldens(run: typeof measure = measure): string[] {
  const failed: string[] = [];
  for (const golden of goldens) {
    const frame: FrameAttributes = frameAttributesOf(golden.image, 1);
    const stored = new Int32Array(size * size);
    for (let row = 0; row < size; row += 1) {
      for (let column = 0; column < size; column += 1) stored[row * size + column] = golden.stored(column, row);
    }
    const results = run(golden.tool, golden.points, { frame, stored, scale: valueScaleOf(frame), isTrusted: true });
    const isSame =
      results.length === golden.expected.length &&
      results.every((result, index) => {
        const expected = golden.expected[index]!;
        return (
          result.kind === expected.kind &&
          result.unit === expected.unit &&
          result.calibration === expected.calibration &&
          Math.abs(result.value - expected.value) < 1e-9
        );
      });
    if (!isSame) failed.push(golden.name);
  }
  return failed;
}
