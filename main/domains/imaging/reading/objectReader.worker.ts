import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { inflateRawSync } from 'node:zlib';
import { repairsHeader } from '../../../../app/domains/imaging/pixelRepairs.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { openArchive } from '../../../archive/openArchive.ts';
import { faultText } from '../../../platform/faultText.ts';
import { compareObjects } from '../conflicts/compareObjects.ts';
import { unpackFacts } from '../conflicts/headerFacts.ts';
import { sharedWindow } from '../conflicts/sharedWindow.ts';
import { examineObject } from '../import/examineObject.ts';
import { decodeFrame } from '../pixels/decodeFrame.ts';
import { encodeJpeg, encodePng } from '../pixels/encodePicture.ts';
import { frameForWeb, type WebFrame } from '../pixels/frameForWeb.ts';
import { transformsOfFrame } from '../pixels/frameTransforms.ts';
import { nativeObject } from '../pixels/nativeObject.ts';
import { openDicomPixels } from '../pixels/openDicomPixels.ts';
import type { PixelDescription } from '../pixels/pixelDescription.ts';
import { renderFrame } from '../pixels/renderFrame.ts';
import { resample } from '../pixels/resample.ts';
import { EXPLICIT_LITTLE_ENDIAN } from '../pixels/transferSyntaxes.ts';
import type {
  BodyAnswer,
  FromReader,
  KeyImageAnswer,
  ObjectReaderData,
  ObjectRequest,
  RenderRequest,
  ToReader,
} from './readerMessages.ts';

/** Decrypts and decodes archived objects, away from the thread that answers the window. */
const archive = openArchive((workerData as ObjectReaderData).archiveAccess);

/** Objects kept decrypted, so that the frames of one object cost one decryption; bytes. */
const keptBytes = 192 * 1024 ** 2;
const kept = new Map<string, { description: PixelDescription; bytes: number }>();
let total = 0;

function openObject(objectName: string): PixelDescription {
  const known = kept.get(objectName);
  if (known) {
    kept.delete(objectName);
    kept.set(objectName, known);
    return known.description;
  }
  const description = openDicomPixels(archive.getSync(objectName));
  const bytes = description.source.bytes.length;
  kept.set(objectName, { description, bytes });
  total += bytes;
  for (const [name, old] of kept) {
    if (total <= keptBytes || name === objectName) break;
    kept.delete(name);
    total -= old.bytes;
  }
  return description;
}

/** A frame number of an address as the decoder's index. @throws Failure('imaging.frameUnknown') */
function frameIndex(description: PixelDescription, frame: number): number {
  if (!Number.isInteger(frame) || frame < 1 || frame > description.numberOfFrames) {
    throw new Failure('imaging.frameUnknown', 'no such frame', { frame, frames: description.numberOfFrames });
  }
  return frame - 1;
}

/** A frame decoded whatever its syntax, as the metadata route describes it. */
async function decodedFrame(description: PixelDescription, index: number): Promise<WebFrame> {
  const asSent = await frameForWeb(description, index);
  if (asSent.transferSyntaxUid === EXPLICIT_LITTLE_ENDIAN) return asSent;
  // What goes out compressed is grey or RGB as stored: its decoded samples need no further conversion.
  const { data, repaired } = await decodeFrame(description, index);
  return {
    repaired,
    bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN,
    contentType: `application/octet-stream; transfer-syntax=${EXPLICIT_LITTLE_ENDIAN}`,
  };
}

