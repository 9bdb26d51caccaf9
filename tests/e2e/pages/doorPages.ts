import { expect } from 'vitest';
import type { SalusWindow } from '../harness/chromiumWindow.ts';

export interface Person {
  readonly fullName: string;
  readonly operatorName: string;
  readonly password: string;
}

/** First run: what Salus is not, the store, the recovery key. */
export class FirstRunPage {
  readonly #window: SalusWindow;

  constructor(window: SalusWindow) {
    this.#window = window;
  }

  /** Waits for the welcome page and reads what stands on it. */
  async welcome(): Promise<void> {
    const { page, text } = this.#window;
    await page.getByRole('heading', { name: text('security:welcome.title') }).waitFor();
    // What it is not stands before any choice, and no choice can be made unread.
    await page.getByText(text('security:welcome.not1')).waitFor();
    expect(await page.getByRole('button', { name: text('security:welcome.create') }).isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: text('security:welcome.sample') }).isDisabled()).toBe(true);
  }

  async acceptAndSetUp(): Promise<void> {
    const { page, text } = this.#window;
    await page.getByLabel(text('security:welcome.understood')).check();
    await page.getByRole('button', { name: text('security:welcome.create') }).click();
  }

  async openSamples(): Promise<void> {
    const { page, text } = this.#window;
    await page.getByLabel(text('security:welcome.understood')).check();
    await page.getByRole('button', { name: text('security:welcome.sample') }).click();
  }

  /** Fills the form and gives the recovery key that is then shown. */
  async createOperator(person: Person, site: string): Promise<string> {
    const { page, text } = this.#window;
    await page.getByLabel(text('security:create.fullName')).fill(person.fullName);
    await page.getByLabel(text('security:signIn.operator')).fill(person.operatorName);
    await page.getByLabel(text('security:signIn.password'), { exact: true }).fill(person.password);
    await page.getByLabel(text('security:password.again')).fill(person.password);
    await page.getByLabel(text('security:create.site')).fill(site);
    await page.getByRole('button', { name: text('security:create.create') }).click();
    const key = page.getByTestId('recovery-key');
    await key.waitFor();
    return (await key.locator('span').allInnerTexts()).join('-');
  }

  /** Says that the key is kept; without it there is no going on. */
  async keepRecoveryKey(): Promise<void> {
    const { page, text } = this.#window;
    const go = page.getByRole('button', { name: text('security:key.continue') });
    expect(await go.isDisabled()).toBe(true);
    await page.getByLabel(text('security:key.kept')).check();
    await go.click();
  }
}

/** The door of a store that exists. */
export class SignInPage {
  readonly #window: SalusWindow;

  constructor(window: SalusWindow) {
    this.#window = window;
  }

  get nameField() {
    return this.#window.page.getByLabel(this.#window.text('security:signIn.operator'));
  }

  get passwordField() {
    return this.#window.page.getByLabel(this.#window.text('security:signIn.password'), { exact: true });
  }

  get enterButton() {
    return this.#window.page.getByRole('button', { name: this.#window.text('security:signIn.enter') });
  }

  async waitFor(): Promise<void> {
    await this.passwordField.waitFor();
  }

  async enter(operatorName: string, password: string): Promise<void> {
    await this.nameField.fill(operatorName);
    await this.passwordField.fill(password);
    await this.enterButton.click();
  }

  /** The wait that is said after wrong passwords, or null while there is none. */
  async waitSaid(): Promise<string | null> {
    const timer = this.#window.page.getByRole('timer');
    return (await timer.count()) > 0 ? timer.innerText() : null;
  }

  async recover(operatorName: string, recoveryKey: string, newPassword: string): Promise<void> {
    const { page, text } = this.#window;
    await page.getByRole('button', { name: text('security:signIn.forgotten') }).click();
    await page.getByLabel(text('security:signIn.operator')).fill(operatorName);
    await page.getByLabel(text('security:recover.key')).fill(recoveryKey);
    await page.getByLabel(text('security:password.new')).fill(newPassword);
    await page.getByLabel(text('security:password.again')).fill(newPassword);
    await page.getByRole('button', { name: text('security:recover.open') }).click();
  }
}
