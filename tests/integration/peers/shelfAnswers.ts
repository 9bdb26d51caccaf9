import type { ShelfObject } from './objectShelf.ts';

export interface PeerAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

const keywords: Readonly<Record<string, string>> = {
  StudyInstanceUID: '0020000D',
  SeriesInstanceUID: '0020000E',
  SOPInstanceUID: '00080018',
  SOPClassUID: '00080016',
  PatientID: '00100020',
  AccessionNumber: '00080050',
};

/** QIDO-RS over a few objects; `paging` says which of the two parameters it obeys. */
export function answerQido(
  objects: readonly ShelfObject[],
  parts: readonly string[],
  query: URLSearchParams,
  paging: 'both' | 'limit' | 'offset' | '',
): PeerAnswer {
  const level = parts.at(-1);
  const studyUid = parts[0] === 'studies' && parts.length > 1 ? parts[1] : undefined;
  const seriesUid = parts[2] === 'series' && parts.length > 3 ? parts[3] : undefined;
  const keyOf = (object: ShelfObject) =>
    level === 'studies' ? object.studyUid : level === 'series' ? object.seriesUid : object.sopInstanceUid;
  const wanted = [...query].flatMap(([name, value]) => {
    const tag = keywords[name] ?? (/^[0-9A-Fa-f]{8}$/.test(name) ? name.toUpperCase() : undefined);
    return tag ? [{ tag, values: value.split(',') }] : [];
  });
  const found = new Map<string, ShelfObject>();
  for (const object of objects) {
    if (studyUid !== undefined && object.studyUid !== studyUid) continue;
    if (seriesUid !== undefined && object.seriesUid !== seriesUid) continue;
    if (!wanted.every(({ tag, values }) => values.includes(String(object.json[tag]?.Value?.[0] ?? '')))) continue;
    found.set(keyOf(object), object);
  }
  const offset = paging === 'both' || paging === 'offset' ? Number(query.get('offset') ?? 0) : 0;
  const limit = paging === 'both' || paging === 'limit' ? Number(query.get('limit') ?? 1_000_000) : 1_000_000;
  const rows = [...found.values()]
    .slice(offset, offset + limit)
    .map((object) => Object.fromEntries(Object.entries(object.json).filter(([tag]) => /^00(08|10|20)/.test(tag))));
  return { status: 200, type: 'application/dicom+json', body: Buffer.from(JSON.stringify(rows)) };
}

/** WADO-RS: original objects of a study, series or instance, or their metadata. */
export function answerWado(objects: readonly ShelfObject[], parts: readonly string[]): PeerAnswer {
  const [, studyUid, , seriesUid, , instanceUid] = parts.filter((part) => part !== 'metadata');
  const found = objects.filter(
    (object) =>
      object.studyUid === studyUid &&
      (seriesUid === undefined || object.seriesUid === seriesUid) &&
      (instanceUid === undefined || object.sopInstanceUid === instanceUid),
  );
  if (found.length === 0) return { status: 404, type: 'text/plain', body: Buffer.from('not here') };
  if (parts.at(-1) === 'metadata') {
    const json = JSON.stringify(found.map((object) => object.json));
    return { status: 200, type: 'application/dicom+json', body: Buffer.from(json) };
  }
  const boundary = 'a-boundary-of-the-peer';
  const body = Buffer.concat([
    ...found.flatMap((object) => [
      Buffer.from(
        `--${boundary}\r\nContent-Type: application/dicom; transfer-syntax=${object.transferSyntaxUid}\r\n\r\n`,
      ),
      object.bytes,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  return { status: 200, type: `multipart/related; type="application/dicom"; boundary="${boundary}"`, body };
}
