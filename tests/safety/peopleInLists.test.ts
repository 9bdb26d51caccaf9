import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Patient } from '../../app/domains/patients/patientSchema.ts';
import { imagingAssets } from '../../main/domains/imaging/imagingAssets.ts';
import { openTestImaging, type TestImaging } from '../../main/domains/imaging/testImaging.ts';
import type { SliceFacts } from '../../main/domains/imaging/testObjects.ts';

/** The hazard: who looks for a person by name finds another's study, or does not find one that is theirs too. */
let t: TestImaging;
beforeEach(async () => {
  t = await openTestImaging();
});
afterEach(() => t.close());

const uidsOf = async (filter: Parameters<TestImaging['list']>[0]) =>
  (await t.list(filter)).rows.map(({ studyUid }) => studyUid).sort();
const patientOf = (studyUid: string) => t.imaging.getStudyDetail(studyUid).patient;
const failure = (code: string) => expect.objectContaining({ code });

describe('a study that names two people', () => {
  const anne: SliceFacts = { study: '1.1', sop: '1.1.1.1', name: 'Lefèvre^Anne', identifier: 'A-17' };
  const paul: SliceFacts = {
    study: '1.1',
    sop: '1.1.1.2',
    name: 'Müller^Paul',
    identifier: 'P-99',
    birthDate: '19700101',
  };

  it('is found under either name and either identifier, says both, and is marked', async () => {
    await t.importSlices(anne, paul, { study: '2.2', name: 'Nobody^Else', identifier: 'N-1' });
    for (const text of ['lefevre', 'ANNE lefèvre', 'a-17', 'muller', 'paul MÜLLER', 'p-99', 'mu pa']) {
      const { total, rows } = await t.list({ text });
      expect([text, total]).toEqual([text, 1]);
      expect(rows[0]).toMatchObject({
        studyUid: '1.1',
        displayName: 'LEFÈVRE Anne',
        otherNames: ['MÜLLER Paul'],
        identityConflict: true,
      });
    }
    for (const query of [
      'PatientName=M%C3%BCller*',
      'PatientID=P-99',
      'PatientName=Lef*',
      'PatientBirthDate=19700101',
    ]) {
      const reply = await imagingAssets(new Request(`http://host/dicomweb/studies?${query}`), t.context());
      const [match, ...others] = (await reply.json()) as Record<string, { Value?: unknown[] }>[];
      expect([query, match?.['0020000D']?.Value, others]).toEqual([query, ['1.1'], []]);
      // Found, but nothing of it is to be had.
      expect(match?.['00080056']?.Value).toEqual(['UNAVAILABLE']);
      expect(match?.['00081190']).toBeUndefined();
    }
    expect(await uidsOf({ text: 'nobody' })).toEqual(['2.2']);
    expect((await t.list({ text: 'nobody' })).rows[0]?.otherNames).toEqual([]);
    expect(() => t.imaging.openStudy('1.1')).toThrowError(failure('imaging.identityConflict'));
  });

  it('stands among the studies of both, but is no prior of either', async () => {
    await t.importSlices(anne, { ...paul, study: '3.3', sop: '3.3.1.1' });
    const [first, second] = [patientOf('1.1'), patientOf('3.3')];
    expect(await uidsOf({ patientId: second.patientId })).toEqual(['3.3']);
    await t.importSlices(paul);
    expect(await uidsOf({ patientId: first.patientId })).toEqual(['1.1']);
    expect(await uidsOf({ patientId: second.patientId })).toEqual(['1.1', '3.3']);
    expect(t.imaging.openStudy('3.3').priors).toEqual([]);
  });

  it('is found under the name of an image that was kept aside', async () => {
    await t.importSlices(anne, { ...paul, sop: anne.sop as string });
    expect(await uidsOf({ text: 'muller paul' })).toEqual(['1.1']);
  });
});

