import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demonstration } from '../../app/domains/system/demonstration.ts';
import { have } from '../../scripts/services.ts';
import { hostIsGone, launchBrowser, openWindow, type SalusWindow } from './harness/chromiumWindow.ts';
import { type RunningHost, startHost } from './harness/runningHost.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { ReportPanelPage } from './pages/reportPanelPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

/** The hazard: a page is signed that nobody could see, as it was parsed and not yet, or never, drawn. */
describe.skipIf(!have('chromium'))('the last look before signing (needs Chromium)', () => {
  let browser: Browser;
  let host: RunningHost;
  let window: SalusWindow;

  beforeAll(async () => {
    browser = await launchBrowser();
    host = await startHost({ sample: true });
    window = await openWindow(browser, host.address, {
      prepare: async (page) => {
        await page.addInitScript(() => {
          const { getContext } = HTMLCanvasElement.prototype;
          HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, ...given: unknown[]) {
            const isBroken = document.documentElement.dataset['pages'] === 'broken';
            if (isBroken && this.classList.contains('report-page')) throw new Error('no memory for a canvas');
            return Reflect.apply(getContext, this, given);
          } as typeof getContext;
        });
      },
    });
  });
  afterAll(async () => {
    window?.expectComplaint(hostIsGone);
    await window?.close();
    await browser?.close();
    await host?.stop();
  });

  it('offers no signature for a page that cannot be drawn, says so, and offers it once the page is there', async () => {
    const { page, text } = window;
    const list = new WorklistPage(window);
    await list.waitFor();
    await list.read(list.rows('Radiographie').first());
    const room = new ReadingRoomPage(window);
    await room.waitForPicture();
    await room.chooseTab('report');
    const report = new ReportPanelPage(window);
    await report.start();
    await report.write('findings', 'Computed.');
    await report.write('conclusion', 'A phantom.');
    await report.waitForSave();

    const breakPages = (how: string) =>
      page.evaluate((value) => {
        document.documentElement.dataset['pages'] = value;
      }, how);
    await breakPages('broken');
    await page.getByRole('button', { name: text('reports:previewAndSign') }).click();
    const dialog = page.getByRole('dialog', { name: text('reports:sign.title') });
    const sign = dialog.getByRole('button', { name: text('reports:sign.confirm'), exact: true });
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel(text('reports:sign.password')).fill(demonstration.password);
    expect(await sign.isDisabled()).toBe(true);
    await dialog.getByRole('button', { name: text('reports:sign.cancel'), exact: true }).click();
    await dialog.waitFor({ state: 'hidden' });

    await breakPages('whole');
    await report.sign(await report.preview(), demonstration.password);
    await report.signedDialog.waitFor();
    expect(window.complaints()).toEqual([]);
  });
});
