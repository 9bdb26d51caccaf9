import type { ConfidentialityAction } from '../../../app/domains/imaging/deidentificationSchema.ts';
import { findVr } from '../dicomDictionary.ts';
import type { Confidentiality } from './confidentiality.ts';
import { cutTable, lookupTables, tableDescriptors } from './cutTables.ts';
import type { TreeElement } from './datasetTree.ts';
import type { IdentityWords } from './identityWords.ts';
import {
  alwaysRemoved,
  dummiedTexts,
  emptiedTexts,
  keptBulk,
  keptTexts,
  pixelGroup,
  pixelTags,
  publicSchemes,
  publicSchemeUids,
} from './keptAttributes.ts';
import { trimmedText, trimmedTexts } from './trimmedText.ts';

export interface Cleaning {
  readonly confidentiality: Confidentiality;
  readonly words: IdentityWords;
  readonly sopClassUid: string;
  readonly littleEndian: boolean;
  uidOf(uid: string): string;
}

/** VRs of text, in whatever repertoire: writers mix them up, and the value is checked by what the standard says. */
const textVrs = new Set('AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT'.split(' '));
const wordBytes: Readonly<Record<string, number>> = { AT: 4, US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8, SV: 8, UV: 8 };
/** Shared and per-frame items in which the whole description of a source is conditionally required. */
const wholeSources: ReadonlySet<number> = new Set([0x0018_9506, 0x0018_9507]);
/** Code Value and Long Code Value of a scheme of the world: SNOMED's codes have as many digits as a telephone. */
const codeTags: ReadonlySet<number> = new Set([0x0008_0100, 0x0008_0119]);
/** Numbers of an attribute, bytes: more than any has that an image keeps. */
const longestNumbers = 1024 * 1024;
const none = new Uint8Array(0);

/** The elements of a data set, or of an item of the sequence `parent`, as they may leave. Pixel data is not touched here. */
export function cleanElements(
  elements: readonly TreeElement[],
  cleaning: Cleaning,
  parent: number | null = null,
): TreeElement[] {
  const cleaned: TreeElement[] = [];
  for (const given of elements) {
    const { tag } = given;
    const element = lookupTables.has(tag) ? cutTable(given, elements, cleaning.littleEndian) : given;
    if (element === null) continue;
    const kept = isStrange(tag, parent) || alwaysRemoved.has(tag) ? null : cleanElement(element, cleaning, parent);
    if (kept) cleaned.push(kept);
  }
  return cleaned;
}

/** Private, a group's length, curves and overlays, pixels inside a sequence (thumbnails), a code outside one, or in no dictionary. */
function isStrange(tag: number, parent: number | null): boolean {
  const group = tag >>> 16;
  const repeats = group & 0xff00;
  return (
    group < 0x0008 ||
    (group & 1) === 1 ||
    (tag & 0xffff) === 0 ||
    repeats === 0x5000 ||
    repeats === 0x6000 ||
    (group === pixelGroup && parent !== null) ||
    (codeTags.has(tag) && parent === null) ||
    findVr(tag) === undefined
  );
}

function cleanElement(element: TreeElement, cleaning: Cleaning, parent: number | null): TreeElement | null {
  const { tag } = element;
  if (pixelTags.has(tag)) return element;
  const vr = vrOf(element);
  if (vr === null) return null;
  const action = dummiedTexts.has(tag) ? 'D' : cleaning.confidentiality.actionOf(tag);
  if (action === null) return keep(element, vr, cleaning);
  const single = chosen(action, tag, cleaning, parent);
  if (single === 'X') return null;
  if (single === 'Z') return emptied(tag, vr);
  // Where the standard asks for a dummy in a UID's place, a UID mapped like all others is one.
  if (single === 'D' && vr !== 'UI') return dummy(element, vr);
  return vr === 'SQ' ? inside(element, cleaning) : mappedUids(element, cleaning);
}

