import { foldMarks } from '../../../app/shared/foldText.ts';
import type { JsonDataSet } from '../dicomJson.ts';

type Match = Readonly<Record<string, string>>;

/** Where a keyword is searched for by text, its tag. */
const tagOfKeyword: Readonly<Record<string, string>> = {
  PatientName: '00100010',
  PatientID: '00100020',
  IssuerOfPatientID: '00100021',
  AccessionNumber: '00080050',
  StudyID: '00200010',
  StudyDescription: '00081030',
  SeriesDescription: '0008103E',
  ReferringPhysicianName: '00080090',
  InstitutionName: '00080080',
};

/** What a peer that does not unescape its query (Orthanc's DICOMweb 1.7), or knows ASCII alone, still compares rightly. */
const plain = /[A-Za-z0-9._~,:/@!'()-]/;
/** No value that is searched for is longer; what a peer sends beyond it is not looked through. */
const longestValue = 4096;

/**
 * The same search with `*` for whatever some peers do not understand in a query: letters beyond ASCII, blanks, `^`, `?`.
 * `keeps` then tells which of its matches were meant. Null when nothing is to be loosened, or hardly anything is left.
 */
export function loosen(match: Match): { match: Match; keeps: (dataset: JsonDataSet) => boolean } | null {
  const tests: ((dataset: JsonDataSet) => boolean)[] = [];
  const loose: Record<string, string> = {};
  for (const [key, value] of Object.entries(match)) {
    const tag = tagOfKeyword[key] ?? (/^[0-9A-Fa-f]{8}$/.test(key) ? key.toUpperCase() : null);
    const text = Array.from(value, (letter) => (plain.test(letter) ? letter : '*'))
      .join('')
      .replace(/\*+/g, '*');
    loose[key] = text;
    if (text === value || value === '') continue;
    if (tag === null || text.replace(/[^A-Za-z0-9]/g, '').length < 2) return null;
    const pattern = patternOf(value);
    tests.push((dataset) =>
      textsOf(dataset, tag).some(
        (one) => one.length <= longestValue && isMatch(pattern, Array.from(foldMarks(one).replace(/\^+$/, ''))),
      ),
    );
  }
  return tests.length === 0 ? null : { match: loose, keeps: (dataset) => tests.every((test) => test(dataset)) };
}

/** A character, or one of the two wildcards. */
type Sign = string | typeof any | typeof one;
const any = Symbol('*');
const one = Symbol('?');

/** PS3.4 C.2.2.2.4, without regard to case and accents: who is asked may have none either. */
function patternOf(value: string): Sign[] {
  return value.split(/([*?])/).flatMap((part): Sign[] => {
    if (part === '*') return [any];
    return part === '?' ? [one] : Array.from(foldMarks(part));
  });
}

/** Whether a text is what a key of PS3.4 C.2.2.2.4 asks for, without regard to case, accents and the empty end of a name. */
export function isWildcardMatch(key: string, text: string): boolean {
  return text.length <= longestValue && isMatch(patternOf(key), Array.from(foldMarks(text).replace(/\^+$/, '')));
}

/** Goes back to the last `*` alone, which is enough: never more steps than pattern times text. */
function isMatch(pattern: readonly Sign[], text: readonly string[]): boolean {
  let sign = 0;
  let at = 0;
  let lastAny = -1;
  let matchedFrom = 0;
  while (at < text.length) {
    if (sign < pattern.length && (pattern[sign] === one || pattern[sign] === text[at])) {
      sign += 1;
      at += 1;
    } else if (pattern[sign] === any) {
      lastAny = sign;
      matchedFrom = at;
      sign += 1;
    } else if (lastAny >= 0) {
      sign = lastAny + 1;
      matchedFrom += 1;
      at = matchedFrom;
    } else {
      return false;
    }
  }
  return pattern.slice(sign).every((left) => left === any);
}

/** Each value, each writing of a name. */
function textsOf(dataset: JsonDataSet, tag: string): string[] {
  return (dataset[tag]?.Value ?? []).flatMap((value) => {
    if (typeof value === 'string') return [value];
    return typeof value === 'object' && value !== null ? Object.values(value).map(String) : [];
  });
}
