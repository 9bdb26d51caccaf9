import path from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from '../../scripts/services.ts';
import { launchBrowser, openWindow, type SalusWindow } from './harness/chromiumWindow.ts';
import { makeFolder, type RunningHost, samplesFolder, startHost, waitForJob } from './harness/runningHost.ts';
import { SignInPage } from './pages/doorPages.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const person = { operatorName: 'scanner', fullName: 'Scanner', password: 'enter comes with the last digit' };
const patience = { timeout: 20_000 };

/** The hazard: Enter right after the last key chooses from the list before, and the next Enter reads somebody else. */
describe.skipIf(!have('chromium'))('Enter at once after a search (needs Chromium)', () => {
  let browser: Browser;
  let host: RunningHost;
  let window: SalusWindow;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    const made = await makeFolder('scanned');
    ({ remove } = made);
    host = await startHost({ home: path.join(made.folder, 'home') });
    const { client } = await host.connect(host.address);
    await client.security.setUp({ ...person, language: 'en', siteName: '' });
    await client.security.confirmRecoveryKey();
    // What comes last is on top: never the one that is looked for.
    for (const folder of ['head-mr', 'ultrasound']) {
      const { jobId } = await client.imaging.importPaths({ paths: [path.join(samplesFolder(), folder)] });
      await waitForJob(client, jobId);
    }
    browser = await launchBrowser();
    window = await openWindow(browser, await host.newAddress());
    await new SignInPage(window).enter(person.operatorName, person.password);
    await new WorklistPage(window).waitFor();
  });
  afterAll(async () => {
    await window?.close();
    await browser?.close();
    await host?.stop();
    await remove?.();
  });

  it('waits for its own answer in the worklist, and reads nobody else', async () => {
    const list = new WorklistPage(window);
    const { page, text } = window;
    await expect.poll(() => list.rows().count(), patience).toBe(2);
    expect(await list.rows().first().innerText()).toContain("O'BRIEN");
    const search = page.getByRole('searchbox', { name: text('worklist:search') });
    // In one task, as a scanner that types into the page does: no render, no delay of 60 ms lies between.
    await search.fill('BEAUMONT');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await expect.poll(() => list.grid.locator('[role="row"].selected').count(), patience).toBe(1);
    expect(await list.grid.locator('[role="row"].selected').innerText()).toContain('BEAUMONT');
    expect(await page.getByTestId('reading-room').count()).toBe(0);
    await page.keyboard.press('Enter');
    await new ReadingRoomPage(window).waitForPicture();
    expect(await page.locator('.reading-corner.top-left b').first().innerText()).toContain('BEAUMONT');
    await list.open();
  });

  it('finds the way from an empty list', async () => {
    const list = new WorklistPage(window);
    const { page, text } = window;
    const search = page.getByRole('searchbox', { name: text('worklist:search') });
    await search.fill('NOBODY AT ALL');
    await expect.poll(() => list.rows().count(), patience).toBe(0);
    await search.fill('BEAUMONT');
    await page.keyboard.press('Enter');
    await expect.poll(() => list.grid.locator('[role="row"].selected').count(), patience).toBe(1);
    await page.keyboard.press('Enter');
    await new ReadingRoomPage(window).waitForPicture();
    await list.open();
  });

  it('waits among the patients, too', async () => {
    const { page, text } = window;
    await page.getByRole('button', { name: text('shell:rail.patients') }).click();
    const grid = page.getByRole('grid', { name: text('patients:title') });
    const selected = grid.locator('[role="row"].selected');
    await expect.poll(() => grid.locator('[role="row"][aria-rowindex]:not(.vt-head)').count(), patience).toBe(2);
    for (const name of ['BEAUMONT', 'BRIEN']) {
      await page.getByRole('searchbox', { name: text('patients:search') }).fill(name);
      await page.keyboard.press('Enter');
      await expect.poll(() => selected.count(), patience).toBe(1);
      expect(await selected.innerText()).toContain(name);
    }
    expect(window.complaints()).toEqual([]);
  });
});
