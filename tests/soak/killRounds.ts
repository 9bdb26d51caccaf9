import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Annotation, KeyImage } from '../../app/domains/imaging/imagingSchema.ts';
import type { Report } from '../../app/domains/reports/reportSchema.ts';
import { Failure } from '../../app/shared/failure.ts';
import { type SeededRandom, seededRandom } from '../../main/domains/imaging/samples/seededRandom.ts';
import { syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { type HostClient, makeFolder, type RunningHost, startHost, waitForJob } from '../e2e/harness/runningHost.ts';
import { awaitObjects, readReports, signAsSeen } from '../e2e/harness/signedReports.ts';
import { listWorklist, readDocument, readFacts, sha256 } from '../e2e/harness/storeFacts.ts';

export const operator = { operatorName: 'dr.kill', password: 'nine lives are not enough' };

/** A store that is killed over and over, and what it has ever acknowledged. */
export interface Victim {
  readonly folder: string;
  readonly home: string;
  readonly random: SeededRandom;
  host: RunningHost;
  session: HostClient;
  remove(): Promise<void>;
}

/** Makes a store with one operator and one imported study of `instances` images. */
export async function makeVictim(seed: string, instances = 12): Promise<Victim> {
  const { folder, remove } = await makeFolder('kill');
  const home = path.join(folder, 'home');
  const host = await startHost({ home });
  const session = await host.connect(host.address);
  await session.client.security.setUp({ ...operator, fullName: 'Dr Kill', language: 'en', siteName: 'Soak' });
  const files = writePile(path.join(folder, 'base'), `${seed}:base`, instances);
  const { jobId } = await session.client.imaging.importPaths({ paths: [files.folder] });
  expect((await waitForJob(session.client, jobId)).state).toBe('done');
  const victim: Victim = {
    folder,
    home,
    random: seededRandom(seed),
    host,
    session,
    async remove() {
      await victim.host.kill();
      await remove();
    },
  };
  return victim;
}

/** Starts the killed host again and signs in: this alone proves that the store opens. */
export async function revive(victim: Victim): Promise<void> {
  victim.host = await startHost({ home: victim.home });
  victim.session = await victim.host.connect(victim.host.address);
  await victim.session.client.security.signIn(operator);
}

/** What must hold of any store, whenever it was killed. */
export async function checkWholeness(victim: Victim, thorough: boolean): Promise<void> {
  const { client } = victim.session;
  expect(await client.security.verifyAudit()).toMatchObject({ ok: true, reason: 'intact' });
  for (const row of await listWorklist(victim.session)) {
    const { series, study } = await client.imaging.getStudy({ studyUid: row.studyUid });
    expect(row.instanceCount, 'a study without objects is half a study').toBeGreaterThan(0);
    expect(study.instanceCount).toBe(row.instanceCount);
    const perSeries = await Promise.all(
      series.map(({ seriesUid }) => client.imaging.listInstances({ studyUid: row.studyUid, seriesUid })),
    );
    expect(perSeries.flat()).toHaveLength(row.instanceCount);
    if (!thorough) continue;
    for (const [index, { seriesUid }] of series.entries()) {
      for (const { sopUid, isImage } of perSeries[index] ?? []) {
        const address = `/dicomweb/studies/${row.studyUid}/series/${seriesUid}/instances/${sopUid}`;
        const accept = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';
        const reply = isImage
          ? await victim.session.fetchAsset(`${address}/frames/1`, { headers: { accept } })
          : await victim.session.fetchAsset(`${address}/metadata`, { headers: { accept: 'application/dicom+json' } });
        expect(reply.status, 'every object that is listed can be read').toBe(200);
        await reply.arrayBuffer();
      }
    }
  }
  if (thorough) {
    const { ok, checks } = await client.storage.doctor();
    expect(ok, JSON.stringify(checks)).toBe(true);
  }
}

export interface RoundFigures {
  readonly rounds: number;
  /** Facts that the host had acknowledged before its deaths, each found again. */
  acknowledged: number;
  /** Kills that came while something was under way. */
  interrupted: number;
}

/** Kills the host while it imports; what it had shown stays, and the import ends as if nothing had been. */
export async function killDuringImport(victim: Victim, rounds: number, instances = 300): Promise<RoundFigures> {
  const figures: RoundFigures = { rounds, acknowledged: 0, interrupted: 0 };
  let wholeMs = 0;
  for (let round = -1; round < rounds; round += 1) {
    const files = writePile(path.join(victim.folder, `round-${round}`), `kill:${victim.random.next()}`, instances);
    const before = performance.now();
    if (round === -1) {
      // Once undisturbed, to know how long there is to kill in.
      const { jobId } = await victim.session.client.imaging.importPaths({ paths: [files.folder] });
      await waitForJob(victim.session.client, jobId);
      wholeMs = performance.now() - before;
      continue;
    }
    const seen = new Map<string, number>();
    let jobId: string | undefined;
    const watching = endsByDeath(async () => {
      ({ jobId } = await victim.session.client.imaging.importPaths({ paths: [files.folder] }));
      for (;;) {
        for (const row of await listWorklist(victim.session)) seen.set(row.studyUid, row.instanceCount);
        await sleep(15);
      }
    });
    await sleep(victim.random.between(0, wholeMs * 1.1));
    await victim.host.kill();
    await watching;
    await revive(victim);
    const { client } = victim.session;
    const rows = new Map((await listWorklist(victim.session)).map((row) => [row.studyUid, row.instanceCount]));
    for (const [studyUid, count] of seen) expect(rows.get(studyUid) ?? 0).toBeGreaterThanOrEqual(count);
    figures.acknowledged += [...seen.values()].reduce((sum, count) => sum + count, 0);
    const job = (await client.jobs.list()).find((each) => each.jobId === jobId);
    if (jobId !== undefined) expect(job, 'an import that was started is known').toBeDefined();
    if (job?.state === 'running' || job?.state === 'queued') figures.interrupted += 1;
    // Resumed by itself, or never begun: then it is begun again.
    const id = job ? job.jobId : (await client.imaging.importPaths({ paths: [files.folder] })).jobId;
    expect((await waitForJob(client, id)).state).toBe('done');
    const summary = await client.imaging.getImportSummary({ jobId: id });
    expect(summary).toMatchObject({ conflicts: 0, rejected: [] });
    expect(summary.imported + summary.duplicates).toBe(instances);
    const after = await listWorklist(victim.session);
    const mine = after.filter((row) => files.studyUids.has(row.studyUid));
    expect(mine.reduce((sum, row) => sum + row.instanceCount, 0)).toBe(instances);
    await checkWholeness(victim, round === rounds - 1);
  }
  return figures;
}

/** Kills the host while annotations and key images are saved; each that was acknowledged is there in its newest version. */
export async function killDuringAnnotation(victim: Victim, rounds: number): Promise<RoundFigures> {
  const figures: RoundFigures = { rounds, acknowledged: 0, interrupted: 0 };
  const place = await findImage(victim.session);
  const acknowledged = new Map<string, Annotation>();
  let marked: readonly KeyImage[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { client } = victim.session;
    let underWay: { annotationId: string; version: number } | undefined;
    const saving = endsByDeath(async () => {
      for (let step = 0; ; step += 1) {
        const known = step % 3 === 2 ? [...acknowledged.values()].at(-1) : undefined;
        const annotation = anAnnotation(place, victim.random, known);
        underWay = { annotationId: annotation.annotationId, version: annotation.baseVersion + 1 };
        const saved = await client.imaging.saveAnnotation(annotation);
        acknowledged.set(saved.annotationId, saved);
        underWay = undefined;
        if (step % 4 === 3) {
          marked = await client.imaging.setKeyImage({ ...place, window: null, marked: marked.length === 0 });
        }
      }
    });
    await sleep(victim.random.between(5, 500));
    await victim.host.kill();
    await saving;
    if (underWay) figures.interrupted += 1;
    await revive(victim);
    const found = new Map(
      (await victim.session.client.imaging.listAnnotations({ studyUid: place.studyUid })).map((each) => [
        each.annotationId,
        each,
      ]),
    );
    for (const [annotationId, saved] of acknowledged) {
      const now = found.get(annotationId);
      if (now && underWay?.annotationId === annotationId && now.version === underWay.version)
        acknowledged.set(annotationId, now);
      else expect(now, 'an acknowledged annotation is there as it was').toEqual(saved);
    }
    for (const [annotationId, now] of found) {
      if (acknowledged.has(annotationId)) continue;
      // The one that was on its way may have been committed without its answer coming through.
      expect(annotationId).toBe(underWay?.annotationId);
      acknowledged.set(annotationId, now);
    }
    figures.acknowledged = acknowledged.size;
    await checkWholeness(victim, round === rounds - 1);
    const newest = await victim.session.client.imaging.listKeyImages({ studyUid: place.studyUid });
    // A mark on its way may have landed; both states are whole.
    expect(newest.length).toBeLessThanOrEqual(1);
    marked = newest;
  }
  return figures;
}

/** Kills the host while drafts are saved, signed and added to; nothing that was acknowledged changes, no signature is half. */
export async function killDuringSigning(victim: Victim, rounds: number): Promise<RoundFigures> {
  const figures: RoundFigures = { rounds, acknowledged: 0, interrupted: 0 };
  const { studyUid } = await findImage(victim.session);
  const drafts = new Map<string, Report>();
  const signed = new Map<string, { report: Report; pdf: string }>();
  let wholeMs = 0;
  for (let round = -1; round < rounds; round += 1) {
    const before = performance.now();
    const host = victim.session;
    const { client } = host;
    let isSigning = false;
    let cycles = 0;
    const writing = endsByDeath(async () => {
      for (;;) {
        if (round === -1 && cycles === 1) return;
        cycles += 1;
        const open = (await readReports(host, { studyUid, state: 'draft' }))[0];
        const first = (await client.reports.list({ studyUid, state: 'signed' }))[0];
        let draft =
          open ??
          (first
            ? await client.reports.startAddendum({ reportId: first.reportId })
            : await client.reports.openDraft({ studyUid, language: 'en' }));
        drafts.set(draft.reportId, draft);
        const sections = draft.sections.map((section) => ({
          ...section,
          paragraphs: [{ content: [{ kind: 'text' as const, text: `Round ${round}, ${victim.random.next()}` }] }],
        }));
        draft = await client.reports.saveDraft({
          reportId: draft.reportId,
          baseVersion: draft.version,
          sections,
          keyImages: [],
        });
        drafts.set(draft.reportId, draft);
        isSigning = true;
        const done = await signAsSeen(host, draft, operator.password);
        signed.set(done.reportId, { report: done, pdf: sha256(await readDocument(host, done.documentId ?? '')) });
        drafts.delete(done.reportId);
        isSigning = false;
      }
    });
    if (round === -1) {
      // Once undisturbed, to know how long there is to kill in.
      await writing;
      wholeMs = performance.now() - before;
      continue;
    }
    await sleep(victim.random.between(0.01, 1.8) * wholeMs);
    await victim.host.kill();
    await writing;
    if (isSigning) figures.interrupted += 1;
    await revive(victim);
    const now = await readReports(victim.session, { studyUid });
    for (const [reportId, { report, pdf }] of signed) {
      expect(now.find((each) => each.reportId === reportId)).toEqual(report);
      expect(sha256(await readDocument(victim.session, report.documentId ?? ''))).toBe(pdf);
    }
    for (const [reportId, draft] of drafts) {
      const kept = now.find((each) => each.reportId === reportId);
      expect(kept?.version ?? 0, 'an acknowledged version is not lost').toBeGreaterThanOrEqual(draft.version);
      if (kept?.version === draft.version) expect(kept).toEqual(draft);
      if (kept?.state === 'signed') {
        // The signature was committed and its answer cut off: then it is a whole one.
        const bytes = await readDocument(victim.session, kept.documentId ?? '');
        expect(Buffer.from(bytes.subarray(0, 5)).toString()).toBe('%PDF-');
        signed.set(reportId, { report: kept, pdf: sha256(bytes) });
        drafts.delete(reportId);
      }
    }
    const open = now.filter((each) => each.state === 'draft');
    expect(open.length).toBeLessThanOrEqual(1);
    // A signature whose objects were cut off has them made at the start.
    await awaitObjects(victim.session, studyUid);
    const [row] = (await listWorklist(victim.session)).filter((each) => each.studyUid === studyUid);
    const signedNow = now.filter((each) => each.state === 'signed');
    const state =
      signedNow.length === 0 ? (open.length > 0 ? 'draft' : 'none') : signedNow.length > 1 ? 'addendum' : 'signed';
    expect(row?.reportState).toBe(state);
    figures.acknowledged = signed.size;
    await checkWholeness(victim, round === rounds - 1);
  }
  return figures;
}

/** Runs what the death of the host ends, and swallows that one end. */
async function endsByDeath(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const isDeath =
      (error instanceof Failure && error.code === 'system.disconnected') ||
      (error instanceof TypeError && error.message === 'fetch failed') ||
      (error instanceof Error && error.message === 'terminated');
    if (!isDeath) throw error;
  }
}

