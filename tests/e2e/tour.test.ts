import { existsSync, globSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { demonstration } from '../../app/domains/system/demonstration.ts';
import { have } from '../../scripts/services.ts';
import { hostIsGone, launchBrowser, openWindow, picture, type SalusWindow } from './harness/chromiumWindow.ts';
import { patternOf } from './harness/localeTexts.ts';
import {
  type HostClient,
  makeFolder,
  type RunningHost,
  samplesFolder,
  startHost,
  waitForJob,
} from './harness/runningHost.ts';
import { readReports } from './harness/signedReports.ts';
import { FirstRunPage, SignInPage } from './pages/doorPages.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { ReportPanelPage } from './pages/reportPanelPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const patience = { timeout: 20_000 };

describe.skipIf(!have('chromium'))('a tour without questions (needs Chromium)', () => {
  let browser: Browser;
  const opened: SalusWindow[] = [];
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    const said = opened.splice(0).map(async (window) => {
      const complaints = window.complaints();
      await window.close();
      return complaints;
    });
    expect((await Promise.all(said)).flat()).toEqual([]);
  });
  afterAll(() => browser?.close());

  it('--sample goes straight to the sample studies, says so, lets a report be signed, and keeps nothing', async () => {
    const host = await startHost({ sample: true });
    try {
      expect(host.home.startsWith(tmpdir())).toBe(true);
      const window = await openWindow(browser, host.address);
      opened.push(window);
      const list = new WorklistPage(window);
      await list.waitFor();
      await window.page.getByText(patternOf('en', 'shell:sample.chip')).waitFor();
      await expect.poll(() => list.rows().count(), patience).toBe(6);
      await picture(window, 'sample-worklist');
      await list.read(list.rows('Radiographie').first());
      await new ReadingRoomPage(window).waitForPicture();
      await picture(window, 'sample-radiograph');
      await new ReadingRoomPage(window).chooseTab('report');
      const report = new ReportPanelPage(window);
      await report.start();
      await report.write('findings', 'Computed.');
      await report.write('conclusion', 'A phantom.');
      await report.waitForSave();
      await report.sign(await report.preview(), demonstration.password);
      await report.signedDialog.waitFor(patience);
    } finally {
      await host.stop();
    }
    opened[0]?.expectComplaint(hostIsGone);
    expect(existsSync(host.home)).toBe(false);
  });

  it('the first run offers the same, beside setting up', async () => {
    const { folder, remove } = await makeFolder('tour');
    const host = await startHost({ home: path.join(folder, 'home') });
    try {
      const window = await openWindow(browser, host.address, { language: 'fr' });
      opened.push(window);
      const first = new FirstRunPage(window);
      await first.welcome();
      await first.openSamples();
      const list = new WorklistPage(window);
      await list.waitFor();
      await expect.poll(() => list.rows().count(), patience).toBe(6);
      // Nothing was set up where the store would be.
      expect(globSync('keyring*', { cwd: host.home })).toEqual([]);
    } finally {
      await host.stop();
      await remove();
    }
    opened[0]?.expectComplaint(hostIsGone);
  });
});

describe.skipIf(!have('chromium'))('two windows on one study (needs Chromium)', () => {
  const person = { operatorName: 'twice', fullName: 'Twice There', password: 'two windows, one study' };
  let browser: Browser;
  let host: RunningHost;
  let program: HostClient;
  let remove: () => Promise<void>;
  let left: SalusWindow;
  let right: SalusWindow;

  beforeAll(async () => {
    const made = await makeFolder('twice');
    ({ remove } = made);
    host = await startHost({ home: path.join(made.folder, 'home') });
    program = await host.connect(host.address);
    await program.client.security.setUp({ ...person, language: 'en', siteName: '' });
    await program.client.security.confirmRecoveryKey();
    const { jobId } = await program.client.imaging.importPaths({ paths: [path.join(samplesFolder(), 'ultrasound')] });
    await waitForJob(program.client, jobId);
    browser = await launchBrowser();
    [left, right] = [
      await openWindow(browser, await host.newAddress()),
      await openWindow(browser, await host.newAddress()),
    ];
    for (const window of [left, right]) {
      await new SignInPage(window).enter(person.operatorName, person.password);
      const list = new WorklistPage(window);
      await list.read(list.rows("O'BRIEN").first());
      await new ReadingRoomPage(window).waitForPicture();
    }
  });
  afterEach(() => {
    expect([...left.complaints(), ...right.complaints()]).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await host?.stop();
    await remove?.();
  });

  it('what is measured in one appears in the other', async () => {
    const room = new ReadingRoomPage(left);
    await room.press('l');
    await room.drawBetween([150, 150], [300, 260]);
    await expect.poll(() => left.page.locator('.reading-measurements li').count(), patience).toBe(1);
    await expect.poll(() => right.page.locator('.reading-measurements li').count(), patience).toBe(1);
    const words = await left.page.locator('.reading-measurements li').first().innerText();
    expect(words).toMatch(/mm/);
    expect(await right.page.locator('.reading-measurements li').first().innerText()).toBe(words);
  });

  it('a draft written in both is a question, and loses neither text', async () => {
    const [ours, theirs] = [new ReportPanelPage(left), new ReportPanelPage(right)];
    await new ReadingRoomPage(left).chooseTab('report');
    await ours.start();
    await new ReadingRoomPage(right).chooseTab('report');
    await theirs.section('findings').waitFor();
    await ours.write('findings', 'Written on the left.');
    await ours.waitForSave();
    const { studyUid } =
      (await program.client.worklist.list({ filter: {}, sort: { key: 'receivedAt', direction: 'ascending' } }))
        .rows[0] ?? {};
    const newest = async () => (await readReports(program, { studyUid: studyUid ?? '' }))[0];
    await expect.poll(async () => JSON.stringify(await newest()), patience).toContain('Written on the left.');
    await theirs.write('findings', 'Written on the right.');
    await right.page.getByText(right.text('reports:conflict.title')).waitFor(patience);
    await picture(right, 'draft-conflict');
    expect(JSON.stringify(await newest())).toContain('Written on the left.');
    await right.page.getByRole('button', { name: right.text('reports:conflict.keepMine') }).click();
    await expect.poll(async () => JSON.stringify(await newest()), patience).toContain('Written on the right.');
  });

  it('locking one leaves the other at work', async () => {
    await new WorklistPage(left).lock();
    await new SignInPage(left).waitFor();
    expect(await right.page.getByTestId('reading-room').isVisible()).toBe(true);
    expect((await program.client.security.session())?.operatorName).toBe(person.operatorName);
  });
});
