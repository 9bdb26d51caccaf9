import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openIndexBuilder } from '../../database/rebuildIndex.ts';
import { patientReplayer } from '../patients/patientReplay.ts';
import { worklistReplayer } from '../worklist/worklistReplay.ts';
import { imagingReplayer } from './imagingReplay.ts';
import { openTestImaging, type TestImaging } from './testImaging.ts';
import { aSlice, type SliceFacts } from './testObjects.ts';

let t: TestImaging;
let folder: string;
let files = 0;
beforeEach(async () => {
  t = await openTestImaging();
  folder = mkdtempSync(join(tmpdir(), 'salus-replay-'));
});
afterEach(async () => {
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});

async function importSlices(...slices: SliceFacts[]): Promise<void> {
  for (const facts of slices) {
    files += 1;
    writeFileSync(join(folder, `${files}.dcm`), aSlice(facts));
    await t.importPaths(join(folder, `${files}.dcm`));
    t.test.clock.advance(1000);
  }
}

/** Everything a person sees, without the numbers of rows. */
function facts() {
  const { reader } = t.test.store;
  return {
    patients: reader.all(
      'SELECT patient_id, identifier, issuer, name, birth_date, study_count, link_group_id, needs_link_decision FROM patient ORDER BY patient_id',
    ),
    studies:
      reader.all(`SELECT study_uid, patient_id, study_date, description, modalities, series_count, instance_count, bytes, conflict_count,
      identity_conflict, source, received_at, author FROM study ORDER BY study_uid`),
    identities: reader.all(
      'SELECT s.study_uid, n.name, n.patient_id, n.instance_count FROM study_identity n JOIN study s USING (study_row) ORDER BY 1, 2, 3',
    ),
    instances:
      reader.all(`SELECT i.sop_uid, s.series_uid, i.object_name, i.received_at, i.frames, h.json FROM instance i JOIN series s USING (series_row)
      JOIN instance_header h USING (instance_row) ORDER BY i.sop_uid`),
    conflicts: reader.all(
      'SELECT sop_uid, object_name, claimed_study_uid, received_at FROM instance_conflict ORDER BY object_name',
    ),
    links: reader.all(
      'SELECT patient_id, other_patient_id, version, same, reason, decided_at, author FROM patient_link ORDER BY hlc',
    ),
    annotations: reader
      .all<{ body: string }>('SELECT annotation_id, version, body, at, author FROM annotation_version ORDER BY hlc')
      .map(({ body, ...row }) => ({ ...row, body: JSON.parse(body) as unknown })),
    keyImages: reader.all(
      'SELECT sop_uid, frame, version, marked, window, at, author FROM key_image_mark ORDER BY hlc',
    ),
    worklist: reader.all(
      `SELECT study_uid, display_name, other_names, age_years, received_at, assigned_to, in_conflict, search_text FROM worklist_item ORDER BY study_uid`,
    ),
    counts: reader.all('SELECT name, studies FROM worklist_count WHERE studies <> 0 ORDER BY name'),
  };
}

async function rebuild() {
  const services = () => t.services;
  const builder = openIndexBuilder({
    platform: t.test.platform,
    keys: t.test.holder.keys(),
    archive: t.test.store.archive,
    replayers: [patientReplayer(services), imagingReplayer(services), worklistReplayer()],
  });
  await builder.catchUp(new AbortController().signal, () => undefined);
  await t.test.holder.reopen(() => builder.swap());
  await t.reopen();
  return builder.counts;
}

describe('the index rebuilt from the archive alone', () => {
  it('is the same: studies, whose they are, conflicts, decisions, annotations, key images, assignments', async () => {
    await importSlices(
      { study: '1.1', series: '1.1.1', sop: '1.1.1.1', number: 1, value: 1 },
      // Other bytes under the same UID: in the archive both look alike, only their order tells which came first.
      { study: '1.1', series: '1.1.1', sop: '1.1.1.1', number: 1, value: 2 },
      { study: '1.1', series: '1.1.1', sop: '1.1.1.1', number: 1, value: 3 },
      { study: '1.1', series: '1.1.2', sop: '1.1.2.1', number: 2 },
      { study: '1.2', identifier: 'B2' },
      { study: '1.3', identifier: 'C3' },
      { study: '1.4', sop: '1.4.1.1' },
      { study: '1.4', sop: '1.4.1.2', name: 'Martin^Paul' },
      { study: '1.5', identifier: '' },
    );
    const patientOf = (study: string) => t.imaging.getStudyDetail(study).patient.patientId;
    const { patients, worklist, imaging } = t.services;
    const { author } = t.test;
    patients.decideLink(author, {
      patientId: patientOf('1.1'),
      otherPatientId: patientOf('1.2'),
      same: true,
      reason: 'one person',
    });
    patients.decideLink(author, {
      patientId: patientOf('1.1'),
      otherPatientId: patientOf('1.3'),
      same: false,
      reason: 'two people',
    });
    worklist.assign(author, '1.2', 'someone');
    const annotation = {
      annotationId: randomUUID(),
      baseVersion: 0,
      studyUid: '1.1',
      seriesUid: '1.1.1',
      sopUid: '1.1.1.1',
      frame: 1,
      tool: 'probe',
      points: [[2, 3]] as [number, number][],
      pointsMm: [],
      label: '',
      measurements: [],
      viewState: { a: 1 },
      archived: false,
    } as const;
    imaging.saveAnnotation(author, { ...annotation, measurements: [], pointsMm: [], points: [[2, 3]] });
    imaging.saveAnnotation(author, { ...annotation, measurements: [], pointsMm: [], points: [[4, 5]], baseVersion: 1 });
    const window = { centre: 1, width: 2, function: 'SIGMOID' as const };
    const mark = { studyUid: '1.1', seriesUid: '1.1.1', sopUid: '1.1.1.1', frame: 1, window };
    imaging.setKeyImage(author, { ...mark, marked: true });
    imaging.setKeyImage(author, { ...mark, marked: false });

    const before = facts();
    expect(before.conflicts.length).toBe(2);
    t.test.clock.advance(86_400_000);
    expect((await rebuild()).damaged).toBe(0);
    expect(facts()).toEqual(before);
    // And the rebuilt index goes on as the old one would.
    await importSlices(
      { study: '1.1', series: '1.1.2', sop: '1.1.2.1', number: 2 },
      { study: '1.6', identifier: 'B2' },
    );
    expect(patientOf('1.6')).toBe(patientOf('1.2'));
  });

  it('also holds objects whose arrival nobody wrote down', async () => {
    await importSlices({ study: '1.1' });
    await t.test.store.archive.put('dicom', aSlice({ study: '1.9' }));
    expect(() => t.imaging.getStudyDetail('1.9')).toThrow();
    await rebuild();
    expect(t.imaging.getStudyDetail('1.9').study.instanceCount).toBe(1);
    expect(t.test.store.reader.all('SELECT * FROM replay_pending')).toEqual([]);
  });
});
