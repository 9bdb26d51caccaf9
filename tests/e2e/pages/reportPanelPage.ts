import type { Locator } from 'playwright';
import type { SalusWindow } from '../harness/chromiumWindow.ts';

/** The report beside the pictures: draft, signature, signed documents. */
export class ReportPanelPage {
  readonly #window: SalusWindow;

  constructor(window: SalusWindow) {
    this.#window = window;
  }

  /** Starts a report from the template that is proposed first. */
  async start(): Promise<void> {
    const { page, text } = this.#window;
    await page.getByRole('button', { name: text('reports:start.button') }).click();
    await this.section('findings').waitFor();
  }

  section(key: string): Locator {
    return this.#window.page.locator(`[data-section="${key}"]`);
  }

  async write(key: string, words: string): Promise<void> {
    const section = this.section(key);
    await section.click();
    await this.#window.page.keyboard.press('Control+End');
    await this.#window.page.keyboard.type(words);
  }

  /** Puts a measurement into the section that was written in last. */
  async insertMeasurement(index = 0): Promise<string> {
    const { page, text } = this.#window;
    const offered = page.getByTitle(text('reports:insert')).nth(index);
    const words = (await offered.innerText()).replace(/^\+\s*/, '');
    await offered.click();
    return words;
  }

  async printKeyImage(): Promise<void> {
    const { page, text } = this.#window;
    await page
      .getByRole('button', { name: text('reports:keyImage.add') })
      .first()
      .click();
  }

  /** Waits until the draft says that it is saved. */
  async waitForSave(): Promise<void> {
    await this.#window.page.locator('[data-save-state="saved"]').waitFor({ timeout: 15_000 });
  }

  /** Opens the last look, where the document is drawn as it will be signed. */
  async preview(): Promise<Locator> {
    const { page, text } = this.#window;
    await page.getByRole('button', { name: text('reports:previewAndSign') }).click();
    const dialog = page.getByRole('dialog', { name: text('reports:sign.title') });
    await dialog.locator('canvas[data-drawn="true"]').first().waitFor({ timeout: 30_000 });
    return dialog;
  }

  async sign(dialog: Locator, password: string): Promise<void> {
    const { text } = this.#window;
    await dialog.getByLabel(text('reports:sign.password')).fill(password);
    await dialog.getByRole('button', { name: text('reports:sign.confirm'), exact: true }).click();
  }

  /** The signed document, opened in the window. */
  get signedDialog(): Locator {
    const { page, text } = this.#window;
    return page.getByRole('dialog', { name: text('reports:signedReport') });
  }

  async waitForDrawnPages(dialog: Locator): Promise<number> {
    await dialog.locator('canvas[data-drawn="true"]').first().waitFor({ timeout: 30_000 });
    return Number(await dialog.locator('[data-pages]').getAttribute('data-pages'));
  }

  get signedCards(): Locator {
    return this.#window.page.locator('.report-card');
  }

  async startAddendum(): Promise<void> {
    const { page, text } = this.#window;
    await page.getByRole('button', { name: text('reports:addendum'), exact: true }).click();
  }
}
