import { type DicomDataset, itemsOf, numberOf, numbersOf, textOf, textsOf } from './dicomElements.ts';

export type Vector3 = readonly [number, number, number];

/** Distances between pixel centres: `rowMm` down a column, `columnMm` along a row (PS3.3 10.7.1.3). */
export interface PixelSpacing {
  readonly rowMm: number;
  readonly columnMm: number;
}

/** Where the image lies in the patient (LPS, mm; PS3.3 C.7.6.2.1.1). */
export interface ImagePlane {
  /** Centre of the first pixel. */
  readonly originMm: Vector3;
  /** Unit vector of growing column index. */
  readonly rowDirection: Vector3;
  /** Unit vector of growing row index. */
  readonly columnDirection: Vector3;
}

/** An ultrasound region (PS3.3 C.8.5.5), in 0-based pixels, edges included. */
export interface UltrasoundRegion {
  readonly minColumn: number;
  readonly minRow: number;
  readonly maxColumn: number;
  readonly maxRow: number;
  /** 1 is 2D tissue or flow; M-mode is 2, spectra 3, waveforms 4, graphics 5. */
  readonly spatialFormat: number;
  /** 3 is centimetres, 4 seconds (PS3.3 C.8.5.5.1.15). */
  readonly unitX: number;
  readonly unitY: number;
  readonly deltaX: number;
  readonly deltaY: number;
  /** Bit 0 of the region flags: 1 means other regions win where they overlap. */
  readonly lowPriority: boolean;
}

/** Stored value → modality value (PS3.3 C.11.1). */
export type ModalityTransform =
  | { readonly kind: 'identity' }
  | { readonly kind: 'linear'; readonly slope: number; readonly intercept: number; readonly type: string }
  | { readonly kind: 'lut'; readonly item: DicomDataset; readonly type: string };

export interface VoiWindow {
  readonly centre: number;
  readonly width: number;
  readonly explanation: string;
  readonly function: 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';
}

/** What one frame says of itself: identity, pixels, geometry, calibration, windows. Frames count from 1. */
export interface FrameAttributes {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly sopUid: string;
  readonly sopClassUid: string;
  readonly frame: number;
  readonly frames: number;
  readonly modality: string;
  readonly bodyPart: string;
  readonly instanceNumber: number | undefined;
  readonly imageType: readonly string[];
  readonly patient: {
    readonly identifier: string;
    readonly name: string;
    readonly birthDate: string;
    readonly sex: string;
  };
  readonly study: { readonly date: string; readonly description: string };
  readonly series: { readonly number: number | undefined; readonly description: string };
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  /** Floats have no Pixel Representation (PS3.3 C.7.6.24, C.7.6.25). */
  readonly sampleFormat: 'integer' | 'float32' | 'float64';
  readonly planar: boolean;
  readonly photometric: string;
  readonly presentationLutShape: string;
  /** Stored values from `low` to `high` mean "no data here" (PS3.3 C.7.5.1.1.2). */
  readonly padding: { readonly low: number; readonly high: number } | undefined;
  readonly modalityTransform: ModalityTransform;
  /** Units (0054,1001) of PET, else empty. */
  readonly petUnits: string;
  readonly windows: readonly VoiWindow[];
  readonly voiLuts: readonly DicomDataset[];
  readonly plane: ImagePlane | undefined;
  /** Directions alone, where the position of the frame is not known. */
  readonly directions: { readonly rowDirection: Vector3; readonly columnDirection: Vector3 } | undefined;
  readonly patientOrientation: readonly string[];
  readonly laterality: string;
  readonly frameOfReferenceUid: string;
  readonly sliceThicknessMm: number | undefined;
  readonly gantryTiltDegrees: number | undefined;
  readonly pixelSpacing: PixelSpacing | undefined;
  readonly imagerPixelSpacing: PixelSpacing | undefined;
  readonly spacingCalibrationType: string;
  /** Height of a pixel over its width, where only the aspect ratio is known; 1 when nothing is said. */
  readonly pixelAspect: number;
  readonly ultrasoundRegions: readonly UltrasoundRegion[];
  /** Time between frames, ms; undefined when nothing says it. */
  readonly frameTimeMs: number | undefined;
  readonly lossy: boolean;
  readonly lossyDetail: string;
  readonly transferSyntaxUid: string;
}

function spacingOf(values: readonly number[]): PixelSpacing | undefined {
  const [rowMm, columnMm] = values;
  // A zero, negative or single value is damage, not geometry.
  return rowMm !== undefined && columnMm !== undefined && rowMm > 0 && columnMm > 0 ? { rowMm, columnMm } : undefined;
}

function directionsOf(values: readonly number[]): FrameAttributes['directions'] {
  if (values.length !== 6) return undefined;
  const unit = (offset: number): Vector3 | undefined => {
    const [x = 0, y = 0, z = 0] = values.slice(offset, offset + 3);
    const length = Math.hypot(x, y, z);
    return Math.abs(length - 1) < 0.01 ? [x / length, y / length, z / length] : undefined;
  };
  const rowDirection = unit(0);
  const columnDirection = unit(3);
  if (!rowDirection || !columnDirection) return undefined;
  const dot =
    rowDirection[0] * columnDirection[0] + rowDirection[1] * columnDirection[1] + rowDirection[2] * columnDirection[2];
  return Math.abs(dot) < 0.01 ? { rowDirection, columnDirection } : undefined;
}

