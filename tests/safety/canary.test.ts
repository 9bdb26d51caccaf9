import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BrowserContext } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from '../../scripts/services.ts';
import { guardWindow, launchProfile, type SalusWindow } from '../e2e/harness/chromiumWindow.ts';
import { withText, writeSmallImages } from '../e2e/harness/madeFiles.ts';
import { type RunningHost, startHost } from '../e2e/harness/runningHost.ts';
import {
  countFiles,
  fileHolds,
  needlesOf,
  processTree,
  tracesIn,
  tracesInArguments,
  tracesInOpenFiles,
} from '../e2e/harness/traces.ts';
import { FirstRunPage } from '../e2e/pages/doorPages.ts';
import { ReadingRoomPage } from '../e2e/pages/readingRoomPage.ts';
import { ReportPanelPage } from '../e2e/pages/reportPanelPage.ts';
import { WorklistPage } from '../e2e/pages/worklistPage.ts';

/** Words that exist nowhere else: of a person, and what is written about them. */
const canary = {
  name: 'QZXCANARY^WVUT',
  family: 'QZXCANARY',
  id: 'CNRYID-773190-45XQ',
  description: 'CNRYDESC1',
  file: 'cnryfilename',
  label: 'CNRYLABEL',
  finding: 'CNRYFINDING',
  caption: 'CNRYCAPTION',
};
const person = { operatorName: 'keeper', fullName: 'Keeper', password: 'nothing may leak away' };

describe.skipIf(!have('chromium') || process.platform !== 'linux')(
  'a patient leaves no trace outside the encrypted store (needs Chromium, Linux)',
  () => {
    const needles = needlesOf(Object.values(canary));
    let folder: string;
    let host: RunningHost;
    let context: BrowserContext;
    let window: SalusWindow;
    const place = (name: string) => path.join(folder, name);

    beforeAll(async () => {
      folder = mkdtempSync(path.join(tmpdir(), 'salus-traces-'));
      for (const name of ['host-temp', 'browser-temp', 'profile']) mkdirSync(place(name));
      const { files } = writeSmallImages(place('source'), { count: 6, seed: 'canary', rows: 256, columns: 256 });
      for (const [index, file] of files.entries()) {
        let bytes: Uint8Array = readFileSync(file);
        bytes = withText(bytes, 'BERNARD^Ana\u00efs', canary.name);
        bytes = withText(bytes, 'LOAD-canary-000000', canary.id);
        bytes = withText(bytes, 'Load test', canary.description);
        rmSync(file);
        writeFileSync(path.join(path.dirname(file), `${canary.file}-${index}.dcm`), bytes);
      }
      writeFileSync(place(`source/${canary.file}.txt`), `not DICOM, but about ${canary.family}`);
      host = await startHost({ home: place('home'), env: { TMPDIR: place('host-temp') } });
      context = await launchProfile(place('profile'), { TMPDIR: place('browser-temp') });
      window = await guardWindow(context, host.address, 'en');
    });
    afterAll(async () => {
      await context?.close();
      await host?.kill();
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    });

    it('the search itself finds a trace in every form', () => {
      const file = place('control');
      for (const form of [
        Buffer.from(`x${canary.family}`, 'utf8'),
        Buffer.from(canary.id.toLowerCase(), 'utf16le'),
        Buffer.concat([Buffer.alloc(8 * 1024 * 1024 - 3), Buffer.from(canary.finding)]),
      ]) {
        writeFileSync(file, form);
        expect(fileHolds(file, needles)).toBe(true);
      }
      writeFileSync(file, 'nobody is named here');
      expect(fileHolds(file, needles)).toBe(false);
    });

    it('is imported, opened, measured, reported and signed', async () => {
      const { page, text } = window;
      const first = new FirstRunPage(window);
      await first.welcome();
      await first.acceptAndSetUp();
      await first.createOperator(person, 'Traces');
      await first.keepRecoveryKey();
      const list = new WorklistPage(window);
      await list.drop([place('source')]);
      await list.rows(canary.family).first().waitFor();
      await page.getByLabel(text('worklist:search')).fill(canary.family.slice(0, 6).toLowerCase());
      await list.rows(canary.family, canary.description).first().waitFor();
      await list.read(list.rows(canary.family).first());
      const room = new ReadingRoomPage(window);
      await room.waitForPicture();
      await room.press('l');
      await room.drawBetween([60, 60], [180, 150]);
      await room.press('Escape');
      await room.press('Escape');
      await room.press('k');
      const label = page.locator('.reading-measurements input').first();
      await label.fill(canary.label);
      await label.press('Enter');
      await room.chooseTab('info');
      await room.chooseTab('report');
      const report = new ReportPanelPage(window);
      await report.start();
      await report.write('findings', `${canary.finding} of ${canary.family}`);
      await report.write('conclusion', canary.finding);
      if ((await page.locator('.report-key-images li:not(.offered)').count()) === 0) await report.printKeyImage();
      await page.locator('.report-key-images input').first().fill(canary.caption);
      await report.waitForSave();
      const dialog = await report.preview();
      expect(await page.content()).toContain(canary.family);
      await report.sign(dialog, person.password);
      await report.signedDialog.waitFor();
      await report.waitForDrawnPages(report.signedDialog);
      expect(window.complaints()).toEqual([]);
    });

    it('is in no title, address, argument or open file while it is on the screen', async () => {
      expect(await window.page.content()).toContain(canary.family);
      const said = [
        await window.page.title(),
        window.page.url(),
        await window.page.evaluate(() => JSON.stringify(history.state)),
      ];
      expect(needles.some((needle) => Buffer.from(said.join(' ')).includes(needle))).toBe(false);
      // Playwright starts the browser as a child of this process.
      const pids = [...processTree(host.pid), ...processTree(process.pid).filter((pid) => pid !== process.pid)];
      expect(pids.length).toBeGreaterThan(4);
      expect(tracesInArguments(pids, needles)).toEqual([]);
      const { found, looked } = tracesInOpenFiles(pids, needles);
      expect(looked).toBeGreaterThan(10);
      expect(found).toEqual([]);
    });

    it('is in no file of store, log, temp folder or browser profile after everything was killed', async () => {
      await window.page.keyboard.press('Escape');
      await context.close();
      await host.kill();
      expect(host.output()).not.toContain(canary.family);
      for (const name of ['home', 'profile']) expect(countFiles(place(name)), name).toBeGreaterThan(5);
      for (const name of ['home', 'host-temp', 'browser-temp', 'profile'])
        expect(tracesIn(place(name), needles), name).toEqual([]);
      // The control: where the files came from, they are.
      expect(tracesIn(place('source'), needles).length).toBeGreaterThan(6);
    });
  },
);