/** The VR that the standard gives; null where what is there can't be of it. */
function vrOf({ tag, vr, items, fragments }: TreeElement): string | null {
  if (fragments !== null) return null;
  const known = findVr(tag) as string;
  if (items !== null || known === 'SQ') return items !== null && known === 'SQ' ? 'SQ' : null;
  if (known === 'XS') return vr === 'US' || vr === 'SS' || (vr === 'OW' && keptBulk.has(tag)) ? vr : null;
  if (known === vr || vr === 'UN') return known;
  if (textVrs.has(known) && textVrs.has(vr)) return known;
  return (known === 'OB' || known === 'OW') && (vr === 'OB' || vr === 'OW') ? vr : null;
}

/** Of a choice, what the object's class asks for: a value where it must have one, an empty one where it must be there. */
function chosen(action: ConfidentialityAction, tag: number, cleaning: Cleaning, parent: number | null): string {
  const options = action.split('/');
  if (options.length === 1) return action;
  if (options.includes('U*')) return 'U';
  const need =
    parent === null ? cleaning.confidentiality.needOf(tag, cleaning.sopClassUid) : wholeSources.has(parent) ? 1 : 3;
  const wanted = need === 1 ? ['D', 'Z', 'X'] : need === 2 ? ['Z', 'D', 'X'] : options;
  return wanted.find((option) => options.includes(option)) ?? 'X';
}

function emptied(tag: number, vr: string): TreeElement {
  return { tag, vr, value: none, items: vr === 'SQ' ? [] : null, fragments: null };
}

const dummies: Readonly<Record<string, string>> = {
  ...{ AE: 'REMOVED', AS: '000Y', CS: 'REMOVED', DA: '19000101', DS: '0', DT: '19000101000000', IS: '0', TM: '000000' },
  ...{ LO: 'REMOVED', LT: 'REMOVED', PN: 'REMOVED', SH: 'REMOVED', ST: 'REMOVED', UC: 'REMOVED', UT: 'REMOVED' },
  UR: 'about:blank',
};

/** A value of the VR that says nothing. What was empty stays so, and a sequence becomes empty. */
function dummy({ tag, value }: TreeElement, vr: string): TreeElement {
  const text = dummies[vr];
  const bytes = value.length === 0 ? none : text === undefined ? new Uint8Array(wordBytes[vr] ?? 2) : ascii(text);
  return { ...emptied(tag, vr), value: bytes };
}

function keep(element: TreeElement, vr: string, cleaning: Cleaning): TreeElement | null {
  const { tag, value } = element;
  if (vr === 'SQ') return inside(element, cleaning);
  if (emptiedTexts.has(tag)) return emptied(tag, vr);
  // Not even looked at: it may be long.
  if (isFree(vr) && !keptTexts.has(tag) && !keptBulk.has(tag)) return null;
  if (value.length === 0) return keptBulk.has(tag) ? null : emptied(tag, vr);
  if (tableDescriptors.has(tag) && value.length !== 6) return null;
  if (keptBulk.has(tag)) return hasWords(value, cleaning.words) ? null : { ...element, vr };
  const word = wordBytes[vr];
  if (word !== undefined)
    return value.length % word === 0 && value.length <= longestNumbers && !hasWords(value, cleaning.words)
      ? { ...element, vr }
      : null;
  if (vr === 'UI') return mappedUids(element, cleaning);
  const values = trimmedTexts(value);
  switch (vr) {
    case 'CS':
      return withText(
        tag,
        vr,
        values.map((each) => codeString(each, cleaning.words)),
      );
    case 'DS':
    case 'IS':
      return withText(
        tag,
        vr,
        values.every((each) => isNumber(each, vr) && !cleaning.words.isNumber(each)) ? values : [],
      );
    default:
      return withText(
        tag,
        vr,
        values.map((each) => plainText(each, cleaning.words, codeTags.has(tag))),
      );
  }
}