function windowsOf(dataset: DicomDataset): VoiWindow[] {
  const centres = numbersOf(dataset, '00281050');
  const widths = numbersOf(dataset, '00281051');
  const explanations = textsOf(dataset, '00281055');
  const named = textOf(dataset, '00281056');
  const kind = named === 'SIGMOID' || named === 'LINEAR_EXACT' ? named : 'LINEAR';
  const windows: VoiWindow[] = [];
  centres.forEach((centre, index) => {
    const width = widths[index];
    // LINEAR needs a width of at least 1, the others above 0 (PS3.3 C.11.2.1.2).
    if (width !== undefined && (kind === 'LINEAR' ? width >= 1 : width > 0)) {
      windows.push({ centre, width, explanation: explanations[index] ?? '', function: kind });
    }
  });
  return windows;
}

function modalityTransformOf(dataset: DicomDataset): ModalityTransform {
  const item = itemsOf(dataset, '00283000')[0];
  if (item) return { kind: 'lut', item, type: textOf(item, '00283004') };
  const slope = numberOf(dataset, '00281053');
  const intercept = numberOf(dataset, '00281052');
  if (slope === undefined && intercept === undefined) return { kind: 'identity' };
  // A slope of 0 would make every value the same: it is damage and the stored values are shown without a unit.
  if (slope === 0) return { kind: 'identity' };
  return { kind: 'linear', slope: slope ?? 1, intercept: intercept ?? 0, type: textOf(dataset, '00281054') };
}

function regionsOf(dataset: DicomDataset): UltrasoundRegion[] {
  return itemsOf(dataset, '00186011').flatMap((item) => {
    const [minColumn, minRow, maxColumn, maxRow] = ['00186018', '0018601A', '0018601C', '0018601E'].map((tag) =>
      numberOf(item, tag),
    );
    const deltaX = numberOf(item, '0018602C');
    const deltaY = numberOf(item, '0018602E');
    if (minColumn === undefined || minRow === undefined || maxColumn === undefined || maxRow === undefined) return [];
    return [
      {
        minColumn,
        minRow,
        maxColumn,
        maxRow,
        spatialFormat: numberOf(item, '00186012') ?? 0,
        unitX: numberOf(item, '00186024') ?? 0,
        unitY: numberOf(item, '00186026') ?? 0,
        deltaX: deltaX ?? 0,
        deltaY: deltaY ?? 0,
        lowPriority: ((numberOf(item, '00186016') ?? 0) & 1) === 1,
      },
    ];
  });
}

function frameTimeOf(dataset: DicomDataset): number | undefined {
  const recommended = numberOf(dataset, '00082144');
  if (recommended !== undefined && recommended > 0) return 1000 / recommended;
  const frameTime = numberOf(dataset, '00181063');
  if (frameTime !== undefined && frameTime > 0) return frameTime;
  const cineRate = numberOf(dataset, '00180040');
  if (cineRate !== undefined && cineRate > 0) return 1000 / cineRate;
  const vector = numbersOf(dataset, '00181065').slice(1);
  const mean = vector.length > 0 ? vector.reduce((sum, each) => sum + each, 0) / vector.length : 0;
  return mean > 0 ? mean : undefined;
}

function sampleFormatOf(instance: DicomDataset, bitsAllocated: number): FrameAttributes['sampleFormat'] {
  if (numberOf(instance, '00280103') !== undefined) return 'integer';
  if (bitsAllocated === 64) return 'float64';
  return bitsAllocated === 32 ? 'float32' : 'integer';
}

/** Syntaxes that lose something whatever (0028,2110) says; a frame the host has decoded no longer shows its own. */
const lossySyntaxes: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.2.4.50': 'JPEG',
  '1.2.840.10008.1.2.4.51': 'JPEG',
  '1.2.840.10008.1.2.4.53': 'JPEG',
  '1.2.840.10008.1.2.4.55': 'JPEG',
  '1.2.840.10008.1.2.4.81': 'JPEG-LS',
};

/**
 * Stored values that mean "no data here" (PS3.3 C.7.5.1.1.2, C.7.6.24.1.1). Written as US or SS, whichever the writer's
 * library chose; what counts is the sign of the pixels.
 */
function paddingOf(instance: DicomDataset): FrameAttributes['padding'] {
  const signed = numberOf(instance, '00280103') === 1;
  const asStored = (value: number) =>
    signed && value > 0x7fff ? value - 0x10000 : !signed && value < 0 ? value + 0x10000 : value;
  const word = numberOf(instance, '00280120');
  if (word !== undefined) {
    const [value, limit] = [asStored(word), asStored(numberOf(instance, '00280121') ?? word)];
    return { low: Math.min(value, limit), high: Math.max(value, limit) };
  }
  const real = numberOf(instance, '00280122') ?? numberOf(instance, '00280123');
  // Doubles are sent as floats: their padding is rounded as they are.
  return real === undefined ? undefined : { low: Math.fround(real), high: Math.fround(real) };
}

