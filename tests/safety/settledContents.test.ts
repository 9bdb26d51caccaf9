import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Conflict, ConflictDecision } from '../../app/domains/imaging/conflictSchema.ts';
import { aSlice, type SliceFacts } from '../../main/domains/imaging/testObjects.ts';
import { openSignedStudies, type SignedStudies } from './signedStudies.ts';

/** The hazard: a report signed on another picture than was read, or a study that describes a content nobody sees. */
let t: SignedStudies;
beforeEach(async () => {
  t = await openSignedStudies();
});
afterEach(() => t.close());

const conflicts = () => t.services.imaging.conflicts;
const get = (conflictId = 'instance:1.1.1.1') => conflicts().getConflict(conflictId, '1.1');
const settle = (
  { conflictId, studyUid, stand }: Conflict,
  decision: ConflictDecision,
  objectName: string | null = null,
) =>
  conflicts().settleConflict(t.test.author, {
    ...{ conflictId, studyUid, stand, decision, objectName },
    reason: 'asked the source',
  });

const slice: SliceFacts = { study: '1.1', series: '1.1.1', sop: '1.1.1.1', number: 1, value: 100 };
const stranger: SliceFacts = { ...slice, series: '1.1.2', sop: '1.1.2.1', name: 'Martin^Paul', identifier: 'P9' };

it('no other content is taken while a report is being written, and a page of before is not signed', async () => {
  await t.importSlices(slice, { ...slice, value: 140 });
  const { reports } = t.services;
  const draft = reports.openDraft(t.test.author, { studyUid: '1.1', language: 'en' });
  const conflict = await get();
  expect(conflict.decisions).toEqual({ keep: null, take: 'imaging.conflictDraft' });
  const other = conflict.versions[1]?.objectName ?? '';
  await expect(settle(conflict, 'take', other)).rejects.toMatchObject({ code: 'imaging.conflictDraft' });
  const { reportId, patientId, studyUid } = draft;
  const sections = draft.sections.map((section) => ({
    ...section,
    paragraphs: [{ content: [{ kind: 'text' as const, text: 'Normal.' }] }],
  }));
  const saved = reports.saveDraft(t.test.author, { reportId, baseVersion: draft.version, sections, keyImages: [] });
  const { digest } = await reports.preview(t.test.author, reportId);
  await t.importSlices(stranger);
  await settle(await get('study:1.1'), 'keepApart');
  const signing = { reportId, patientId, studyUid, version: saved.version, digest, password: t.test.password };
  await expect(reports.sign(t.test.author, signing)).rejects.toMatchObject({ code: 'reports.previewChanged' });
  const again = await reports.preview(t.test.author, reportId);
  expect((await reports.sign(t.test.author, { ...signing, digest: again.digest })).state).toBe('signed');
});

it('a study and its series say what the content that is shown says, and nothing of the one before', async () => {
  const wrong: SliceFacts['more'] = {
    ...{ '00081030': ['LO', 'Wrong study'], '0008103E': ['LO', 'Wrong side'], '00180015': ['CS', 'HAND'] },
    ...{ '00200060': ['CS', 'R'], '00200052': ['UI', '1.9.9'], '00101030': ['DS', '12'], '00101010': ['AS', '004Y'] },
  };
  const right: SliceFacts['more'] = {
    ...{ '00081030': ['LO', 'Foot'], '0008103E': ['LO', 'Left'], '00180015': ['CS', 'FOOT'] },
    ...{ '00200060': ['CS', 'L'], '00200052': ['UI', '1.9.8'], '00101030': ['DS', '80'] },
  };
  await t.importSlices({ ...slice, more: wrong }, { ...slice, value: 140, more: right });
  const before = await get();
  const settled = await settle(before, 'take', before.versions[1]?.objectName);
  expect(settled.mark).not.toBe(before.mark);
  const { study, series } = t.services.imaging.openStudy('1.1');
  expect(study).toMatchObject({ description: 'Foot', bodyParts: ['FOOT'], patientWeightKg: 80, patientAge: '' });
  expect(series).toMatchObject([{ description: 'Left', laterality: 'L', frameOfReferenceUid: '1.9.8' }]);
  const detail = t.test.store.reader.get<{ detail: string }>(
    "SELECT detail FROM audit_entry WHERE action = 'imaging.settleConflict' ORDER BY sequence DESC LIMIT 1",
  );
  expect(JSON.parse(detail?.detail ?? '{}')).toMatchObject({
    ...{ decision: 'take', moved: 1, objectName: before.versions[1]?.objectName },
  });
});

it('any number of contents under one number is settled, and what comes afterwards is not', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'salus-contents-'));
  try {
    const bring = async (from: number, to: number): Promise<void> => {
      const files = Array.from({ length: to - from }, (_, at) => path.join(folder, `${from + at}.dcm`));
      for (const [at, file] of files.entries()) await writeFile(file, aSlice({ ...slice, value: from + at }));
      await t.test.store.jobs.finished(t.services.imaging.importPaths(t.test.author, files));
      t.test.clock.advance(1000);
    };
    await bring(0, 56);
    const open = await get();
    expect(open).toMatchObject({ state: 'open', sides: 56, decisions: { keep: null } });
    // The one that comes now is not among those that are listed: it counts all the same.
    await bring(56, 57);
    await expect(settle(open, 'keep')).rejects.toMatchObject({ code: 'imaging.conflictChanged' });
    expect(await settle(await get(), 'keep')).toMatchObject({ state: 'settled', sides: 57 });
    expect(t.services.imaging.getStudyDetail('1.1').study.conflictCount).toBe(0);
    await bring(57, 58);
    expect((await get()).state).toBe('open');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
