import type {
  DicomwebClient,
  DicomwebPlace,
  RetrievedObject,
  StowObject,
  StowOptions,
  StowOutcome,
} from './dicomweb.ts';
import { parseMediaType } from './mediaType.ts';
import {
  boundaryOf,
  multipartLength,
  newBoundary,
  readMultipart,
  transferSyntaxOf,
  writeMultipart,
} from './multipart.ts';
import { digestObject } from './objectDigest.ts';
import { checkedUid, readDataSets, searchPeer } from './qidoSearch.ts';
import { readStowAnswer } from './stowAnswer.ts';
import { openWebConnection } from './webConnection.ts';
import { type WebConnection, WebError, type WebOptions, type WebPeer } from './webPeer.ts';

/** Instances of a study whose headers are taken at once. */
const mostMetadata = 100_000;
const usualRequestBytes = 64 * 1024 * 1024;
const usualRequestObjects = 100;
/** PS3.18 8.7.3.5.2: any transfer syntax, so that nobody transcodes. */
const originalObjects = 'multipart/related; type="application/dicom"; transfer-syntax=*';

/**
 * A client of one DICOMweb service (PS3.18).
 * @throws TypeError when the base URL is none that can be used
 */
export function openDicomwebClient(peer: WebPeer, options: WebOptions = {}): DicomwebClient {
  const connection = openWebConnection(peer, options);
  return {
    probe: async (signal) => {
      const from = performance.now();
      const answer = await connection.request({
        method: 'GET',
        path: 'studies',
        query: [['limit', '1']],
        headers: { accept: 'application/dicom+json' },
        ...(signal ? { signal } : {}),
      });
      await readDataSets(answer, mostMetadata);
      return {
        status: answer.status,
        tookMs: Math.round(performance.now() - from),
        skewMs: answer.skewMs,
        certificate: answer.certificate,
        server: (answer.headers.server ?? '').replace(/[^\x20-\x7e]/g, '').slice(0, 100),
      };
    },
    search: (search) => searchPeer(connection, search),
    metadata: async (place, signal) => {
      const answer = await connection.request({
        method: 'GET',
        path: `${pathOf(place)}/metadata`,
        headers: { accept: 'application/dicom+json', 'accept-charset': 'utf-8' },
        ...(signal ? { signal } : {}),
      });
      return readDataSets(answer, mostMetadata);
    },
    retrieve: (place, signal) => retrieve(connection, place, signal),
    store: (objects, how) => store(connection, objects, how),
    readBack: async (place, signal) => {
      const objects = retrieve(connection, place, signal);
      for await (const object of objects) {
        const digest = await digestObject(object.bytes);
        const more = await objects.next();
        if (!more.done) {
          await objects.return(undefined);
          throw new WebError('protocol', 'the peer answered one instance with several', { reason: 'tooManyParts' });
        }
        return digest;
      }
      throw new WebError('notFound', 'the peer answered without an instance', { status: 200 });
    },
    close: () => connection.close(),
  };
}

function pathOf({ studyUid, seriesUid, instanceUid }: DicomwebPlace): string {
  const parts = [`studies/${checkedUid(studyUid)}`];
  if (seriesUid !== undefined) parts.push(`series/${checkedUid(seriesUid)}`);
  if (seriesUid !== undefined && instanceUid !== undefined) parts.push(`instances/${checkedUid(instanceUid)}`);
  return parts.join('/');
}

async function* retrieve(
  connection: WebConnection,
  place: DicomwebPlace,
  signal: AbortSignal | undefined,
): AsyncGenerator<RetrievedObject, void, undefined> {
  const answer = await connection.request({
    method: 'GET',
    path: pathOf(place),
    headers: { accept: originalObjects },
    // A study may be gigabytes: how slow it may come is bounded, not how long it takes.
    times: { wholeMs: 0 },
    ...(signal ? { signal } : {}),
  });
  try {
    if (answer.status === 204) return;
    const type = parseMediaType(answer.headers['content-type'] ?? '');
    if (type?.type === 'application/dicom') {
      yield { transferSyntaxUid: transferSyntaxOf(answer.headers), bytes: answer.body };
      return;
    }
    for await (const part of readMultipart(answer.body, boundaryOf(type))) {
      const partType = parseMediaType(part.headers['content-type'] ?? '')?.type ?? '';
      if (partType !== 'application/dicom' && partType !== '') {
        throw new WebError('protocol', 'the peer sends what is no DICOM object', { reason: 'contentType' });
      }
      yield { transferSyntaxUid: transferSyntaxOf(part.headers), bytes: part.body };
    }
  } finally {
    answer.dispose();
  }
}

async function* store(
  connection: WebConnection,
  objects: Iterable<StowObject> | AsyncIterable<StowObject>,
  options: StowOptions = {},
): AsyncGenerator<StowOutcome, void, undefined> {
  const path = options.studyUid === undefined ? 'studies' : `studies/${checkedUid(options.studyUid)}`;
  for await (const group of groupsOf(objects, options)) {
    const boundary = newBoundary();
    const parts = group.map((object) => ({
      contentType: 'application/dicom',
      byteLength: object.byteLength,
      open: () => object.open(),
    }));
    const answer = await connection.request({
      method: 'POST',
      path,
      headers: { accept: 'application/dicom+json, application/dicom+xml;q=0.5' },
      body: {
        contentType: `multipart/related; type="application/dicom"; boundary=${boundary}`,
        byteLength: multipartLength(parts, boundary),
        open: () => writeMultipart(parts, boundary),
      },
      // The same object twice is the same object.
      repeatable: true,
      takes: (status) => status === 200 || status === 202 || status === 409,
      ...(options.signal ? { signal: options.signal } : {}),
    });
    yield* await readStowAnswer(answer, group);
  }
}

/** Objects for one request after the other. An instance is never twice in one: its answer could not be told apart. */
async function* groupsOf(
  objects: Iterable<StowObject> | AsyncIterable<StowObject>,
  { requestBytes = usualRequestBytes, requestObjects = usualRequestObjects }: StowOptions,
): AsyncGenerator<StowObject[]> {
  let group: StowObject[] = [];
  let bytes = 0;
  for await (const object of objects) {
    // Of unknown length: alone, so that what it takes is its own.
    const length = object.byteLength ?? requestBytes;
    const isTwice = group.some(({ sopInstanceUid }) => sopInstanceUid === object.sopInstanceUid);
    if (group.length > 0 && (bytes + length > requestBytes || group.length >= requestObjects || isTwice)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(object);
    bytes += length;
  }
  if (group.length > 0) yield group;
}
