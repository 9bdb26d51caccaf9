import type { DataSet } from 'dicom-parser';
import { findDecimal, findDecimals, findText, itemsOf } from './dicomValues.ts';
import { findLookupTable } from './lookupTables.ts';
import type {
  FrameGroup,
  LookupTable,
  ModalityTransform,
  PixelDescription,
  PixelSpacingMm,
  VoiFunction,
  VoiTransform,
  VoiWindow,
} from './pixelDescription.ts';

/** Modality LUT of a data set (PS3.3 C.11.1): the sequence when present, else slope and intercept, else undefined. */
export function findModality(dataSet: DataSet, signed: boolean): ModalityTransform | undefined {
  const item = itemsOf(dataSet, 'x00283000')[0];
  const lut = item && findLookupTable(item, signed);
  if (item && lut) return { kind: 'lut', lut, type: findText(item, 'x00283004') ?? '' };
  const slope = findDecimal(dataSet, 'x00281053');
  const intercept = findDecimal(dataSet, 'x00281052');
  if (slope === undefined && intercept === undefined) return undefined;
  // a slope of zero would erase the image; such a file is shown with its stored values
  if (slope === 0) return { kind: 'identity' };
  return { kind: 'linear', slope: slope ?? 1, intercept: intercept ?? 0, type: findText(dataSet, 'x00281054') ?? '' };
}

function voiFunctionOf(text: string | undefined): VoiFunction {
  return text === 'LINEAR_EXACT' || text === 'SIGMOID' ? text : 'LINEAR';
}

/** Windows and VOI LUTs of a data set (PS3.3 C.11.2); undefined when it has neither. */
export function findVoi(dataSet: DataSet, signedInput: boolean): VoiTransform | undefined {
  const centres = findDecimals(dataSet, 'x00281050') ?? [];
  const widths = findDecimals(dataSet, 'x00281051') ?? [];
  const explanations = (findText(dataSet, 'x00281055') ?? '').split('\\');
  const voiFunction = voiFunctionOf(findText(dataSet, 'x00281056'));
  const windows: VoiWindow[] = [];
  for (let i = 0; i < Math.min(centres.length, widths.length); i++) {
    const centre = centres[i] ?? 0;
    const width = widths[i] ?? 0;
    // LINEAR needs a width of at least 1, the others more than 0 (C.11.2.1.2)
    if (voiFunction === 'LINEAR' ? width < 1 : width <= 0) continue;
    windows.push({ centre, width, explanation: (explanations[i] ?? '').trim(), function: voiFunction });
  }
  const luts: LookupTable[] = [];
  for (const item of itemsOf(dataSet, 'x00283010')) {
    const lut = findLookupTable(item, signedInput);
    if (lut) luts.push(lut);
  }
  return windows.length > 0 || luts.length > 0 ? { windows, luts } : undefined;
}

/** Row and column spacing in mm from a DS pair; undefined unless both are positive. */
export function findSpacing(dataSet: DataSet, tag: string): PixelSpacingMm | undefined {
  const values = findDecimals(dataSet, tag);
  const row = values?.[0];
  const column = values?.[1];
  return row !== undefined && column !== undefined && row > 0 && column > 0 ? { row, column } : undefined;
}

function readGroup(item: DataSet, signed: boolean): FrameGroup {
  const values = itemsOf(item, 'x00289145')[0];
  const voi = itemsOf(item, 'x00289132')[0];
  const measures = itemsOf(item, 'x00289110')[0];
  const modality = values && findModality(values, signed);
  const frameVoi = voi && findVoi(voi, true);
  const pixelSpacingMm = measures && findSpacing(measures, 'x00280030');
  return {
    ...(modality && { modality }),
    ...(frameVoi && { voi: frameVoi }),
    ...(pixelSpacingMm && { pixelSpacingMm }),
  };
}

/** Reader of the functional groups (PS3.3 C.7.6.16): a frame's own macro wins over the shared one. */
export function frameGroupReader(dataSet: DataSet, signed: boolean): (frameIndex: number) => FrameGroup {
  const sharedItem = itemsOf(dataSet, 'x52009229')[0];
  const shared = sharedItem ? readGroup(sharedItem, signed) : {};
  const perFrame = dataSet.elements['x52009230']?.items ?? [];
  return (frameIndex) => {
    const item = perFrame[frameIndex]?.dataSet;
    return item ? { ...shared, ...readGroup(item, signed) } : shared;
  };
}

/** Modality and VOI transforms and spacing that hold for one frame (0-based). */
export function transformsOfFrame(
  description: PixelDescription,
  frameIndex: number,
): { modality: ModalityTransform; voi: VoiTransform; pixelSpacingMm?: PixelSpacingMm } {
  const group = description.source.frameGroup(frameIndex);
  const pixelSpacingMm = group.pixelSpacingMm ?? description.pixelSpacingMm;
  return {
    modality: group.modality ?? description.modality,
    voi: group.voi ?? description.voi,
    ...(pixelSpacingMm && { pixelSpacingMm }),
  };
}
