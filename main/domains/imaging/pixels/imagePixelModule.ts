import type { DataSet } from 'dicom-parser';
import type { PixelRepair } from '../../../../app/domains/imaging/pixelRepairs.ts';
import { findInteger, findText, findUnsigned } from './dicomValues.ts';
import type { PixelDescription } from './pixelDescription.ts';
import { pixelFailure } from './pixelFailures.ts';

/** One frame may not claim more bytes than this, decoded. */
const FRAME_BYTES_MAX = 1024 ** 3;

type ImagePixelModule = Pick<
  PixelDescription,
  | 'rows'
  | 'columns'
  | 'samplesPerPixel'
  | 'bitsAllocated'
  | 'bitsStored'
  | 'highBit'
  | 'pixelRepresentation'
  | 'planarConfiguration'
  | 'photometricInterpretation'
  | 'numberOfFrames'
  | 'repaired'
>;

const monochrome = new Set(['MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR']);
const colour = new Set(['RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_PARTIAL_422', 'YBR_PARTIAL_420', 'YBR_ICT', 'YBR_RCT']);

function unsupported(message: string, details: Record<string, number>): never {
  throw pixelFailure('imaging.unsupportedPixelFormat', message, details);
}

function readPhotometric(dataSet: DataSet, claimedSamples: number | undefined, repaired: PixelRepair[]): string {
  const text = findText(dataSet, 'x00280004')?.toUpperCase();
  if (text && (monochrome.has(text) || colour.has(text))) return text;
  if (text && text !== 'MONOCHROME') {
    throw pixelFailure('imaging.unsupportedPixelFormat', 'an unknown photometric interpretation');
  }
  repaired.push('photometricMissing');
  return claimedSamples === 3 ? 'RGB' : 'MONOCHROME2';
}

function readSamplesPerPixel(claimed: number | undefined, photometric: string, repaired: PixelRepair[]): 1 | 3 {
  const expected = monochrome.has(photometric) ? 1 : 3;
  if (claimed === undefined) repaired.push('samplesMissing');
  else if (claimed !== expected) {
    unsupported('samples per pixel contradict the photometric interpretation', { samplesPerPixel: claimed });
  }
  return expected;
}

function readBitsAllocated(
  dataSet: DataSet,
  sampleFormat: PixelDescription['sampleFormat'],
): PixelDescription['bitsAllocated'] {
  if (sampleFormat === 'float32') return 32;
  if (sampleFormat === 'float64') return 64;
  const bits = findUnsigned(dataSet, 'x00280100');
  if (bits === 1 || bits === 8 || bits === 16 || bits === 32) return bits;
  return unsupported('bits allocated are missing or not 1, 8, 16 or 32', { bitsAllocated: bits ?? 0 });
}

function readBitsStored(dataSet: DataSet, bitsAllocated: number, repaired: PixelRepair[]) {
  let bitsStored = findUnsigned(dataSet, 'x00280101');
  if (!bitsStored || bitsStored > bitsAllocated) {
    repaired.push('bitsStored');
    bitsStored = bitsAllocated;
  }
  let highBit = findUnsigned(dataSet, 'x00280102');
  if (highBit === undefined || highBit < bitsStored - 1 || highBit >= bitsAllocated) {
    repaired.push('highBit');
    highBit = bitsStored - 1;
  }
  return { bitsStored, highBit };
}

function readNumberOfFrames(dataSet: DataSet, repaired: PixelRepair[]): number {
  const text = findText(dataSet, 'x00280008');
  if (!text) return 1;
  const frames = findInteger(dataSet, 'x00280008');
  if (frames !== undefined && frames >= 1 && frames <= 0x7fff_ffff) return frames;
  repaired.push('numberOfFrames');
  return 1;
}

/**
 * The Image Pixel attributes (PS3.3 C.7.6.3), each checked. What the standard lets one infer is inferred and named in
 * `repaired`; what would have to be guessed is a failure.
 *
 * @throws Failure imaging.missingDimensions, imaging.absurdDimensions, imaging.unsupportedPixelFormat
 */
export function readImagePixelModule(
  dataSet: DataSet,
  sampleFormat: PixelDescription['sampleFormat'],
): ImagePixelModule {
  const repaired: PixelRepair[] = [];
  const rows = findUnsigned(dataSet, 'x00280010');
  const columns = findUnsigned(dataSet, 'x00280011');
  if (!rows || !columns) throw pixelFailure('imaging.missingDimensions', 'rows or columns are missing or zero');
  const claimedSamples = findUnsigned(dataSet, 'x00280002');
  const photometricInterpretation = readPhotometric(dataSet, claimedSamples, repaired);
  const samplesPerPixel = readSamplesPerPixel(claimedSamples, photometricInterpretation, repaired);
  const bitsAllocated = readBitsAllocated(dataSet, sampleFormat);
  const frameBytes = rows * columns * samplesPerPixel * Math.max(1, bitsAllocated / 8);
  if (!(rows <= 65_535 && columns <= 65_535 && frameBytes <= FRAME_BYTES_MAX)) {
    throw pixelFailure('imaging.absurdDimensions', 'a frame is larger than the limit', { rows, columns, frameBytes });
  }
  const { bitsStored, highBit } =
    sampleFormat === 'integer'
      ? readBitsStored(dataSet, bitsAllocated, repaired)
      : { bitsStored: bitsAllocated, highBit: bitsAllocated - 1 };
  const representation = findUnsigned(dataSet, 'x00280103');
  if (representation === undefined && sampleFormat === 'integer') repaired.push('signMissing');
  if (representation !== undefined && representation > 1) {
    unsupported('pixel representation is neither 0 nor 1', { pixelRepresentation: representation });
  }
  const planar = findUnsigned(dataSet, 'x00280006') ?? 0;
  if (planar > 1) unsupported('planar configuration is neither 0 nor 1', { planarConfiguration: planar });
  // colour is never signed (C.7.6.3.1.2); a palette index may be
  const signed = representation === 1 && samplesPerPixel === 1 && bitsAllocated > 1 && sampleFormat === 'integer';
  return {
    rows,
    columns,
    samplesPerPixel,
    bitsAllocated,
    bitsStored,
    highBit,
    pixelRepresentation: signed ? 1 : 0,
    planarConfiguration: planar === 1 && samplesPerPixel === 3 ? 1 : 0,
    photometricInterpretation,
    numberOfFrames: readNumberOfFrames(dataSet, repaired),
    repaired,
  };
}
