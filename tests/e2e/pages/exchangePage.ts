import type { Locator } from 'playwright';
import type { SalusWindow } from '../harness/chromiumWindow.ts';
import { patternOf } from '../harness/localeTexts.ts';

type Place = 'queues' | 'search' | 'nodes' | 'receiving' | 'schedule' | 'rules' | 'conflicts';
type EntryField = 'lastName' | 'firstName' | 'patientId' | 'birthDate' | 'procedure' | 'modality' | 'time';
type RulePart = 'routing' | 'prefetch';

/** The screen of the other systems: queues, search, nodes, receiving, what is planned. */
export class ExchangePage {
  readonly #window: SalusWindow;

  constructor(window: SalusWindow) {
    this.#window = window;
  }

  /** Goes to a place of the screen, by its key once the screen is open. */
  async open(place: Place): Promise<void> {
    const { page, text } = this.#window;
    const tab = page.getByRole('tab', { name: text(`exchange:places.${place}`) });
    if (!(await tab.isVisible())) await page.getByRole('button', { name: text('shell:rail.exchange') }).click();
    await tab.click();
  }

  /** Rows of the list in view that hold every one of the texts. */
  rows(...having: readonly string[]): Locator {
    let rows = this.#window.page.locator('.exchange .vt-row');
    for (const text of having) rows = rows.filter({ hasText: text });
    return rows;
  }

  get side(): Locator {
    return this.#window.page.locator('.exchange-side');
  }

  /** Adds a DIMSE node, from the usual settings of no product. */
  async addNode(node: { name: string; host: string; port: number; aeTitle: string; receive?: boolean }): Promise<void> {
    const { page, text } = this.#window;
    await this.open('nodes');
    await page
      .getByRole('button', { name: text('exchange:nodeForm.add') })
      .first()
      .click();
    const dialog = page.getByRole('dialog', { name: text('exchange:nodeForm.add') });
    await dialog.getByLabel(text('exchange:nodeForm.name')).fill(node.name);
    await dialog.getByLabel(text('exchange:nodeForm.aeTitle')).fill(node.aeTitle);
    await dialog.getByLabel(text('exchange:nodeForm.host')).fill(node.host);
    await dialog.getByLabel(text('exchange:nodeForm.port')).fill(String(node.port));
    if (node.receive) await dialog.getByLabel(text('exchange:use.receiveWhat')).check();
    await dialog.getByRole('button', { name: text('exchange:nodeForm.save') }).click();
    await dialog.waitFor({ state: 'hidden' });
    await this.rows(node.name).waitFor();
  }

  /** Chooses a node that was never tested, tests it, and waits for the answer in the list: what it says. */
  async test(name: string): Promise<string> {
    const { page, text } = this.#window;
    await this.open('nodes');
    await this.rows(name).click();
    await this.side.getByRole('button', { name: text('exchange:test.button') }).click();
    await this.side.locator('.exchange-steps').waitFor({ timeout: 20_000 });
    await page.waitForFunction(() => document.querySelector('.exchange-side [aria-busy="true"]') === null);
    return this.rows(name).locator('.exchange-mark').innerText();
  }

  /** The steps of the test on the screen, each with whether it went well. */
  async steps(): Promise<{ words: string; ok: boolean }[]> {
    const items = await this.side.locator('.exchange-steps > li').all();
    return Promise.all(
      items.map(async (item) => ({
        words: (await item.innerText()).replace(/\s+/gu, ' '),
        ok: (await item.getAttribute('class')) === 'fine',
      })),
    );
  }

  /** Sends the study chosen in the worklist, whole, to a node. Says what the dialog showed before. */
  async sendChosen(node: string): Promise<string> {
    const { page, text, language } = this.#window;
    await page.keyboard.press('s');
    const dialog = page.getByRole('dialog', { name: text('exchange:send.title') });
    await dialog.getByRole('radio', { name: node }).check();
    await dialog.getByText(patternOf(language, 'exchange:send.objects')).waitFor();
    const shown = await dialog.innerText();
    await dialog.getByRole('button', { name: text('exchange:send.to', { node }) }).click();
    await dialog.waitFor({ state: 'hidden' });
    return shown;
  }

