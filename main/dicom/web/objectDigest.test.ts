import { describe, expect, it } from 'vitest';
import type { JsonDataSet } from '../dicomJson.ts';
import { encodePart10 } from '../writeDataset.ts';
import type { ObjectDigest } from './dicomweb.ts';
import { digestObject } from './objectDigest.ts';

const implicit = '1.2.840.10008.1.2';
const explicit = '1.2.840.10008.1.2.1';
const text = (words: string): JsonDataSet => ({
  '00080100': { vr: 'SH', Value: ['T-1'] },
  '0040A160': { vr: 'UT', Value: [words] },
});

function object(more: JsonDataSet, transferSyntaxUid = explicit, name = 'Anyone'): Buffer {
  const dataset: JsonDataSet = {
    '00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.88.59'] },
    '00080018': { vr: 'UI', Value: ['1.2.3'] },
    '00100010': { vr: 'PN', Value: [{ Alphabetic: name }] },
    '0020000D': { vr: 'UI', Value: ['1.1'] },
    '0020000E': { vr: 'UI', Value: ['1.2'] },
    ...more,
  };
  return Buffer.from(encodePart10({ transferSyntaxUid, dataset }));
}

function digest(bytes: Uint8Array): Promise<ObjectDigest> {
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += 20_000) yield bytes.subarray(at, at + 20_000);
  }
  return digestObject(pieces());
}

const document = (length: number, value: number): JsonDataSet => ({
  '00420011': { vr: 'OB', InlineBinary: Buffer.alloc(length, value).toString('base64') },
  '00420012': { vr: 'LO', Value: ['application/pdf'] },
});
const report = (words: string): JsonDataSet => ({
  '0040A043': { vr: 'SQ', Value: [text(words)] },
  '0040A730': { vr: 'SQ', Value: [text(words), text('and so on')] },
});
/** Pixel data in two fragments behind an empty offset table. */
function inFragments(): Buffer {
  const item = (bytes: Buffer) => {
    const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  };
  const value = [item(Buffer.alloc(0)), item(Buffer.alloc(300, 1)), item(Buffer.alloc(90_000, 2))];
  const end = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
  const head = Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff]);
  return Buffer.concat([object({}), head, ...value, end]);
}

describe('what an object holds', () => {
  it.each<[string, Buffer]>([
    ['a short document', object(document(2000, 7))],
    ['a document', object(document(200_000, 7))],
    ['a structured report', object(report('Nothing to be seen. '.repeat(8000)))],
    ['encapsulated pixels', inFragments()],
    ['native pixels', object({ '7FE00010': { vr: 'OW', InlineBinary: Buffer.alloc(90_000).toString('base64') } })],
  ])('is not told of %s that ends before it should', async (_what, whole) => {
    const told = await digest(whole);
    expect(told.pixelsSha256 === null).not.toBe(told.contentSha256 === null);
    const cuts = [0.5, 0.8, 0.99].map((part) => whole.subarray(0, Math.floor(whole.length * part)));
    for (const cut of [...cuts, whole.subarray(0, whole.length - 10)])
      await expect(digest(cut)).rejects.toMatchObject({ trouble: 'protocol', details: { reason: 'incomplete' } });
  });

  it('is the same under another name and in another coding, and not where it says something else', async () => {
    const { contentSha256, datasetSha256 } = await digest(object(report('Nothing.')));
    const renamed = await digest(object(report('Nothing.'), implicit, 'Corrected^Name'));
    expect(renamed.contentSha256).toBe(contentSha256);
    expect(renamed.datasetSha256).not.toBe(datasetSha256);
    expect((await digest(object(report('Something.')))).contentSha256).not.toBe(contentSha256);
    expect((await digest(object({}))).contentSha256).not.toBe(contentSha256);
    const pdf = await digest(object(document(5000, 1)));
    expect((await digest(object(document(5000, 1), explicit, 'Other'))).contentSha256).toBe(pdf.contentSha256);
    expect((await digest(object(document(5000, 2)))).contentSha256).not.toBe(pdf.contentSha256);
  });

  it('is told of a document too long to be held, and not where that is cut', async () => {
    const whole = object(document(70 * 1024 * 1024, 1));
    expect((await digest(whole)).contentSha256).toMatch(/^[0-9a-f]{64}$/);
    await expect(digest(whole.subarray(0, whole.length - 100))).rejects.toMatchObject({
      details: { reason: 'incomplete' },
    });
  });
});
