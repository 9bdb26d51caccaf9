import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { have } from '../../scripts/services.ts';
import { launchBrowser, openWindow, picture, type SalusWindow, type WindowOptions } from './harness/chromiumWindow.ts';
import { patternOf } from './harness/localeTexts.ts';
import { makeFolder, type RunningHost, startHost } from './harness/runningHost.ts';
import { SignInPage } from './pages/doorPages.ts';
import { ExchangePage } from './pages/exchangePage.ts';
import { SettingsPage } from './pages/settingsPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const admin = { operatorName: 'dr.night', fullName: 'Dr Night', password: 'nobody sits here at night' };

const small: WindowOptions = { language: 'fr', viewport: { width: 1366, height: 768 } };

/** An administrator lets the program open its archive by itself, and sees what came of it after each restart. */
describe.skipIf(!have('chromium') || process.platform !== 'linux')('a night without anybody (needs Chromium)', () => {
  let browser: Browser;
  let host: RunningHost | undefined;
  let folder: string;
  let remove: () => Promise<void>;
  const windows: SalusWindow[] = [];

  beforeAll(async () => {
    ({ folder, remove } = await makeFolder('night'));
    mkdirSync(path.join(folder, 'credentials'), { mode: 0o700 });
    browser = await launchBrowser();
    await restart();
    const { client } = await started().connect(started().address);
    await client.security.setUp({ ...admin, language: 'en', siteName: 'Night' });
    await client.security.confirmRecoveryKey();
    const { settings } = await client.exchange.receiver();
    await client.exchange.saveReceiver({ settings: { ...settings, enabled: true, port: 0, leastFreeMib: 64 } });
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

  function started(): RunningHost {
    if (!host) throw new Error('no host is running');
    return host;
  }
  async function restart(): Promise<void> {
    await host?.stop();
    host = await startHost({
      home: path.join(folder, 'home'),
      env: { CREDENTIALS_DIRECTORY: path.join(folder, 'credentials') },
    });
  }
  async function open(options?: WindowOptions): Promise<SalusWindow> {
    const window = await openWindow(browser, await started().newAddress(), options);
    windows.push(window);
    await new SignInPage(window).waitFor();
    return window;
  }
  async function enter(window: SalusWindow): Promise<void> {
    await new SignInPage(window).enter(admin.operatorName, admin.password);
    await new WorklistPage(window).waitFor();
  }

  it('is chosen with the password and a tick, and says what is left to do', async () => {
    const window = await open();
    const { page, text } = window;
    await enter(window);
    const exchange = new ExchangePage(window);
    await exchange.open('receiving');
    await page.getByText(text('unattended:now.waits')).waitFor();
    await picture(window, 'receiving-waits');
    await new SettingsPage(window).open('security');
    const choose = page.getByRole('button', { name: text('unattended:turnOn') });
    await choose.scrollIntoViewIfNeeded();
    await picture(window, 'settings-off');
    await choose.click();
    const dialog = page.getByRole('dialog', { name: text('unattended:dialog.title') });
    const save = dialog.getByRole('button', { name: text('unattended:dialog.save') });
    const file = path.join(folder, 'unlock.key');
    await dialog.getByLabel(text('unattended:dialog.file')).fill(file);
    await dialog.getByLabel(text('unattended:dialog.password'), { exact: true }).fill('not the password');
    expect(await save.isDisabled()).toBe(true);
    await dialog.getByLabel(text('unattended:dialog.understood')).check();
    await picture(window, 'dialog');
    await save.click();
    await dialog.getByText(text('failures:security.wrongPassword')).waitFor();
    expect(existsSync(file)).toBe(false);
    await dialog.getByLabel(text('unattended:dialog.password'), { exact: true }).fill(admin.password);
    await save.click();
    const steps = page.getByRole('dialog', { name: text('unattended:steps.title') });
    await steps.getByText(/^sudo systemd-creds encrypt --name=salus-unlock .*unlock\.key/).waitFor();
    await picture(window, 'steps');
    expect(await page.content()).not.toContain(readFileSync(file, 'utf8').trim().slice(-43));
    await steps.getByRole('button', { name: text('unattended:steps.close') }).click();
    await page.getByRole('button', { name: text('unattended:turnOff') }).waitFor();
    await picture(window, 'settings-on');
    copyFileSync(file, path.join(folder, 'credentials', 'salus-unlock'));
  });

  it('opens by itself after a restart, tells it at the door, and still asks who is there', async () => {
    const { client } = await started().connect();
    await client.security.signIn({ operatorName: admin.operatorName, password: admin.password });
    await client.security.savePreferences({ language: 'fr', theme: 'clinic' });
    await restart();
    const window = await open(small);
    const opened = window.page.getByText(patternOf('fr', 'unattended:now.opened'));
    await opened.waitFor();
    await picture(window, 'door-opened');
    await enter(window);
    await new ExchangePage(window).open('receiving');
    await opened.waitFor();
    await picture(window, 'receiving-opened');
    await new SettingsPage(window).open('security');
    await window.page.getByRole('button', { name: window.text('unattended:turnOff') }).scrollIntoViewIfNeeded();
    await picture(window, 'settings-opened');
  });

  it('is switched off again, and a key that is still given is told at the door', async () => {
    const first = await open(small);
    await enter(first);
    await new SettingsPage(first).open('security');
    await first.page.getByRole('button', { name: first.text('unattended:turnOff') }).click();
    const sure = first.page.getByRole('dialog', { name: first.text('unattended:offTitle') });
    await sure.getByRole('button', { name: first.text('unattended:turnOff') }).click();
    await first.page.getByRole('button', { name: first.text('unattended:turnOn') }).waitFor();
    await first.close();
    windows.splice(windows.indexOf(first), 1);
    expect(first.complaints()).toEqual([]);
    await restart();
    for (const options of [{}, small]) {
      const { page, text, ...window } = await open(options);
      await page.getByText(text('failures:security.unattendedOff')).waitFor();
      await page.getByText(text('security:signIn.sealed')).waitFor();
      await picture({ page, text, ...window }, 'door-failed');
    }
  });
});
