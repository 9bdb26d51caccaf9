/** The short PDUs of the upper layer protocol (PS3.8 9.3); lengths and numbers are big endian. */
import { DimseError } from './dimse.ts';
import { broken } from './dimseTrouble.ts';

export const pduTypes = {
  associateRequest: 1,
  associateAccept: 2,
  associateReject: 3,
  data: 4,
  releaseRequest: 5,
  releaseAnswer: 6,
  abort: 7,
} as const;

/** UIDs and text without the null or spaces that pad them; a loop, as a pattern could be made to take for ever. */
export function decodeText(bytes: Buffer): string {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0 || bytes[end - 1] === 0x20)) end -= 1;
  return bytes.toString('latin1', 0, end);
}

/** Bytes before the body of each PDU: type, reserved, length. */
export const pduHeaderBytes = 6;
/** Bytes before the fragment of a presentation data value: length, context, control. */
export const pdvHeaderBytes = 6;

/** Bits of a message control header (PS3.8 E.2). */
export const controlBits = { command: 1, last: 2 } as const;

/** A PDU around its body. */
export function encodePdu(type: number, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(pduHeaderBytes + body.length);
  bytes[0] = type;
  bytes.writeUInt32BE(body.length, 2);
  bytes.set(body, pduHeaderBytes);
  return bytes;
}

export function encodeReject(result: number, source: number, reason: number): Buffer {
  return encodePdu(pduTypes.associateReject, Uint8Array.of(0, result, source, reason));
}

/** `source` 0: the user of the service; 2: the provider, with a reason (PS3.8 table 9-26). */
export function encodeAbort(source: 0 | 2, reason: number): Buffer {
  return encodePdu(pduTypes.abort, Uint8Array.of(0, 0, source, reason));
}

export function encodeReleaseRequest(): Buffer {
  return encodePdu(pduTypes.releaseRequest, new Uint8Array(4));
}

export function encodeReleaseAnswer(): Buffer {
  return encodePdu(pduTypes.releaseAnswer, new Uint8Array(4));
}

/** What an A-ASSOCIATE-RJ says, as an error to throw (PS3.8 table 9-21). */
export function decodeReject(body: Uint8Array): DimseError {
  const [, result = 0, source = 0, reason = 0] = body;
  return new DimseError('rejected', `the association was rejected: ${result}/${source}/${reason}`, {
    result,
    source,
    reason,
  });
}

/** What an A-ABORT says, as an error to throw (PS3.8 9.3.8). */
export function decodeAbort(body: Uint8Array): DimseError {
  const [, , source = 0, reason = 0] = body;
  return new DimseError('aborted', `the peer aborted: ${source}/${reason}`, { source, reason });
}

/**
 * Type and body length of the next PDU, checked before a byte of its body is taken.
 * @throws DimseError('protocol') for an unknown type, a fixed length that is wrong, or one over the limit
 */
export function decodePduHeader(header: Uint8Array, limitBytes: number): { type: number; length: number } {
  const type = header[0] ?? 0;
  const length = Buffer.from(header.buffer, header.byteOffset, header.byteLength).readUInt32BE(2);
  if (type < pduTypes.associateRequest || type > pduTypes.abort) throw broken('unknown PDU', { type }, 1);
  if (type === pduTypes.associateReject || type >= pduTypes.releaseRequest) {
    if (length !== 4) throw broken('PDU length', { type, length });
  } else if (length > limitBytes) {
    throw new DimseError('protocol', 'the peer went over the limit pduBytes', {
      limit: 'pduBytes',
      most: limitBytes,
      claimed: length,
      type,
    });
  }
  return { type, length };
}
