import type { DataSet, Element } from 'dicom-parser';
import type { PixelRepair } from '../../../../app/domains/imaging/pixelRepairs.ts';
import { FLOAT_PIXEL_DATA, INFLATED_BYTES_MAX, PIXEL_DATA, parsePixelHeader } from './dicomHeader.ts';
import { findBytes, findDecimals, findText, findUsOrSs } from './dicomValues.ts';
import { locateEncapsulatedFrames } from './encapsulatedFrames.ts';
import { findModality, findSpacing, findVoi, frameGroupReader } from './frameTransforms.ts';
import { readImagePixelModule } from './imagePixelModule.ts';
import { findPalette } from './lookupTables.ts';
import { findOverlays } from './overlayPlanes.ts';
import type { EncapsulatedPixels, NativePixels, PixelDescription } from './pixelDescription.ts';
import { pixelFailure } from './pixelFailures.ts';
import { findTransferSyntax, type TransferSyntax } from './transferSyntaxes.ts';

function extendedOffsets(dataSet: DataSet): number[] | undefined {
  const bytes = findBytes(dataSet, 'x7fe00001');
  if (!bytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offsets: number[] = [];
  for (let i = 0; i + 8 <= bytes.length; i += 8) offsets.push(Number(view.getBigUint64(i, true)));
  return offsets;
}

function locatePixels(
  dataSet: DataSet,
  element: Element,
  syntax: TransferSyntax,
  numberOfFrames: number,
): { pixels: NativePixels | EncapsulatedPixels; repaired: readonly PixelRepair[] } {
  const bytes = dataSet.byteArray;
  const start = element.dataOffset;
  if (element.length === 0) throw pixelFailure('imaging.emptyPixelData', 'the pixel data element has no bytes');
  if (start >= bytes.length) {
    throw pixelFailure('imaging.truncatedPixelData', 'the file ends where the pixel data begins');
  }
  if (syntax.encapsulated) {
    // a writer that put a length on the fragments is read all the same: the item tag says what they are
    const isItem = bytes[start] === 0xfe && bytes[start + 1] === 0xff && bytes[start + 2] === 0x00;
    if (!isItem) {
      throw pixelFailure(
        'imaging.damagedPixelData',
        'the pixel data is not in fragments, its transfer syntax wants them',
      );
    }
    const located = locateEncapsulatedFrames(bytes, start, numberOfFrames, syntax.coding, extendedOffsets(dataSet));
    return { pixels: { kind: 'encapsulated', frames: located.frames }, repaired: located.repaired };
  }
  if (element.hadUndefinedLength) {
    throw pixelFailure('imaging.damagedPixelData', 'the pixel data is in fragments, its transfer syntax has none');
  }
  const available = Math.min(element.length, bytes.length - start);
  return { pixels: { kind: 'native', start, available }, repaired: [] };
}

function findAspectRatio(dataSet: DataSet): { vertical: number; horizontal: number } | undefined {
  const values = findDecimals(dataSet, 'x00280034');
  const vertical = values?.[0];
  const horizontal = values?.[1];
  return vertical && horizontal && vertical > 0 && horizontal > 0 ? { vertical, horizontal } : undefined;
}

/**
 * Reads everything but the pixels of a DICOM object and finds where its frames lie. The bytes are kept, not copied
 * (except a deflated data set, which is inflated once, up to a limit).
 *
 * @param fileBytes a whole DICOM file; a data set without preamble and meta header is read too
 * @param inflatedBytesMax what a deflated data set may grow to
 * @throws Failure imaging.notDicom, noPixelData, emptyPixelData, truncated, truncatedPixelData, tooLarge,
 *   missingDimensions, absurdDimensions, unsupportedTransferSyntax, unsupportedPixelFormat, damagedPixelData
 */
export function openDicomPixels(
  fileBytes: Uint8Array,
  inflatedBytesMax: number = INFLATED_BYTES_MAX,
): PixelDescription {
  // a Buffer's slice would be a view; every slice below is meant as a copy
  const bytes = new Uint8Array(fileBytes.buffer, fileBytes.byteOffset, fileBytes.byteLength);
  if (bytes.length === 0) throw pixelFailure('imaging.notDicom', 'the file is empty');
  const { dataSet, element, tag, transferSyntaxUid } = parsePixelHeader(bytes, inflatedBytesMax);
  const syntax = findTransferSyntax(transferSyntaxUid);
  const sampleFormat = tag === PIXEL_DATA ? 'integer' : tag === FLOAT_PIXEL_DATA ? 'float32' : 'float64';
  const module = readImagePixelModule(dataSet, sampleFormat);
  if (!syntax) {
    throw pixelFailure('imaging.unsupportedTransferSyntax', 'no decoder for the transfer syntax', {
      transferSyntaxUid,
    });
  }
  const signed = module.pixelRepresentation === 1;
  const modality = findModality(dataSet, signed) ?? { kind: 'identity' };
  const signedModality = signed || (modality.kind === 'linear' && modality.intercept < 0);
  const { pixels, repaired } = locatePixels(dataSet, element, syntax, module.numberOfFrames);
  const palette = module.photometricInterpretation === 'PALETTE COLOR' ? findPalette(dataSet, signed) : undefined;
  if (module.photometricInterpretation === 'PALETTE COLOR' && !palette) {
    throw pixelFailure('imaging.unsupportedPixelFormat', 'a palette image without its palette');
  }
  const smallest = findUsOrSs(dataSet, 'x00280106', signed);
  const largest = findUsOrSs(dataSet, 'x00280107', signed);
  const padding = findUsOrSs(dataSet, 'x00280120', signed);
  const paddingLimit = findUsOrSs(dataSet, 'x00280121', signed);
  const aspect = findAspectRatio(dataSet);
  const spacing = findSpacing(dataSet, 'x00280030');
  const imagerSpacing = findSpacing(dataSet, 'x00181164');
  return {
    transferSyntaxUid,
    ...module,
    sampleFormat,
    ...(palette && { palette }),
    modality,
    voi: findVoi(dataSet, signedModality) ?? { windows: [], luts: [] },
    meaning: {
      modality: findText(dataSet, 'x00080060') ?? '',
      sopClassUid: findText(dataSet, 'x00080016') ?? '',
      imageType: (findText(dataSet, 'x00080008') ?? '').split('\\'),
    },
    overlays: findOverlays(dataSet),
    ...(smallest !== undefined && { smallestPixelValue: smallest }),
    ...(largest !== undefined && { largestPixelValue: largest }),
    ...(padding !== undefined && { paddingValue: padding }),
    ...(paddingLimit !== undefined && { paddingRangeLimit: paddingLimit }),
    ...(aspect && { pixelAspectRatio: aspect }),
    ...(spacing && { pixelSpacingMm: spacing }),
    ...(imagerSpacing && { imagerPixelSpacingMm: imagerSpacing }),
    lossy: findText(dataSet, 'x00282110') === '01',
    repaired: [...module.repaired, ...repaired],
    source: {
      bytes: dataSet.byteArray,
      bigEndian: syntax.bigEndian,
      wordSwapped: syntax.bigEndian && element.vr === 'OW',
      pixels,
      frameGroup: frameGroupReader(dataSet, signed),
    },
  };
}
