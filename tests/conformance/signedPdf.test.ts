import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have, programOf } from '../../scripts/services.ts';
import {
  type HostClient,
  makeFolder,
  type RunningHost,
  samplesFolder,
  startHost,
  waitForJob,
} from '../e2e/harness/runningHost.ts';
import { signAsSeen } from '../e2e/harness/signedReports.ts';
import { readDocument } from '../e2e/harness/storeFacts.ts';

const person = { operatorName: 'signer', fullName: 'Dr Zoë Ångström-Łukasz', password: 'a document to be signed' };
const paragraph =
  'Pas d’anomalie de signal du parenchyme ; ventricules de taille normale, « symétriques », citernes libres. Œdème péri-lésionnel ≤ 3 mm.';

describe.skipIf(!have('poppler'))('a signed report is a sound PDF by the word of others (needs poppler)', () => {
  let host: RunningHost;
  let session: HostClient;
  let remove: () => Promise<void>;
  let file: string;
  const tool = (name: string, ...args: string[]) => execFileSync(programOf(name), args, { encoding: 'utf8' });

  beforeAll(async () => {
    const made = await makeFolder('pdf');
    ({ remove } = made);
    file = path.join(made.folder, 'signed.pdf');
    host = await startHost({ home: path.join(made.folder, 'home') });
    session = await host.connect(host.address);
    writeFileSync(file, await signLongReport(session));
  });
  afterAll(async () => {
    await host?.stop();
    await remove?.();
  });

  it('pdfinfo reads it, A4, unencrypted, without scripts, and its title names nobody', () => {
    const said = tool('pdfinfo', file);
    expect(said).toMatch(/Page size:\s+595\.\d+ x 841\.\d+ pts \(A4\)/);
    expect(Number(/Pages:\s+(\d+)/.exec(said)?.[1])).toBeGreaterThan(1);
    expect(said).toMatch(/Encrypted:\s+no/);
    expect(said).toMatch(/JavaScript:\s+no/);
    expect(/Title:.*/.exec(said)?.[0] ?? '').not.toMatch(/BEAUMONT|SAL-100358/i);
  });

  it('every font is embedded with its Unicode map', () => {
    const lines = tool('pdffonts', file).split('\n').slice(2).filter(Boolean);
    expect(lines.length).toBeGreaterThan(0);
    // Columns at the end: emb sub uni object ID.
    for (const line of lines) expect(line).toMatch(/\byes (yes|no) +yes +\d+ +\d+\s*$/);
  });

  it('pdftotext reads every character, in order, with who, whose and when', () => {
    const text = tool('pdftotext', '-enc', 'UTF-8', file, '-').replaceAll(/\s+/g, ' ');
    for (const words of [
      'BEAUMONT-DESROCHERS DE SAINT-EXUPÉRY',
      'SAL-100358',
      person.fullName,
      'Œdème péri-lésionnel ≤ 3 mm',
    ]) {
      expect(text).toContain(words);
    }
    expect(text.split('citernes libres').length - 1).toBe(60);
    expect(text).not.toContain('\ufffd');
  });

  it('every page says whose it is and which of how many', () => {
    const pages = Number(/Pages:\s+(\d+)/.exec(tool('pdfinfo', file))?.[1]);
    for (let page = 1; page <= pages; page += 1) {
      const text = tool('pdftotext', '-enc', 'UTF-8', '-f', String(page), '-l', String(page), file, '-');
      expect(text, `page ${page}`).toContain('SAL-100358');
      expect(text.replaceAll(/\s+/g, ''), `page ${page}`).toContain(`Page${page}sur${pages}`);
    }
  });

  it('carries the key image', () => {
    const images = tool('pdfimages', '-list', file).split('\n').slice(2).filter(Boolean);
    expect(images.length).toBeGreaterThan(0);
  });

  it.skipIf(!have('qpdf'))('qpdf finds nothing to mend (needs qpdf)', () => {
    const { status, stdout, stderr } = spawnSync('qpdf', ['--check', file], { encoding: 'utf8' });
    expect(status, stdout + stderr).toBe(0);
  });

  it('poppler draws every page without a complaint', () => {
    const { status, stderr } = spawnSync(programOf('pdftoppm'), ['-r', '40', '-png', file, `${file}-page`], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});

/** A report of several pages in French, with a measurement and a key image, signed. */
async function signLongReport(session: HostClient): Promise<Uint8Array> {
  const { client } = session;
  await client.security.setUp({ ...person, language: 'fr', siteName: 'Hôpital d’Œuvre' });
  const { jobId } = await client.imaging.importPaths({ paths: [path.join(samplesFolder(), 'head-mr')] });
  await waitForJob(client, jobId);
  const { rows } = await client.worklist.list({ filter: {}, sort: { key: 'receivedAt', direction: 'ascending' } });
  const studyUid = rows[0]?.studyUid ?? '';
  const { series } = await client.imaging.openStudy({ studyUid });
  const place = {
    studyUid,
    seriesUid: series[0]?.seriesUid ?? '',
    sopUid: series[0]?.representative?.sopUid ?? '',
    frame: 1,
  };
  const saved = await client.imaging.saveAnnotation({
    ...place,
    annotationId: randomUUID(),
    baseVersion: 0,
    tool: 'length',
    points: [
      [100, 100],
      [140, 130],
    ],
    pointsMm: [],
    label: '',
    measurements: [{ kind: 'length', value: 45, unit: 'mm', calibration: 'patient' }],
    viewState: {},
    archived: false,
  });
  await client.imaging.setKeyImage({
    ...place,
    window: { centre: 680, width: 1300, function: 'LINEAR' },
    marked: true,
  });
  const draft = await client.reports.openDraft({ studyUid, language: 'fr' });
  const sections = draft.sections.map((section) => ({
    ...section,
    paragraphs:
      section.key === 'findings'
        ? [
            ...Array.from({ length: 60 }, () => ({ content: [{ kind: 'text' as const, text: paragraph }] })),
            {
              content: [
                {
                  kind: 'measurement' as const,
                  annotationId: saved.annotationId,
                  annotationVersion: saved.version,
                  text: '45,0\u00a0mm',
                },
              ],
            },
          ]
        : [{ content: [{ kind: 'text' as const, text: 'Sans particularité.' }] }],
  }));
  const written = await client.reports.saveDraft({
    reportId: draft.reportId,
    baseVersion: draft.version,
    sections,
    keyImages: draft.keyImages,
  });
  const signed = await signAsSeen(session, written, person.password);
  return readDocument(session, signed.documentId ?? '');
}
