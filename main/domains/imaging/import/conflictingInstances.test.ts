import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestImaging, type TestImaging } from '../testImaging.ts';
import { aSlice, type SliceFacts } from '../testObjects.ts';

let t: TestImaging;
let folder: string;
beforeEach(async () => {
  t = await openTestImaging();
  folder = mkdtempSync(join(tmpdir(), 'salus-conflict-'));
});
afterEach(async () => {
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});

async function bring(facts: SliceFacts) {
  const path = join(folder, 'one.dcm');
  writeFileSync(path, aSlice({ study: '1.7', sop: '1.7.1.1', ...facts }));
  return (await t.importPaths(path)).counts;
}
const study = () => t.imaging.getStudyDetail('1.7').study;

describe('an instance that comes again with other bytes', () => {
  it('is kept aside, and nothing it says fills the study', async () => {
    await bring({ value: 1 });
    const counts = await bring({
      value: 2,
      more: { '00080050': ['SH', 'ACC-OTHER'], '00101010': ['AS', '045Y'], '00101030': ['DS', '99'] },
    });
    expect(counts).toMatchObject({ imported: 0, conflicts: 1 });
    expect(study()).toMatchObject({
      conflictCount: 1,
      instanceCount: 1,
      identityConflict: false,
      accessionNumber: '',
      patientAge: '',
      patientWeightKg: null,
    });
  });

  it('makes the study one of two people when it names another', async () => {
    await bring({ value: 1 });
    await bring({ value: 1, identifier: 'ID-002', name: 'Autre^Personne' });
    expect(study()).toMatchObject({ conflictCount: 1, instanceCount: 1, identityConflict: true });
    expect(() => t.imaging.listPlaces({ studyUid: '1.7' })).toThrow(
      expect.objectContaining({ code: 'imaging.identityConflict' }),
    );
  });

  it('says nothing of a study it does not claim to be of', async () => {
    await bring({ value: 1 });
    await bring({ study: '1.8', value: 1, identifier: 'ID-002', name: 'Autre^Personne' });
    expect(study()).toMatchObject({ conflictCount: 1, identityConflict: false });
  });
});