type Place = Pick<Annotation, 'studyUid' | 'seriesUid' | 'sopUid' | 'frame'>;

/** The first image of the base study. */
async function findImage(host: HostClient): Promise<Place> {
  const facts = (await readFacts(host)).studies[0];
  const seriesUid = facts?.series[0]?.seriesUid ?? '';
  const sopUid = facts?.instances[seriesUid]?.[0]?.sopUid ?? '';
  return { studyUid: facts?.row.studyUid ?? '', seriesUid, sopUid, frame: 1 };
}

function anAnnotation(place: Place, random: SeededRandom, known: Annotation | undefined) {
  const ends = Array.from({ length: 4 }, () => random.between(0, 63));
  return {
    ...place,
    annotationId: known?.annotationId ?? randomUUID(),
    baseVersion: known?.version ?? 0,
    tool: 'length' as const,
    points: [
      [ends[0], ends[1]],
      [ends[2], ends[3]],
    ] as [number, number][],
    pointsMm: [],
    label: '',
    measurements: [
      { kind: 'length' as const, value: random.between(1, 60), unit: '{px}', calibration: 'none' as const },
    ],
    viewState: {},
    archived: false,
  };
}

function writePile(folder: string, seed: string, count: number): { folder: string; studyUids: Set<string> } {
  const studyUids = new Set<string>();
  for (const { relativePath, bytes, studyUid } of syntheticInstances({ count, seed, perSeries: 20 })) {
    const file = path.join(folder, relativePath);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    studyUids.add(studyUid);
  }
  return { folder, studyUids };
}
