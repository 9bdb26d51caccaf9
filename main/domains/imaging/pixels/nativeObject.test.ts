import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../../app/shared/failure.ts';
import { part10Of } from '../../../../tests/integration/peers/dimseAnswers.ts';
import { type BuiltElement, buildObject, imageModule } from '../../../../tests/integration/reference/builtObjects.ts';
import { type JsonDataSet, toDicomJson } from '../../../dicom/dicomJson.ts';
import { openElements } from '../../../dicom/elementValues.ts';
import { readHeader } from '../../../dicom/part10.ts';
import { decodeFrame } from './decodeFrame.ts';
import { nativeObject } from './nativeObject.ts';
import { openDicomPixels } from './openDicomPixels.ts';

const explicit = '1.2.840.10008.1.2.1';
const implicit = '1.2.840.10008.1.2';
const bigEndian = '1.2.840.10008.1.2.2';
const folder = '/usr/lib/python3/dist-packages/pydicom/data/test_files';

function filesBelow(at: string): string[] {
  if (!existsSync(at)) return [];
  return readdirSync(at, { withFileTypes: true }).flatMap((entry) => {
    const path = join(at, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/** Says how the pixels are coded, which decoding changes. */
const ofCoding = [
  '00280004',
  '00280006',
  '00280100',
  '00280101',
  '00280102',
  '00280103',
  '00282110',
  '7FE00001',
  '7FE00002',
];

function headerOf(bytes: Uint8Array): JsonDataSet {
  const header = readHeader(bytes);
  if (!header) throw new Error('no DICOM');
  const json = toDicomJson(openElements(header.bytes, header.elements, header.littleEndian));
  for (const tag of ofCoding) delete json[tag];
  return json;
}

/** What implicit VR cannot say of a private element: its VR. */
function withoutPrivate(json: JsonDataSet): JsonDataSet {
  return Object.fromEntries(Object.entries(json).filter(([tag]) => Number.parseInt(tag.slice(3, 4), 16) % 2 === 0));
}

describe('an object without its compression', () => {
  it('is the same in big endian as in little endian, words of every length and nested items too', async () => {
    // A sequence with one item, in which Smallest Image Pixel Value is -2.
    const item = (little: boolean) => [
      ...(little
        ? [0xfe, 0xff, 0x00, 0xe0, 10, 0, 0, 0, 0x28, 0, 0x06, 0x01]
        : [0xff, 0xfe, 0xe0, 0x00, 0, 0, 0, 10, 0, 0x28, 0x01, 0x06]),
      ...[0x53, 0x53, ...(little ? [2, 0, 0xfe, 0xff] : [0, 2, 0xff, 0xfe])],
    ];
    const elementsOf = (little: boolean): BuiltElement[] => [
      [0x0018_6020, 'SL', [-7]],
      [0x0018_9087, 'FD', [1.5]],
      ...imageModule({ rows: 2, columns: 3, allocated: 16, signed: true }).filter(([tag]) => tag >= 0x0028_0000),
      [0x0040_0275, 'SQ', Uint8Array.from(item(little))],
    ];
    const pixels = new Uint8Array(new Uint16Array([1, 2, 3, 0x1234, 0xfedc, 65_535]).buffer);
    const swapped = Uint8Array.from(pixels, (_, index) => pixels[index ^ 1] ?? 0);
    const little = buildObject({ elements: elementsOf(true), pixelData: pixels, pixelVr: 'OW' });
    const big = buildObject({
      transferSyntaxUid: bigEndian,
      bigEndian: true,
      elements: elementsOf(false),
      pixelData: swapped,
      pixelVr: 'OW',
    });
    const [fromLittle, fromBig] = await Promise.all([little, big].map((file) => nativeObject(file, explicit)));
    expect(Buffer.from(fromBig ?? []).equals(Buffer.from(fromLittle ?? []))).toBe(true);
    const again = await nativeObject(part10Of(implicit, await nativeObject(big, implicit)), explicit);
    expect(Buffer.from(again).equals(Buffer.from(fromLittle ?? []))).toBe(true);
  });

  it('is refused where something would be lost', async () => {
    const cut = buildObject({
      elements: imageModule({ rows: 2, columns: 3, allocated: 16 }),
      pixelData: new Uint8Array(12),
      pixelVr: 'OW',
    }).subarray(0, 200);
    await expect(nativeObject(cut, explicit)).rejects.toBeInstanceOf(Failure);
    await expect(nativeObject(cut, '1.2.840.10008.1.2.4.70')).rejects.toMatchObject({
      code: 'imaging.unsupportedTransferSyntax',
    });
  });

  it.skipIf(!existsSync(folder))(
    'has the pixels that the decoder shows and every other value as it was, whatever the syntax (needs python3-pydicom)',
    async () => {
      const syntaxes = new Set<string>();
      let decoded = 0;
      for (const path of filesBelow(folder)) {
        const name = relative(folder, path);
        const file = readFileSync(path);
        let before: ReturnType<typeof openDicomPixels>;
        try {
          before = openDicomPixels(file);
          await decodeFrame(before, 0);
        } catch (error) {
          expect(error, name).toBeInstanceOf(Failure);
          continue;
        }
        for (const target of [explicit, implicit]) {
          let dataset: Uint8Array;
          try {
            dataset = await nativeObject(file, target);
          } catch (error) {
            // Refused, never altered: what had to be repaired to be shown, or is not whole.
            expect(error, name).toBeInstanceOf(Failure);
            continue;
          }
          const result = part10Of(target, dataset);
          const after = openDicomPixels(result);
          expect(after.numberOfFrames, name).toBe(before.numberOfFrames);
          const last = before.numberOfFrames - 1;
          for (const frame of new Set([0, last])) {
            const [there, here] = await Promise.all([decodeFrame(after, frame), decodeFrame(before, frame)]);
            expect(there.photometricInterpretation, name).toBe(here.photometricInterpretation);
            const bytes = ({ data }: typeof here) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
            expect(bytes(there).equals(bytes(here)), `${name} ${target} frame ${frame}`).toBe(true);
            // What was lossy once says so for ever.
            expect(there.lossy, name).toBe(here.lossy);
          }
          const [was, is] = [headerOf(file), headerOf(result)];
          if (target === explicit) expect(is, name).toEqual(was);
          else expect(withoutPrivate(is), name).toEqual(withoutPrivate(was));
          syntaxes.add(before.transferSyntaxUid);
          decoded += 1;
        }
      }
      expect(decoded).toBeGreaterThan(120);
      // RLE, JPEG, JPEG lossless, JPEG-LS, JPEG 2000, deflated, big endian.
      for (const uid of ['5', '4.50', '4.70', '4.80', '4.90', '1.99', '2'])
        expect([...syntaxes]).toContain(`1.2.840.10008.1.2.${uid}`);
    },
    60_000,
  );
});
