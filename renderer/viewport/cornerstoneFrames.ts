import type { Types } from '@cornerstonejs/core';
import { utilities } from '@cornerstonejs/core';
import { displayAspect } from '../../app/domains/imaging/calibrationRules.ts';
import type { FrameAttributes } from '../../app/domains/imaging/frameAttributes.ts';
import type { ValueScale } from '../../app/domains/imaging/measurementRules.ts';
import type { PixelRepair } from '../../app/domains/imaging/pixelRepairs.ts';
import type { DecodedFrame, SampleArray } from './decodePool.ts';
import type { LookupTable } from './tableValues.ts';

/** A frame as shown: its stored values stay as decoded; Cornerstone draws `display`. */
export interface LoadedFrame {
  readonly attributes: FrameAttributes;
  readonly stored: SampleArray;
  readonly scale: ValueScale;
  readonly minimum: number;
  readonly maximum: number;
  readonly syntaxUid: string;
  /** What the host read otherwise than it is written. */
  readonly repaired: readonly PixelRepair[];
  /** The image's first VOI look-up table (PS3.3 C.11.2.1.1). */
  readonly voiTable: LookupTable | undefined;
}

export interface SalusImage extends Types.IImage {
  readonly salus: LoadedFrame;
}

export const frameScheme = 'salus';

export function imageIdOf({ studyUid, seriesUid, sopUid, frame }: FrameAttributes): string {
  return `${frameScheme}:${studyUid}/${seriesUid}/${sopUid}/${frame}`;
}

export function framePath({ studyUid, seriesUid, sopUid, frame }: FrameAttributes): string {
  return `/dicomweb/studies/${studyUid}/series/${seriesUid}/instances/${sopUid}/frames/${frame}`;
}

export function isColour(attributes: FrameAttributes): boolean {
  return attributes.samplesPerPixel === 3;
}

/** Spacing of the drawing plane: a column is one unit wide, a row as high as its pixel is in proportion. */
export function drawingSpacing(attributes: FrameAttributes): { column: number; row: number } {
  return { column: 1, row: displayAspect(attributes) };
}

export function plainPlane(attributes: FrameAttributes) {
  const { column, row } = drawingSpacing(attributes);
  return {
    rows: attributes.rows,
    columns: attributes.columns,
    rowCosines: [1, 0, 0],
    columnCosines: [0, 1, 0],
    imageOrientationPatient: [1, 0, 0, 0, 1, 0],
    imagePositionPatient: [0, 0, 0],
    rowPixelSpacing: row,
    columnPixelSpacing: column,
    frameOfReferenceUID: attributes.seriesUid,
    usingDefaultValues: false,
  };
}

export function layoutOf(attributes: FrameAttributes) {
  const {
    rows,
    columns,
    samplesPerPixel,
    bitsAllocated,
    bitsStored,
    highBit,
    signed,
    planar,
    photometric,
    sampleFormat,
  } = attributes;
  return {
    rows,
    columns,
    samplesPerPixel,
    bitsAllocated,
    bitsStored,
    highBit,
    signed,
    planar,
    photometric,
    sampleFormat,
  };
}

/** An array type the graphics card can hold: signed bytes widen to 16 bits, 32-bit and float values become floats. */
function displayValues({ stored }: LoadedFrame): Uint8Array | Uint16Array | Int16Array | Float32Array {
  if (
    stored instanceof Uint8Array ||
    stored instanceof Uint16Array ||
    stored instanceof Int16Array ||
    stored instanceof Float32Array
  )
    return stored;
  return stored instanceof Int8Array
    ? Int16Array.from(stored)
    : Float32Array.from(stored, (value) => (Number.isFinite(value) ? value : 0));
}

export function cornerstoneImage(imageId: string, decoded: DecodedFrame, salus: LoadedFrame): SalusImage {
  const { attributes } = salus;
  const color = isColour(attributes);
  const display = color ? (decoded.stored as Uint8Array<ArrayBuffer>) : displayValues(salus);
  const { rows, columns } = attributes;
  const numberOfComponents = color ? 3 : 1;
  const voxelManager = utilities.VoxelManager.createImageVoxelManager({
    width: columns,
    height: rows,
    scalarData: display as Uint8Array,
    numberOfComponents,
  });
  const { column, row } = drawingSpacing(attributes);
  const image = {
    imageId,
    salus,
    color,
    rgba: false,
    dataType: display.constructor.name,
    rows,
    columns,
    height: rows,
    width: columns,
    rowPixelSpacing: row,
    columnPixelSpacing: column,
    slope: 1,
    intercept: 0,
    minPixelValue: decoded.minimum,
    maxPixelValue: decoded.maximum,
    windowCenter: 128,
    windowWidth: 256,
    voiLUTFunction: 'LINEAR',
    invert: false,
    sizeInBytes: display.byteLength + (display.buffer === decoded.stored.buffer ? 0 : decoded.stored.byteLength),
    numberOfComponents,
    getPixelData: () => display,
    getCanvas: undefined,
    voxelManager,
    photometricInterpretation: color ? 'RGB' : 'MONOCHROME2',
  };
  return image as unknown as SalusImage;
}
