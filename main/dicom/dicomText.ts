import { convertBytes } from 'dicom-character-set';

/** How the text of one data set is coded: the Specific Character Set (0008,0005) as it will be used. */
export interface CharacterSet {
  /** Defined terms joined by '\', as dicom-character-set takes them; empty for the default repertoire. */
  readonly terms: string;
  /** True when the data set names a set nobody knows: only its ASCII is kept. */
  readonly unknown: boolean;
}

export const defaultCharacterSet: CharacterSet = { terms: '', unknown: false };

const registered = [6, 100, 101, 109, 110, 144, 127, 126, 138, 148, 13, 166, 203];
const extended = [...registered, 87, 159, 149, 58];
const known: ReadonlySet<string> = new Set([
  ...registered.map((number) => `ISO_IR ${number}`),
  ...extended.map((number) => `ISO 2022 IR ${number}`),
  'ISO_IR 192',
  'GB18030',
  'GBK',
]);

/** VRs in which one value holds no backslash as a separator (PS3.5 section 6.1.2.3). */
const singleValued: ReadonlySet<string> = new Set(['LT', 'ST', 'UT', 'UR']);

/** VRs that Specific Character Set governs; every other text VR is ASCII. */
const governed: ReadonlySet<string> = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT']);

/**
 * Reads a Specific Character Set value (PS3.3 C.12.1.1.2). Common misspellings ('ISO-IR 100', 'ISO IR_192', 'UTF-8')
 * are understood; an unknown term makes the whole set unknown, since bytes can't be told apart then.
 */
export function parseCharacterSet(value: string): CharacterSet {
  const terms = value.split('\\').map((term) => tidyTerm(term));
  if (terms.every((term) => term === '')) return defaultCharacterSet;
  if (terms.some((term) => term !== '' && !known.has(term))) return { terms: '', unknown: true };
  if (terms.some((term) => term.endsWith(' 203'))) return { terms: 'ISO_IR 203', unknown: false };
  const [first = '', ...rest] = terms;
  if (rest.length === 0) return { terms: first, unknown: false };
  // ASCII stays reachable by its escape sequence: files that leave it out of the list use it all the same.
  const all = [first === '' ? 'ISO 2022 IR 6' : first, ...rest.filter((term) => term !== ''), 'ISO 2022 IR 6'];
  return { terms: all.join('\\'), unknown: false };
}

function tidyTerm(term: string): string {
  const text = term
    .trim()
    .toUpperCase()
    .replace(/[\s_-]+/g, ' ');
  if (/^UTF ?8$/.test(text)) return 'ISO_IR 192';
  const plain = /^ISO ?IR ?(\d+)$/.exec(text);
  if (plain) return `ISO_IR ${plain[1]}`;
  const extension = /^ISO ?2022 ?IR ?(\d+)$/.exec(text);
  if (extension) return `ISO 2022 IR ${extension[1]}`;
  return text;
}

/** Text with a note whether some of it could not be read and was replaced by U+FFFD. */
export interface DecodedText {
  readonly text: string;
  readonly lossy: boolean;
}

/**
 * Decodes the bytes of one element, backslashes between values included. Without a character set the default
 * repertoire holds; bytes beyond it are read as UTF-8 where they are valid UTF-8, else they are replaced, not guessed.
 *
 * @param vr governs which delimiters reset a code extension (PS3.5 section 6.1.2.5.3)
 */
export function decodeText(bytes: Uint8Array, set: CharacterSet, vr: string): DecodedText {
  if (isPlainAscii(bytes)) return { text: latin1(bytes), lossy: false };
  if (!governed.has(vr) || set.unknown) return keepAscii(bytes);
  if (set.terms === '' || set.terms === 'ISO_IR 6') return decodeWith('utf-8', bytes);
  // Latin-9 came to DICOM after the decoder was made (PS3.3 2020); Node knows it.
  if (set.terms === 'ISO_IR 203') return decodeWith('iso-8859-15', bytes);
  try {
    const text = convertBytes(set.terms, bytes, { vr });
    return { text, lossy: text.includes('\ufffd') };
  } catch {
    // An escape sequence that the data set did not announce: the ASCII part is still right.
    return keepAscii(bytes);
  }
}

/** Splits decoded text into values and drops the padding of each (PS3.5 section 6.2). */
export function splitValues(text: string, vr: string): string[] {
  if (singleValued.has(vr)) return [withoutPadding(text, false)];
  // In PN, SH, LO and CS leading blanks carry no meaning either.
  if (!text.includes('\\')) return [withoutPadding(text, true)];
  return text.split('\\').map((value) => withoutPadding(value, true));
}

/** Without trailing blanks, line ends and NULs; without leading blanks too where they mean nothing. */
function withoutPadding(text: string, both: boolean): string {
  let end = text.length;
  while (end > 0 && isPadding(text.charCodeAt(end - 1))) end -= 1;
  let start = 0;
  while (both && start < end && isPadding(text.charCodeAt(start))) start += 1;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isPadding(code: number): boolean {
  return code === 0x20 || code === 0 || (code >= 0x09 && code <= 0x0d);
}

function isPlainAscii(bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] as number;
    if (byte > 0x7e || byte === 0x1b) return false;
  }
  return true;
}

function keepAscii(bytes: Uint8Array): DecodedText {
  let lossy = false;
  const text = latin1(bytes).replace(/[\x80-\xff]+/g, () => {
    lossy = true;
    return '\ufffd';
  });
  return { text, lossy };
}

function decodeWith(encoding: string, bytes: Uint8Array): DecodedText {
  try {
    return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes), lossy: false };
  } catch {
    return keepAscii(bytes);
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
