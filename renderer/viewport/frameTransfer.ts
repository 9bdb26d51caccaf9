import { type PixelRepair, repairsHeader, repairsOf } from '../../app/domains/imaging/pixelRepairs.ts';

/** Fetches one frame over DICOMweb (PS3.18 10.4.1.1.6) and says in which transfer syntax it came. */

export interface FetchedFrame {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly syntaxUid: string;
  /** What the host read otherwise than it is written. */
  readonly repaired: readonly PixelRepair[];
}

/** Thrown with a failure code of the host, or one of the window's own. No patient data. */
export class FrameError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'FrameError';
    this.code = code;
  }
}

/** The failure code of whatever loading a frame threw. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'imaging.frameUnavailable';
}

export type FetchAsset = (path: string, init?: RequestInit) => Promise<Response>;

const explicitLittleEndian = '1.2.840.10008.1.2.1';
const anySyntax = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';

const syntaxOfMediaType: Record<string, string> = {
  'image/jpeg': '1.2.840.10008.1.2.4.50',
  'image/dicom-rle': '1.2.840.10008.1.2.5',
  'image/x-dicom-rle': '1.2.840.10008.1.2.5',
  'image/jls': '1.2.840.10008.1.2.4.80',
  'image/x-jls': '1.2.840.10008.1.2.4.80',
  'image/jll': '1.2.840.10008.1.2.4.70',
  'image/jp2': '1.2.840.10008.1.2.4.90',
  'image/jphc': '1.2.840.10008.1.2.4.201',
};

const repairsLine = new RegExp(`^${repairsHeader}:\\s*(.+)$`, 'im');

function parameterOf(contentType: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}\\s*=\\s*("([^"]*)"|[^;\\s]+)`, 'i').exec(contentType);
  return match ? (match[2] ?? match[1]) : undefined;
}

function syntaxOf(contentType: string): string | undefined {
  return (
    parameterOf(contentType, 'transfer-syntax') ?? syntaxOfMediaType[contentType.split(';')[0]!.trim().toLowerCase()]
  );
}

function indexOfBytes(haystack: Uint8Array, needle: Uint8Array, from: number): number {
  const first = needle[0]!;
  for (let at = haystack.indexOf(first, from); at >= 0; at = haystack.indexOf(first, at + 1)) {
    if (at + needle.length > haystack.length) return -1;
    let matched = 1;
    while (matched < needle.length && haystack[at + matched] === needle[matched]) matched += 1;
    if (matched === needle.length) return at;
  }
  return -1;
}

function lastIndexOfBytes(haystack: Uint8Array, needle: Uint8Array): number {
  for (let at = haystack.length - needle.length; at >= 0; at -= 1) {
    if (needle.every((byte, index) => haystack[at + index] === byte)) return at;
  }
  return -1;
}

/**
 * The first part of a multipart/related body, or the whole of a plain one. The end is searched from the back: the
 * boundary might occur in pixels, but not after them.
 */
export function firstPart(body: Uint8Array<ArrayBuffer>, contentType: string): FetchedFrame {
  const boundary = parameterOf(contentType, 'boundary');
  if (!/^multipart\//i.test(contentType) || !boundary)
    return { bytes: body, syntaxUid: syntaxOf(contentType) ?? explicitLittleEndian, repaired: [] };
  const text = new TextEncoder();
  const start = indexOfBytes(body, text.encode(`--${boundary}`), 0);
  const headerEnd = start < 0 ? -1 : indexOfBytes(body, text.encode('\r\n\r\n'), start);
  if (headerEnd < 0) throw new FrameError('imaging.damagedPixelData', 'the host sent a multipart body without a part');
  const header = new TextDecoder().decode(body.subarray(start, headerEnd));
  const partType = /^content-type:\s*(.+)$/im.exec(header)?.[1]?.trim() ?? '';
  const end = lastIndexOfBytes(body, text.encode(`\r\n--${boundary}--`));
  return {
    bytes: body.subarray(headerEnd + 4, end > headerEnd ? end : body.length),
    syntaxUid: syntaxOf(partType) ?? syntaxOf(contentType) ?? explicitLittleEndian,
    repaired: repairsOf(repairsLine.exec(header)?.[1] ?? ''),
  };
}

async function failureOf(response: Response): Promise<FrameError> {
  const answer: unknown = await response.json().catch(() => undefined);
  const code = typeof answer === 'object' && answer !== null && 'code' in answer ? answer.code : undefined;
  return new FrameError(
    typeof code === 'string' ? code : 'imaging.frameUnavailable',
    `the host answered ${response.status}`,
  );
}

/**
 * @param framePath `/dicomweb/studies/…/frames/<n>`
 * @throws FrameError, or what `fetchAsset` throws (a Failure with a code)
 */
export async function fetchFrame(
  fetchAsset: FetchAsset,
  framePath: string,
  signal: AbortSignal,
): Promise<FetchedFrame> {
  const response = await fetchAsset(framePath, { headers: { Accept: anySyntax }, signal });
  if (!response.ok) throw await failureOf(response);
  const body = new Uint8Array(await response.arrayBuffer());
  const frame = firstPart(body, response.headers.get('content-type') ?? '');
  if (frame.bytes.length === 0) throw new FrameError('imaging.emptyPixelData', 'the host sent an empty frame');
  return frame;
}
