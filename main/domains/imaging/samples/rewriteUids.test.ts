import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import dicomParser from 'dicom-parser';
import { describe, expect, it } from 'vitest';
import { writeDicom } from './dicomWriter.ts';
import { rewriteUids, rewrittenUid } from './rewriteUids.ts';
import { syntheticInstances } from './syntheticInstances.ts';

const shared = resolve(import.meta.dirname, '../../../../../shared/dicom-samples');

describe('rewriteUids', () => {
  it('gives other UIDs of the same length and touches nothing else', () => {
    const [instance] = [...syntheticInstances({ count: 1 })];
    const before = instance!.bytes;
    const after = rewriteUids(before, 'copy 1');
    expect(after).toHaveLength(before.length);
    const [a, b] = [dicomParser.parseDicom(before), dicomParser.parseDicom(after)];
    for (const [tag, element] of Object.entries(a.elements)) {
      const uid = ['x00020003', 'x00080018', 'x0020000d', 'x0020000e'].includes(tag);
      const bytesOf = (set: dicomParser.DataSet): string =>
        Buffer.from(set.byteArray.subarray(element.dataOffset, element.dataOffset + element.length)).toString('hex');
      if (uid) expect(bytesOf(b)).not.toBe(bytesOf(a));
      else expect(bytesOf(b)).toBe(bytesOf(a));
    }
    expect(b.string('x00080018')).toBe(rewrittenUid(instance!.sopInstanceUid, 'copy 1'));
    expect(b.string('x00020003')).toBe(b.string('x00080018'));
  });

  it('keeps objects that refer to each other together, in sequences too', () => {
    const item = { ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2', ReferencedSOPInstanceUID: '1.2.276.777.12.345' };
    const bytes = writeDicom({
      meta: { sopClassUid: '1.2.840.10008.5.1.4.1.1.7', sopInstanceUid: '1.2.276.777.12.999' },
      dataset: { StudyInstanceUID: '1.2.276.777.12', SOPInstanceUID: '1.2.276.777.12.999', ViewCodeSequence: [item] },
    });
    const dataset = dicomParser.parseDicom(rewriteUids(bytes, 's'));
    const inner = dataset.elements['x00540220']!.items![0]!.dataSet!;
    expect(inner.string('x00081155')).toBe(rewrittenUid('1.2.276.777.12.345', 's'));
    expect(inner.string('x00081150')).toBe(item.ReferencedSOPClassUID);
    expect(dataset.string('x0020000d')).toBe(rewrittenUid('1.2.276.777.12', 's'));
  });

  it('is one to one over many UIDs and seeds, and makes valid UIDs', () => {
    const made = new Set<string>();
    const old = [...syntheticInstances({ count: 300, rows: 2, columns: 2 })].map((one) => one.sopInstanceUid);
    for (const seed of ['1', '2', '3']) {
      for (const uid of old) {
        const renewed = rewrittenUid(uid, seed);
        expect(renewed).toHaveLength(uid.length);
        expect(renewed).toMatch(/^2\.25\.[1-9]\d*$/);
        expect(BigInt(renewed.slice(5)) < 2n ** 128n).toBe(true);
        made.add(renewed);
      }
    }
    expect(made.size).toBe(900);
  });

  it('refuses a UID it has no digit to change in', () => {
    expect(() => rewrittenUid('1.2.3.4', 's')).toThrow(RangeError);
  });
});

describe.skipIf(!existsSync(shared))('rewriteUids on real objects (needs ../shared/dicom-samples)', () => {
  it('rewrites an implicit little endian slice in place', () => {
    const folder = resolve(shared, 'ct-phantom');
    const name = readdirSync(folder)
      .sort()
      .find((file) => file.endsWith('.dcm'))!;
    const before = new Uint8Array(readFileSync(resolve(folder, name)));
    const after = rewriteUids(before, 'bench 4');
    const [a, b] = [dicomParser.parseDicom(before), dicomParser.parseDicom(after)];
    for (const tag of ['x00080018', 'x0020000d', 'x0020000e', 'x00020003']) {
      expect(b.string(tag)).toBe(rewrittenUid(a.string(tag)!, 'bench 4'));
      expect(b.string(tag)).not.toBe(a.string(tag));
    }
    const pixels = a.elements['x7fe00010']!;
    expect(Buffer.compare(before.subarray(pixels.dataOffset), after.subarray(pixels.dataOffset))).toBe(0);
  });
});
