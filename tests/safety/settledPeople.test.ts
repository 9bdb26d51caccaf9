import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Conflict, ConflictDecision } from '../../app/domains/imaging/conflictSchema.ts';
import type { SliceFacts } from '../../main/domains/imaging/testObjects.ts';
import { openSignedStudies, type SignedStudies } from './signedStudies.ts';

/** The hazard: an image of one person in another's study, by way of what was decided before or comes afterwards. */
let t: SignedStudies;
beforeEach(async () => {
  t = await openSignedStudies();
});
afterEach(() => t.close());

const get = () => t.services.imaging.conflicts.getConflict('study:1.1', '1.1');
async function settle(decision: ConflictDecision, on?: Conflict): Promise<Conflict> {
  const { conflictId, studyUid, stand } = on ?? (await get());
  const input = { conflictId, studyUid, stand, decision, objectName: null, reason: 'asked the source' };
  return t.services.imaging.conflicts.settleConflict(t.test.author, input);
}
const refused = (code: string) => expect.objectContaining({ code });
const isRefused = () =>
  expect(() => t.services.imaging.openStudy('1.1')).toThrowError(refused('imaging.identityConflict'));
const shownUids = () => t.services.imaging.listSopUids('1.1').sort();

const anne: SliceFacts = { study: '1.1', series: '1.1.1', sop: '1.1.1.1', number: 1, value: 100 };
/** Her own images under a misspelling. */
const typo: SliceFacts = { ...anne, series: '1.1.2', sop: '1.1.2.1', name: 'Lefebvre^Anne', value: 120 };
const stranger: SliceFacts = {
  ...anne,
  ...{ series: '1.1.3', sop: '1.1.3.1', name: 'Martin^Paul', identifier: 'P9', birthDate: '19700101', value: 200 },
};
/** Alike but for the birth date: somebody else. */
const namesake: SliceFacts = { ...anne, series: '1.1.4', sop: '1.1.4.1', birthDate: '19700101', value: 140 };

/** What may not differ between this index and one made from the archive alone. */
function known() {
  const { reader } = t.test.store;
  return {
    study: t.services.imaging.getStudyDetail('1.1').study,
    series: t.services.imaging.getStudyDetail('1.1').series,
    shown: shownUids(),
    aside: reader.all('SELECT sop_uid, series_uid, object_name, json FROM instance_aside ORDER BY aside_row'),
    identities: reader.all('SELECT name, birth_date, instance_count, aside_count FROM study_identity ORDER BY 1, 2'),
    kept: reader.all('SELECT sop_uid, object_name FROM instance_conflict ORDER BY object_name'),
    settlements: reader.all('SELECT conflict_id, version, body FROM conflict_settlement ORDER BY conflict_id, version'),
  };
}
async function rebuildsAlike(): Promise<void> {
  const before = known();
  t.test.clock.advance(86_400_000);
  await t.rebuild();
  expect(known()).toEqual(before);
}

it('an object that could be either person’s makes a study that was kept apart a conflict again', async () => {
  await t.importSlices(anne, namesake);
  await settle('keepApart');
  expect(shownUids()).toEqual(['1.1.1.1']);
  await t.importSlices({ ...anne, series: '1.1.5', sop: '1.1.5.1', birthDate: '' });
  isRefused();
  const conflict = await get();
  expect(conflict).toMatchObject({ state: 'open', decisions: { keepApart: 'imaging.conflictUnclear', reopen: null } });
  await rebuildsAlike();
  isRefused();
});

it('a stranger is set aside, and the patient’s own misspelled images stay', async () => {
  await t.importSlices(anne, typo);
  await settle('onePerson');
  expect(shownUids()).toEqual(['1.1.1.1', '1.1.2.1']);
  await t.importSlices(stranger);
  isRefused();
  const conflict = await get();
  expect(conflict.identities.map(({ name, stands }) => [name, stands])).toEqual([
    ['Lefèvre^Anne', 'study'],
    ['Lefebvre^Anne', 'study'],
    ['Martin^Paul', 'other'],
  ]);
  expect(conflict.decisions).toEqual({
    onePerson: 'imaging.conflictNothingInCommon',
    keepApart: null,
    reopen: null,
  });
  expect((await settle('keepApart', conflict)).state).toBe('settled');
  expect(shownUids()).toEqual(['1.1.1.1', '1.1.2.1']);
  expect(
    t.services.imaging
      .openStudy('1.1')
      .alsoNamed.map(({ name }) => name)
      .sort(),
  ).toEqual(['Lefebvre^Anne', 'Lefèvre^Anne']);
  await t.importSlices({ ...typo, sop: '1.1.2.2' }, { ...stranger, sop: '1.1.3.2' });
  expect(shownUids()).toEqual(['1.1.1.1', '1.1.2.1', '1.1.2.2']);
  await rebuildsAlike();
  t.services.imaging.openStudy('1.1');
});

