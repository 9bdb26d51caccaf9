import { describe, expect, it } from 'vitest';
import {
  type AssociateRequest,
  decodeAssociateAccept,
  decodeAssociateRequest,
  encodeAssociateAccept,
  encodeAssociateRequest,
} from './associatePdus.ts';
import { DimseError } from './dimse.ts';

/** Bytes written as the tables of PS3.8 have them: numbers in hexadecimal, text in quotes. */
function bytes(...parts: string[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      part.startsWith("'") ? Buffer.from(part.slice(1, -1), 'latin1') : Buffer.from(part.replaceAll(' ', ''), 'hex'),
    ),
  );
}

const head = ['0001 0000', "'PACS            '", "'SALUS           '", '00'.repeat(32)];
const applicationContext = ['10 00 0015', "'1.2.840.10008.3.1.1.1'"];
/** PS3.8 table 9-13 and on: one context for verification, one for CT with two transfer syntaxes. */
const proposed = [
  ...['20 00 002e', '01 00 00 00', '30 00 0011', "'1.2.840.10008.1.1'", '40 00 0011', "'1.2.840.10008.1.2'"],
  ...['20 00 004d', '03 00 00 00', '30 00 0019', "'1.2.840.10008.5.1.4.1.1.2'"],
  ...['40 00 0013', "'1.2.840.10008.1.2.1'", '40 00 0011', "'1.2.840.10008.1.2'", ''],
];
/** PS3.8 D.1, PS3.7 D.3.3.2, D.3.3.4, D.3.3.2.4. */
const maxLength = ['51 00 0004', '0004 0000'];
const implementation = ['52 00 0003', "'1.2'"];
const role = ['54 00 001d', '0019', "'1.2.840.10008.5.1.4.1.1.2'", '00 01'];
const version = ['55 00 0005', "'SALUS'"];

const request = {
  calledAe: 'PACS',
  callingAe: 'SALUS',
  contexts: [
    { id: 1, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] },
    {
      id: 3,
      abstractSyntax: '1.2.840.10008.5.1.4.1.1.2',
      transferSyntaxes: ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2'],
    },
  ],
  user: {
    maxPduBytes: 262_144,
    implementationClassUid: '1.2',
    implementationVersion: 'SALUS',
    roles: new Map([['1.2.840.10008.5.1.4.1.1.2', { scu: false, scp: true }]]),
  },
} as const;

function item(type: string, ...parts: string[]): Buffer {
  const value = bytes(...parts);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.length);
  return Buffer.concat([Buffer.from(type, 'hex'), Buffer.alloc(1), length, value]);
}

function requestBody(user: Buffer, contexts: readonly string[] = proposed): Buffer {
  return Buffer.concat([bytes(...head, ...applicationContext, ...contexts), user]);
}
const wholeUser = item('50', ...maxLength, ...implementation, ...role, ...version);

describe('A-ASSOCIATE', () => {
  it('writes a request as PS3.8 9.3.2 lays it out', () => {
    const body = requestBody(wholeUser);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    const expected = Buffer.concat([bytes('01 00'), length, body]);
    expect(encodeAssociateRequest(request).toString('hex')).toBe(expected.toString('hex'));
  });

  it('reads what it wrote, padded UIDs and what others add to it', () => {
    expect(decodeAssociateRequest(encodeAssociateRequest(request).subarray(6))).toMatchObject(request);
    const more = item(
      '50',
      ...maxLength,
      ...['53 00 0004', '0001 0001'],
      ...['52 00 0004', "'1.2'", '00'],
      ...['58 00 0009', '01 00 0003', "'who'", '0000'],
      ...['56 00 0006', '0002', "'11'", '01 01'],
      ...['7f 00 0000'],
    );
    const read = decodeAssociateRequest(
      requestBody(more, [...proposed.slice(0, 6), '2f 00 0002 0000', ...proposed.slice(6)]),
    );
    expect(read.contexts).toEqual(request.contexts);
    expect(read.user).toMatchObject({ implementationClassUid: '1.2', maxPduBytes: 262_144 });
  });

  it('takes 16 KiB for granted where a peer says nothing of itself', () => {
    const read = decodeAssociateRequest(requestBody(Buffer.alloc(0)));
    expect(read.user).toEqual({
      maxPduBytes: 16_384,
      implementationClassUid: '',
      implementationVersion: '',
      roles: new Map(),
    });
  });

  it('writes and reads an answer, and passes over the syntax of a refused context', () => {
    const accept = {
      ...request,
      contexts: [
        { id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' },
        { id: 3, result: 4, transferSyntax: '1.2.840.10008.1.2' },
      ],
    };
    const written = encodeAssociateAccept(accept);
    expect(written[0]).toBe(2);
    expect(written.subarray(99, 124).toString('hex')).toBe(
      bytes('21 00 0019', '01 00 00 00', '40 00 0011', "'1.2.840.10008.1.2'").subarray(0, 25).toString('hex'),
    );
    expect(decodeAssociateAccept(written.subarray(6))).toMatchObject({
      calledAe: 'PACS',
      contexts: [
        { id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' },
        { id: 3, result: 4, transferSyntax: '' },
      ],
    });
  });

  it('carries 128 contexts with odd ids up to 255', () => {
    const contexts = Array.from({ length: 128 }, (_, index) => ({
      id: 2 * index + 1,
      abstractSyntax: `1.2.${index}`,
      transferSyntaxes: ['1.2.840.10008.1.2'],
    }));
    expect(decodeAssociateRequest(encodeAssociateRequest({ ...request, contexts }).subarray(6)).contexts).toEqual(
      contexts,
    );
  });

  it.each<[string, Buffer]>([
    ['association PDU too short', Buffer.alloc(67)],
    ['no application context', bytes(...head)],
    ['item past the end', bytes(...head, '10 00 0016', "'1.2.840.10008.3.1.1.1'")],
    ['item past the end', bytes(...head, '10 00')],
    ['repeated application context', bytes(...head, ...applicationContext, ...applicationContext)],
    ['repeated user information', requestBody(Buffer.concat([wholeUser, wholeUser]))],
    ['even presentation context id', requestBody(wholeUser, ['20 00 0004 02 00 00 00'])],
    ['repeated presentation context id', requestBody(wholeUser, [...proposed, ...proposed])],
    ['presentation context too short', requestBody(wholeUser, ['20 00 0003 01 00 00'])],
    ['context without abstract syntax', requestBody(wholeUser, ['20 00 0004 01 00 00 00'])],
    ['maximum length item', requestBody(item('50', '51 00 0002 0001'))],
    ['role selection item', requestBody(item('50', '54 00 0004 0009 31 32'))],
    ['role selection item', requestBody(item('50', '54 00 0002 0000'))],
    ['item past the end', requestBody(item('50', '51 00 0004 0001'))],
  ])('refuses: %s', (what, body) => {
    expect(() => decodeAssociateRequest(body)).toThrow(DimseError);
    expect(() => decodeAssociateRequest(body)).toThrow(what);
  });

  it('reads a name of nulls in no time', () => {
    const name = `${'\0'.repeat(65_000)}x`;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(name.length);
    const body = Buffer.concat([bytes(...head), Buffer.concat([bytes('10 00'), length, Buffer.from(name, 'latin1')])]);
    const since = performance.now();
    const read: AssociateRequest = decodeAssociateRequest(body);
    expect(read.applicationContext).toHaveLength(65_001);
    expect(performance.now() - since).toBeLessThan(1_000);
  });
});
