import { createHash } from 'node:crypto';
import type { Comparison, ElementDifference } from '../../../../app/domains/imaging/conflictSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { type JsonAttribute, type JsonDataSet, toDicomJson } from '../../../dicom/dicomJson.ts';
import { openElements, valueBytes, vrOf } from '../../../dicom/elementValues.ts';
import { type DicomHeader, readHeader } from '../../../dicom/part10.ts';
import { decodeFrame } from '../pixels/decodeFrame.ts';
import { openDicomPixels } from '../pixels/openDicomPixels.ts';
import type { PixelDescription } from '../pixels/pixelDescription.ts';

const mostDifferences = 400;
const longestValue = 200;
/** Frames and samples that are compared; more than that would take too long for somebody who waits. */
const mostFrames = 200;
const mostSamples = 128 * 1024 * 1024;
/** No further frame is begun after so long: others wait for the same thread. */
const longestMs = 8_000;

/** Keyword of a tag in eight upper-case hex digits, or ''. */
type Keywords = (tag: string) => string;

/**
 * In what two objects differ: every data element of their data sets and file meta group, items included, and their
 * pixels. For a worker thread: it decodes.
 */
export async function compareObjects(shown: Uint8Array, other: Uint8Array, keywords: Keywords): Promise<Comparison> {
  const [left, right] = [openWhole(shown), openWhole(other)];
  const differences: ElementDifference[] = [];
  let total = 0;
  const note = (difference: ElementDifference): void => {
    total += 1;
    if (differences.length < mostDifferences) differences.push(difference);
  };
  compareSets('', left.json, right.json, keywords, note);
  return { differences, total, pixels: await comparePixels(left.header, right.header, shown, other) };
}

function openWhole(bytes: Uint8Array): { header: DicomHeader; json: JsonDataSet } {
  const header = readHeader(bytes);
  if (header === null) throw new Failure('imaging.notDicom', 'an archived object is no DICOM');
  const json: JsonDataSet = {};
  for (const [elements, littleEndian] of [
    [header.metaElements, true],
    [header.elements, header.littleEndian],
  ] as const) {
    const source = elements === header.metaElements ? bytes : header.bytes;
    const reader = openElements(source, elements, littleEndian);
    Object.assign(json, toDicomJson(reader));
    // Long values have no place in the JSON: that they differ is said all the same.
    for (const element of Object.values(elements)) {
      const tag = element.tag.slice(1).toUpperCase();
      if (json[tag] || tag.endsWith('0000') || /^(7FE0|FFFC|FFFE)/.test(tag)) continue;
      json[tag] = { vr: vrOf(element), InlineBinary: Buffer.from(valueBytes(source, element)).toString('base64') };
    }
  }
  return { header, json };
}

