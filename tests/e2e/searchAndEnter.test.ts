import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from '../../scripts/services.ts';
import type { SalusWindow } from './harness/chromiumWindow.ts';
import { openWorkstation, type Workstation } from './harness/workstation.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const person = { operatorName: 'scanner', fullName: 'Scanner', password: 'enter comes with the last digit' };
const patience = { timeout: 20_000 };

/** The hazard: Enter right after the last key chooses from the list before, and the next Enter reads somebody else. */
describe.skipIf(!have('chromium'))('Enter at once after a search (needs Chromium)', () => {
  let station: Workstation;
  let window: SalusWindow;

  beforeAll(async () => {
    station = await openWorkstation('scanned', person);
    // What comes last is on top: never the one that is looked for.
    for (const name of ['head-mr', 'ultrasound']) await station.bring(name);
    window = await station.enter();
  });
  afterAll(() => station?.close());

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

  it('keeps an Enter on a row that is clicked before the answer came, and opens what the answer lists only', async () => {
    const list = new WorklistPage(window);
    const { page, text } = window;
    const search = page.getByRole('searchbox', { name: text('worklist:search') });
    /** Types, clicks and presses Enter in one task: nothing can be asked or answered in between. */
    const searchAndRead = (typed: string, row: number) =>
      page.evaluate(
        ([words, at]) => {
          const box = document.querySelector<HTMLInputElement>('.worklist input[type="search"]')!;
          Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(box, words);
          box.dispatchEvent(new Event('input', { bubbles: true }));
          const clicked = document.querySelectorAll<HTMLElement>('.worklist .vt-row')[at]!;
          clicked.dispatchEvent(new MouseEvent('mousedown', { bubbles: true, cancelable: true }));
          const grid = clicked.closest<HTMLElement>('[role="grid"]')!;
          return new Promise<void>((resolve) =>
            queueMicrotask(() => {
              grid.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
              resolve();
            }),
          );
        },
        [typed, row] as const,
      );
    await search.fill('');
    await expect.poll(() => list.rows().count(), patience).toBe(2);
    const rows = await list.rows().allInnerTexts();
    const wanted = rows.findIndex((row) => row.includes('BEAUMONT'));
    await searchAndRead('BEAUMONT', 1 - wanted);
    await expect.poll(() => list.rows().count(), patience).toBe(1);
    await page.waitForTimeout(300);
    expect(await page.getByTestId('reading-room').count()).toBe(0);
    await search.fill('');
    await expect.poll(() => list.rows().count(), patience).toBe(2);
    await searchAndRead('BEAUMONT', wanted);
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
