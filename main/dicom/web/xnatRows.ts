import { parseMediaType } from './mediaType.ts';
import { parseStrictJson } from './strictJson.ts';
import { type WebAnswer, WebError } from './webPeer.ts';

/** Rows of XNAT's lists, and the addresses in them. */
export type Row = Readonly<Record<string, unknown>>;

const longestList = 32 * 1024 * 1024;
const mostRows = 200_000;

/**
 * `{ ResultSet: { Result: [ … ] } }`, XNAT's shape of every list.
 * @throws WebError('protocol') for anything else: no list is ever taken for an empty one
 */
export async function rowsOf(answer: WebAnswer): Promise<Row[]> {
  const type = parseMediaType(answer.headers['content-type'] ?? '');
  if (type?.type !== 'application/json') {
    answer.dispose();
    throw new WebError('protocol', 'the answer is no JSON', { reason: 'contentType', status: answer.status });
  }
  const json = parseStrictJson(await answer.bytes(longestList), type.parameters.get('charset') ?? '');
  const rows = (json as { ResultSet?: { Result?: unknown } } | null)?.ResultSet?.Result;
  if (!Array.isArray(rows) || rows.some((row) => typeof row !== 'object' || row === null)) {
    throw new WebError('protocol', 'the answer is no list of XNAT', { reason: 'shape' });
  }
  if (rows.length > mostRows) throw new WebError('protocol', 'the list is longer than is taken', { reason: 'tooMany' });
  return rows as Row[];
}

/** A column, also where XNAT calls it by its whole path in small letters (`xnat:imagesessiondata/uid`); '' for none. */
export function text(row: Row, name: string): string {
  const wanted = name.toLowerCase();
  const key = name in row ? name : Object.keys(row).find((each) => each.toLowerCase().split('/').at(-1) === wanted);
  const value = key === undefined ? undefined : row[key];
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}

/** A name as one part of a path. @throws TypeError for one that would lead elsewhere */
export function part(name: string): string {
  if (name === '' || name === '.' || name === '..') throw new TypeError('a name that is no part of a path');
  return encodeURIComponent(name);
}

/** A file's address within this XNAT, escaped. @throws WebError when it leads elsewhere */
export function filePath(uri: string): string {
  const elsewhere = new WebError('protocol', 'a file lies elsewhere', { reason: 'address' });
  const names = uri.split('/').slice(1);
  if (names[0] !== 'data' || names.some((name) => name === '' || name === '.' || name === '..')) throw elsewhere;
  try {
    // XNAT escapes some names and not others.
    return names.map((name) => part(decodeURIComponent(name))).join('/');
  } catch {
    throw elsewhere;
  }
}

/** The scan in `data/experiments/E/scans/S/resources/R/files/N`; '' where there is none. */
export function scanIdOf(path: string): string {
  const id = /\/scans\/([^/]+)\/resources\//.exec(path)?.[1];
  return id === undefined ? '' : decodeURIComponent(id);
}

/** Of a scan's resources, those that hold objects as they came. */
export function isOriginal({ collection }: { readonly collection: string }): boolean {
  return ['dicom', 'secondary'].includes(collection.toLowerCase());
}
