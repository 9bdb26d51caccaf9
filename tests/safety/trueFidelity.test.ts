import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frameAttributesOf } from '../../app/domains/imaging/frameAttributes.ts';
import { pixelRepairs } from '../../app/domains/imaging/pixelRepairs.ts';
import { imagingAssets } from '../../main/domains/imaging/imagingAssets.ts';
import { openTestImaging, type TestImaging } from '../../main/domains/imaging/testImaging.ts';
import { fidelityOf, volumeFidelity } from '../../renderer/viewport/fidelity.ts';
import { fetchFrame } from '../../renderer/viewport/frameTransfer.ts';

/** The hazard: a picture that was compressed with loss, or read otherwise than it is written, is called as received. */
let t: TestImaging;
beforeEach(async () => {
  t = await openTestImaging();
});
afterEach(() => t.close());

const asset = (address: string, init?: RequestInit) =>
  imagingAssets(new Request(`http://host${address}`, init), t.context());

async function shown(studyUid: string) {
  const base = `/dicomweb/studies/${studyUid}/series/${studyUid}.1`;
  const [dataset] = await (await asset(`${base}/metadata`)).json();
  const attributes = frameAttributesOf(dataset, 1);
  const frame = await fetchFrame(
    asset,
    `${base}/instances/${attributes.sopUid}/frames/1`,
    new AbortController().signal,
  );
  return { attributes, repaired: frame.repaired };
}

describe('what is said of a picture', () => {
  it('names every repair that the host made, from its decoder to the mark', async () => {
    await t.importSlices(
      { study: '1.1', identifier: 'A' },
      { study: '2.2', identifier: 'B', more: { '00280101': ['US', 99], '00280102': ['US', 200] } },
      { study: '3.3', identifier: 'C', more: { '00280004': null } },
    );
    expect((await shown('1.1')).repaired).toEqual([]);
    expect(fidelityOf(await shown('1.1'), true, 0).levels).not.toContain('repaired');
    const bits = await shown('2.2');
    expect(bits.repaired).toEqual(['bitsStored', 'highBit']);
    expect(fidelityOf(bits, true, 0)).toMatchObject({
      levels: ['repaired', 'uncalibrated'],
      notes: expect.arrayContaining([{ key: 'repaired.bitsStored', detail: '' }]),
    });
    expect((await shown('3.3')).repaired).toEqual(['photometricMissing']);
  });

  it('says loss and repair together, and of a volume when one slice has it', async () => {
    const lossy = { '00282110': ['CS', '01'], '00282114': ['CS', 'ISO_10918_1'] } as const;
    await t.importSlices(
      { study: '1.1', identifier: 'A' },
      { study: '2.2', identifier: 'B', more: { ...lossy, '00280102': ['US', 200] } },
    );
    const [clean, marked] = [await shown('1.1'), await shown('2.2')];
    expect(fidelityOf(marked, true, 0).levels).toEqual(['lossy', 'repaired', 'uncalibrated']);
    expect(volumeFidelity([clean, clean], true).levels).not.toContain('lossy');
    const volume = volumeFidelity([clean, marked, clean], true);
    expect(volume.levels).toEqual(['lossy', 'repaired', 'uncalibrated']);
    expect(volume.notes.map(({ key }) => key)).toEqual(expect.arrayContaining(['lossy', 'repaired.highBit']));
  });

  it('does not let loss or repair hide that sizes are not known', async () => {
    const lossy = { '00282110': ['CS', '01'], '00282114': ['CS', 'ISO_10918_1'] } as const;
    // The made slices say nothing of their place and spacing.
    const placed = {
      '00200032': ['DS', '0\\0\\0'],
      '00200037': ['DS', '1\\0\\0\\0\\1\\0'],
      '00280030': ['DS', '0.5\\0.5'],
    } as const;
    await t.importSlices(
      { study: '1.1', identifier: 'A' },
      { study: '2.2', identifier: 'B', more: lossy },
      { study: '3.3', identifier: 'C', more: { ...lossy, ...placed } },
    );
    const [clean, marked, measured] = [await shown('1.1'), await shown('2.2'), await shown('3.3')];
    expect(fidelityOf(clean, true, 0).levels).toEqual(['uncalibrated']);
    expect(fidelityOf(marked, true, 0).levels).toEqual(['lossy', 'uncalibrated']);
    expect(fidelityOf(measured, true, 0).levels).toEqual(['lossy']);
    expect(fidelityOf(measured, false, 0).levels).toEqual(['lossy', 'uncalibrated']);
    expect(volumeFidelity([measured, marked], true).levels).toEqual(['lossy', 'uncalibrated']);
  });

  it('says that a table of greys is drawn coarser than it is, from one grey of 255 on', async () => {
    await t.importSlices({ study: '1.1', identifier: 'A' });
    const keys = async (deviation: number) =>
      fidelityOf(await shown('1.1'), true, deviation).notes.map(({ key }) => key);
    expect(await keys(0.003)).not.toContain('tableReduced');
    expect(await keys(0.005)).toContain('tableReduced');
  });

  it('has a sentence for every repair, in both languages', () => {
    for (const language of ['en', 'fr']) {
      const file = path.join(import.meta.dirname, '..', '..', 'resources', 'locales', language, 'imaging.json');
      const { fidelity } = JSON.parse(readFileSync(file, 'utf8'));
      expect(Object.keys(fidelity.note.repaired).sort()).toEqual([...pixelRepairs].sort());
    }
  });
});
