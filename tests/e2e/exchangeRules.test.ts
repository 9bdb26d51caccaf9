import { execFile } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type DicomServer, findFreePort, have, programOf, startDcmqrscp } from '../../scripts/services.ts';
import { openWindow, picture, type SalusWindow } from './harness/chromiumWindow.ts';
import { patternOf } from './harness/localeTexts.ts';
import { samplesFolder } from './harness/runningHost.ts';
import { openWorkstation, type Workstation } from './harness/workstation.ts';
import { SignInPage } from './pages/doorPages.ts';
import { ExchangePage } from './pages/exchangePage.ts';

const person = { operatorName: 'sender', fullName: 'Sender', password: 'sent means it is stored' };
const reader = { operatorName: 'reader', fullName: 'Reader', password: 'reads and changes nothing' };
const patience = { timeout: 60_000 };
const run = promisify(execFile);

async function uidsIn(folder: string): Promise<string[]> {
  const files = globSync('**/*', { cwd: folder }).map((name) => path.join(folder, name));
  const objects = files.filter((file) => statSync(file).isFile() && path.basename(file) !== 'index.dat');
  if (objects.length === 0) return [];
  const { stdout } = await run(programOf('dcmdump'), ['-q', '+P', '0008,0018', ...objects], { maxBuffer: 1 << 26 });
  return [...stdout.matchAll(/\[([\d.]+)\]/g)].map((match) => match[1] ?? '');
}

