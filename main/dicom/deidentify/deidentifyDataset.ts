import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { DatasetError } from '../prepareDataset.ts';
import { ascii, cleanElements } from './cleanElements.ts';
import { cleanCodedPixels, cleanExtendedOffsets, codingOf } from './codedPixels.ts';
import type { Confidentiality } from './confidentiality.ts';
import { readTree, type TreeElement, writeTree } from './datasetTree.ts';
import { collectIdentityWords } from './identityWords.ts';
import { pixelTags } from './keptAttributes.ts';
import { checkFloatPixels, cleanNativePixels, pixelsInFrame } from './nativePixels.ts';
import { NotDeidentifiable } from './notDeidentifiable.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import { refuseTextInPixels } from './textInPixels.ts';
import { trimmedText } from './trimmedText.ts';

export interface Deidentification {
  readonly confidentiality: Confidentiality;
  readonly pseudonyms: Pseudonyms;
  /** Our id of the patient: the name and number under which the object leaves follow from it. */
  readonly patientId: string;
}

/** A data set without its person, under UIDs of its own. */
export interface DeidentifiedDataset {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** The data set in the transfer syntax it came in, in order. */
  readonly pieces: readonly Uint8Array[];
  readonly byteLength: number;
}

/** Longest object that is de-identified, bytes: it is held in memory, and its changed copy too, in each thread that sends. */
export const longestDeidentified = 256 * 1024 * 1024;

const implicitLittle = '1.2.840.10008.1.2';
const explicitBig = '1.2.840.10008.1.2.2';
const deflated = '1.2.840.10008.1.2.1.99';
const native: ReadonlySet<string> = new Set([implicitLittle, '1.2.840.10008.1.2.1', explicitBig, deflated]);

/**
 * Takes the person out of an image: PS3.15 annex E, Basic Application Level Confidentiality Profile, with no option to
 * retain anything, and stricter where the table names nothing: private and unknown attributes, overlays, thumbnails and
 * free text go. Pixels keep their values. Fit for objects that are de-identified already.
 *
 * @param bytes the data set without preamble and file meta group
 * @throws NotDeidentifiable for whatever can't be sure to leave without its person
 */
export function deidentifyDataset(
  bytes: Uint8Array,
  transferSyntaxUid: string,
  how: Deidentification,
): DeidentifiedDataset {
  if (bytes.length > longestDeidentified) throw new NotDeidentifiable('tooLong');
  const coding = codingOf(transferSyntaxUid);
  if (!coding && !native.has(transferSyntaxUid)) throw new NotDeidentifiable('coding');
  const form = { explicit: transferSyntaxUid !== implicitLittle, littleEndian: transferSyntaxUid !== explicitBig };
  const original = read(transferSyntaxUid === deflated ? inflated(bytes) : bytes, form);
  const sopClassUid = uidIn(original, 0x0008_0016);
  refuseTextInPixels(sopClassUid, original);
  refuseOddPixels(sopClassUid, original, coding);
  const { confidentiality, pseudonyms } = how;
  const { littleEndian } = form;
  const cleaning = { confidentiality, words: collectIdentityWords(original), sopClassUid, littleEndian };
  const cleaned = cleanElements(original, { ...cleaning, uidOf: pseudonyms.uidOf }).map((element) =>
    withCleanPixels(element, original, coding, littleEndian),
  );
  const elements = withMarks(cleanExtendedOffsets(cleaned, littleEndian), pseudonyms.patientOf(how.patientId));
  const { pieces, bytes: byteLength } = writeTree(elements, form);
  const whole = transferSyntaxUid === deflated ? evenly(deflateRawSync(Buffer.concat(pieces))) : null;
  return {
    sopClassUid,
    sopInstanceUid: uidIn(elements, 0x0008_0018),
    studyInstanceUid: uidIn(elements, 0x0020_000d),
    seriesInstanceUid: uidIn(elements, 0x0020_000e),
    pieces: whole ? [whole] : pieces,
    byteLength: whole ? whole.length : byteLength,
  };
}

function read(bytes: Uint8Array, form: Parameters<typeof readTree>[1]): TreeElement[] {
  try {
    return readTree(bytes, form);
  } catch (error) {
    if (error instanceof DatasetError) throw new NotDeidentifiable('damaged');
    throw error;
  }
}

