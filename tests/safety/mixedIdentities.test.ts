import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imagingAssets } from '../../main/domains/imaging/imagingAssets.ts';
import { openTestImaging, type TestImaging } from '../../main/domains/imaging/testImaging.ts';
import { aSlice, type SliceFacts } from '../../main/domains/imaging/testObjects.ts';

/** The hazard: objects of two people taken for one person's, or one person's for two without anybody being told. */
let t: TestImaging;
let folder: string;

beforeEach(async () => {
  t = await openTestImaging();
  folder = mkdtempSync(join(tmpdir(), 'salus-safety-'));
});
afterEach(async () => {
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});

const importSlices = (...slices: SliceFacts[]) => t.importSlices(...slices);
const patientOf = (studyUid: string) => t.imaging.getStudyDetail(studyUid).patient;
const status = async (path: string) => {
  try {
    return (await imagingAssets(new Request(`http://host${path}`), t.context())).status;
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe('two studies', () => {
  it('share a patient only when issuer, identifier, birth date and name agree', async () => {
    const anne = { identifier: 'A1', issuer: 'HOSP', name: 'Lefèvre^Anne', birthDate: '19600102' };
    await importSlices(
      { study: '1.1', ...anne },
      { study: '1.2', ...anne, name: 'LEFÈVRE^ANNE^' },
      { study: '1.3', ...anne, issuer: 'OTHER' },
      { study: '1.4', ...anne, identifier: 'A2' },
      { study: '1.5', ...anne, birthDate: '19600103' },
      { study: '1.6', ...anne, name: 'Martin^Anne' },
    );
    expect(patientOf('1.2').patientId).toBe(patientOf('1.1').patientId);
    const ids = ['1.1', '1.3', '1.4', '1.5', '1.6'].map((study) => patientOf(study).patientId);
    expect(new Set(ids).size).toBe(5);
    expect(t.imaging.getStudyDetail('1.1').priors.map(({ studyUid }) => studyUid)).toEqual(['1.2']);
    for (const study of ['1.1', '1.3', '1.4', '1.5', '1.6']) expect(patientOf(study).needsLinkDecision).toBe(true);
  });

  it('without an identifier are never matched, though their names are equal', async () => {
    await importSlices({ study: '1.1', identifier: '' }, { study: '1.2', identifier: '' });
    expect(patientOf('1.1').patientId).not.toBe(patientOf('1.2').patientId);
    expect(t.imaging.getStudyDetail('1.1').priors).toEqual([]);
  });

  it('become one person’s only by a person’s decision, and can be taken apart again', async () => {
    await importSlices(
      { study: '1.1', identifier: 'A1' },
      { study: '1.2', identifier: 'B2' },
      { study: '1.3', identifier: 'C3' },
    );
    const [first, second, third] = ['1.1', '1.2', '1.3'].map((study) => patientOf(study).patientId) as [
      string,
      string,
      string,
    ];
    const { patients } = t.services;
    expect(patients.listLinkCandidates(first).map(({ patient, differs }) => [patient.patientId, differs])).toEqual(
      expect.arrayContaining([
        [second, ['identifier']],
        [third, ['identifier']],
      ]),
    );
    const decide = (otherPatientId: string, same: boolean) =>
      patients.decideLink(t.test.author, { patientId: first, otherPatientId, same, reason: 'compared the documents' });
    decide(second, true);
    expect(t.imaging.getStudyDetail('1.1').priors.map(({ studyUid }) => studyUid)).toEqual(['1.2']);
    expect(patientOf('1.1').needsLinkDecision).toBe(true);
    decide(third, false);
    patients.decideLink(t.test.author, {
      patientId: third,
      otherPatientId: second,
      same: false,
      reason: 'compared the documents',
    });
    for (const study of ['1.1', '1.2', '1.3']) expect(patientOf(study).needsLinkDecision).toBe(false);
    // What was decided stays in sight, so that it can be decided otherwise.
    expect(patients.listLinkCandidates(first).map(({ patient, decision }) => [patient.patientId, decision])).toEqual([
      [second, 'same'],
      [third, 'notSame'],
    ]);
    decide(second, false);
    expect(t.imaging.getStudyDetail('1.1').priors).toEqual([]);
    expect(patientOf('1.1').linkGroupId).toBeNull();
    expect(() => decide(first, true)).toThrowError(expect.objectContaining({ code: 'patients.sameRecord' }));
    // Every decision stays on record.
    expect(t.test.store.reader.get('SELECT count(*) AS n FROM patient_link')).toEqual({ n: 4 });
    expect(() => t.test.store.gate.write(t.test.author, 'test', (tx) => tx.run('DELETE FROM patient_link'))).toThrow(
      /append-only/,
    );
  });
});

describe('one study that names two people', () => {
  const anne: SliceFacts = { study: '1.1', series: '1.1.1', sop: '1.1.1.1' };
  const paul: SliceFacts = {
    study: '1.1',
    series: '1.1.1',
    sop: '1.1.1.2',
    name: 'Martin^Paul',
    identifier: 'P9',
    birthDate: '19700101',
  };

  it('is listed as a conflict and never drawn', async () => {
    await importSlices(anne);
    expect(t.imaging.openStudy('1.1').study.identityConflict).toBe(false);
    expect(await status('/dicomweb/studies/1.1/series/1.1.1/instances/1.1.1.1/frames/1')).toBe(200);
    await importSlices(paul);

    const { rows } = await t.list({ conflictsOnly: true });
    expect(
      rows.map(({ studyUid, identityConflict, instanceCount }) => [studyUid, identityConflict, instanceCount]),
    ).toEqual([['1.1', true, 2]]);
    expect(t.services.worklist.counts('').conflicts).toBe(1);
    expect(() => t.imaging.openStudy('1.1')).toThrowError(
      expect.objectContaining({ code: 'imaging.identityConflict' }),
    );
    for (const path of [
      '/dicomweb/studies/1.1',
      '/dicomweb/studies/1.1/metadata',
      '/dicomweb/studies/1.1/rendered',
      '/dicomweb/studies/1.1/thumbnail',
      '/dicomweb/studies/1.1/series/1.1.1/metadata',
      '/dicomweb/studies/1.1/series/1.1.1/thumbnail',
      '/dicomweb/studies/1.1/series/1.1.1/instances/1.1.1.1',
      '/dicomweb/studies/1.1/series/1.1.1/instances/1.1.1.1/frames/1',
      '/dicomweb/studies/1.1/series/1.1.1/instances/1.1.1.1/rendered',
      '/dicomweb/studies/1.1/series/1.1.1/instances/1.1.1.1/bulkdata/7FE00010',
      '/dicomweb/studies/1.1/series/1.1.1/instances/1.1.1.2/thumbnail',
    ]) {
      expect([path, await status(path)]).toEqual([path, 'imaging.identityConflict']);
    }
    await expect(
      t.imaging.renderKeyImage({ studyUid: '1.1', sopUid: '1.1.1.1', frame: 1, window: null }),
    ).rejects.toMatchObject({
      code: 'imaging.identityConflict',
    });
    const mark = { studyUid: '1.1', seriesUid: '1.1.1', sopUid: '1.1.1.1', frame: 1, window: null, marked: true };
    expect(() => t.imaging.setKeyImage(t.test.author, mark)).toThrowError(
      expect.objectContaining({ code: 'imaging.identityConflict' }),
    );
  });

  it('is a conflict whichever came first, and in one batch too', async () => {
    writeFileSync(join(folder, 'a.dcm'), aSlice(paul));
    writeFileSync(join(folder, 'b.dcm'), aSlice(anne));
    await t.importPaths(folder);
    expect(t.imaging.getStudyDetail('1.1').study.identityConflict).toBe(true);
  });

  it('is no conflict when an object only leaves the birth date or the issuer out', async () => {
    await importSlices(
      { study: '1.1', issuer: 'HOSP', sop: '1.1.1.1' },
      { study: '1.1', issuer: '', birthDate: '', sop: '1.1.1.2' },
    );
    expect(t.imaging.openStudy('1.1').study).toMatchObject({ identityConflict: false, instanceCount: 2 });
    await importSlices({ study: '1.1', issuer: 'OTHER', sop: '1.1.1.3' });
    expect(t.imaging.getStudyDetail('1.1').study.identityConflict).toBe(true);
  });
});

describe('one SOP Instance UID with two contents', () => {
  const slice: SliceFacts = { study: '1.1', series: '1.1.1', sop: '1.1.1.1', number: 1, value: 100 };

  it('keeps the first, puts the other aside, and says so', async () => {
    await importSlices(slice);
    const [place] = t.imaging.listPlaces({ studyUid: '1.1' });
    await importSlices({ ...slice, value: 200 }, { ...slice, value: 200 });
    expect(t.imaging.listPlaces({ studyUid: '1.1' })).toEqual([place]);
    expect(t.imaging.getStudyDetail('1.1').study).toMatchObject({
      instanceCount: 1,
      conflictCount: 1,
      identityConflict: false,
    });
    // Both contents are in the archive.
    const aside = t.test.store.reader.get<{ object_name: string }>('SELECT object_name FROM instance_conflict');
    expect((await t.test.store.archive.get(aside?.object_name ?? '')).length).toBe(place?.bytes);
    // Said of another study, it is a conflict of the study that has the UID.
    await importSlices({ ...slice, study: '2.2', series: '2.2.1', value: 300 });
    expect(t.imaging.getStudyDetail('1.1').study.conflictCount).toBe(2);
    expect(() => t.imaging.getStudyDetail('2.2')).toThrowError(
      expect.objectContaining({ code: 'imaging.studyUnknown' }),
    );
  });
});
