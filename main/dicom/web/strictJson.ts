import { WebError } from './webPeer.ts';

const deepest = 64;

/**
 * Parses JSON from outside. Refused beyond what `JSON.parse` refuses: a key that comes twice in one object (two readers
 * would see two patients), and nesting deeper than 64.
 *
 * @param charset of the content type; empty: UTF-8, as JSON is (RFC 8259 8.1). Text that is not in it is refused.
 * @throws WebError('protocol') with reason encoding, json, duplicateKey or tooDeep
 */
export function parseStrictJson(bytes: Uint8Array, charset = ''): unknown {
  const text = decode(bytes, charset);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's message quotes what it read, which may name a patient.
    throw new WebError('protocol', 'the answer is no JSON', { reason: 'json' });
  }
  checkKeys(text);
  return parsed;
}

function decode(bytes: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset === '' ? 'utf-8' : charset, { fatal: true }).decode(bytes);
  } catch {
    throw new WebError('protocol', 'the answer is not in the character set it names', { reason: 'encoding' });
  }
}

/** Walks over JSON that is known to be right, and looks at its keys alone. */
function checkKeys(text: string): void {
  /** For each open object the keys seen, for each open array null. */
  const open: (Set<string> | null)[] = [];
  // No regular expression: one over a text of many megabytes runs out of its stack.
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
      case 0x5b: // [
        open.push(text.charCodeAt(at) === 0x7b ? new Set() : null);
        if (open.length > deepest) throw new WebError('protocol', 'the JSON is nested too deep', { reason: 'tooDeep' });
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        break;
      case 0x22: {
        const end = endOfString(text, at);
        const keys = open.at(-1);
        if (keys && isKey(text, end + 1)) addKey(keys, text.slice(at, end + 1));
        at = end;
        break;
      }
      default:
    }
  }
}

/** Where the string that begins at `start` has its closing quote. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
  }
}

function isKey(text: string, after: number): boolean {
  let at = after;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  return text[at] === ':';
}

function addKey(keys: Set<string>, literal: string): void {
  // Keys may be written with escapes: those that mean the same are the same.
  const key = literal.includes('\\') ? (JSON.parse(literal) as string) : literal.slice(1, -1);
  if (keys.has(key)) throw new WebError('protocol', 'the JSON has a key twice', { reason: 'duplicateKey' });
  keys.add(key);
}
