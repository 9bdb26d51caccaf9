import path from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../app/shared/failure.ts';
import { have } from '../../scripts/services.ts';
import {
  hostIsGone,
  launchBrowser,
  openWindow,
  picture,
  type SalusWindow,
  type WindowOptions,
} from './harness/chromiumWindow.ts';
import {
  codeOfRefusal,
  type HostClient,
  makeFolder,
  type RunningHost,
  samplesFolder,
  startHost,
  waitForJob,
} from './harness/runningHost.ts';
import { SignInPage } from './pages/doorPages.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { SettingsPage } from './pages/settingsPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const admin = { operatorName: 'dr.door', fullName: 'Dr Door', password: 'the first of all doors' };
const guest = { operatorName: 'guest', fullName: 'Guest Reader', password: 'a guest is a guest' };
const patient = "O'BRIEN";

/** Who may come in, who must go, and what stays behind when they do. */
describe.skipIf(!have('chromium'))('the doors of the workstation (needs Chromium)', () => {
  let browser: Browser;
  let host: RunningHost;
  let inside: HostClient;
  let recoveryKey: string;
  let remove: () => Promise<void>;
  const windows: SalusWindow[] = [];

  beforeAll(async () => {
    const made = await makeFolder('doors');
    remove = made.remove;
    host = await startHost({ home: path.join(made.folder, 'home') });
    inside = await host.connect(host.address);
    ({ recoveryKey } = await inside.client.security.setUp({ ...admin, language: 'en', siteName: 'Doors' }));
    await inside.client.security.confirmRecoveryKey();
    await inside.client.security.createOperator({ ...guest, roles: ['radiologist'] });
    const { jobId } = await inside.client.imaging.importPaths({ paths: [path.join(samplesFolder(), 'ultrasound')] });
    await waitForJob(inside.client, jobId);
    browser = await launchBrowser();
  });
  afterEach(async () => {
    const said = windows.splice(0).map(async (window) => {
      const complaints = window.complaints();
      await window.close();
      return complaints;
    });
    expect((await Promise.all(said)).flat()).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await host?.stop();
    await remove?.();
  });

  async function open(options?: WindowOptions): Promise<SalusWindow> {
    const window = await openWindow(browser, await host.newAddress(), options);
    windows.push(window);
    return window;
  }

  it('lets an address in once', async () => {
    const address = await host.newAddress();
    windows.push(await openWindow(browser, address));
    await new SignInPage(windows[0] as SalusWindow).waitFor();
    const second = await openWindow(browser, address);
    windows.push(second);
    second.expectComplaint(/403/);
    await second.page
      .getByText(second.text('shell:connection.ended'))
      .or(second.page.getByText(second.text('shell:connection.failed')))
      .first()
      .waitFor();
    expect(await second.page.getByRole('textbox').count()).toBe(0);
  });

  it.each(['en', 'fr'] as const)('makes wrong passwords wait longer and longer, and says so (%s)', async (language) => {
    const stranger = await host.connect();
    const waits: number[] = [];
    const guess = { operatorName: `nobody.${language}`, password: 'certainly wrong' };
    for (let tries = 0; waits.length < 2; tries += 1) {
      const refused = await stranger.client.security.signIn(guess).then(
        () => undefined,
        (error: unknown) => error as Failure,
      );
      expect(refused, 'a wrong password is refused').toBeInstanceOf(Failure);
      const wait = Number(refused?.details['retryAfterMs'] ?? 0);
      expect(tries).toBeLessThan(10);
      if (wait === 0) continue;
      waits.push(wait);
      await new Promise((resolve) => setTimeout(resolve, wait + 20));
    }
    expect(waits[1]).toBeGreaterThan(waits[0] ?? 0);
    stranger.close();

    const window = await open({ language });
    const door = new SignInPage(window);
    await door.enter(`nobody.${language}`, 'certainly wrong');
    await window.page.getByRole('alert').waitFor();
    await door.enter(`nobody.${language}`, 'wrong again');
    await window.page.getByRole('timer').waitFor();
    expect(await door.waitSaid()).toMatch(/\d/);
    await door.passwordField.fill('another guess');
    expect(await door.enterButton.isDisabled()).toBe(true);
    await picture(window, 'sign-in-wait');
  });

  it('opens to the recovery key when the password is lost', async () => {
    const window = await open();
    const door = new SignInPage(window);
    await door.waitFor();
    await door.recover(admin.operatorName, recoveryKey.toLowerCase().replaceAll('-', ' '), 'a password found again');
    await new WorklistPage(window).waitFor();
    expect(await codeOfRefusal((await host.connect()).client.security.signIn(admin))).toBe('security.wrongPassword');
    await host.stop();
    host = await startHost({ home: host.home });
    inside = await host.connect(host.address);
    await inside.client.security.signIn({ ...admin, password: 'a password found again' });
    await inside.client.security.changePassword({ password: 'a password found again', newPassword: admin.password });
    const audit = await inside.client.security.listAudit({});
    expect(audit.some((entry) => entry.action === 'security.recover')).toBe(true);
    // The window's host went away under it; that is what the console then says.
    window.expectComplaint(hostIsGone);
  });

  it('ends a disabled operator at once, and lets them in no more', async () => {
    const [ours, theirs] = [await open(), await open()];
    await new SignInPage(ours).enter(admin.operatorName, admin.password);
    await new SignInPage(theirs).enter(guest.operatorName, guest.password);
    const list = new WorklistPage(theirs);
    await list.rows(patient).first().waitFor();
    await new WorklistPage(ours).waitFor();
    const settings = new SettingsPage(ours);
    await settings.open('operators');
    await settings.disableOperator(guest.fullName);
    const door = new SignInPage(theirs);
    await door.waitFor();
    expect(await theirs.page.content()).not.toContain(patient);
    await door.enter(guest.operatorName, guest.password);
    await theirs.page.getByRole('alert').waitFor();
    expect(await door.passwordField.isVisible()).toBe(true);
    const stranger = await host.connect();
    expect(await codeOfRefusal(stranger.client.security.signIn(guest))).toMatch(/^security\./);
    await picture(ours, 'settings-operators');
  });

  it('locks when nobody is there, and leaves nothing of the patient in the window', async () => {
    const window = await open({ prepare: (page) => page.clock.install() });
    await new SignInPage(window).enter(admin.operatorName, admin.password);
    const list = new WorklistPage(window);
    await list.read(list.rows(patient).first());
    const room = new ReadingRoomPage(window);
    await room.waitForPicture();
    await room.chooseTab('info');
    expect(await window.page.content()).toContain(patient);
    await window.page.clock.fastForward(9.5 * 60_000);
    await window.page.getByRole('dialog', { name: window.text('security:idle.title') }).waitFor();
    await picture(window, 'idle-warning');
    await window.page.clock.fastForward(60_000);
    await new SignInPage(window).waitFor();
    await window.page.getByText(window.text('security:signIn.lock.idle')).waitFor();
    await expect.poll(() => leftOf(window, patient), { timeout: 5_000 }).toEqual([]);
    await picture(window, 'idle-lock');
  });

  it('locks by the button while the host stays at work', async () => {
    const window = await open();
    await new SignInPage(window).enter(admin.operatorName, admin.password);
    const list = new WorklistPage(window);
    await list.rows(patient).first().waitFor();
    await list.lock();
    await new SignInPage(window).waitFor();
    await expect.poll(() => leftOf(window, patient), { timeout: 5_000 }).toEqual([]);
    expect((await inside.client.security.session())?.operatorName).toBe(admin.operatorName);
  });
});

/** Where a page still holds a text: its DOM, fields, title, address, storages. */
function leftOf(window: SalusWindow, text: string): Promise<string[]> {
  return window.page.evaluate((wanted) => {
    const found: string[] = [];
    const look = (place: string, value: string) => {
      if (value.includes(wanted)) found.push(place);
    };
    look('document', document.documentElement.outerHTML);
    for (const field of document.querySelectorAll('input, textarea')) look('field', (field as HTMLInputElement).value);
    look('title', document.title);
    look('address', location.href);
    look('history', JSON.stringify(history.state));
    look('localStorage', JSON.stringify({ ...localStorage }));
    look('sessionStorage', JSON.stringify({ ...sessionStorage }));
    if (document.querySelector('canvas')) found.push('a canvas');
    return found;
  }, text);
}