describe('people of one name', () => {
  const anne = { identifier: 'A1', issuer: 'HOSP', name: 'Lefèvre^Anne', birthDate: '19600102' };
  const born: SliceFacts = { study: '1.2', ...anne, birthDate: '19600103' };
  const issued: SliceFacts = { study: '1.3', ...anne, issuer: 'OTHER' };

  it('are never merged in any list', async () => {
    await t.importSlices({ study: '1.1', ...anne }, born, issued);
    const { rows } = await t.list({ text: 'lefevre anne' });
    expect(new Set(rows.map(({ patientId }) => patientId)).size).toBe(3);
    for (const { studyUid, patientId } of rows) {
      expect(await uidsOf({ patientId })).toEqual([studyUid]);
      expect(t.imaging.openStudy(studyUid).priors).toEqual([]);
      const candidates = t.services.patients.listLinkCandidates(patientId);
      expect(candidates.every(({ decision }) => decision === 'open')).toBe(true);
    }
    const listed = await t.services.patients.list({ text: 'lefevre', offset: 0, limit: 10 });
    const facts = (patient: Patient) => [patient.birthDate, patient.issuer, patient.studyCount, patient.linkGroupId];
    expect(listed.rows.map(facts).sort()).toEqual([
      ['19600102', 'HOSP', 1, null],
      ['19600102', 'OTHER', 1, null],
      ['19600103', 'HOSP', 1, null],
    ]);
    for (const date of ['19600103', '1960-01-03', '03/01/1960', '03.01.1960']) {
      const { rows: found } = await t.services.patients.list({ text: `lefevre ${date}`, offset: 0, limit: 10 });
      expect([date, found.map(({ birthDate }) => birthDate)]).toEqual([date, ['19600103']]);
    }
  });

  it.each(["O'BRIEN", 'o’brien', "siân o'brien", 'Sian'])(
    'are found however an apostrophe is typed: %s',
    async (text) => {
      await t.importSlices({ study: '1.1', identifier: 'B1', name: "O'Brien^Siân" });
      const { rows } = await t.services.patients.list({ text, offset: 0, limit: 10 });
      expect(rows.map(({ identifier }) => identifier)).toEqual(['B1']);
      expect(await uidsOf({ text })).toEqual(['1.1']);
    },
  );

  it('that a person linked are apart again everywhere once the link is undone', async () => {
    await t.importSlices({ study: '1.1', ...anne }, born);
    const decide = (same: boolean) =>
      t.services.patients.decideLink(t.test.author, {
        patientId: patientOf('1.1').patientId,
        otherPatientId: patientOf('1.2').patientId,
        same,
        reason: 'compared the documents',
      });
    decide(true);
    expect(t.imaging.openStudy('1.1').priors.map(({ studyUid }) => studyUid)).toEqual(['1.2']);
    // Linked records stay two lines: a link says what belongs together, it does not rewrite whose a study is.
    expect(await uidsOf({ patientId: patientOf('1.1').patientId })).toEqual(['1.1']);
    decide(false);
    for (const study of ['1.1', '1.2']) {
      expect(t.imaging.openStudy(study).priors).toEqual([]);
      expect(patientOf(study)).toMatchObject({ linkGroupId: null, needsLinkDecision: false });
    }
  });

  it('that were told apart cannot be joined by way of a third record', async () => {
    await t.importSlices({ study: '1.1', ...anne }, born, issued);
    const idOf = (study: string) => patientOf(study).patientId;
    const decide = (one: string, other: string, same: boolean) =>
      t.services.patients.decideLink(t.test.author, {
        patientId: idOf(one),
        otherPatientId: idOf(other),
        same,
        reason: 'compared the documents',
      });
    decide('1.1', '1.2', false);
    decide('1.2', '1.3', true);
    expect(() => decide('1.1', '1.3', true)).toThrowError(failure('patients.linkContradicts'));
    expect(t.imaging.openStudy('1.1').priors).toEqual([]);

    // The other way round: told apart while a third record still links them, nobody is taken for one until that is settled.
    decide('1.1', '1.2', true);
    decide('1.1', '1.3', true);
    expect(t.imaging.openStudy('1.1').priors).toHaveLength(2);
    decide('1.1', '1.3', false);
    for (const study of ['1.1', '1.2', '1.3']) {
      expect(t.imaging.openStudy(study).priors).toEqual([]);
      expect(patientOf(study).linkGroupId).toBeNull();
    }
    expect(patientOf('1.2').needsLinkDecision).toBe(true);
    decide('1.1', '1.2', false);
    expect(t.imaging.openStudy('1.1').priors).toEqual([]);
    expect(t.imaging.openStudy('1.2').priors.map(({ studyUid }) => studyUid)).toEqual(['1.3']);
    for (const study of ['1.1', '1.2', '1.3']) expect(patientOf(study).needsLinkDecision).toBe(false);
  });
});

describe('series of one UID in two studies', () => {
  it('are not joined', async () => {
    await t.importSlices(
      { study: '1.1', series: '7.7', sop: '1.1.1.1', identifier: 'A' },
      { study: '2.2', series: '7.7', sop: '2.2.1.1', identifier: 'B' },
    );
    expect(t.imaging.listInstances('1.1', '7.7').map(({ sopUid }) => sopUid)).toEqual(['1.1.1.1']);
    expect(t.imaging.listInstances('2.2', '7.7').map(({ sopUid }) => sopUid)).toEqual(['2.2.1.1']);
    expect(() => t.imaging.listInstances('3.3', '7.7')).toThrowError(failure('imaging.seriesUnknown'));
  });
});
