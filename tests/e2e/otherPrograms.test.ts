import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort, have } from '../../scripts/services.ts';
import { picture, type SalusWindow } from './harness/chromiumWindow.ts';
import { patternOf } from './harness/localeTexts.ts';
import { openWorkstation, type Workstation } from './harness/workstation.ts';
import { SettingsPage } from './pages/settingsPage.ts';

const person = { operatorName: 'keeper', fullName: 'Keeper of keys', password: 'who holds what, and since when' };
const patience = { timeout: 30_000 };

/** An administrator lets a program in, the program asks, and is shown the door. */
describe.skipIf(!have('chromium'))('access by other programs (needs Chromium)', { timeout: 120_000 }, () => {
  let station: Workstation;
  let window: SalusWindow;
  let port: number;
  let secret: string;
  const text: SalusWindow['text'] = (key, values) => window.text(key, values);
  const dialog = () => window.page.getByRole('dialog');
  const button = (key: string) => window.page.getByRole('button', { name: text(key), exact: true });
  const health = () =>
    fetch(`http://127.0.0.1:${port}/api/v1/studies`, { headers: { authorization: `Bearer ${secret}` } }).then(
      ({ status }) => status,
      () => 0,
    );

  beforeAll(async () => {
    [station, port] = await Promise.all([openWorkstation('programs', person), findFreePort()]);
    window = await station.enter();
  }, 120_000);
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await picture(window, `broken-programs-${task.name.slice(0, 20)}`);
    expect(window?.complaints()).toEqual([]);
  });
  afterAll(() => station?.close());

  it('is off, and is switched on for this computer', async () => {
    await new SettingsPage(window).open('api');
    await window.page.getByText(text('api:state.off')).waitFor();
    await picture(window, 'programs-off');
    await button('api:turnOn').click();
    await dialog().getByLabel(text('api:form.port')).fill(String(port));
    await picture(window, 'programs-form');
    await dialog().getByLabel(text('api:form.from')).selectOption('everywhere');
    await dialog()
      .getByRole('button', { name: text('api:save'), exact: true })
      .click();
    // Beyond this computer nothing is saved without a certificate.
    await dialog().getByText(text('api:form.bad.certificate')).waitFor();
    await picture(window, 'programs-form-wrong');
    await dialog().getByLabel(text('api:form.from')).selectOption('here');
    await dialog().getByLabel(text('api:form.tls')).uncheck();
    await dialog()
      .getByRole('button', { name: text('api:save'), exact: true })
      .click();
    await window.page.getByText(patternOf('en', 'api:state.listening')).waitFor(patience);
    secret = 'none';
    expect(await health()).toBe(401);
  });

  it('shows a new token once, and the token opens what it says', async () => {
    await button('api:tokens.create').click();
    await dialog().getByLabel(text('api:newToken.name')).fill('ward system');
    await dialog().getByLabel(text('api:scopeWhat.studies.read')).check();
    await dialog().getByLabel(text('api:scopeWhat.reports.read')).check();
    await picture(window, 'programs-new-token');
    await dialog()
      .getByRole('button', { name: text('api:newToken.create') })
      .click();
    secret = (await window.page.getByTestId('api-token').textContent()) ?? '';
    expect(secret).toMatch(/^salus_/);
    await picture(window, 'programs-token-shown');
    expect(await health()).toBe(200);
    await window.page.keyboard.press('Escape');
    await dialog()
      .getByRole('button', { name: text('api:newToken.kept') })
      .click();
    await window.page.getByRole('cell', { name: 'ward system' }).waitFor();
    expect(await window.page.content()).not.toContain(secret);
    await picture(window, 'programs-token-listed');
  });

  it('ends with the token', async () => {
    await button('api:tokens.revoke').click();
    await picture(window, 'programs-revoke');
    await dialog()
      .getByRole('button', { name: text('api:tokens.revoke') })
      .click();
    await window.page.getByText(text('api:tokens.noneGood')).waitFor(patience);
    expect(await health()).toBe(401);
    await window.page.getByRole('button', { name: patternOf('en', 'api:tokens.showRevoked') }).click();
    await window.page.getByText(patternOf('en', 'api:tokens.revokedAt')).waitFor();
  });

  it('is there in French and in the light of a counter, at 1366 × 768', async () => {
    const { client } = station.program;
    for (const [name, scopes] of [
      ['Prometheus', ['health', 'metrics', 'dicom.status']],
      ['Archive of the neighbouring hospital, site two', ['studies.read', 'studies.export', 'studies.import']],
    ] as const)
      await client.api.createToken({ name, scopes: [...scopes], expiresAt: null });
    await client.security.savePreferences({ theme: 'clinic', language: 'fr' });
    const small = await station.enter({ language: 'fr', viewport: { width: 1366, height: 768 } });
    await new SettingsPage(small).open('api');
    await small.page.getByRole('cell', { name: 'Prometheus' }).waitFor();
    await picture(small, 'programs');
    await small.page.getByRole('button', { name: small.text('api:tokens.create') }).click();
    await small.page.getByRole('dialog').getByLabel(small.text('api:newToken.life')).selectOption('none');
    await picture(small, 'programs-new-token');
    await small.page.keyboard.press('Escape');
    await small.page.getByRole('button', { name: small.text('api:change') }).click();
    await small.page.getByRole('dialog').getByLabel(small.text('api:form.from')).selectOption('everywhere');
    await picture(small, 'programs-form');
    expect(small.complaints()).toEqual([]);
  });
});
