import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Failure } from '../../../../app/shared/failure.ts';
import {
  dcmtkFrames,
  dcmtkSeries,
  gdcmFrames,
  hasCommand,
  openjpegFrame,
  pydicomFrame,
  type ReferenceFrame,
} from '../../../../tests/integration/reference/referencePixels.ts';
import { decodeFrame } from './decodeFrame.ts';
import { openDicomPixels } from './openDicomPixels.ts';

const root = join(import.meta.dirname, '../../../..');
const samples = join(root, '../shared/dicom-samples');
const hasSamples = existsSync(samples);

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/** Objects whose right answer is a refusal, and which. Everything else must decode. */
const refused: Record<string, string> = {
  'README.md': 'imaging.notDicom',
  'single-frame/dwv-test_bad.zip': 'imaging.notDicom',
  'single-frame/dwv-test_no-number-rows.dcm': 'imaging.missingDimensions',
  'seg/sr-example/rwvm.dcm': 'imaging.noPixelData',
  'seg/sr-example/sr.dcm': 'imaging.noPixelData',
  'seg/23x38x3/nrrd/label.nrrd': 'imaging.notDicom',
  'seg/23x38x3/screenshots/brainlab.jpg': 'imaging.notDicom',
  'seg/23x38x3/screenshots/slicer.png': 'imaging.notDicom',
};

/** Codings no peer in reach reads, and an object of the samples that holds the same pixels (or more) plainly. */
const sameAs: Record<string, string> = {
  'pydicom/liver_deflate.dcm': 'pydicom/liver.dcm',
  'pydicom/liver_rle.dcm': 'pydicom/liver.dcm',
  'pydicom/liver_j2k.dcm': 'pydicom/liver.dcm',
  // 510 x 510: the upper left of the 512 x 512 ones
  'pydicom/liver_nonbyte_aligned_deflate.dcm': 'pydicom/liver.dcm',
  'pydicom/liver_nonbyte_aligned_rle.dcm': 'pydicom/liver.dcm',
  'pydicom/liver_nonbyte_aligned_j2k.dcm': 'pydicom/liver.dcm',
  // its sequence delimiter is missing, so the peers don't see its frames, which are whole
  'pydicom/emri_small_jpeg_2k_lossless_too_short.dcm': 'pydicom/emri_small.dcm',
};

function expectedRefusal(name: string): string | undefined {
  if (name.startsWith('sr-tid1500/') && name.endsWith('.dcm')) return 'imaging.noPixelData';
  return refused[name];
}

function peerFrames(path: string, uid: string, frames: number[]): (ReferenceFrame | undefined)[] {
  if (uid.includes('.4.20')) return [openjpegFrame(path)];
  if (uid.includes('.4.9')) return gdcmFrames(path, frames);
  const decoded = dcmtkFrames(path, uid, frames);
  // DCMTK 3.6.7 refuses JPEG-LS of 7 bits
  return decoded.every((frame) => frame === undefined) && uid.includes('.4.8') ? gdcmFrames(path, frames) : decoded;
}

function referencesFor(name: string, path: string, uid: string, frames: number[]): (ReferenceFrame | undefined)[] {
  const twin = sameAs[name];
  const direct = twin ? dcmtkFrames(join(samples, twin), '1.2.840.10008.1.2.1', frames) : peerFrames(path, uid, frames);
  return frames.map((frame, i) => direct[i] ?? (twin ? undefined : pydicomFrame(path, frame)));
}

/** The upper left `rows` x `columns` of a frame of one sample, when the reference is larger. */
function upperLeft(values: ArrayLike<number>, rows: number, columns: number): ArrayLike<number> {
  const size = Math.sqrt(values.length);
  if (values.length <= rows * columns || !Number.isInteger(size)) return values;
  return Float64Array.from(
    { length: rows * columns },
    (_, i) => values[Math.floor(i / columns) * size + (i % columns)]!,
  );
}

