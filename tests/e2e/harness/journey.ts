import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Annotation } from '../../../app/domains/imaging/imagingSchema.ts';
import { have, programOf } from '../../../scripts/services.ts';
import { FirstRunPage, SignInPage } from '../pages/doorPages.ts';
import { ReadingRoomPage } from '../pages/readingRoomPage.ts';
import { ReportPanelPage } from '../pages/reportPanelPage.ts';
import { WorklistPage } from '../pages/worklistPage.ts';
import { launchBrowser, openWindow, picture, type SalusWindow } from './chromiumWindow.ts';
import { type DcmtkImage, readWithDcmtk, sopUidsIn } from './dcmtkImage.ts';
import type { TextLanguage } from './localeTexts.ts';
import { type HostClient, makeFolder, type RunningHost, startHost } from './runningHost.ts';
import { readReports } from './signedReports.ts';
import { readDocument, sha256 } from './storeFacts.ts';

/** One study from its folder to its signed report. */
export interface JourneyCase {
  readonly name: string;
  /** Undefined where the study isn't on this machine: the journey is then skipped by name. */
  readonly folder: string | undefined;
  readonly language: TextLanguage;
  readonly viewport: { readonly width: number; readonly height: number };
  /** Words that only this study's row of the worklist has. */
  readonly rowWords: readonly string[];
  /** The patient as screens and the PDF name them. */
  readonly patient: string;
  readonly images: number;
  /** Five places [column, row] whose value is stated by DCMTK. */
  readonly voxels: readonly (readonly [number, number])[];
  /** Where the length goes, about: the nearest voxels that lie on whole screen pixels are taken. */
  readonly line: readonly [readonly [number, number], readonly [number, number]];
  readonly findings: string;
  readonly conclusion: string;
  readonly correction: string;
}

/** How long what a person would wait for may take on a busy machine. */
const patience = { timeout: 8_000 };

const person = { fullName: 'Dr Ève Lindqvist', operatorName: 'eve', password: 'a journey of one mile' };
const site = 'Clinique du Voyage';