function compareSets(
  path: string,
  left: JsonDataSet,
  right: JsonDataSet,
  keywords: Keywords,
  note: (difference: ElementDifference) => void,
): void {
  for (const tag of [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()) {
    const [one, two] = [left[tag], right[tag]];
    if (JSON.stringify(one) === JSON.stringify(two)) continue;
    const at = path === '' ? tag : `${path}.${tag}`;
    const items = [itemsOf(one), itemsOf(two)] as const;
    const count = Math.max(items[0].length, items[1].length);
    if ((one ?? two)?.vr === 'SQ' && count > 0) {
      for (let index = 0; index < count; index += 1)
        compareSets(`${at}[${index + 1}]`, items[0][index] ?? {}, items[1][index] ?? {}, keywords, note);
      continue;
    }
    note({ path: at, keyword: keywords(tag), vr: (one ?? two)?.vr ?? '', shown: asText(one), other: asText(two) });
  }
}

function itemsOf(attribute: JsonAttribute | undefined): JsonDataSet[] {
  return attribute?.vr === 'SQ' ? ((attribute.Value ?? []) as JsonDataSet[]) : [];
}

function asText(attribute: JsonAttribute | undefined): string | null {
  if (!attribute) return null;
  if (attribute.InlineBinary !== undefined) {
    const bytes = Buffer.from(attribute.InlineBinary, 'base64');
    return `${bytes.length} bytes · ${createHash('sha256').update(bytes).digest('hex').slice(0, 8)}`;
  }
  const text = (attribute.Value ?? []).map(valueText).join('\\');
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return Object.values(value).map(String).join('=');
  return String(value);
}

const nothing = { framesCompared: 0, frames: 0, differing: 0, compared: 0, greatest: 0 };

async function comparePixels(
  left: DicomHeader,
  right: DicomHeader,
  shown: Uint8Array,
  other: Uint8Array,
): Promise<Comparison['pixels']> {
  if (left.pixelData === null && right.pixelData === null) return { state: 'none', ...nothing };
  if (left.pixelData === null || right.pixelData === null) return { state: 'shape', ...nothing };
  let one: PixelDescription;
  let two: PixelDescription;
  try {
    one = openDicomPixels(shown);
    two = openDicomPixels(other);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { state: 'unknown', ...nothing };
  }
  const frames = one.numberOfFrames;
  const perFrame = one.rows * one.columns * one.samplesPerPixel;
  const isSameShape =
    one.rows === two.rows &&
    one.columns === two.columns &&
    one.samplesPerPixel === two.samplesPerPixel &&
    frames === two.numberOfFrames;
  if (!isSameShape) return { state: 'shape', ...nothing, frames };
  if (left.transferSyntaxUid === right.transferSyntaxUid && isSameTail(left, right))
    return { state: 'equal', ...nothing, frames, framesCompared: frames, compared: frames * one.rows * one.columns };
  const result = { ...nothing, frames };
  const most = Math.max(1, Math.min(frames, mostFrames, Math.floor(mostSamples / Math.max(1, perFrame))));
  const startedAt = performance.now();
  try {
    for (let index = 0; index < most; index += 1) {
      if (performance.now() - startedAt > longestMs) break;
      const [a, b] = [await decodeFrame(one, index), await decodeFrame(two, index)];
      if (a.data.length !== b.data.length) return { state: 'shape', ...nothing, frames };
      const samples = a.samplesPerPixel;
      for (let at = 0; at < a.data.length; at += samples) {
        let isDifferent = false;
        for (let sample = at; sample < at + samples; sample += 1) {
          const distance = Math.abs((a.data[sample] ?? 0) - (b.data[sample] ?? 0));
          if (distance === 0) continue;
          isDifferent = true;
          if (distance > result.greatest) result.greatest = distance;
        }
        if (isDifferent) result.differing += 1;
      }
      result.compared += a.data.length / samples;
      result.framesCompared += 1;
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { state: 'unknown', ...nothing, frames };
  }
  // Of frames that were not looked at nothing is claimed.
  const isWhole = result.framesCompared === frames;
  return { state: result.differing > 0 ? 'different' : isWhole ? 'equal' : 'unknown', ...result };
}

/** The same bytes from the pixel data on, and the same description before it: nothing needs to be decoded. */
function isSameTail(left: DicomHeader, right: DicomHeader): boolean {
  if (left.pixelData === null || right.pixelData === null) return false;
  const tail = ({ bytes, pixelData }: DicomHeader) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).subarray(pixelData?.offset ?? 0);
  const module = ['x00280002', 'x00280004', 'x00280006', 'x00280100', 'x00280101', 'x00280102', 'x00280103'];
  const said = ({ bytes, elements }: DicomHeader) =>
    module.map((tag) => {
      const element = elements[tag];
      return element ? Buffer.from(valueBytes(bytes, element)).toString('hex') : '';
    });
  return (
    left.littleEndian === right.littleEndian &&
    said(left).join() === said(right).join() &&
    tail(left).equals(tail(right))
  );
}