const table: string[] = [];

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    return (thrown as Failure).code;
  }
  return 'decoded';
}

/** Largest difference between two frames, which must have the same number of samples. */
function largestDifference(values: ArrayLike<number>, reference: ArrayLike<number>): number {
  expect(values.length).toBe(reference.length);
  let largest = 0;
  for (let i = 0; i < reference.length; i++) {
    const difference = Math.abs((values[i] ?? Number.NaN) - (reference[i] ?? Number.NaN));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

afterAll(() => {
  if (process.env['SALUS_PIXEL_TABLE']) console.log(table.sort().join('\n'));
});

describe.skipIf(!hasSamples)('sample objects (needs ../shared/dicom-samples)', () => {
  const files = hasSamples ? filesBelow(samples).filter((file) => statSync(file).size > 0) : [];
  const series = files.filter((file) => /[\\/](ct-phantom|mr-brain)[\\/]/.test(file));
  const single = files.filter((file) => !series.includes(file));

  for (const path of single) {
    const name = relative(samples, path).replaceAll('\\', '/');
    const refusal = expectedRefusal(name);
    if (refusal) {
      it(`${name} is refused: ${refusal}`, () => {
        expect(codeOf(() => openDicomPixels(readFileSync(path)))).toBe(refusal);
        table.push(`${name} → rejected (${refusal})`);
      });
      continue;
    }
    it(`${name} decodes as its reference does`, async (context) => {
      const description = openDicomPixels(readFileSync(path));
      const frames = [...new Set([0, description.numberOfFrames - 1])];
      const references = referencesFor(name, path, description.transferSyntaxUid, frames);
      for (const [i, frame] of frames.entries()) {
        const decoded = await decodeFrame(description, frame);
        const { rows, columns, samplesPerPixel, data } = decoded;
        expect(data.length).toBe(rows * columns * samplesPerPixel);
        const reference = references[i];
        if (!reference) {
          table.push(`${name} [${frame}] → decoded, no peer here to compare with`);
          context.skip(`needs a peer that decodes it: DCMTK, GDCM, OpenJPEG 2.5, or pydicom with numpy`);
        }
        // exact for lossy streams too: the peers build on the same codecs (IJG's integer IDCT, OpenJPEG)
        const expected = samplesPerPixel === 1 ? upperLeft(reference?.values ?? [], rows, columns) : reference?.values;
        expect(largestDifference(data, expected ?? [])).toBe(0);
        table.push(`${name} [${frame}] → ok (${reference?.reader}${sameAs[name] ? ` of ${sameAs[name]}` : ''})`);
      }
    });
  }

  const images = series.filter((file) => codeOf(() => openDicomPixels(readFileSync(file))) === 'decoded');

  it('every object of the two series is an image, or has no pixels (RT plan and structures)', () => {
    const others = series.filter((file) => !images.includes(file));
    for (const file of others) {
      expect(codeOf(() => openDicomPixels(readFileSync(file)))).toBe('imaging.noPixelData');
      table.push(`${relative(samples, file)} → rejected (imaging.noPixelData)`);
    }
    expect(images.length).toBeGreaterThan(200);
    expect(others.length).toBeLessThan(4);
  });

  it.skipIf(!hasCommand('dcmdump'))('every slice of the two series equals DCMTK (needs DCMTK)', async () => {
    for (const folder of ['ct-phantom', 'mr-brain']) {
      const slices = images.filter((file) => relative(samples, file).startsWith(folder));
      const references = dcmtkSeries(slices);
      expect(references.size).toBe(slices.length);
      for (const file of slices) {
        const decoded = await decodeFrame(openDicomPixels(readFileSync(file)), 0);
        expect(largestDifference(decoded.data, references.get(file)?.values ?? [])).toBe(0);
      }
      table.push(`${folder}/ (${slices.length} slices) → ok (dcmdump)`);
    }
  });
});
