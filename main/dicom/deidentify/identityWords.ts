import { foldText } from '../../../app/shared/foldText.ts';
import { findVr } from '../dicomDictionary.ts';
import { decodeText, defaultCharacterSet, parseCharacterSet } from '../dicomText.ts';
import type { TreeElement } from './datasetTree.ts';
import { NotDeidentifiable } from './notDeidentifiable.ts';
import { trimmedText } from './trimmedText.ts';

/** The words by which an object names people, places and cases; what stays is searched for them. */
export interface IdentityWords {
  /** Whether a code or a number's letters hold one of them. */
  isIn(text: string): boolean;
  /** The same of text that somebody may have typed: looks for parts of two letters, and for words of private elements too. */
  isInText(text: string): boolean;
  /** A number that is one of its identifiers or dates, of six digits or more. */
  isNumber(text: string): boolean;
}

/** Besides names (PN) and AE titles: numbers of people and cases, addresses, places, devices (0008 to 0040). */
const identifying: ReadonlySet<number> = new Set(
  `00080050 00080080 00080081 00080092 00080094 00081010 00081040 00100020 00101000 00101040 00101060 00101090 00102154
   00102155 00102297 00181000 00181002 0018700A 00200010 00321032 00321033 00380010
   00380060 00380300 00380400 00400241 00400242 00400243 00400253 00401001 00402008 00402009 00402010 00402016 00402017`
    .split(/\s+/)
    .map((tag) => Number.parseInt(tag, 16)),
);
const patientIdTag = 0x0010_0020;
const dateVrs: ReadonlySet<string> = new Set(['DA', 'DT']);
/** In which text may stand in private and unknown elements. */
const loosely: ReadonlySet<string> = new Set('CS LO LT OB SH ST UC UN UR UT'.split(' '));
/** More than any object has: what holds more is made to hold up the search. */
const mostWords = 2000;
const mostLoose = 20_000;
const mostKnown = 10_000;
/** Private text is read whole up to here, and of a longer one only what is built like a name: a protocol is no name. */
const longestLoose = 1024;
/** Nor is what is longer than this: nobody has typed it. */
const longestSearched = 256 * 1024;

interface Found {
  readonly words: Set<string>;
  /** Names and numbers of the person in one word each, however short their parts. */
  readonly wholes: Set<string>;
  /** Parts too short, and words of private elements: there are many that name nobody, so that codes are not searched for them. */
  readonly loose: Set<string>;
}

/**
 * What stands under a wrong VR is read by the right one too, and private and unknown elements are read as text.
 *
 * @param elements a whole data set, as it came
 * @throws NotDeidentifiable('damaged') for thousands of names
 */
export function collectIdentityWords(elements: readonly TreeElement[]): IdentityWords {
  const found: Found = { words: new Set(), wholes: new Set(), loose: new Set() };
  collect(elements, defaultCharacterSet, found);
  const { words, wholes, loose } = found;
  const long = [...new Set([...[...words].filter((word) => word.length >= 6), ...wholes])];
  const longLoose = [...loose].filter((word) => word.length >= 6);
  const numbers = new Set(
    long
      .filter((word) => /^\d+$/.test(word))
      .map(withoutZeros)
      .filter((digits) => digits.length >= 6),
  );
  function isIn(text: string): boolean {
    const folded = foldText(text);
    if (folded.split(' ').some((token) => words.has(token))) return true;
    const joined = folded.replaceAll(' ', '');
    return long.some((word) => joined.includes(word));
  }
  function isLoose(text: string): boolean {
    const folded = foldText(text);
    if (folded.split(' ').some((token) => loose.has(token))) return true;
    const joined = folded.replaceAll(' ', '');
    return longLoose.some((word) => joined.includes(word));
  }
  const known = remembered(isIn);
  return {
    isIn: known,
    isInText: remembered((text) => known(text) || isLoose(text)),
    isNumber: (text) => numbers.has(withoutZeros(text.trim().replace(/^[+-]|\..*$/g, ''))),
  };
}

