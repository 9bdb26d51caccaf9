import type { SalusWindow } from '../harness/chromiumWindow.ts';

/** The few settings there are. */
export class SettingsPage {
  readonly #window: SalusWindow;

  constructor(window: SalusWindow) {
    this.#window = window;
  }

  async open(section: 'security' | 'operators' | 'storage' | 'api' | 'audit' | 'about'): Promise<void> {
    const { page, text } = this.#window;
    await page.getByRole('button', { name: text('shell:rail.settings') }).click();
    await page.getByRole('navigation', { name: text('settings:title') }).waitFor();
    await page.getByRole('button', { name: text(`settings:sections.${section}`), exact: true }).click();
  }

  async disableOperator(fullName: string): Promise<void> {
    const { page, text } = this.#window;
    await page.getByRole('button', { name: text('settings:operators.actionsFor', { name: fullName }) }).click();
    await page.getByRole('menuitem', { name: text('settings:operators.disable') }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: text('settings:operators.disable') })
      .click();
  }
}
