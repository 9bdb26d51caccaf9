import { randomBytes } from 'node:crypto';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { keepReadLane } from '../../../database/readLane.ts';
import type { ImagingService } from '../imagingService.ts';
import type { RenderRequest } from '../reading/readerMessages.ts';
import type { InstancePlace } from '../studyQueries.ts';
import { type AcceptedType, type AddressScope, parseAccept } from './dicomwebAddress.ts';

export interface WadoParts {
  readonly store: OpenStore;
  readonly imaging: ImagingService;
  readonly request: Request;
}

const explicitLittleEndian = '1.2.840.10008.1.2.1';
/** Headers joined in one go; their inflating stays a matter of milliseconds. */
const headersPerPiece = 256;

/** Original objects, as received (PS3.18 section 10.4.1.1): one alone, or parts of a multipart answer, one in memory at a time. */
export function retrieveObjects({ imaging, request }: WadoParts, scope: AddressScope): Response {
  const places = imaging.listPlaces(scope);
  const accepted = parseAccept(request.headers.get('accept'));
  refuseUnless(
    accepted,
    (type) =>
      type.mediaType === '*/*' || type.mediaType === 'application/dicom' || isMultipart(type, 'application/dicom'),
  );
  if (places.length === 1 && accepted[0]?.mediaType === 'application/dicom') {
    const [place] = places as [InstancePlace];
    return streamed('application/dicom', async function* () {
      yield (await imaging.readers.read({ type: 'bytes', objectName: place.objectName }, request.signal)).body;
    });
  }
  const boundary = makeBoundary();
  return streamed(`multipart/related; type="application/dicom"; boundary=${boundary}`, async function* () {
    for (const place of places) {
      const { body } = await imaging.readers.read({ type: 'bytes', objectName: place.objectName }, request.signal);
      yield Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\nContent-Length: ${body.length}\r\n\r\n`);
      yield body;
      yield Buffer.from('\r\n');
    }
    yield Buffer.from(`--${boundary}--\r\n`);
  });
}

/** Headers as DICOM JSON (PS3.18 section 10.4.1.1.2); image pixel attributes are those of the frames route. */
export async function retrieveMetadata({ store, imaging, request }: WadoParts, scope: AddressScope): Promise<Response> {
  const places = imaging.listPlaces(scope);
  refuseUnless(parseAccept(request.headers.get('accept')), (type) =>
    /^(\*\/\*|application\/(\*|json|dicom\+json))$/.test(type.mediaType),
  );
  const pieces: InstancePlace[][] = [];
  for (let start = 0; start < places.length; start += headersPerPiece)
    pieces.push(places.slice(start, start + headersPerPiece));
  const readPiece = async (piece: readonly InstancePlace[]): Promise<Uint8Array> => {
    const rows = await store.readLater<{ instance_row: number; json: Uint8Array }>(
      `SELECT instance_row, json FROM instance_header WHERE instance_row IN (${piece.map(() => '?').join(', ')})`,
      ...piece.map((place) => place.instanceRow),
    );
    const headers = new Map(rows.map((row) => [row.instance_row, row.json]));
    // An instance left out would be a slice nobody misses.
    if (headers.size < piece.length) throw new Failure('storage.databaseDamaged', 'an instance without its header');
    const answer = await imaging.readers.read(
      {
        type: 'headers',
        objectName: piece[0]?.objectName ?? '',
        headers: piece.map((place) => headers.get(place.instanceRow) as Uint8Array),
        tails: piece.map(pixelDataTail),
      },
      request.signal,
    );
    return answer.body;
  };
  const [only, ...more] = pieces;
  const first = await readPiece(only ?? []);
  if (more.length === 0)
    return new Response(first as Uint8Array<ArrayBuffer>, { headers: { 'content-type': 'application/dicom+json' } });
  return streamed('application/dicom+json', async function* () {
    yield first.subarray(0, first.length - 1);
    for (const piece of more) {
      const json = await readPiece(piece);
      yield Buffer.from(',');
      yield json.subarray(1, json.length - 1);
    }
    yield Buffer.from(']');
  });
}

function pixelDataTail(place: InstancePlace): string {
  if (!place.isImage) return '';
  const address = `/dicomweb/studies/${place.studyUid}/series/${place.seriesUid}/instances/${place.sopUid}/bulkdata/7FE00010`;
  return `"7FE00010":${JSON.stringify({ vr: 'OW', BulkDataURI: address })}`;
}

/**
 * Frames (PS3.18 section 10.4.1.1.6), each in the syntax a viewer decodes rightly; a client that asks for explicit
 * little endian gets them decoded. `Accept: application/octet-stream` takes one frame without parts.
 */
export async function retrieveFrames(
  { imaging, request }: WadoParts,
  scope: AddressScope,
  frames: readonly number[] | 'all',
): Promise<Response> {
  const place = onlyPlace(imaging, scope);
  const accepted = parseAccept(request.headers.get('accept'));
  refuseUnless(accepted, (type) =>
    /^(\*\/\*|multipart\/(related|\*)|application\/(octet-stream|\*)|image\/.+)$/.test(type.mediaType),
  );
  const list = frames === 'all' ? Array.from({ length: place.frames }, (_, index) => index + 1) : frames;
  const single = list.length === 1 && accepted[0]?.mediaType === 'application/octet-stream';
  const answer = await imaging.readers.read(
    {
      type: 'frames',
      objectName: place.objectName,
      frames: list,
      decoded: accepted[0]?.transferSyntax === explicitLittleEndian,
      boundary: single ? null : makeBoundary(),
    },
    request.signal,
  );
  return new Response(answer.body as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': answer.contentType, 'content-length': String(answer.body.length) },
  });
}

/** A picture of a frame (PS3.18 section 10.4.1.1.3 and .4); of a series or a study, its representative image. */
export async function retrievePicture(
  { imaging, request }: WadoParts,
  scope: AddressScope,
  kind: 'rendered' | 'thumbnail',
): Promise<Response> {
  const { place, frame } = findPicture(imaging, scope);
  const accepted = parseAccept(request.headers.get('accept'));
  const type = accepted.find(({ mediaType }) => /^(\*\/\*|image\/(\*|png|jpeg))$/.test(mediaType));
  if (!type) return notAcceptable();
  const parameters = new URL(request.url).searchParams;
  const render = renderRequest(parameters, frame, kind, type.mediaType === 'image/png' ? 'png' : 'jpeg');
  const answer = await imaging.readers.read({ type: 'render', objectName: place.objectName, render }, request.signal);
  return new Response(answer.body as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': answer.contentType, 'content-length': String(answer.body.length) },
  });
}

/** What the parameters of a rendered resource ask for (PS3.18 section 8.3.5.1). */
export function renderRequest(
  parameters: URLSearchParams,
  frame: number,
  kind: 'rendered' | 'thumbnail',
  type: RenderRequest['type'],
): RenderRequest {
  return {
    frame,
    window: parseWindow(parameters.get('window')),
    box: parseViewport(parameters.get('viewport')) ?? (kind === 'thumbnail' ? { width: 128, height: 128 } : null),
    type,
    quality: parseQuality(parameters.get('quality')),
  };
}

function findPicture(imaging: ImagingService, scope: AddressScope): { place: InstancePlace; frame: number } {
  if (scope.sopUid !== undefined) return { place: onlyPlace(imaging, scope), frame: scope.frames?.[0] ?? 1 };
  const all = imaging.listSeries(scope.studyUid);
  const series = scope.seriesUid === undefined ? all : all.filter(({ seriesUid }) => seriesUid === scope.seriesUid);
  if (series.length === 0) throw new Failure('imaging.seriesUnknown', 'no such series in this study');
  const shown = series.find(({ representative }) => representative !== null);
  if (!shown?.representative) {
    // Not even a reason about its pixels is given of a study that may not be drawn.
    imaging.listPlaces({ studyUid: scope.studyUid, seriesUid: series[0]?.seriesUid });
    throw new Failure('imaging.noPixelData', 'nothing here can be shown as a picture');
  }
  const { sopUid, frame } = shown.representative;
  return { place: onlyPlace(imaging, { studyUid: scope.studyUid, seriesUid: shown.seriesUid, sopUid }), frame };
}

function onlyPlace(imaging: ImagingService, scope: AddressScope): InstancePlace {
  const [place] = imaging.listPlaces(scope);
  if (!place) throw new Failure('imaging.instanceUnknown', 'no such instance');
  return place;
}

const windowFunctions = new Map([
  ['linear', 'LINEAR'],
  ['linear-exact', 'LINEAR_EXACT'],
  ['sigmoid', 'SIGMOID'],
] as const);

/** `window=centre,width[,function]` (PS3.18 section 8.3.5.1.4). */
function parseWindow(text: string | null): RenderRequest['window'] {
  const parts = (text ?? '').split(',').map((part) => part.trim());
  const [centre, width] = parts.map((part) => (part === '' ? Number.NaN : Number(part)));
  const kind = windowFunctions.get((parts[2] ?? '').toLowerCase() as 'linear');
  if (centre === undefined || width === undefined || !Number.isFinite(centre) || !Number.isFinite(width) || width <= 0)
    return null;
  return { centre, width, ...(kind && { function: kind }) };
}

/** `viewport=width,height`, each 1 … 4096. */
function parseViewport(text: string | null): { width: number; height: number } | null {
  const [width, height] = (text ?? '').split(',').map(Number);
  const isSize = (value: number | undefined): value is number =>
    value !== undefined && Number.isInteger(value) && value >= 1 && value <= 4096;
  return isSize(width) && isSize(height) ? { width, height } : null;
}

function parseQuality(text: string | null): number {
  const quality = Number(text ?? '85');
  return Number.isFinite(quality) ? Math.min(100, Math.max(1, quality)) : 85;
}

function isMultipart(type: AcceptedType, inner: string): boolean {
  return (
    /^multipart\/(related|\*)$/.test(type.mediaType) && (type.type === '' || type.type === inner || type.type === '*/*')
  );
}

/** Thrown as a Response: not a failure of the domain but of the negotiation. */
export class NotAcceptable extends Error {}

function refuseUnless(accepted: readonly AcceptedType[], fits: (type: AcceptedType) => boolean): void {
  if (!accepted.some(fits)) throw new NotAcceptable('none of the accepted types is offered here');
}

export function notAcceptable(): Response {
  return new Response(null, { status: 406 });
}

function makeBoundary(): string {
  return `salus-${randomBytes(12).toString('hex')}`;
}

/** A body that is made as it is read, so that a whole study is never in memory. */
function streamed(contentType: string, pieces: () => AsyncGenerator<Uint8Array>): Response {
  const iterator = pieces();
  const nextPiece = keepReadLane(() => iterator.next());
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await nextPiece();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await iterator.return(undefined);
    },
  });
  return new Response(body, { headers: { 'content-type': contentType } });
}
