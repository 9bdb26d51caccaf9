import path from 'node:path';
import type { Locator } from 'playwright';
import type { SalusWindow } from '../harness/chromiumWindow.ts';
import { patternOf } from '../harness/localeTexts.ts';

/** The worklist, the ways to import from it, and the frame around every screen. */
export class WorklistPage {
  readonly #window: SalusWindow;

  constructor(window: SalusWindow) {
    this.#window = window;
  }

  async waitFor(): Promise<void> {
    const { page, text } = this.#window;
    await page.getByRole('heading', { name: text('worklist:title'), level: 1 }).waitFor();
  }

  async open(): Promise<void> {
    const { page, text } = this.#window;
    await page.getByRole('button', { name: text('shell:rail.worklist') }).click();
    await this.waitFor();
  }

  get grid(): Locator {
    return this.#window.page.getByRole('grid', { name: this.#window.text('worklist:title') });
  }

  /** The rows in view that hold all of these texts. */
  rows(...texts: readonly string[]): Locator {
    let rows = this.grid.locator('[role="row"][aria-rowindex]:not(.vt-head)');
    for (const text of texts) rows = rows.filter({ hasText: text });
    return rows;
  }

  /** Imports a folder or file by its path on the host's machine, through the dialog that browses it. */
  async importFromHost(target: string): Promise<void> {
    const { page, text, language } = this.#window;
    await this.openImportMenu();
    await page.getByRole('button', { name: text('imports:ways.host') }).click();
    const dialog = page.getByRole('dialog', { name: text('imports:host.title') });
    await dialog.waitFor();
    const list = dialog.getByRole('list');
    await list.getByRole('listitem').first().waitFor();
    // Up to the top first, then down name by name, as a person goes.
    const up = dialog.getByRole('button', { name: text('components:browser.up') });
    const shown = dialog.locator('.host-browser-path span');
    let here = await this.#waitForPath(shown, '');
    while (here !== '/' && !isUnder(target, here)) {
      await up.click();
      here = await this.#waitForPath(shown, here);
    }
    const parts = path.relative(here || '/', target).split(path.sep);
    const last = parts.pop() ?? '';
    for (const part of parts) {
      await list.getByRole('button', { name: part, exact: true }).first().click();
      here = await this.#waitForPath(shown, here);
    }
    await list.getByRole('checkbox', { name: text('components:browser.choose', { name: last }), exact: true }).check();
    await dialog.getByRole('button', { name: patternOf(language, 'imports:host.import') }).click();
    await dialog.waitFor({ state: 'hidden' });
  }

  async openImportMenu(): Promise<void> {
    const { page, text } = this.#window;
    const here = page.getByRole('region', { name: text('worklist:title') });
    await here
      .getByRole('button', { name: text('worklist:import') })
      .first()
      .click();
    await page.getByRole('dialog', { name: text('imports:title') }).waitFor();
  }

  /** Sends files through the page as the file chooser would. */
  async upload(files: readonly string[]): Promise<void> {
    const { page } = this.#window;
    await page.getByTestId('import-files').setInputFiles([...files]);
  }

  /** Drags files or folders from outside over the window and drops them, through the browser's own drag and drop. */
  async drop(sources: readonly string[]): Promise<void> {
    const { page, text } = this.#window;
    const browser = await page.context().newCDPSession(page);
    const { width = 0, height = 0 } = page.viewportSize() ?? {};
    const drag = (type: 'dragEnter' | 'dragOver' | 'drop') =>
      browser.send('Input.dispatchDragEvent', {
        type,
        x: width / 2,
        y: height / 2,
        data: { items: [], files: [...sources], dragOperationsMask: 1 },
      });
    await drag('dragEnter');
    // As a hand does: a drag over the window says so again and again, also while a dialog is still closing under it.
    const veil = page.getByText(text('imports:drop.title'));
    for (let moves = 0; moves < 60 && !(await veil.isVisible()); moves += 1) {
      await drag('dragOver');
      await page.waitForTimeout(50);
    }
    await veil.waitFor({ timeout: 1000 });
    await drag('drop');
    await browser.detach();
  }

  /** The import summary, opened by itself or from the tray. */
  get summary(): Locator {
    return this.#window.page.getByRole('dialog', { name: this.#window.text('imports:summary.title') });
  }

  /** Follows the way to the summary that a finished import offers. */
  async openSummary(): Promise<void> {
    const { page, text } = this.#window;
    await page
      .getByRole('button', { name: text('imports:look') })
      .last()
      .click();
    await this.summary.waitFor();
  }

  async openTray(): Promise<Locator> {
    const { page, text } = this.#window;
    const tray = page.getByRole('dialog').filter({ has: page.getByRole('heading', { name: text('jobs:title') }) });
    if ((await tray.count()) === 0) await page.locator('.jobs-button').click();
    await tray.waitFor();
    return tray;
  }

  async closeTray(): Promise<void> {
    const { page, text } = this.#window;
    await page.locator('.jobs-button').click();
    await page.getByRole('heading', { name: text('jobs:title') }).waitFor({ state: 'hidden' });
  }

  /** Waits until the tray says that the newest task has ended well. */
  async waitForImport(timeoutMs = 90_000): Promise<void> {
    const { page, language } = this.#window;
    const said = patternOf(language, 'jobs:lastEnded.done').source.slice(1, -1);
    await page
      .locator('.jobs-button')
      .filter({ hasText: new RegExp(said, 'u') })
      .waitFor({ timeout: timeoutMs });
  }

  /** Selects a row and reads it, by the keyboard as the help says. */
  async read(row: Locator): Promise<void> {
    await row.click();
    await this.#window.page.keyboard.press('Enter');
  }

  async lock(): Promise<void> {
    const { page, text } = this.#window;
    await page
      .getByRole('banner')
      .first()
      .getByRole('button', { name: text('shell:operator.lock') })
      .click();
  }

  /** Chooses an entry of the operator's menu: language, theme, password … */
  async chooseInMenu(name: string | RegExp): Promise<void> {
    const { page } = this.#window;
    await page.locator('.avatar').click();
    await page.getByRole('menuitem', { name }).click();
  }

  async #waitForPath(shown: Locator, before: string): Promise<string> {
    for (let tries = 0; tries < 100; tries += 1) {
      const now = (await shown.getAttribute('title')) ?? '';
      if (now !== '' && now !== before) return now;
      await this.#window.page.waitForTimeout(50);
    }
    return before;
  }
}

function isUnder(target: string, folder: string): boolean {
  const relative = path.relative(folder, target);
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
}
