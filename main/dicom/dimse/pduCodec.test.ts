import { describe, expect, it } from 'vitest';
import {
  decodeAbort,
  decodePduHeader,
  decodeReject,
  decodeText,
  encodeAbort,
  encodeReject,
  encodeReleaseAnswer,
  encodeReleaseRequest,
} from './pduCodec.ts';

describe('the short PDUs', () => {
  it('are as PS3.8 9.3.4 to 9.3.8 lay them out', () => {
    expect(encodeReject(1, 1, 7).toString('hex')).toBe('03000000000400010107');
    expect(encodeReleaseRequest().toString('hex')).toBe('05000000000400000000');
    expect(encodeReleaseAnswer().toString('hex')).toBe('06000000000400000000');
    expect(encodeAbort(2, 6).toString('hex')).toBe('07000000000400000206');
    expect(decodeReject(encodeReject(2, 3, 2).subarray(6))).toMatchObject({
      trouble: 'rejected',
      details: { result: 2, source: 3, reason: 2 },
    });
    expect(decodeAbort(encodeAbort(2, 1).subarray(6))).toMatchObject({
      trouble: 'aborted',
      details: { source: 2, reason: 1 },
    });
  });

  it('are refused before a byte of their body is taken', () => {
    const header = (type: number, length: number) => {
      const bytes = Buffer.alloc(6);
      bytes[0] = type;
      bytes.writeUInt32BE(length, 2);
      return bytes;
    };
    expect(decodePduHeader(header(4, 65_536), 65_536)).toEqual({ type: 4, length: 65_536 });
    expect(() => decodePduHeader(header(4, 65_537), 65_536)).toThrow('over the limit pduBytes');
    expect(() => decodePduHeader(header(1, 0xffff_ffff), 65_536)).toThrow('over the limit pduBytes');
    expect(() => decodePduHeader(header(0, 4), 65_536)).toThrow('unknown PDU');
    expect(() => decodePduHeader(header(0x47, 4), 65_536)).toThrow('unknown PDU');
    for (const type of [3, 5, 6, 7]) expect(() => decodePduHeader(header(type, 5), 65_536)).toThrow('PDU length');
  });

  it('drop the padding of text and nothing else', () => {
    expect(decodeText(Buffer.from('1.2.3\0', 'latin1'))).toBe('1.2.3');
    expect(decodeText(Buffer.from(' A B \0 ', 'latin1'))).toBe(' A B');
    expect(decodeText(Buffer.alloc(9))).toBe('');
  });
});
