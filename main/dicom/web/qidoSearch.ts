import type { JsonDataSet } from '../dicomJson.ts';
import type { DicomwebSearch, SearchEnd } from './dicomweb.ts';
import { textIn, toJsonDataSets } from './jsonDataSets.ts';
import { loosen } from './looserMatch.ts';
import { parseMediaType } from './mediaType.ts';
import { parseStrictJson } from './strictJson.ts';
import { type WebAnswer, type WebConnection, WebError } from './webPeer.ts';

/** What tells two matches of a level apart, and its keyword. */
const ownUid = {
  studies: ['0020000D', 'StudyInstanceUID'],
  series: ['0020000E', 'SeriesInstanceUID'],
  instances: ['00080018', 'SOPInstanceUID'],
} as const;

/** More than that at a time is not what was asked for, whatever the peer makes of `limit`. */
const mostOfPage = 200_000;
const usualMost = 10_000;

/** Most matches looked through where the search had to be made looser. */
const mostLoose = 5_000;

/**
 * QIDO-RS (PS3.18 10.6) page by page; see `DicomwebClient.search`. Where nothing is found for a text that some peers do
 * not understand, more is asked for and looked through here.
 */
export async function* searchPeer(
  connection: WebConnection,
  search: DicomwebSearch,
): AsyncGenerator<JsonDataSet, SearchEnd> {
  let found = 0;
  const pages = searchPages(connection, search);
  for (let next = await pages.next(); ; next = await pages.next()) {
    if (!next.done) {
      found += 1;
      yield next.value;
      continue;
    }
    const looser = found === 0 && search.match ? loosen(search.match) : null;
    if (!looser) return next.value;
    const { atMost = usualMost } = search;
    const wider = searchPages(connection, { ...search, match: looser.match, atMost: mostLoose });
    for (let more = await wider.next(); ; more = await wider.next()) {
      if (more.done) return { ...more.value, pages: more.value.pages + next.value.pages };
      if (!looser.keeps(more.value)) continue;
      if (found >= atMost) return { complete: false, repeats: 0, pages: next.value.pages };
      found += 1;
      yield more.value;
    }
  }
}

async function* searchPages(connection: WebConnection, search: DicomwebSearch): AsyncGenerator<JsonDataSet, SearchEnd> {
  const { level, pageSize = 200, atMost = usualMost } = search;
  const [tag, keyword] = ownUid[level];
  const wanted = search.match?.[keyword] ?? search.match?.[tag];
  const isOnlyOne = wanted !== undefined && /^[0-9.]+$/.test(wanted);
  const seen = new Set<string>();
  let repeats = 0;
  let offset = 0;
  /** Of the last page that held anything. */
  let saysMore = false;
  let isFirstFull = false;
  for (let pages = 1; ; pages += 1) {
    const answer = await connection.request({
      method: 'GET',
      path: pathOf(search),
      query: queryOf(search, pageSize, offset),
      headers: { accept: 'application/dicom+json', 'accept-charset': 'utf-8' },
      ...(search.signal ? { signal: search.signal } : {}),
    });
    const page = await readDataSets(answer, mostOfPage);
    if (page.length > 0) saysMore = leavesOut(answer);
    if (pages === 1) isFirstFull = page.length === pageSize;
    let fresh = 0;
    for (const dataset of page) {
      const uid = textIn(dataset, tag).replace(/\0+$/, '');
      if (!isUid(uid)) throw new WebError('protocol', 'a match does not say its UID', { reason: 'shape' });
      if (seen.has(uid)) {
        repeats += 1;
        continue;
      }
      if (seen.size >= atMost) return { complete: false, repeats, pages };
      seen.add(uid);
      fresh += 1;
      yield dataset;
    }
    // A short page is no end: a peer may have a smaller limit than ours. Nothing new is one, whatever was ignored.
    if (isOnlyOne && fresh === 1) return { complete: true, repeats, pages };
    // A page again that was as long as we asked for: the peer knows `limit` and not `offset`, and may have more.
    if (fresh === 0) return { complete: !saysMore && !(isFirstFull && page.length > 0), repeats, pages };
    offset += page.length;
  }
}

/** PS3.18 8.3.4.4: 299, with a text of its own where the results exceed what the server gives at once. */
function leavesOut({ headers }: WebAnswer): boolean {
  return /\b299\b[^,]{0,200}(exceed|additional results)/i.test((headers.warning ?? '').slice(0, 4096));
}

function pathOf({ level, studyUid, seriesUid }: DicomwebSearch): string {
  if (seriesUid !== undefined && studyUid !== undefined && level === 'instances') {
    return `studies/${checkedUid(studyUid)}/series/${checkedUid(seriesUid)}/instances`;
  }
  return studyUid === undefined ? level : `studies/${checkedUid(studyUid)}/${level}`;
}

function queryOf(search: DicomwebSearch, limit: number, offset: number): (readonly [string, string])[] {
  const match = Object.entries(search.match ?? {}).filter(([, value]) => value !== '');
  return [
    ...match,
    ...(search.includeFields ?? []).map((field) => ['includefield', field] as const),
    ['limit', String(limit)],
    ['offset', String(offset)],
    ['fuzzymatching', 'false'],
  ];
}

/** Data sets of an answer in DICOM JSON; none for 204. */
export async function readDataSets(answer: WebAnswer, atMost: number): Promise<JsonDataSet[]> {
  if (answer.status === 204) {
    await answer.bytes(1024);
    return [];
  }
  const type = parseMediaType(answer.headers['content-type'] ?? '');
  if (type?.type !== 'application/dicom+json' && type?.type !== 'application/json') {
    answer.dispose();
    throw new WebError('protocol', 'the answer is no DICOM JSON', { reason: 'contentType', status: answer.status });
  }
  return toJsonDataSets(parseStrictJson(await answer.bytes(), type.parameters.get('charset') ?? ''), atMost);
}

const isUid = (text: string) => /^[0-9.]{1,64}$/.test(text) && !/^\.{1,2}$/.test(text);

/** A UID that may stand in a path. @throws WebError('protocol') for what is none: peers name them too. */
export function checkedUid(uid: string): string {
  if (!isUid(uid)) throw new WebError('protocol', 'a UID is none', { reason: 'uid' });
  return uid;
}