/** The spine of the product, as one person goes it: each step needs the ones before it. */
export function describeJourney(given: JourneyCase): void {
  const isReady = have('chromium', 'dcmtk', 'poppler') && given.folder !== undefined;
  const needs = `(needs Chromium, DCMTK, poppler${given.folder === undefined ? ' and ../shared/dicom-samples' : ''})`;

  describe.skipIf(!isReady)(`from a folder to a signed report: ${given.name} ${needs}`, () => {
    let browser: Browser;
    let host: RunningHost;
    let window: SalusWindow;
    let program: HostClient;
    let remove: () => Promise<void>;
    let temporary: string;
    let recoveryKey: string;
    let truth: DcmtkImage;
    let annotation: Annotation;
    let documents: Map<string, string>;
    let measurementWords: string;
    const sources = new Map<string, string>();
    const list = () => new WorklistPage(window);
    const room = () => new ReadingRoomPage(window);
    const report = () => new ReportPanelPage(window);
    const row = () =>
      list()
        .rows(...given.rowWords)
        .first();

    beforeAll(async () => {
      const made = await makeFolder('journey');
      ({ remove } = made);
      temporary = made.folder;
      for (const [sopUid, file] of sopUidsIn(given.folder as string)) sources.set(sopUid, file);
      host = await startHost({ home: path.join(temporary, 'home') });
      browser = await launchBrowser();
      window = await openWindow(browser, host.address, { language: given.language, viewport: given.viewport });
    });
    let isBroken = false;
    beforeEach(({ skip }) => {
      if (isBroken) skip('an earlier step of the journey failed');
    });
    afterEach(async ({ task }) => {
      if (task.result?.state === 'fail') {
        isBroken = true;
        await picture(window, `broken-${task.name.slice(0, 20)}`);
      }
      expect(window.complaints()).toEqual([]);
    });
    afterAll(async () => {
      await window?.close();
      await browser?.close();
      await host?.stop();
      await remove?.();
    });

    it('first run: what Salus is not, the first operator, the recovery key kept', async () => {
      const first = new FirstRunPage(window);
      await first.welcome();
      await picture(window, '01-welcome');
      await first.acceptAndSetUp();
      await picture(window, '02-first-operator');
      recoveryKey = await first.createOperator(person, site);
      expect(recoveryKey).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){7}[0-9A-HJKMNP-TV-Z]{5}$/);
      await picture(window, '03-recovery-key');
      await first.keepRecoveryKey();
      await list().waitFor();
      expect(await window.page.content()).not.toContain(recoveryKey);
      await picture(window, '04-empty-worklist');
      program = await host.connect();
      await program.client.security.signIn(person);
      expect((await program.client.storage.status()).recoveryKeyConfirmed).toBe(true);
    });

    it('imports the folder by its path and lists the study', async () => {
      await list().importFromHost(given.folder as string);
      await row().waitFor({ timeout: 60_000 });
      await list().waitForImport();
      await expect.poll(() => list().summary.count(), patience).toBe(0);
      await expect
        .poll(async () => (await row().innerText()).replaceAll(/\s+/g, ' '), patience)
        .toContain(` ${given.images} `);
      await row().click();
      await window.page.getByRole('img', { name: window.text('worklist:preview.picture') }).waitFor();
      await picture(window, '05-worklist');
    });

    it('draws the pixels that DCMTK decodes', async () => {
      await list().read(row());
      await room().waitForPicture();
      const shown = await room().displayed();
      truth = readWithDcmtk(sources.get(shown.sopUid) ?? 'an image that was never imported');
      expect([shown.columns, shown.rows]).toEqual([truth.columns, truth.rows]);
      expect(sha256(Int32Array.from(shown.stored).toString())).toBe(sha256(Int32Array.from(truth.stored).toString()));
      const figures = await room().figures();
      expect(figures.greys, 'the canvas is blank').toBeGreaterThan(20);
      expect(await window.page.getByTestId('patient-banner').innerText()).toContain(given.patient);
      await picture(window, '06-reading-room');
    });

    it('says the HU that DCMTK says, at five stated voxels', async () => {
      for (const [column, line] of given.voxels) {
        const said = await room().valueSaidAt(column, line);
        const [place = '', value = ''] = said.split('·').map((part) => part.trim());
        expect(place).toBe(`${column}, ${line}`);
        expect(value, `at ${place}`).toMatch(given.language === 'fr' ? /UH$/ : /HU$/);
        expect(Number(value.replace('\u2212', '-').replaceAll(/[^\d.-]/g, ''))).toBeCloseTo(
          truth.huAt(column, line),
          6,
        );
      }
    });

    it('measures a length between two voxels within 0.1 mm of the geometry', async () => {
      const [from, to] = await room().onWholePixels(given.line[0], given.line[1]);
      await room().press('l');
      await room().drawBetween(from, to);
      const saved = async () => (await program.client.imaging.listAnnotations({ studyUid: truth.studyUid })).at(-1);
      await expect.poll(saved, patience).toBeDefined();
      annotation = (await saved()) as Annotation;
      const [rowMm, columnMm] = truth.pixelSpacing;
      const lengthMm = Math.hypot((to[0] - from[0]) * columnMm, (to[1] - from[1]) * rowMm);
      const length = annotation.measurements.find((each) => each.kind === 'length');
      expect(length).toMatchObject({ unit: 'mm', calibration: 'patient' });
      expect(Math.abs((length?.value ?? 0) - lengthMm)).toBeLessThan(0.1);
      expect(annotation).toMatchObject({ sopUid: truth.sopUid, tool: 'length', frame: 1, author: person.operatorName });
      // The same ends in the patient: as far apart as the number says.
      const [a, b] = annotation.pointsMm;
      expect(a && b && Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])).toBeCloseTo(length?.value ?? 0, 6);
      await room().press('Escape');
      await room().press('Escape');
      await room().chooseTab('measurements');
      await picture(window, '07-length');
    });

    it('looks: preset on a digit, invert, flip with its letters, reset', async () => {
      const before = await room().state();
      const seen = await room().figures();
      await room().press('2');
      const preset = await room().until((state) => state.window?.width !== before.window?.width);
      expect(preset.window?.width).toBeGreaterThan(0);
      await room().press('1');
      await room().until((state) => state.window?.width === before.window?.width);
      await room().press('i');
      await room().until((state) => state.isInverted);
      await expect
        .poll(async () => Math.abs((await room().figures()).mean - (255 - seen.mean)), patience)
        .toBeLessThan(6);
      const letters = await room().letters();
      expect(new Set(Object.values(letters)).size).toBe(4);
      await room().press('h');
      await expect
        .poll(() => room().letters(), patience)
        .toEqual({ ...letters, left: letters.right, right: letters.left });
      await room().press('v');
      await expect
        .poll(() => room().letters(), patience)
        .toEqual({ top: letters.bottom, bottom: letters.top, left: letters.right, right: letters.left });
      await room().press('0');
      await expect.poll(() => room().letters(), patience).toEqual(letters);
      expect((await room().state()).isInverted).toBe(false);
    });

    it('scrolls: a burst of 100 wheel steps lands on the 100th slice after the first', async () => {
      await room().press('Home');
      await room().until((state) => state.index === 0);
      await room().wheel(100);
      await room().until((state) => state.index === 100);
      await window.page.waitForTimeout(300);
      expect((await room().state()).index).toBe(100);
      expect(await window.page.getByTestId('slice-text').innerText()).toContain('101');
      const shown = await room().displayed();
      const other = readWithDcmtk(sources.get(shown.sopUid) ?? '');
      expect(other.sopUid).not.toBe(truth.sopUid);
      expect(sha256(Int32Array.from(shown.stored).toString())).toBe(sha256(Int32Array.from(other.stored).toString()));
    });

    it('plays cine, and stops', async () => {
      const { index } = await room().state();
      await room().press('c');
      await room().until((state) => state.index !== index);
      await room().press('c');
      await window.page.waitForTimeout(300);
      const stopped = (await room().state()).index;
      await window.page.waitForTimeout(400);
      expect((await room().state()).index).toBe(stopped);
    });

    it('cuts three planes', async () => {
      await room().press('m');
      await window.page.locator('[data-testid="mpr"][data-status="shown"]').waitFor({ timeout: 60_000 });
      for (const plane of ['axial', 'coronal', 'sagittal']) {
        const pane = window.page.getByTestId(`plane-${plane}`);
        await pane.locator('.reading-edge.at-top').waitFor();
        expect(await pane.locator('.reading-edge.at-top').innerText()).not.toBe('');
      }
      await window.page.waitForTimeout(500);
      await picture(window, '08-mpr');
      await room().press('m');
      await room().waitForPicture();
    });

    it('marks a key image', async () => {
      await room().chooseTab('measurements');
      await window.page.locator('.reading-measurements li').first().getByRole('button').first().click();
      await room().until((state) => state.status === 'shown');
      await expect.poll(() => room().shownSopUid(), patience).toBe(truth.sopUid);
      await room().press('k');
      await expect
        .poll(
          async () =>
            (await program.client.imaging.listKeyImages({ studyUid: truth.studyUid })).map((each) => each.sopUid),
          patience,
        )
        .toEqual([truth.sopUid]);
    });

    it('writes the report from a template, with the measurement and the key image', async () => {
      await room().chooseTab('report');
      await picture(window, '09-report-start');
      await report().start();
      await report().write('findings', `${given.findings} `);
      measurementWords = await report().insertMeasurement();
      await report().write('conclusion', given.conclusion);
      if ((await window.page.locator('.report-key-images li:not(.offered)').count()) === 0)
        await report().printKeyImage();
      await report().waitForSave();
      await picture(window, '10-report-draft');
      const [draft] = await readReports(program, { studyUid: truth.studyUid });
      expect(draft?.state).toBe('draft');
      expect(draft?.keyImages.map((each) => each.sopUid)).toEqual([truth.sopUid]);
      const chips = draft?.sections.flatMap((section) => section.paragraphs).flatMap((paragraph) => paragraph.content);
      expect(chips).toContainEqual(
        expect.objectContaining({ kind: 'measurement', annotationId: annotation.annotationId }),
      );
    });

    it('is signed with the password, and with no other, and opens as a PDF', async () => {
      const dialog = await report().preview();
      await picture(window, '11-sign');
      await report().sign(dialog, 'not the password');
      await dialog.getByRole('alert').waitFor();
      expect((await program.client.reports.list({ studyUid: truth.studyUid, state: 'signed' })).length).toBe(0);
      await report().sign(dialog, person.password);
      await report().signedDialog.waitFor({ timeout: 20_000 });
      expect(await report().waitForDrawnPages(report().signedDialog)).toBeGreaterThan(0);
      expect(await inkOf(window)).toBeGreaterThan(200);
      await picture(window, '12-signed');
      const text = await pdfTextOfNewest();
      for (const words of [given.patient, given.findings, given.conclusion, measurementWords, person.fullName, site]) {
        expect(flat(text)).toContain(flat(words));
      }
    });

    it('is all still there after a restart', async () => {
      documents = await readDocuments(program);
      await window.close();
      await host.stop();
      host = await startHost({ home: host.home });
      program = await host.connect(host.address);
      window = await openWindow(browser, await host.newAddress(), {
        language: given.language,
        viewport: given.viewport,
      });
      await new SignInPage(window).waitFor();
      await picture(window, '13-sign-in');
      await new SignInPage(window).enter(person.operatorName, person.password);
      await program.client.security.signIn(person);
      await row().waitFor();
      expect(await row().innerText()).toContain(window.text('worklist:report.signed'));
      await list().read(row());
      await room().waitForPicture();
      expect(await program.client.imaging.listAnnotations({ studyUid: truth.studyUid })).toEqual([annotation]);
      await room().chooseTab('measurements');
      await window.page.locator('.reading-measurements li').first().getByRole('button').first().click();
      await expect.poll(() => room().shownSopUid(), patience).toBe(truth.sopUid);
      const value = annotation.measurements.find((each) => each.kind === 'length')?.value ?? 0;
      const shownValue = value.toFixed(1).replace('.', given.language === 'fr' ? ',' : '.');
      await expect.poll(() => room().pane().locator('svg').first().innerHTML(), patience).toContain(shownValue);
      await room().chooseTab('report');
      await report().signedCards.getByRole('button').first().click();
      await report().waitForDrawnPages(report().signedDialog);
      expect(await readDocuments(program)).toEqual(documents);
      await picture(window, '14-after-restart');
      await window.page.keyboard.press('Escape');
      await report().signedDialog.waitFor({ state: 'hidden' });
      expect(await program.client.security.verifyAudit()).toMatchObject({ ok: true });
    });

    it('takes a correction as an addendum, the first report unchanged', async () => {
      await report().startAddendum();
      const section = window.page.locator('[data-section]').first();
      await section.waitFor();
      await section.click();
      await window.page.keyboard.type(given.correction);
      await report().waitForSave();
      const dialog = await report().preview();
      await report().sign(dialog, person.password);
      await report().signedDialog.waitFor({ timeout: 20_000 });
      await report().waitForDrawnPages(report().signedDialog);
      const text = flat(await pdfTextOfNewest());
      for (const words of [given.patient, given.correction, person.fullName]) expect(text).toContain(flat(words));
      const after = await readDocuments(program);
      expect(after.size).toBe(2);
      for (const [documentId, digest] of documents) expect(after.get(documentId)).toBe(digest);
      await window.page.keyboard.press('Escape');
      await list().open();
      await expect.poll(() => row().innerText(), patience).toContain(window.text('worklist:report.addendum'));
    });

    it('names nobody in the title or the address', async () => {
      const named = [await window.page.title(), window.page.url()].join(' ').toLowerCase();
      for (const word of given.patient.split(' ')) expect(named).not.toContain(word.toLowerCase());
    });

    async function pdfTextOfNewest(): Promise<string> {
      const signed = await program.client.reports.list({ studyUid: truth.studyUid, state: 'signed' });
      const newest = signed.sort((one, other) => (other.signedAt ?? 0) - (one.signedAt ?? 0))[0];
      const file = path.join(temporary, 'signed.pdf');
      writeFileSync(file, await readDocument(program, newest?.documentId ?? ''));
      return execFileSync(programOf('pdftotext'), ['-layout', '-enc', 'UTF-8', file, '-'], { encoding: 'utf8' });
    }

    async function readDocuments(client: HostClient): Promise<Map<string, string>> {
      const signed = await client.client.reports.list({ studyUid: truth.studyUid, state: 'signed' });
      const found = new Map<string, string>();
      for (const { documentId } of signed) {
        if (documentId) found.set(documentId, sha256(await readDocument(client, documentId)));
      }
      return found;
    }
  });
}

/** Text without its line breaks, spaces of any kind and hyphenation, for comparing words across layouts. */
function flat(text: string): string {
  return text.normalize('NFC').replaceAll(/[\s\u00a0\u202f]+/g, '');
}

/** How many different greys the first drawn page of a PDF has. */
function inkOf(window: SalusWindow): Promise<number> {
  return window.page.evaluate(() => {
    const canvas = [...document.querySelectorAll<HTMLCanvasElement>('canvas[data-drawn="true"]')].at(-1);
    const image = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height);
    if (!image) return 0;
    let dark = 0;
    for (let at = 0; at < image.data.length; at += 4) if ((image.data[at] ?? 255) < 128) dark += 1;
    return dark;
  });
}