/** What happens by itself, made in the window and proven with an archive and a modality that are real programs. */
describe.skipIf(!have('chromium', 'dcmtk'))('rules of the exchange (needs Chromium and DCMTK)', () => {
  let station: Workstation;
  let window: SalusWindow;
  let archive: DicomServer;
  let receiverPort: number;
  let exchange: ExchangePage;
  const text: SalusWindow['text'] = (key, values) => window.text(key, values);
  const store = (to: { aeTitle: string; host: string; port: number }, callingAe: string, sample: string) =>
    run(programOf('storescu'), [
      ...['+sd', '+r', '-aet', callingAe, '-aec', to.aeTitle, to.host, String(to.port)],
      path.join(samplesFolder(), sample),
    ]);

  beforeAll(async () => {
    [station, archive] = await Promise.all([openWorkstation('rules', person), startDcmqrscp({ aeTitle: 'ARCHIVE' })]);
    await station.bring('ultrasound');
    await station.program.client.security.createOperator({ ...reader, roles: ['viewer'], language: 'fr' });
    await store(archive, 'OTHER', 'chest-ct-prior');
    window = await station.enter();
    exchange = new ExchangePage(window);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await picture(window, `broken-rules-${task.name.slice(0, 20)}`);
    expect(window?.complaints()).toEqual([]);
  });
  afterAll(async () => {
    await station?.close();
    await archive?.stop();
  });

  it('says what a rule is for where there is none, and why one cannot be made without a node', async () => {
    await exchange.openRules('routing');
    await window.page.getByText(text('rules:empty.routingWhat')).waitFor();
    await picture(window, 'rules-empty');
    const dialog = await exchange.beginRule('routing');
    await dialog.getByText(text('rules:form.noSender')).waitFor();
    await dialog.getByLabel(text('rules:form.name')).fill('Nowhere');
    await dialog.getByRole('button', { name: text('exchange:nodeForm.save') }).click();
    await dialog.getByText(text('rules:form.bad.node')).waitFor();
    await window.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await exchange.openRules('prefetch');
    await window.page.getByText(text('rules:empty.prefetchWhat')).waitFor();
  });

  it('a sending rule is written, read as a sentence while it is, tried, and stands in the list', async () => {
    await exchange.addNode({ name: 'Archive', host: 'localhost', port: archive.port, aeTitle: archive.aeTitle });
    await exchange.addNode({ name: 'Scanner', host: 'localhost', port: 104, aeTitle: 'SCANNER', receive: true });
    receiverPort = await findFreePort();
    await exchange.switchReceiverOn(receiverPort);
    const dialog = await exchange.beginRule('routing');
    await dialog.getByLabel(text('rules:form.name')).fill('CT to the archive');
    await dialog.getByLabel(text('rules:form.node')).selectOption({ label: 'Archive' });
    // What is here is ultrasound: it is the try that says what a condition means.
    await dialog.getByRole('button', { name: text('rules:trial.button') }).click();
    await dialog
      .getByText(text('rules:trial.result_one', { looked: text('rules:trial.looked_one'), matched: 1 }))
      .waitFor();
    await dialog.locator('.rule-trial-list').getByText("O'BRIEN").waitFor();
    await exchange.choose(dialog, 'modalities', 'CT');
    await exchange.choose(dialog, 'callers', 'SCANNER');
    const sentence = 'When a study with CT from SCANNER has arrived, send it to Archive.';
    await dialog.getByText(sentence).waitFor();
    await dialog.getByRole('button', { name: text('rules:trial.button') }).click();
    await dialog
      .getByText(text('rules:trial.result_other', { looked: text('rules:trial.looked_one'), matched: 0 }))
      .waitFor();
    await picture(window, 'rules-form');
    await exchange.saveForm(dialog);
    const line = exchange.rule('CT to the archive');
    await line.getByText(sentence).waitFor();
    await line.getByText(text('rules:done.never')).waitFor();
    expect(await line.getByRole('switch').getAttribute('aria-checked')).toBe('true');
    // Nothing was sent for having been tried, nor what was here before.
    expect((await station.program.client.exchange.listDeliveries({})).total).toBe(0);
  });

  it('a rule for priors brings here what the archive has of a planned patient', async () => {
    const dialog = await exchange.beginRule('prefetch');
    await dialog.getByLabel(text('rules:form.name')).fill('Priors of CT');
    await dialog.getByLabel('Archive').check();
    await exchange.choose(dialog, 'modalities', 'CT');
    await dialog.getByText(/^When a study with CT has arrived or is planned, bring .* from Archive/).waitFor();
    await picture(window, 'rules-prefetch-form');
    await exchange.saveForm(dialog);
    await exchange.rule('Priors of CT').waitFor();
    await exchange.plan({
      ...{ lastName: 'LEFÈVRE', firstName: 'Jeanne', patientId: 'SAL-100271', birthDate: '17/04/1958' },
      modality: 'CT',
    });
    await exchange.openRules('prefetch');
    const look = exchange.rows(text('rules:looks.states.done'), 'Priors of CT');
    await look.waitFor(patience);
    expect(await look.innerText()).toContain(text('exchange:ofTotal', { done: 1, total: 1 }));
    await look.click();
    await exchange.side.getByText(text('rules:looks.stateWhat.done')).waitFor();
    await picture(window, 'rules-prefetched');
    const { rows } = await station.program.client.exchange.listPrefetches({});
    expect(rows.map(({ fetched, otherPerson }) => [fetched, otherPerson])).toEqual([[1, 0]]);
    const patients = await station.program.client.patients.list({ text: 'SAL-100271' });
    expect(patients.total).toBe(1);
  });

  it('what the modality stores leaves by the rule, and is proven in the archive', async () => {
    await store({ aeTitle: 'SALUS', host: '127.0.0.1', port: receiverPort }, 'SCANNER', 'chest-ct');
    await exchange.open('queues');
    const row = exchange.rows('LEFÈVRE', 'Archive');
    await row.getByText(patternOf('en', 'exchange:state.proven')).waitFor(patience);
    await row.click();
    await exchange.side.getByText('CT to the archive').waitFor();
    await picture(window, 'rules-delivered');
    const kept = new Set(await uidsIn(path.join(archive.folder, 'area')));
    const sent = await uidsIn(path.join(samplesFolder(), 'chest-ct'));
    expect(sent.length).toBe(120);
    expect(sent.filter((uid) => !kept.has(uid))).toEqual([]);
    await exchange.openRules('routing');
    const line = exchange.rule('CT to the archive');
    await line.getByText(text('rules:done.deliveries_one', { value: 1 })).waitFor(patience);
    const { rows } = await station.program.client.exchange.listDeliveries({});
    // The prior that was fetched came from no scanner: one study, one delivery.
    expect(rows).toHaveLength(1);
  });

  it('an edit over somebody else’s is told, and loses nothing of what was typed', async () => {
    const { page } = window;
    await exchange.openRules('routing');
    await exchange.rule('CT to the archive').getByText('CT to the archive', { exact: true }).click();
    await page.keyboard.press('e');
    const dialog = page.getByRole('dialog', { name: text('rules:edit', { name: 'CT to the archive' }) });
    await dialog.getByLabel(text('rules:form.name')).fill('CT and PET to the archive');
    await exchange.choose(dialog, 'modalities', 'PT');
    const { exchange: host } = station.program.client;
    const [rule] = await host.listRoutingRules();
    if (!rule) throw new Error('no rule');
    const { ruleId, version, deliveries, lastAt, lastTrouble, ...fields } = rule;
    await host.saveRoutingRule({
      ruleId,
      baseVersion: version,
      rule: { ...fields, name: 'Theirs', match: { ...fields.match, modalities: ['MR'] } },
    });
    await dialog.getByRole('button', { name: text('exchange:nodeForm.save') }).click();
    await dialog.getByText(text('rules:changed.title')).waitFor();
    await dialog.getByText('When a study with MR from SCANNER has arrived, send it to Archive.').waitFor();
    expect(await dialog.getByLabel(text('rules:form.name')).inputValue()).toBe('CT and PET to the archive');
    await picture(window, 'rules-changed');
    await dialog.getByRole('button', { name: text('rules:changed.over') }).click();
    await dialog.waitFor({ state: 'hidden' });
    await exchange.rule('CT and PET to the archive').getByText('with CT or PT from SCANNER').waitFor();
    expect((await host.listRoutingRules()).map(({ name, version: now }) => [name, now])).toEqual([
      ['CT and PET to the archive', version + 2],
    ]);
  });

  it('is switched off by its key, says so, and can be removed', async () => {
    const { page } = window;
    const line = exchange.rule('CT and PET to the archive');
    await line.getByText('CT and PET to the archive', { exact: true }).click();
    await page.keyboard.press('o');
    await expect.poll(() => line.getByRole('switch').getAttribute('aria-checked'), patience).toBe('false');
    await exchange.side.getByText(text('rules:state.off')).waitFor();
    const dialog = await exchange.beginRule('routing');
    await dialog.getByRole('button', { name: text('rules:presets.reports') }).click();
    await dialog.getByLabel(text('rules:form.node')).selectOption({ label: 'Archive' });
    await dialog.getByText('When the report on a study is signed, send the report to Archive.').waitFor();
    expect(await dialog.getByLabel(text('rules:form.deidentify')).isDisabled()).toBe(true);
    await exchange.saveForm(dialog);
    await exchange.rule(text('rules:presets.reportsName')).waitFor();
    await page.keyboard.press('Delete');
    await page
      .getByRole('dialog')
      .getByRole('button', { name: text('rules:remove') })
      .click();
    await exchange.rule(text('rules:presets.reportsName')).waitFor({ state: 'detached' });
    expect(await page.locator('.rules > li').count()).toBe(1);
  });

  it('is one sentence in French too, and nothing to change for who may only read', async () => {
    const french = await station.host.newAddress();
    const other = await openWindow(station.browser, french, { language: 'fr' });
    try {
      await new SignInPage(other).enter(reader.operatorName, reader.password);
      await other.page.getByRole('button', { name: other.text('shell:rail.exchange') }).click();
      const place = new ExchangePage(other);
      await place.openRules('routing');
      const line = place.rule('CT and PET to the archive');
      await line
        .getByText('Quand une étude CT ou PT transmise par SCANNER est arrivée, l’envoyer à Archive.')
        .waitFor();
      expect(await line.getByRole('switch').isDisabled()).toBe(true);
      expect(await other.page.getByRole('button', { name: other.text('rules:add.routing') }).count()).toBe(0);
      await line.getByText('CT and PET to the archive', { exact: true }).click();
      expect(await place.side.getByRole('button', { name: other.text('rules:remove') }).count()).toBe(0);
      await picture(other, 'rules-read-only');
      await place.openRules('prefetch');
      await place
        .rule('Priors of CT')
        .getByText('Quand une étude CT est arrivée ou prévue, demander à Archive les 3 dernières études')
        .waitFor();
      expect(other.complaints()).toEqual([]);
    } finally {
      await other.close();
    }
  });
});