it('records that are linked are never kept apart, until the link is undone; also after a decision was taken back', async () => {
  await t.importSlices(anne, typo, { ...typo, study: '1.5', series: '1.5.1', sop: '1.5.1.1' });
  await settle('onePerson');
  const back = await settle('reopen');
  expect(back.decisions).toEqual({ onePerson: null, keepApart: 'imaging.conflictLinked' });
  await expect(settle('keepApart', back)).rejects.toMatchObject({ code: 'imaging.conflictLinked' });
  const [own, other] = back.identities;
  t.services.patients.decideLink(t.test.author, {
    ...{ patientId: own?.patientId ?? '', otherPatientId: other?.patientId ?? '' },
    ...{ same: false, reason: 'two sisters' },
  });
  await settle('keepApart');
  const opened = t.services.imaging.openStudy('1.1');
  expect([opened.priors, shownUids()]).toEqual([[], ['1.1.1.1']]);
});

it('nothing leaves a study that a signature rests on, whatever is decided about its people since', async () => {
  await t.importSlices(anne, typo, { ...typo, study: '1.5', series: '1.5.1', sop: '1.5.1.1' });
  const [own, other] = (await settle('onePerson')).identities;
  await t.sign('1.1');
  t.services.patients.decideLink(t.test.author, {
    ...{ patientId: own?.patientId ?? '', otherPatientId: other?.patientId ?? '' },
    ...{ same: false, reason: 'two sisters' },
  });
  const conflict = await get();
  expect(conflict.decisions.keepApart).toBe('imaging.conflictSigned');
  await expect(settle('keepApart', conflict)).rejects.toMatchObject({ code: 'imaging.conflictSigned' });
  expect(shownUids()).toContain('1.1.2.1');
});

it('is refused where the headers of the images are not those the people were noted by', async () => {
  await t.importSlices(anne, stranger);
  t.test.store.gate.append(t.test.author, (tx) =>
    tx.run("UPDATE study_identity SET name = 'Martin^Paula' WHERE name = 'Martin^Paul'"),
  );
  expect((await get()).decisions.keepApart).toBe('imaging.conflictUnclear');
  t.test.store.gate.append(t.test.author, (tx) =>
    tx.run("UPDATE study_identity SET name = 'Martin^Paul', instance_count = 2 WHERE name = 'Martin^Paula'"),
  );
  await expect(settle('keepApart')).rejects.toMatchObject({ code: 'imaging.conflictUnclear' });
});

it('a rebuild gives the same study after decisions of both kinds, in whatever order they were made', async () => {
  const heavy: SliceFacts['more'] = { '00101030': ['DS', '70'], '00180015': ['CS', 'CHEST'], '00200060': ['CS', 'L'] };
  const other: SliceFacts = { ...anne, value: 180, more: { ...heavy, '0008103E': ['LO', 'Second try'] } };
  await t.importSlices(anne, stranger, { ...stranger, sop: '1.1.3.2', more: { '00101010': ['AS', '056Y'] } }, other);
  await settle('keepApart');
  // Comes aside, and is taken of only once it is back.
  await t.importSlices({ ...stranger, sop: '1.1.3.3', value: 210 });
  const { versions, ...conflict } = await t.services.imaging.conflicts.getConflict('instance:1.1.1.1', '1.1');
  await t.services.imaging.conflicts.settleConflict(t.test.author, {
    ...{ conflictId: 'instance:1.1.1.1', studyUid: '1.1', stand: conflict.stand, decision: 'take' },
    ...{ objectName: versions[1]?.objectName ?? '', reason: 'the second try is right' },
  });
  await t.importSlices({ ...anne, sop: '1.1.1.2', more: { '00101030': ['DS', '71'], '00200010': ['SH', 'S1'] } });
  await settle('reopen');
  await t.importSlices({ ...stranger, sop: '1.1.3.4', value: 211 });
  await settle('keepApart');
  const { study, series } = t.services.imaging.openStudy('1.1');
  expect(study).toMatchObject({
    patientWeightKg: 70,
    patientAge: '',
    bodyParts: ['CHEST'],
    revision: 4,
    asideCount: 4,
  });
  expect(series.map(({ description, laterality }) => [description, laterality])).toEqual([['Second try', 'L']]);
  await rebuildsAlike();
});
