import { randomUUID } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measurementText } from '../../app/domains/reports/reportRules.ts';
import type { Report } from '../../app/domains/reports/reportSchema.ts';
import { syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import {
  askSalus,
  type HostClient,
  makeFolder,
  type RunningHost,
  runSalus,
  samplesFolder,
  startHost,
  waitForJob,
} from '../e2e/harness/runningHost.ts';
import { awaitObjects, signAsSeen } from '../e2e/harness/signedReports.ts';
import { readFacts, type StoreFacts, sha256 } from '../e2e/harness/storeFacts.ts';

const operator = { operatorName: 'dr.keep', password: 'what is kept twice is kept' };

/** A store with a fact of every kind, saved, backed up, lost, restored and rebuilt: always the same facts. */
describe('backup, restore and an index rebuilt from the archive alone give the same facts', () => {
  let folder: string;
  let home: string;
  let remove: () => Promise<void>;
  let facts: StoreFacts;
  /** SHA-256 of every original file. */
  let originals: string[];
  const backup = () => path.join(folder, 'backup');

  beforeAll(async () => {
    ({ folder, remove } = await makeFolder('keep'));
    home = path.join(folder, 'home');
    const samples = ['head-mr', 'ultrasound', 'chest-radiograph'].map((name) => path.join(samplesFolder(), name));
    const sources = [...samples, writeTwins(path.join(folder, 'twins'))];
    originals = sources.flatMap((source) => hashesIn(source)).sort();
    const host = await startHost({ home });
    const session = await host.connect(host.address);
    await fillStore(session, sources);
    facts = await readFacts(session);
    await host.stop();
  });
  afterAll(() => remove?.());

  /** What a fresh host says of the store. */
  async function withStore<T>(read: (session: HostClient) => Promise<T>): Promise<T> {
    let host: RunningHost | undefined;
    try {
      host = await startHost({ home });
      const session = await host.connect(host.address);
      await session.client.security.signIn(operator);
      return await read(session);
    } finally {
      await host?.stop();
    }
  }
  const readSound = (): Promise<StoreFacts> =>
    withStore(async (session) => {
      expect(await session.client.security.verifyAudit()).toMatchObject({ ok: true });
      const { ok, checks } = await session.client.storage.doctor();
      expect(ok, JSON.stringify(checks)).toBe(true);
      return readFacts(session);
    });

  it('holds a fact of every kind to begin with', () => {
    expect(facts.studies).toHaveLength(5);
    const all = facts.studies.flatMap((study) => study.annotations);
    expect(all.some((annotation) => annotation.version > 1)).toBe(true);
    expect(all.some((annotation) => annotation.archived)).toBe(true);
    const reports = facts.studies.flatMap((study) => study.reports);
    expect(reports.map((report) => report.state).sort()).toEqual(['draft', 'signed', 'signed']);
    expect(reports.some((report) => report.addendumTo !== null)).toBe(true);
    expect(facts.studies.some((study) => study.keyImages.length > 0)).toBe(true);
    expect(facts.studies.some((study) => study.row.assignedTo !== null)).toBe(true);
    expect(facts.patients.some((patient) => patient.linkGroupId !== null)).toBe(true);
    expect(facts.operators.some((each) => each.disabled)).toBe(true);
  });

  it('after a restart', async () => {
    expect(await readSound()).toEqual(facts);
  });

  it('after backup, loss of the whole folder, and restore', async () => {
    askSalus(['backup', backup(), '--home', home, '--operator', operator.operatorName], operator.password);
    rmSync(home, { recursive: true });
    askSalus(['restore', backup(), '--home', home]);
    expect(await readSound()).toEqual(facts);
  });

  it('after the index was rebuilt', async () => {
    askSalus(['rebuild-index', '--home', home, '--operator', operator.operatorName], operator.password);
    expect(await readSound()).toEqual(facts);
  });

  it('after the index was lost and rebuilt from the archive alone', async () => {
    for (const file of globSync(path.join(home, 'salus.db*'))) rmSync(file);
    const { status } = runSalus(
      ['studies', '--home', home, '--operator', operator.operatorName, '--json'],
      operator.password,
    );
    expect(status, 'a store without its index is refused, not made anew').not.toBe(0);
    askSalus(['rebuild-index', '--home', home, '--operator', operator.operatorName], operator.password);
    expect(await withStore(readFacts)).toEqual(facts);
    // The audit lived in the index alone. Its loss is said, and is said to be of the tail: what stood is not made up anew.
    const audit = await withStore(({ client }) => client.security.verifyAudit());
    expect(audit).toMatchObject({ ok: false, reason: 'tailMissing' });
  });

  it('and the original files are what came in, bit for bit', async () => {
    const out = path.join(folder, 'out');
    await withStore(async ({ client }) => {
      for (const { row } of facts.studies) {
        const { jobId } = await client.imaging.exportStudy({
          studyUid: row.studyUid,
          directory: path.join(out, row.studyUid),
        });
        expect((await waitForJob(client, jobId)).state).toBe('done');
      }
    });
    const exported = hashesIn(out).sort();
    expect(exported.filter((hash) => originals.includes(hash))).toEqual(originals);
    // And what was made of them here: of the report its PDF and a selection of its key image, of the addendum its PDF.
    expect(exported).toHaveLength(originals.length + 3);
  });
});

/** Two records of one person under two identifiers, for a person to link. */
function writeTwins(folder: string): string {
  for (const seed of ['twin-a', 'twin-b']) {
    for (const { relativePath, bytes } of syntheticInstances({ count: 3, seed })) {
      const file = path.join(folder, seed, relativePath);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, bytes);
    }
  }
  return folder;
}