async function readFrames(
  objectName: string,
  frames: readonly number[],
  decoded: boolean,
  boundary: string | null,
): Promise<BodyAnswer> {
  const description = openObject(objectName);
  const sent: WebFrame[] = [];
  for (const frame of frames) {
    const index = frameIndex(description, frame);
    sent.push(decoded ? await decodedFrame(description, index) : await frameForWeb(description, index));
  }
  const [first] = sent;
  if (boundary === null) {
    if (!first || sent.length !== 1) throw new Failure('imaging.frameUnknown', 'one frame at a time without parts');
    return {
      body: copyOf(first.bytes),
      contentType: `application/octet-stream; transfer-syntax=${first.transferSyntaxUid}`,
    };
  }
  const pieces: Uint8Array[] = [];
  for (const { bytes, contentType, repaired } of sent) {
    const repairs = repaired.length > 0 ? `\r\n${repairsHeader}: ${repaired.join(', ')}` : '';
    pieces.push(
      Buffer.from(`--${boundary}\r\nContent-Type: ${contentType}${repairs}\r\n\r\n`),
      bytes,
      Buffer.from('\r\n'),
    );
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  const mediaType = first?.contentType.split(';')[0] ?? 'application/octet-stream';
  return { body: join(pieces), contentType: `multipart/related; type="${mediaType}"; boundary=${boundary}` };
}

async function render(objectName: string, request: RenderRequest): Promise<BodyAnswer> {
  const description = openObject(objectName);
  const picture = await renderFrame(description, frameIndex(description, request.frame), {
    ...(request.window ? { window: request.window } : {}),
    ...(request.box ?? {}),
  });
  const body = request.type === 'png' ? encodePng(picture) : encodeJpeg(picture, request.quality);
  return { body: copyOf(body), contentType: `image/${request.type}` };
}

async function renderKeyImage(
  objectName: string,
  frame: number,
  window: RenderRequest['window'],
  longest: number,
): Promise<KeyImageAnswer> {
  const description = openObject(objectName);
  const index = frameIndex(description, frame);
  const whole = await renderFrame(description, index, window ? { window } : {});
  const scale = Math.min(1, longest / Math.max(whole.width, whole.height));
  const picture =
    scale < 1
      ? resample(whole, Math.max(1, Math.round(whole.width * scale)), Math.max(1, Math.round(whole.height * scale)))
      : whole;
  return {
    png: copyOf(encodePng(picture)),
    width: picture.width,
    height: picture.height,
    pixelAspect: pixelAspectOf(description, index),
    scale,
  };
}

/** Height of a pixel divided by its width, where the object says so. */
function pixelAspectOf(description: PixelDescription, index: number): number {
  const spacing = transformsOfFrame(description, index).pixelSpacingMm ?? description.imagerPixelSpacingMm;
  if (spacing) return spacing.row / spacing.column;
  const ratio = description.pixelAspectRatio;
  return ratio ? ratio.vertical / ratio.horizontal : 1;
}

function exportObject(objectName: string, path: string): BodyAnswer {
  const bytes = archive.getSync(objectName);
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  // The archive checked the bytes against the object's name when it decrypted them; this checks what lies on the disk.
  if (!readFileSync(path).equals(bytes)) throw new Failure('imaging.exportFailed', 'the written file differs');
  return { body: new Uint8Array(0), contentType: String(bytes.length) };
}

function joinHeaders(headers: readonly Uint8Array[], tails: readonly string[]): BodyAnswer {
  const pieces: Uint8Array[] = [Buffer.from('[')];
  headers.forEach((header, index) => {
    const json = inflateRawSync(header);
    // Each header is a JSON object: its last brace gives way to what only this answer knows.
    const tail = tails[index] ?? '';
    pieces.push(json.subarray(0, json.length - 1), Buffer.from(`${tail !== '' && json.length > 2 ? ',' : ''}${tail}}`));
    if (index < headers.length - 1) pieces.push(Buffer.from(','));
  });
  pieces.push(Buffer.from(']'));
  return { body: join(pieces), contentType: 'application/dicom+json' };
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let position = 0;
  for (const piece of pieces) {
    joined.set(piece, position);
    position += piece.length;
  }
  return joined;
}

/** Bytes with a buffer of their own, which can be handed over to the other thread. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function jsonBody(value: unknown): BodyAnswer {
  return { body: copyOf(Buffer.from(JSON.stringify(value))), contentType: 'application/json' };
}

async function compare(objectName: string, otherName: string): Promise<BodyAnswer> {
  // Its dictionary is large, and needed here only.
  const { dictionary } = (await import('dcmjs')).data.DicomMetaDictionary;
  const keywordOf = (tag: string): string => dictionary[`(${tag.slice(0, 4)},${tag.slice(4)})`]?.name ?? '';
  return jsonBody(await compareObjects(archive.getSync(objectName), archive.getSync(otherName), keywordOf));
}

async function answer(request: ObjectRequest): Promise<BodyAnswer | KeyImageAnswer> {
  switch (request.type) {
    case 'frames':
      return readFrames(request.objectName, request.frames, request.decoded, request.boundary);
    case 'render':
      return render(request.objectName, request.render);
    case 'keyImage':
      return renderKeyImage(request.objectName, request.frame, request.window, request.longest);
    case 'bytes':
      return { body: copyOf(archive.getSync(request.objectName)), contentType: 'application/dicom' };
    case 'native':
      return {
        body: await nativeObject(archive.getSync(request.objectName), request.transferSyntaxUid),
        contentType: 'application/dicom',
      };
    case 'export':
      return exportObject(request.objectName, request.path);
    case 'examine': {
      const bytes = archive.getSync(request.objectName);
      const { header, json } = examineObject(bytes);
      return jsonBody({ header, json: Buffer.from(json).toString('base64'), window: await sharedWindow(bytes) });
    }
    case 'compare':
      return compare(request.objectName, request.otherName);
    case 'facts':
      return jsonBody(request.headers.map(unpackFacts));
    case 'headers':
      return joinHeaders(request.headers, request.tails);
  }
}

parentPort?.on('message', ({ id, request }: ToReader) => {
  answer(request).then(
    (value) => {
      const bytes = 'body' in value ? value.body : value.png;
      parentPort?.postMessage({ id, value } satisfies FromReader, [bytes.buffer as ArrayBuffer]);
    },
    (error: unknown) => {
      const reply: FromReader =
        error instanceof Failure
          ? { id, failure: { code: error.code, message: error.message, details: error.details } }
          : { id, error: faultText(error) };
      parentPort?.postMessage(reply);
    },
  );
});