function remembered(find: (text: string) => boolean): (text: string) => boolean {
  const known = new Map<string, boolean>();
  return (text) => {
    let answer = known.get(text);
    if (answer === undefined) {
      answer = find(text);
      if (known.size < mostKnown) known.set(text, answer);
    }
    return answer;
  };
}

function collect(elements: readonly TreeElement[], outer: ReturnType<typeof parseCharacterSet>, found: Found): void {
  const declared = elements.find(({ tag }) => tag === 0x0008_0005);
  const set = declared ? parseCharacterSet(trimmedText(declared.value)) : outer;
  for (const { tag, vr: written, value, items } of elements) {
    for (const item of items ?? []) collect(item, set, found);
    if (found.words.size > mostWords || found.wholes.size > mostWords || found.loose.size > mostLoose)
      throw new NotDeidentifiable('damaged');
    if (value.length === 0) continue;
    const known = findVr(tag);
    const vrs = known === undefined ? [written] : [known, written];
    if (vrs.some((vr) => dateVrs.has(vr))) addDates(value, found.words);
    if (vrs.includes('PN') || vrs.includes('AE') || identifying.has(tag)) {
      addName(
        decodeText(value, set, known ?? written).text,
        vrs.includes('PN') || tag === patientIdTag,
        vrs.includes('PN'),
        found,
      );
    } else if (known === undefined && loosely.has(written)) addLoose(value, set, found);
  }
}

function addName(text: string, isPerson: boolean, isName: boolean, { words, wholes, loose }: Found): void {
  const least = isName ? 3 : 4;
  for (const word of partsOf(text)) {
    if (word.length >= leastOf(word, least)) words.add(word);
    else if (isPerson && word.length >= 2) loose.add(word);
  }
  if (!isPerson) return;
  for (const name of text.split(/[\\=]/)) {
    const parts = partsOf(name);
    for (const whole of [parts, parts.toReversed()]) {
      const joined = whole.join('');
      if (joined.length >= leastOf(joined, 4)) wholes.add(joined);
    }
  }
}

function partsOf(text: string): string[] {
  return foldText(text)
    .split(' ')
    .filter((part) => part !== '');
}

/** Two letters of a script of syllables or ideas are as much as four of ours. */
function leastOf(word: string, plain: number): number {
  return /^[\x21-\x7e]+$/.test(word) ? plain : 2;
}

/** Text of a private or unknown element. In UTF-16 each second byte is NUL. */
function addLoose(value: Uint8Array, set: ReturnType<typeof parseCharacterSet>, found: Found): void {
  if (value.length > longestSearched) return;
  const bytes = value.filter((byte) => byte !== 0);
  if (bytes.length > longestLoose) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    for (const [name] of text.matchAll(/\p{L}[\p{L}'-]{2,63}\^\p{L}[\p{L}'^ -]{1,63}/gu))
      addName(name, true, true, found);
    return;
  }
  // Numbers in bytes are no text.
  if (bytes.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x1b)) return;
  const { text } = decodeText(bytes, set, 'LO');
  // Measures and UIDs: in implicit VR nobody says that they are, and an enhanced image has tens of thousands.
  if (text.includes('.') && /^[-+\d.eE\\ ]+$/.test(text)) return;
  if (text.includes('^')) addName(text, true, true, found);
  for (const word of partsOf(text)) {
    if (word.length >= leastOf(word, 4) && !/^\d{1,5}$/.test(word)) found.loose.add(word);
  }
}

/** Dates as eight digits, whatever stands between these, the year first or last. */
function addDates(value: Uint8Array, words: Set<string>): void {
  const digits = trimmedText(value).replaceAll(/[-./ ]/g, '');
  for (const [date] of digits.matchAll(/\d{8}/g)) {
    words.add(date);
    const last = /^(\d\d)(\d\d)((?:19|20)\d\d)$/.exec(date);
    if (!last) continue;
    const [, first = '', second = '', year = ''] = last;
    words.add(year + second + first).add(year + first + second);
  }
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+(?=\d)/, '');
}
