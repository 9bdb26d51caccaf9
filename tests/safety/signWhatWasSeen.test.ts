import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Annotation } from '../../app/domains/imaging/imagingSchema.ts';
import { measurementText } from '../../app/domains/reports/reportRules.ts';
import { have, programOf } from '../../scripts/services.ts';
import { picture, type SalusWindow } from '../e2e/harness/chromiumWindow.ts';
import { codeOfRefusal, type HostClient } from '../e2e/harness/runningHost.ts';
import { readReports } from '../e2e/harness/signedReports.ts';
import { readDocument } from '../e2e/harness/storeFacts.ts';
import { openWorkstation, type Workstation } from '../e2e/harness/workstation.ts';
import { ReadingRoomPage } from '../e2e/pages/readingRoomPage.ts';
import { ReportPanelPage } from '../e2e/pages/reportPanelPage.ts';
import { WorklistPage } from '../e2e/pages/worklistPage.ts';

const person = { operatorName: 'seer', fullName: 'Dr Seer', password: 'sign only what was seen' };

/** The hazard: a signature under something that nobody looked at. */
describe.skipIf(!have('chromium', 'poppler'))('what is signed is what was seen (needs Chromium, poppler)', () => {
  let station: Workstation;
  let program: HostClient;
  let folder: string;
  let window: SalusWindow;
  let studyUid: string;
  let annotation: Annotation;
  let dialog: Locator;
  /** Bytes of every document the window was given, the newest last. */
  const seen: Buffer[] = [];
  const report = () => new ReportPanelPage(window);

  /** Somebody else draws on the image that the report prints. */
  async function draw(ends: [number, number][], value: number): Promise<void> {
    const { version, author: _author, at: _at, ...rest } = annotation;
    annotation = await program.client.imaging.saveAnnotation({
      ...rest,
      points: ends,
      measurements: [{ kind: 'length', value, unit: '{px}', calibration: 'none' }],
      baseVersion: version,
    });
  }
  const signed = () => program.client.reports.list({ studyUid, state: 'signed' });

  beforeAll(async () => {
    station = await openWorkstation('seen', person, 'Hospital of the North');
    ({ folder, program } = station);
    const { client } = program;
    await station.bring('head-mr');
    const { rows } = await client.worklist.list({ filter: {}, sort: { key: 'receivedAt', direction: 'ascending' } });
    studyUid = rows[0]?.studyUid ?? '';
    const { series } = await client.imaging.openStudy({ studyUid });
    const place = {
      studyUid,
      seriesUid: series[0]?.seriesUid ?? '',
      sopUid: series[0]?.representative?.sopUid ?? '',
      frame: 1,
    };
    annotation = await client.imaging.saveAnnotation({
      ...place,
      annotationId: randomUUID(),
      tool: 'length',
      points: [
        [10, 12],
        [40, 52],
      ],
      pointsMm: [],
      label: '',
      measurements: [{ kind: 'length', value: 50, unit: '{px}', calibration: 'none' }],
      viewState: {},
      archived: false,
      baseVersion: 0,
    });
    await client.imaging.setKeyImage({ ...place, window: null, marked: true });
    window = await station.enter();
    window.page.on('response', async (response) => {
      if (new URL(response.url()).pathname.startsWith('/documents/')) seen.push(await response.body());
    });
    const list = new WorklistPage(window);
    await list.read(list.rows('MR brain').first());
    await new ReadingRoomPage(window).waitForPicture();
    await new ReadingRoomPage(window).chooseTab('report');
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await picture(window, `broken-${task.name.slice(0, 20)}`);
    expect(window.complaints()).toEqual([]);
  });
  afterAll(() => station?.close());

  it('shows the page, and refuses it when a measurement on it was moved meanwhile', async () => {
    await report().start();
    for (const section of ['findings', 'conclusion']) await report().write(section, `What the ${section} say.`);
    await report().waitForSave();
    dialog = await report().preview();
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(1);
    await draw(
      [
        [10, 12],
        [70, 92],
      ],
      100,
    );
    window.expectComplaint(/reports\.previewChanged|422|FAILURE/);
    await report().sign(dialog, person.password);
    await dialog.getByText(window.text('failures:reports.previewChanged')).waitFor();
    expect(await signed()).toEqual([]);
  });

  it('shows the page as it is now, and asks again', async () => {
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(2);
    await dialog.locator('canvas[data-drawn="true"]').first().waitFor();
    await picture(window, 'preview-changed');
    expect(await dialog.getByLabel(window.text('reports:sign.password')).inputValue()).toBe('');
    expect(textOf(seen[0])).toContain('50.0 px');
    expect(textOf(seen[1])).toContain(measurementText(annotation, 'en').replace('\u00a0', ' '));
    await report().sign(dialog, person.password);
    await report().signedDialog.waitFor({ timeout: 20_000 });
    const [first] = await signed();
    const page = Buffer.from(await readDocument(program, first?.documentId ?? ''));
    // The same words and the same pictures, but for the signature and the number of the document.
    expect(withoutSignature(textOf(page))).toEqual(withoutSignature(textOf(seen[1])));
    expect(textOf(page)).toContain(`Signed electronically by ${person.fullName}`);
    expect(picturesOf(page)).toEqual(picturesOf(seen[1]));
    expect(picturesOf(page)).toHaveLength(1);
    await window.page.keyboard.press('Escape');
  });

  it('lets nobody sign a page that did not come up', async () => {
    await report().startAddendum();
    await report().write('addendum', 'Not seen yet.');
    await report().waitForSave();
    window.expectComplaint(/ERR_FAILED/);
    await window.page.route('**/documents/*', (route) => route.abort());
    await window.page.getByRole('button', { name: window.text('reports:previewAndSign') }).click();
    const unseen = window.page.getByRole('dialog', { name: window.text('reports:sign.title') });
    await unseen.getByRole('alert').waitFor();
    await unseen.getByLabel(window.text('reports:sign.password')).fill(person.password);
    const confirm = unseen.getByRole('button', { name: window.text('reports:sign.confirm'), exact: true });
    expect(await confirm.isDisabled()).toBe(true);
    await window.page.keyboard.press('Enter');
    await picture(window, 'preview-missing');
    expect(await signed()).toHaveLength(1);
    await window.page.unroute('**/documents/*');
    await unseen.getByRole('button', { name: window.text('reports:sign.cancel') }).click();
  });

  it('and a program that signs is held to the page it asked for', async () => {
    const { client } = program;
    const [original] = await readReports(program, { studyUid, state: 'signed' });
    const draft = await client.reports.startAddendum({ reportId: original?.reportId ?? '' });
    const saved = await client.reports.saveDraft({
      reportId: draft.reportId,
      baseVersion: draft.version,
      sections: draft.sections.map((section) => ({
        ...section,
        paragraphs: [{ content: [{ kind: 'text' as const, text: 'One word more.' }] }],
      })),
      keyImages: original?.keyImages ?? [],
    });
    const page = await client.reports.preview({ reportId: draft.reportId });
    const input = {
      reportId: draft.reportId,
      version: saved.version,
      digest: page.digest,
      patientId: saved.patientId,
      studyUid,
      password: person.password,
    };
    await draw(
      [
        [10, 12],
        [13, 16],
      ],
      5,
    );
    expect(await codeOfRefusal(client.reports.sign(input))).toBe('reports.previewChanged');
    await draw(
      [
        [10, 12],
        [70, 92],
      ],
      100,
    );
    // The drawing is again what was seen: so is the page.
    expect((await client.reports.sign(input)).state).toBe('signed');
  });

  /** The text of a PDF, its spaces made alike. */
  function textOf(pdf: Buffer | undefined): string {
    const file = path.join(folder, 'page.pdf');
    writeFileSync(file, pdf ?? '');
    const text = execFileSync(programOf('pdftotext'), ['-layout', '-enc', 'UTF-8', file, '-'], { encoding: 'utf8' });
    return text.replaceAll(/[\u00a0\u202f]/g, ' ');
  }

  /** SHA-256 of each picture of a PDF, decoded. */
  function picturesOf(pdf: Buffer | undefined): string[] {
    const out = path.join(folder, `pictures-${randomUUID()}`);
    mkdirSync(out);
    const file = path.join(out, 'page.pdf');
    writeFileSync(file, pdf ?? '');
    execFileSync(programOf('pdfimages'), ['-png', file, path.join(out, 'picture')]);
    return readdirSync(out)
      .filter((name) => name.endsWith('.png'))
      .sort()
      .map((name) =>
        createHash('sha256')
          .update(readFileSync(path.join(out, name)))
          .digest('hex'),
      );
  }
});

/** Words of a page without those that only a signature or a preview brings, and without the watermark's letters. */
function withoutSignature(text: string): string[] {
  const own = /DRAFT|NOT SIGNED|Signed electronically|Prepared by|^Document |^[A-Z–]{1,2}$/;
  return text
    .split('\n')
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .filter((line) => line !== '' && !own.test(line));
}