  /** Opens the receiver to this computer on a port. */
  async switchReceiverOn(port: number): Promise<void> {
    const { page, text } = this.#window;
    await this.open('receiving');
    await page.getByRole('button', { name: text('exchange:receiver.turnOn') }).click();
    const dialog = page.getByRole('dialog', { name: text('exchange:receiver.title') });
    await dialog.getByLabel(text('exchange:receiver.port')).fill(String(port));
    await dialog.getByRole('button', { name: text('exchange:nodeForm.save') }).click();
    await dialog.waitFor({ state: 'hidden' });
  }

  /** Asks the nodes for what begins with a name; answers when every node has. */
  async search(patientName: string): Promise<void> {
    const { page, text } = this.#window;
    await this.open('search');
    await page.getByLabel(text('exchange:find.name')).fill(patientName);
    await page.keyboard.press('Enter');
    await page.locator('.exchange-answers li').first().waitFor();
    await page.locator('.exchange-answers .btn-spin').first().waitFor({ state: 'hidden', timeout: 20_000 });
  }

  /** Writes an entry for today's worklist. */
  async plan(entry: Readonly<Partial<Record<EntryField, string>>>): Promise<void> {
    const { page, text } = this.#window;
    await this.open('schedule');
    await page.getByRole('button', { name: text('exchange:schedule.add') }).click();
    const dialog = page.getByRole('dialog', { name: text('exchange:schedule.add') });
    for (const [field, words] of Object.entries(entry))
      await dialog.getByLabel(text(`exchange:schedule.fields.${field}`), { exact: true }).fill(words);
    await dialog.getByRole('button', { name: text('exchange:nodeForm.save') }).click();
    await dialog.waitFor({ state: 'hidden' });
  }

  /** Goes to one of the two kinds of rule. */
  async openRules(part: RulePart): Promise<void> {
    const { page, text } = this.#window;
    await this.open('rules');
    await page.getByRole('button', { name: text(`rules:parts.${part}`) }).click();
    await page.getByRole('region', { name: text(`rules:parts.${part}`) }).waitFor();
  }

  /** The line of a rule, with its switch. */
  rule(name: string): Locator {
    return this.#window.page.locator('.rules > li').filter({ has: this.#window.page.getByText(name, { exact: true }) });
  }

  /** Begins a rule by its key; the form is open. */
  async beginRule(part: RulePart): Promise<Locator> {
    const { page, text } = this.#window;
    await this.openRules(part);
    await page.keyboard.press('n');
    const dialog = page.getByRole('dialog', { name: text(`rules:add.${part}`) });
    await dialog.waitFor();
    return dialog;
  }

  /** Presses what is offered for a condition, or types it where it is not. */
  async choose(dialog: Locator, field: 'modalities' | 'bodyParts' | 'callers', code: string): Promise<void> {
    const { text } = this.#window;
    const group = dialog.getByRole('group', { name: text(`rules:form.${field}`), exact: true });
    const offered = group.getByRole('button', { name: code, exact: true });
    if (await offered.isVisible()) return offered.click();
    await group.getByRole('textbox').fill(code);
    await group.getByRole('textbox').press('Enter');
    await offered.waitFor();
  }

  async saveForm(dialog: Locator): Promise<void> {
    await dialog.getByRole('button', { name: this.#window.text('exchange:nodeForm.save') }).click();
    await dialog.waitFor({ state: 'hidden' });
  }

  /** What each node answered, in words. */
  answers(): Promise<string[]> {
    return this.#window.page.locator('.exchange-answers li').allInnerTexts();
  }
}