/** A dataset where what the frame says wins over what all frames share, and both over the instance (PS3.3 C.7.6.16). */
function functionalGroups(instance: DicomDataset, frame: number, tag: string): DicomDataset | undefined {
  const own = itemsOf(itemsOf(instance, '52009230')[frame - 1], tag)[0];
  return own ?? itemsOf(itemsOf(instance, '52009229')[0], tag)[0];
}

/**
 * Describes one frame of an instance.
 *
 * @param instance the instance's DICOM JSON, without pixels
 * @param frame    1-based
 */
export function frameAttributesOf(instance: DicomDataset, frame: number): FrameAttributes {
  const frames = Math.max(1, numberOf(instance, '00280008') ?? 1);
  const isMultiFrame = frames > 1;
  const measures = functionalGroups(instance, frame, '00289110');
  const position = functionalGroups(instance, frame, '00209113');
  const orientation = functionalGroups(instance, frame, '00209116');
  const voi = functionalGroups(instance, frame, '00289132') ?? instance;
  const rescale = functionalGroups(instance, frame, '00289145') ?? instance;
  const anatomy = functionalGroups(instance, frame, '00209071');
  const directions = directionsOf(numbersOf(orientation ?? instance, '00200037'));
  // A position at the top of a multi-frame object speaks of its first frame at best: it proves nothing for the others.
  const origin = numbersOf(position ?? (isMultiFrame ? undefined : instance), '00200032');
  const bitsAllocated = numberOf(instance, '00280100') ?? 0;
  const bitsStored = numberOf(instance, '00280101') ?? bitsAllocated;
  const [ratioVertical = 1, ratioHorizontal = 1] = numbersOf(instance, '00280034');
  const transferSyntaxUid = textOf(instance, '00083002') || textOf(instance, '00020010');
  const lossyCoding = lossySyntaxes[transferSyntaxUid];
  const isLossy = textOf(instance, '00282110') === '01' || lossyCoding !== undefined;
  const ratio = numberOf(instance, '00282112');
  return {
    studyUid: textOf(instance, '0020000D'),
    seriesUid: textOf(instance, '0020000E'),
    sopUid: textOf(instance, '00080018'),
    sopClassUid: textOf(instance, '00080016'),
    frame,
    frames,
    modality: textOf(instance, '00080060'),
    bodyPart: textOf(instance, '00180015'),
    instanceNumber: numberOf(instance, '00200013'),
    imageType: textsOf(instance, '00080008'),
    patient: {
      identifier: textOf(instance, '00100020'),
      name: textOf(instance, '00100010'),
      birthDate: textOf(instance, '00100030'),
      sex: textOf(instance, '00100040'),
    },
    study: { date: textOf(instance, '00080020'), description: textOf(instance, '00081030') },
    series: { number: numberOf(instance, '00200011'), description: textOf(instance, '0008103E') },
    rows: numberOf(instance, '00280010') ?? 0,
    columns: numberOf(instance, '00280011') ?? 0,
    samplesPerPixel: numberOf(instance, '00280002') ?? 1,
    bitsAllocated,
    bitsStored,
    highBit: numberOf(instance, '00280102') ?? bitsStored - 1,
    signed: numberOf(instance, '00280103') === 1,
    sampleFormat: sampleFormatOf(instance, bitsAllocated),
    planar: numberOf(instance, '00280006') === 1,
    photometric: textOf(instance, '00280004') || 'MONOCHROME2',
    presentationLutShape: textOf(instance, '20500020'),
    padding: paddingOf(instance),
    modalityTransform: modalityTransformOf(rescale),
    petUnits: textOf(instance, '00541001'),
    windows: windowsOf(voi),
    voiLuts: itemsOf(voi, '00283010'),
    plane:
      directions && origin.length === 3 ? { originMm: [origin[0]!, origin[1]!, origin[2]!], ...directions } : undefined,
    directions,
    patientOrientation: textsOf(instance, '00200020'),
    laterality: textOf(anatomy, '00209072') || textOf(instance, '00200062') || textOf(instance, '00200060'),
    frameOfReferenceUid: textOf(instance, '00200052'),
    sliceThicknessMm: numberOf(measures ?? instance, '00180050'),
    gantryTiltDegrees: numberOf(instance, '00181120'),
    pixelSpacing: spacingOf(numbersOf(measures ?? instance, '00280030')),
    imagerPixelSpacing: spacingOf(numbersOf(instance, '00181164')),
    spacingCalibrationType: textOf(instance, '00280A02'),
    pixelAspect: ratioVertical > 0 && ratioHorizontal > 0 ? ratioVertical / ratioHorizontal : 1,
    ultrasoundRegions: regionsOf(instance),
    frameTimeMs: frameTimeOf(instance),
    lossy: isLossy,
    lossyDetail: isLossy
      ? [textOf(instance, '00282114') || lossyCoding, ratio ? `${ratio}:1` : ''].filter(Boolean).join(' ')
      : '',
    transferSyntaxUid,
  };
}