function inflated(bytes: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: longestDeidentified });
  } catch (error) {
    const isTooLong = error instanceof RangeError;
    throw new NotDeidentifiable(isTooLong ? 'tooLong' : 'damaged');
  }
}

const integerPixels = 0x7fe0_0010;
/** Parametric Map Storage, the one class of images whose pixels may be float or double (PS3.3 A.75). */
const parametricMap = '1.2.840.10008.5.1.4.1.1.30';
/** Segmented palettes (PS3.3 C.7.9.2): tables in a coding of their own. */
const segmentedPalettes: ReadonlySet<number> = new Set([0x0028_1221, 0x0028_1222, 0x0028_1223, 0x0028_1224]);

/** Pixels of two kinds, or of a kind that the class has not, where nobody looks at them. */
function refuseOddPixels(
  sopClassUid: string,
  original: readonly TreeElement[],
  coding: ReturnType<typeof codingOf>,
): void {
  if (original.some(({ tag }) => segmentedPalettes.has(tag))) throw new NotDeidentifiable('coding');
  const kinds = original.filter(({ tag }) => pixelTags.has(tag));
  const isFloat = kinds.some(({ tag }) => tag !== integerPixels);
  if (kinds.length > 1 || (isFloat && (sopClassUid !== parametricMap || coding !== undefined)))
    throw new NotDeidentifiable('damaged');
}

function withCleanPixels(
  element: TreeElement,
  original: readonly TreeElement[],
  coding: ReturnType<typeof codingOf>,
  littleEndian: boolean,
): TreeElement {
  const { tag, vr, fragments, value } = element;
  const vrs = pixelTags.get(tag);
  if (!vrs) return element;
  if (!vrs.includes(vr)) throw new NotDeidentifiable('damaged');
  if (tag !== integerPixels) {
    checkFloatPixels(value, original, littleEndian, vr === 'OF' ? 4 : 8);
    return element;
  }
  if ((fragments === null) !== (coding === undefined)) throw new NotDeidentifiable('damaged');
  if (fragments === null || coding === undefined)
    return { ...element, value: cleanNativePixels(value, original, littleEndian) };
  if (original.some((each) => isInPixels(each, littleEndian))) throw new NotDeidentifiable('overlayInPixels');
  return { ...element, fragments: cleanCodedPixels(fragments, coding, pixelsInFrame(original, littleEndian)) };
}

/** An overlay that lies in bits of the pixels (60xx,0100 more than one bit, or 60xx,0102 not the first; PS3.3 C.9.2, retired). */
function isInPixels({ tag, value }: TreeElement, littleEndian: boolean): boolean {
  if (tag >>> 24 !== 0x60 || value.length !== 2) return false;
  const number = new DataView(value.buffer, value.byteOffset, 2).getUint16(0, littleEndian);
  const element = tag & 0xffff;
  return (element === 0x0100 && number > 1) || (element === 0x0102 && number > 0);
}

/** Says that and how it was done (PS3.15 E.3), and under which name the patient goes. */
function withMarks(elements: readonly TreeElement[], patient: string): TreeElement[] {
  const text = (tag: number, vr: string, value: string): TreeElement => ({
    ...{ tag, vr, items: null, fragments: null },
    value: ascii(value.length % 2 === 0 ? value : `${value}${vr === 'UI' ? '\0' : ' '}`),
  });
  const code = [
    text(0x0008_0100, 'SH', '113100'),
    text(0x0008_0102, 'SH', 'DCM'),
    text(0x0008_0104, 'LO', 'Basic Application Confidentiality Profile'),
  ];
  const marks: readonly TreeElement[] = [
    text(0x0010_0010, 'PN', patient),
    text(0x0010_0020, 'LO', patient),
    text(0x0012_0062, 'CS', 'YES'),
    text(0x0012_0063, 'LO', 'Salus: PS3.15 Annex E basic profile, no option to retain'),
    { tag: 0x0012_0064, vr: 'SQ', value: new Uint8Array(0), items: [code], fragments: null },
    text(0x0028_0303, 'CS', 'REMOVED'),
  ];
  const replaced = new Set(marks.map(({ tag }) => tag));
  return [...elements.filter(({ tag }) => !replaced.has(tag)), ...marks].sort((left, right) => left.tag - right.tag);
}

function uidIn(elements: readonly TreeElement[], tag: number): string {
  return trimmedText(elements.find((element) => element.tag === tag)?.value);
}

function evenly(bytes: Buffer): Uint8Array {
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
}