/** Text that people type, and what nobody knows: only what is listed passes. */
function isFree(vr: string): boolean {
  return (textVrs.has(vr) && !['CS', 'DS', 'IS', 'UI'].includes(vr)) || vr.startsWith('O') || vr === 'UN';
}

function withText(tag: number, vr: string, values: readonly string[]): TreeElement {
  return { ...emptied(tag, vr), value: ascii(values.join('\\')) };
}

/** PS3.5 6.2. What is none, or names somebody, becomes a word that says nothing. */
function codeString(value: string, words: IdentityWords): string {
  return /^[A-Z0-9 _]{0,16}$/.test(value) && !words.isIn(value) && !looksPersonal(value) ? value : 'OTHER';
}

function isNumber(text: string, vr: string): boolean {
  if (text === '') return true;
  return vr === 'IS'
    ? /^[+-]?\d{1,11}$/.test(text)
    : text.length <= 16 && /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/.test(text);
}

/** Plain ASCII that names nobody, or a dummy: in another repertoire nobody can be sure to read what others read. */
function plainText(text: string, words: IdentityWords, isCode: boolean): string {
  const isPlain = /^[\x20-\x7e]{0,64}$/.test(text) && !/[@^]/.test(text);
  return isPlain && (isCode || !looksPersonal(text)) && !words.isInText(text) ? text : 'REMOVED';
}

/** A date, or as many digits as a telephone or a person has. */
function looksPersonal(text: string): boolean {
  return (
    /(^|\D)(19|20)\d\d[-./]?(0[1-9]|1[0-2])[-./]?(0[1-9]|[12]\d|3[01])(\D|$)/.test(text) ||
    /(^|\D)(0?[1-9]|[12]\d|3[01])[-./](0?[1-9]|1[0-2])[-./](19|20)\d\d(\D|$)/.test(text) ||
    /\+?\d([ ()/-]{0,2}\d){7}/.test(text)
  );
}

/** Letters of six and more in a row among numbers. */
function hasWords(value: Uint8Array, words: IdentityWords): boolean {
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1').replaceAll('\0', '');
  return [...text.matchAll(/[A-Za-z^ ]{6,}/g)].some(([run]) => words.isIn(run));
}

function mappedUids({ tag, value }: TreeElement, { confidentiality, uidOf }: Cleaning): TreeElement {
  const isWorlds = (uid: string) => uid === '' || confidentiality.isRegistered(uid) || publicSchemeUids.has(uid);
  const uids = trimmedTexts(value).map((uid) => (isWorlds(uid) ? uid : uidOf(uid)));
  return { ...emptied(tag, 'UI'), value: ascii(uids.join('\\')) };
}

/** A sequence of which nothing is left goes too. */
function inside({ tag, items }: TreeElement, cleaning: Cleaning): TreeElement | null {
  if (items === null) return null;
  const cleaned = items
    .filter((item) => !isLocalCode(item))
    .map((item) => cleanElements(item, cleaning, tag))
    .filter((item, index) => item.length > 0 || items[index]?.length === 0);
  if (items.length > 0 && cleaned.length === 0) return null;
  return { ...emptied(tag, 'SQ'), items: cleaned };
}

/** A coded concept of a scheme that is not the world's, or whose code is none: it may say anything. */
function isLocalCode(item: readonly TreeElement[]): boolean {
  const textOf = (tag: number): string | null => {
    const found = item.find((element) => element.tag === tag);
    return found ? trimmedText(found.value) : null;
  };
  const code = textOf(0x0008_0100) ?? textOf(0x0008_0119);
  const scheme = textOf(0x0008_0102);
  if (code === null && scheme === null) return false;
  if (scheme === null || !publicSchemes.has(scheme)) return true;
  return !(scheme === 'UCUM' ? /^[!-~]{1,64}$/ : /^[A-Za-z0-9.-]{1,64}$/).test(code ?? '');
}

export function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}
