import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Conflict, ConflictDecision } from '../../app/domains/imaging/conflictSchema.ts';
import { conflictAssets } from '../../main/domains/imaging/conflicts/conflictAssets.ts';
import { imagingAssets } from '../../main/domains/imaging/imagingAssets.ts';
import type { SliceFacts } from '../../main/domains/imaging/testObjects.ts';
import { openSignedStudies, type SignedStudies } from './signedStudies.ts';

/** The hazard: a decision about a contradiction that mixes two people, or changes a picture under a signature. */
let t: SignedStudies;
beforeEach(async () => {
  t = await openSignedStudies();
});
afterEach(() => t.close());

const conflicts = () => t.services.imaging.conflicts;
const context = () => t.test.context({ services: () => t.services });
const settle = (
  { conflictId, studyUid, stand }: Pick<Conflict, 'conflictId' | 'studyUid' | 'stand'>,
  decision: ConflictDecision,
  objectName: string | null = null,
) =>
  conflicts().settleConflict(t.test.author, {
    conflictId,
    studyUid,
    stand,
    decision,
    objectName,
    reason: 'asked the source',
  });
/** Signs, and waits until what is made of the report lies in the archive. */
async function sign(objects: number, signing?: Parameters<SignedStudies['sign']>[1]): Promise<void> {
  await t.sign('1.1', signing);
  const made = () =>
    t.test.store.reader.get<{ n: number }>("SELECT count(*) AS n FROM instance WHERE source = 'report'")?.n;
  await expect.poll(made, { timeout: 30_000 }).toBe(objects);
}
const ofStudy = () => conflicts().getConflict('study:1.1', '1.1');
const ofInstance = () => conflicts().getConflict('instance:1.1.1.1', '1.1');
const status = async (path: string) => {
  try {
    return (await imagingAssets(new Request(`http://host${path}`), context())).status;
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

const anne: SliceFacts = { study: '1.1', series: '1.1.1', sop: '1.1.1.1', number: 1, value: 100 };
const paul: SliceFacts = {
  study: '1.1',
  series: '1.1.2',
  sop: '1.1.2.1',
  number: 2,
  name: 'Martin^Paul',
  identifier: 'P9',
  birthDate: '19700101',
  value: 200,
  more: { '00101010': ['AS', '056Y'], '00101030': ['DS', '91'], '00180015': ['CS', 'HEAD'], '00080060': ['CS', 'MR'] },
};

/** Everything that reads instances says the same. */
function seen() {
  const { imaging, worklist } = t.services;
  const { reader } = t.test.store;
  const { study, series } = imaging.getStudyDetail('1.1');
  const { revision: _revision, ...told } = study;
  return {
    study: told,
    series,
    sopUids: imaging.listSopUids('1.1').sort(),
    counts: worklist.counts(''),
    conflicts: conflicts().listConflicts({ state: null, studyUid: null, offset: 0, limit: 10 }),
    identities: reader.all(
      'SELECT name, identifier, instance_count, aside_count, source, first_at FROM study_identity ORDER BY name',
    ),
    instances: reader.all(
      `SELECT i.sop_uid, i.object_name, i.source, i.received_at, h.json FROM instance i JOIN instance_header h USING (instance_row)
       ORDER BY i.sop_uid`,
    ),
    aside: reader.all('SELECT sop_uid, object_name, series_uid, source, json FROM instance_aside ORDER BY sop_uid'),
    kept: reader.all('SELECT sop_uid, object_name, received_at, source FROM instance_conflict ORDER BY object_name'),
    settlements: reader.all(
      'SELECT conflict_id, version, decision, body, settled_at, author FROM conflict_settlement ORDER BY hlc',
    ),
    worklist: reader.all('SELECT study_uid, display_name, other_names, in_conflict, modalities FROM worklist_item'),
  };
}

describe('a study of two people that are kept apart', () => {
  it('is the first person’s alone: for windows, DICOMweb, search, counts, and in every word of it', async () => {
    await t.importSlices(anne, { ...anne, sop: '1.1.1.2' }, paul, { ...paul, sop: '1.1.2.2' });
    const conflict = await ofStudy();
    expect(conflict.identities.map(({ name, stands, instances, series }) => [name, stands, instances, series])).toEqual(
      [
        ['Lefèvre^Anne', 'study', 2, 1],
        ['Martin^Paul', 'other', 2, 1],
      ],
    );
    // Nothing but a birth date or an identifier in common would make two names one person.
    expect(conflict.decisions).toEqual({ onePerson: 'imaging.conflictNothingInCommon', keepApart: null });
    await expect(settle(conflict, 'onePerson')).rejects.toMatchObject({
      code: 'imaging.conflictNothingInCommon',
    });
    const settled = await settle(conflict, 'keepApart');
    expect(settled).toMatchObject({ state: 'settled', decisions: { reopen: null } });
    const { study, series } = t.services.imaging.openStudy('1.1');
    expect(series.map(({ seriesUid }) => seriesUid)).toEqual(['1.1.1']);
    expect(study).toMatchObject({
      identityConflict: false,
      instanceCount: 2,
      seriesCount: 1,
      asideCount: 2,
      modalities: ['CT'],
      bodyParts: [],
      // What the second person’s headers said filled what the first one’s left open: it must not stay.
      patientAge: '',
      patientWeightKg: null,
    });
    expect(await status('/dicomweb/studies/1.1/series/1.1.1/instances/1.1.1.1/frames/1')).toBe(200);
    expect(await status('/dicomweb/studies/1.1/series/1.1.2/instances/1.1.2.1/frames/1')).toBe(
      'imaging.instanceUnknown',
    );
    const found = await imagingAssets(new Request('http://host/dicomweb/instances?StudyInstanceUID=1.1'), context());
    expect(((await found.json()) as unknown[]).length).toBe(2);
    const ofPaul = await imagingAssets(new Request('http://host/dicomweb/studies?PatientID=P9'), context());
    expect(await ofPaul.json()).toEqual([]);
    expect(
      t.services.imaging
        .listPlaces({ studyUid: '1.1' })
        .map(({ sopUid }) => sopUid)
        .sort(),
    ).toEqual(['1.1.1.1', '1.1.1.2']);

    // More of the same person stays aside; the same again is nothing; a third person is a conflict again.
    await t.importSlices({ ...paul, sop: '1.1.2.3' }, paul);
    expect(t.services.imaging.openStudy('1.1').study).toMatchObject({ instanceCount: 2, asideCount: 3 });
    await t.importSlices({ ...paul, sop: '1.1.3.1', series: '1.1.3', name: 'Noir^Jean', identifier: 'J3' });
    expect(() => t.services.imaging.openStudy('1.1')).toThrowError(
      expect.objectContaining({ code: 'imaging.identityConflict' }),
    );
    expect(await ofStudy()).toMatchObject({ state: 'open' });

    const before = seen();
    t.test.clock.advance(86_400_000);
    await t.rebuild();
    expect(seen()).toEqual(before);
    expect(t.services.imaging.listSopUids('1.1').sort()).toEqual(['1.1.1.1', '1.1.1.2', '1.1.3.1']);
    await settle(await ofStudy(), 'keepApart');
    expect(t.services.imaging.openStudy('1.1').study).toMatchObject({ instanceCount: 2, asideCount: 4 });
  });

  it('comes back whole when the decision is taken back, and not after a signature', async () => {
    await t.importSlices(anne, paul);
    const before = seen();
    const settled = await settle(await ofStudy(), 'keepApart');
    await settle(settled, 'reopen');
    const after = seen();
    const { settlements: _a, conflicts: _b, ...rest } = after;
    const { settlements: _c, conflicts: _d, ...wanted } = before;
    expect(rest).toEqual(wanted);
    expect(() => t.services.imaging.openStudy('1.1')).toThrowError(
      expect.objectContaining({ code: 'imaging.identityConflict' }),
    );
    const again = await settle(await ofStudy(), 'keepApart');
    await sign(1);
    const signed = await ofStudy();
    expect(signed.decisions).toEqual({ reopen: 'imaging.conflictSigned' });
    await expect(settle(signed, 'reopen')).rejects.toMatchObject({ code: 'imaging.conflictSigned' });
    expect(again.state).toBe('settled');
    t.test.clock.advance(1000);
    const last = seen();
    await t.rebuild();
    expect(seen()).toEqual(last);
  });

  it('is refused where a series holds both, or where the headers do not tell', async () => {
    await t.importSlices(anne, { ...paul, series: '1.1.1' });
    expect((await ofStudy()).decisions.keepApart).toBe('imaging.conflictMixedSeries');
    await expect(settle(await ofStudy(), 'keepApart')).rejects.toMatchObject({ code: 'imaging.conflictMixedSeries' });
    // Without a birth date this one agrees with both.
    await t.importSlices(
      { ...anne, study: '1.2', series: '1.2.1', sop: '1.2.1.1', birthDate: '19600102' },
      { ...anne, study: '1.2', series: '1.2.2', sop: '1.2.2.1', birthDate: '' },
      { ...anne, study: '1.2', series: '1.2.3', sop: '1.2.3.1', birthDate: '19700101' },
    );
    const unclear = await conflicts().getConflict('study:1.2', '1.2');
    expect(unclear.decisions.keepApart).toBe('imaging.conflictUnclear');
    expect(unclear.identities.map(({ stands }) => stands).sort()).toEqual(['other', 'study', 'unclear']);
  });

  it('shows no picture of anybody while it is open, nor of the second person afterwards', async () => {
    await t.importSlices(anne, paul, { ...paul, sop: '1.1.1.1', series: '1.1.1' });
    const pictures = async () => {
      const { versions } = await ofInstance();
      return Promise.all(
        versions.map(async ({ objectName, mayShow }) => {
          const path = `/conflicts/instance%3A1.1.1.1/1.1/${objectName}/frames/1/rendered`;
          const answer = await conflictAssets(new Request(`http://host${path}`), context()).catch(
            (error: { code: string }) => error,
          );
          return [mayShow, 'code' in answer ? answer.code : answer.status];
        }),
      );
    };
    expect(await pictures()).toEqual([
      [false, 'imaging.conflictNoPicture'],
      [false, 'imaging.conflictNoPicture'],
    ]);
    await settle(await ofStudy(), 'keepApart');
    expect(await pictures()).toEqual([
      [true, 200],
      [false, 'imaging.conflictNoPicture'],
    ]);
    // And it is never made this person’s.
    const { versions, ...conflict } = await ofInstance();
    expect(versions[1]?.refusal).toBe('imaging.conflictOtherPerson');
    await expect(settle(conflict, 'take', versions[1]?.objectName)).rejects.toMatchObject({
      code: 'imaging.conflictOtherPerson',
    });
  });
});

describe('two spellings of one person', () => {
  it('are one by a decision, with their records, and two again once these are told apart', async () => {
    const typo = { ...paul, name: 'Lefebvre^Anne', identifier: 'ID-001', birthDate: '19600102' };
    await t.importSlices(anne, typo, { ...typo, study: '1.5', series: '1.5.1', sop: '1.5.1.1' });
    const conflict = await ofStudy();
    expect(conflict.decisions.onePerson).toBeNull();
    const [own, other] = conflict.identities;
    expect([own?.differs, other?.differs, other?.patientId]).toEqual([[], ['name'], expect.any(String)]);
    await settle(conflict, 'onePerson');
    const opened = t.services.imaging.openStudy('1.1');
    expect(opened.alsoNamed.map(({ name }) => name).sort()).toEqual(['Lefebvre^Anne', 'Lefèvre^Anne']);
    expect(opened.priors.map(({ studyUid }) => studyUid)).toEqual(['1.5']);
    const before = seen();
    t.test.clock.advance(1000);
    await t.rebuild();
    expect(seen()).toEqual(before);
    t.services.patients.decideLink(t.test.author, {
      patientId: opened.patient.patientId,
      otherPatientId: other?.patientId ?? '',
      same: false,
      reason: 'two sisters',
    });
    expect(() => t.services.imaging.openStudy('1.1')).toThrowError(
      expect.objectContaining({ code: 'imaging.identityConflict' }),
    );
    const apart = await ofStudy();
    expect([apart.state, apart.decisions.onePerson]).toEqual(['open', 'patients.linkContradicts']);
  });
});

describe('a picture under a signature', () => {
  it('is never another one: not with a report signed, nor with one that shows it half way', async () => {
    await t.importSlices(anne, { ...anne, value: 140 });
    const open = await ofInstance();
    const other = open.versions[1]?.objectName ?? '';
    await sign(2, { keyImages: [{ sopUid: '1.1.1.1', seriesUid: '1.1.1', frame: 1 }] });
    const signed = await ofInstance();
    expect(signed.decisions).toEqual({ keep: null, take: 'imaging.conflictSigned' });
    await expect(settle(signed, 'take', other)).rejects.toMatchObject({ code: 'imaging.conflictSigned' });
    // The picture is what it was, in the index and after a rebuild; keeping it is always allowed.
    await settle(await ofInstance(), 'keep');
    const before = seen();
    expect(before.kept).toMatchObject([{ object_name: other }]);
    t.test.clock.advance(1000);
    await t.rebuild();
    expect(seen()).toEqual(before);
  });

  it('taken before anybody signed is the one that is signed, and the same after a rebuild', async () => {
    await t.importSlices(anne, { ...anne, value: 140 }, { ...anne, value: 180 });
    const { versions, ...conflict } = await ofInstance();
    await settle(conflict, 'take', versions[2]?.objectName);
    await sign(1);
    expect((await ofInstance()).decisions).toEqual({ reopen: 'imaging.conflictSigned' });
    const before = seen();
    t.test.clock.advance(1000);
    await t.rebuild();
    expect(seen()).toEqual(before);
    expect(t.services.imaging.listPlaces({ studyUid: '1.1', sopUid: '1.1.1.1' })[0]?.objectName).toBe(
      versions[2]?.objectName,
    );
  });
});

describe('a decision that is cut off', () => {
  it('leaves nothing of itself, in the index or in the archive', async () => {
    await t.importSlices(anne, paul, { ...anne, value: 140 });
    const before = seen();
    const line = await ofStudy();
    const services = t.services as { worklist: typeof t.services.worklist };
    const whole = services.worklist;
    services.worklist = {
      ...whole,
      refreshStudy() {
        throw new Error('cut');
      },
    };
    await expect(settle(line, 'keepApart')).rejects.toThrow('cut');
    services.worklist = whole;
    expect(seen()).toEqual(before);
    await t.rebuild();
    expect(seen()).toEqual(before);
    await settle(await ofStudy(), 'keepApart');
    expect(t.services.imaging.openStudy('1.1').study.instanceCount).toBe(1);
  });
});