function hashesIn(folder: string): string[] {
  return globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'DICOMDIR')
    .map((entry) => sha256(readFileSync(path.join(entry.parentPath, entry.name))));
}

async function fillStore({ client }: HostClient, sources: readonly string[]): Promise<void> {
  await client.security.setUp({ ...operator, fullName: 'Dr Keep', language: 'fr', siteName: 'Keeping' });
  const { jobId } = await client.imaging.importPaths({ paths: [...sources] });
  expect((await waitForJob(client, jobId)).state).toBe('done');
  const colleague = await client.security.createOperator({
    operatorName: 'gone',
    fullName: 'Gone Since',
    roles: ['viewer'],
    password: 'soon to be disabled',
  });
  await client.security.setOperatorDisabled({ operatorId: colleague.operatorId, disabled: true });

  const { rows } = await client.worklist.list({ filter: {}, sort: { key: 'studyDate', direction: 'ascending' } });
  const [first, second] = ['MR', 'US'].map((modality) => rows.find((row) => row.modalities.includes(modality)));
  if (!first || !second) throw new Error('the sample studies lack an MR or a US');
  await client.worklist.assign({ studyUid: second.studyUid, operatorName: operator.operatorName });

  const { series } = await client.imaging.openStudy({ studyUid: first.studyUid });
  const seriesUid = series[0]?.seriesUid ?? '';
  const sopUid = series[0]?.representative?.sopUid ?? '';
  const place = { studyUid: first.studyUid, seriesUid, sopUid, frame: 1 };
  const saved = await client.imaging.saveAnnotation({ ...place, ...aLength(), baseVersion: 0 });
  const { version, author: _author, at: _at, ...rest } = saved;
  const current = await client.imaging.saveAnnotation({ ...rest, label: 'again', baseVersion: version });
  const gone = await client.imaging.saveAnnotation({ ...place, ...aLength(), baseVersion: 0 });
  const { version: goneVersion, author: _a, at: _t, ...goneRest } = gone;
  await client.imaging.saveAnnotation({ ...goneRest, archived: true, baseVersion: goneVersion });
  await client.imaging.setKeyImage({ ...place, window: { centre: 40, width: 400, function: 'LINEAR' }, marked: true });

  const measurement = {
    kind: 'measurement' as const,
    annotationId: current.annotationId,
    annotationVersion: current.version,
    text: measurementText(current, 'fr'),
  };
  const draft = await client.reports.openDraft({ studyUid: first.studyUid, language: 'fr' });
  const signed = await signAsSeen(
    { client },
    await write(client, draft, 'Constatation', [measurement]),
    operator.password,
  );
  const addendum = await client.reports.startAddendum({ reportId: signed.reportId });
  await signAsSeen({ client }, await write(client, addendum, 'Complément', []), operator.password);
  await awaitObjects({ client }, first.studyUid);
  await client.reports.openDraft({ studyUid: second.studyUid, language: 'en' });

  const { rows: patients } = await client.patients.list({});
  for (const patient of patients.filter((each) => each.needsLinkDecision)) {
    const [candidate] = await client.patients.listLinkCandidates({ patientId: patient.patientId });
    if (!candidate) continue;
    await client.patients.decideLink({
      patientId: patient.patientId,
      otherPatientId: candidate.patient.patientId,
      same: true,
      reason: 'the same card was shown',
    });
    break;
  }
}

type Inline = Report['sections'][number]['paragraphs'][number]['content'][number];

function write(client: HostClient['client'], draft: Report, text: string, more: readonly Inline[]): Promise<Report> {
  const sections = draft.sections.map((section) => ({
    ...section,
    paragraphs: [{ content: [{ kind: 'text' as const, text: `${text}, ${section.title}. ` }, ...more] }],
  }));
  return client.reports.saveDraft({
    reportId: draft.reportId,
    baseVersion: draft.version,
    sections,
    keyImages: draft.keyImages,
  });
}

function aLength() {
  return {
    annotationId: randomUUID(),
    tool: 'length' as const,
    points: [
      [10, 12],
      [40, 52],
    ] as [number, number][],
    pointsMm: [],
    label: '',
    measurements: [{ kind: 'length' as const, value: 50, unit: '{px}', calibration: 'none' as const }],
    viewState: { zoom: 1 },
    archived: false,
  };
}
