import { foldText } from '../../../app/shared/foldText.ts';
import { decodeText, defaultCharacterSet, parseCharacterSet } from '../dicomText.ts';
import type { TreeElement } from './datasetTree.ts';
import { NotDeidentifiable } from './notDeidentifiable.ts';

/** The words by which an object names people, places and cases; what stays is searched for them. */
export interface IdentityWords {
  isIn(text: string): boolean;
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
const dateVrs: ReadonlySet<string> = new Set(['DA', 'DT']);
/** More than any object has: what holds more is made to hold up the search. */
const mostWords = 2000;
const mostKnown = 10_000;

/**
 * @param elements a whole data set, as it came
 * @throws NotDeidentifiable('damaged') for thousands of names
 */
export function collectIdentityWords(elements: readonly TreeElement[]): IdentityWords {
  const words = new Set<string>();
  collect(elements, defaultCharacterSet, words);
  const long = [...words].filter((word) => word.length >= 6);
  const numbers = new Set(
    long
      .filter((word) => /^\d+$/.test(word))
      .map(withoutZeros)
      .filter((digits) => digits.length >= 6),
  );
  const known = new Map<string, boolean>();
  function find(text: string): boolean {
    const folded = foldText(text);
    if (folded.split(' ').some((token) => words.has(token))) return true;
    const joined = folded.replaceAll(' ', '');
    return long.some((word) => joined.includes(word));
  }
  return {
    isIn(text) {
      let answer = known.get(text);
      if (answer === undefined) {
        answer = find(text);
        if (known.size < mostKnown) known.set(text, answer);
      }
      return answer;
    },
    isNumber: (text) => numbers.has(withoutZeros(text.trim().replace(/^[+-]|\..*$/g, ''))),
  };
}

function collect(
  elements: readonly TreeElement[],
  outer: ReturnType<typeof parseCharacterSet>,
  words: Set<string>,
): void {
  const declared = elements.find(({ tag }) => tag === 0x0008_0005);
  const set = declared ? parseCharacterSet(Buffer.from(declared.value).toString('latin1').replace(/\0+$/, '')) : outer;
  for (const { tag, vr, value, items } of elements) {
    for (const item of items ?? []) collect(item, set, words);
    if (words.size > mostWords) throw new NotDeidentifiable('damaged');
    if (value.length === 0) continue;
    if (dateVrs.has(vr)) addDates(value, words);
    else if (vr === 'PN' || vr === 'AE' || identifying.has(tag)) {
      const least = vr === 'PN' ? 3 : 4;
      for (const word of foldText(decodeText(value, set, vr).text).split(' ')) {
        if (word.length >= (/^[\x21-\x7e]+$/.test(word) ? least : 2)) words.add(word);
      }
    }
  }
}

function addDates(value: Uint8Array, words: Set<string>): void {
  for (const [date] of Buffer.from(value).toString('latin1').matchAll(/\d{8}/g)) words.add(date);
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+(?=\d)/, '');
}
