import { execFile } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type DicomServer,
  findFreePort,
  have,
  programOf,
  startDcmqrscp,
  startStorescp,
} from '../../scripts/services.ts';
import { picture, type SalusWindow } from './harness/chromiumWindow.ts';
import { patternOf } from './harness/localeTexts.ts';
import { samplesFolder } from './harness/runningHost.ts';
import { openWorkstation, type Workstation } from './harness/workstation.ts';
import { ExchangePage } from './pages/exchangePage.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { ReportPanelPage } from './pages/reportPanelPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const person = { operatorName: 'sender', fullName: 'Sender', password: 'sent means it is stored' };
const patience = { timeout: 30_000 };
const run = promisify(execFile);

/** SOP Instance UID of every object under a folder, as DCMTK reads it. */
async function uidsIn(folder: string): Promise<string[]> {
  const files = globSync('**/*', { cwd: folder }).map((name) => path.join(folder, name));
  const objects = files.filter((file) => statSync(file).isFile() && path.basename(file) !== 'index.dat');
  const { stdout } = await run(programOf('dcmdump'), ['-q', '+P', '0008,0018', ...objects], { maxBuffer: 1 << 26 });
  return [...stdout.matchAll(/\[([\d.]+)\]/g)].map((match) => match[1] ?? '');
}

/** The loop of a hospital with real programs around: an archive that stores, one that lets nobody in, a modality. */
describe.skipIf(!have('chromium', 'dcmtk'))('exchange with other systems (needs Chromium and DCMTK)', () => {
  let station: Workstation;
  let window: SalusWindow;
  let archive: DicomServer;
  let refuser: DicomServer;
  let receiverPort: number;
  let exchange: ExchangePage;
  const text: SalusWindow['text'] = (key, values) => window.text(key, values);

  beforeAll(async () => {
    [station, archive, refuser] = await Promise.all([
      openWorkstation('exchange', person),
      startDcmqrscp({ aeTitle: 'ARCHIVE' }),
      startStorescp({ aeTitle: 'CLOSED', arguments: ['--refuse'] }),
    ]);
    await station.bring('chest-ct', 'ultrasound');
    const where = ['+sd', '+r', '-aec', archive.aeTitle, archive.host, String(archive.port)];
    await run(programOf('storescu'), [...where, path.join(samplesFolder(), 'chest-radiograph')]);
    window = await station.enter();
    exchange = new ExchangePage(window);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await picture(window, `broken-exchange-${task.name.slice(0, 20)}`);
    expect(window?.complaints()).toEqual([]);
  });
  afterAll(async () => {
    await station?.close();
    await Promise.all([archive?.stop(), refuser?.stop()]);
  });

  it('a node is added, and its test says each thing that was tried and answered', async () => {
    await exchange.addNode({ name: 'Archive', host: 'localhost', port: archive.port, aeTitle: archive.aeTitle });
    expect(await exchange.test('Archive')).toMatch(patternOf('en', 'exchange:test.fine'));
    const steps = await exchange.steps();
    expect(steps.every((step) => step.ok)).toBe(true);
    for (const name of ['resolve', 'connect', 'associate', 'echo', 'find'])
      expect(steps.some((step) => step.words.startsWith(text(`exchange:test.steps.${name}`)))).toBe(true);
    await picture(window, 'exchange-node');
  });

  it('one that lets nobody in says so, at the step where it does', async () => {
    await exchange.addNode({ name: 'Closed', host: 'localhost', port: refuser.port, aeTitle: refuser.aeTitle });
    const said = await exchange.test('Closed');
    expect(said).toBe(text('exchange:test.failedAt', { step: text('exchange:test.steps.associate') }));
    const steps = await exchange.steps();
    expect(steps.map((step) => step.ok)).toEqual([true, true, false]);
    expect(steps[2]?.words).toContain(text('failures:exchange.rejected'));
    await picture(window, 'exchange-refused');
  });

  it('a study that is sent is waiting, then sent, and proven only when the archive has it', async () => {
    const list = new WorklistPage(window);
    await list.open();
    await list.rows('LEFÈVRE').first().click();
    const shown = await exchange.sendChosen('Archive');
    for (const words of ['LEFÈVRE', 'ARCHIVE', `localhost:${archive.port}`, text('exchange:send.proof.auto')])
      expect(shown).toContain(words);
    await exchange.open('queues');
    const row = exchange.rows('LEFÈVRE', 'Archive');
    await expect
      .poll(async () => (await row.locator('.exchange-state').innerText()).trim(), patience)
      .toMatch(patternOf('en', 'exchange:state.proven'));
    await row.click();
    await exchange.side.getByText(text('exchange:stateWhat.proven')).waitFor();
    await exchange.side.locator('.exchange-instances .proven').first().waitFor();
    await picture(window, 'exchange-proven');
    await window.page.getByRole('banner').first().getByText(patternOf('en', 'exchange:sync.delivered')).waitFor();
    // The witness is DCMTK: the archive holds every object of the study, each once.
    const kept = new Set(await uidsIn(path.join(archive.folder, 'area')));
    const sent = await uidsIn(path.join(samplesFolder(), 'chest-ct'));
    expect(sent.length).toBe(120);
    expect(sent.filter((uid) => !kept.has(uid))).toEqual([]);
  });

  it('the marked images of a study go alone, with a key object that names them', async () => {
    const { client } = station.program;
    const list = new WorklistPage(window);
    await list.open();
    const { rows } = await client.worklist.list({
      filter: { text: 'LEFÈVRE' },
      sort: { key: 'receivedAt', direction: 'descending' },
    });
    const studyUid = rows[0]?.studyUid ?? '';
    const { series } = await client.imaging.getStudy({ studyUid });
    const seriesUid = series[0]?.seriesUid ?? '';
    const [first, second] = await client.imaging.listInstances({ studyUid, seriesUid });
    for (const sopUid of [first?.sopUid ?? '', second?.sopUid ?? ''])
      await client.imaging.setKeyImage({ studyUid, seriesUid, sopUid, frame: 1, window: null, marked: true });
    await list.rows('LEFÈVRE').first().click();
    await window.page.keyboard.press('s');
    const dialog = window.page.getByRole('dialog', { name: text('exchange:send.title') });
    await dialog.getByRole('radio', { name: 'Archive' }).check();
    await dialog.getByLabel(text('exchange:send.keyImages_other', { value: 2 })).check();
    await dialog.getByText(text('exchange:send.keyImagesWhat')).waitFor();
    await picture(window, 'exchange-send-key-images');
    await dialog.getByRole('button', { name: text('exchange:send.to', { node: 'Archive' }) }).click();
    await dialog.waitFor({ state: 'hidden' });
    await exchange.open('queues');
    const row = exchange.rows('LEFÈVRE', 'Archive', text('exchange:ofTotal', { done: 3, total: 3 }));
    await row.getByText(patternOf('en', 'exchange:state.proven')).waitFor(patience);
  });

  it('what a closed system does not take is never shown as delivered, and says why', async () => {
    const list = new WorklistPage(window);
    await list.open();
    await list.rows("O'BRIEN").first().click();
    await exchange.sendChosen('Closed');
    await exchange.open('queues');
    const row = exchange.rows("O'BRIEN", 'Closed');
    await row.click();
    await exchange.side.getByText(text('failures:exchange.rejected')).waitFor(patience);
    expect(await row.innerText()).not.toMatch(/Proven|Sent/);
    await window.page.getByRole('banner').first().getByText(patternOf('en', 'exchange:sync.waiting')).waitFor();
    await picture(window, 'exchange-waiting');
    await window.page.keyboard.press('Delete');
    await window.page
      .getByRole('dialog')
      .getByRole('button', { name: text('exchange:delivery.cancelYes') })
      .click();
    await row.getByText(text('exchange:state.cancelled')).waitFor(patience);
  });

  it('a signed report is sent where it is shown, and its receipt stands below it', async () => {
    const { page } = window;
    const list = new WorklistPage(window);
    await list.open();
    await list.read(list.rows("O'BRIEN").first());
    const room = new ReadingRoomPage(window);
    await room.waitForPicture();
    await room.chooseTab('report');
    const report = new ReportPanelPage(window);
    await report.start();
    await report.write('findings', 'Computed.');
    await report.write('conclusion', 'A phantom.');
    await report.waitForSave();
    await report.sign(await report.preview(), person.password);
    await report.signedDialog.waitFor(patience);
    await page.keyboard.press('Escape');
    await page.getByText(text('exchange:receipts.none')).waitFor();
    await page.getByRole('button', { name: text('exchange:receipts.send') }).click();
    const dialog = page.getByRole('dialog', { name: text('exchange:send.reportTitle') });
    await dialog.getByText(text('exchange:send.reportWhat')).waitFor();
    await dialog.getByRole('radio', { name: 'Archive' }).check();
    await picture(window, 'exchange-send-report');
    await dialog.getByRole('button', { name: text('exchange:send.to', { node: 'Archive' }) }).click();
    const receipt = page.locator('.exchange-receipts li', { hasText: 'Archive' });
    await receipt.getByText(patternOf('en', 'exchange:state.proven')).waitFor(patience);
    await picture(window, 'exchange-receipt');
  });

  it('a search asks both, shows what one has and why the other did not answer', async () => {
    await exchange.search('LEF');
    const [fine, closed] = await exchange.answers();
    expect(fine).toContain(text('exchange:find.found_one', { value: 1 }));
    expect(closed).toContain(text('failures:exchange.rejected'));
    // This archive does not count: what is here is said, and not that it is all. The images, and their key object.
    await exchange
      .rows('Archive')
      .getByText(text('exchange:here.some', { here: 121 }))
      .waitFor();
    await picture(window, 'exchange-search');
  });

  it('a study that only the archive has is fetched with two presses of Enter, and can be read', async () => {
    const list = new WorklistPage(window);
    await exchange.search('GAR');
    const row = exchange.rows('GARÇON', 'Archive');
    await row.waitFor();
    await window.page.keyboard.press('ArrowDown');
    await window.page.keyboard.press('Enter');
    const dialog = window.page.getByRole('dialog', { name: text('exchange:fetch.title') });
    await dialog.getByText('GARÇON François').waitFor();
    await window.page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await row.getByText(text('exchange:here.whole')).waitFor(patience);
    await picture(window, 'exchange-fetched');
    await list.open();
    await expect.poll(() => list.rows('GARÇON').count(), patience).toBe(1);
  });

  it('a modality stores here once it may, a stranger does not, and the log names both', async () => {
    await exchange.addNode({ name: 'Scanner', host: 'localhost', port: 104, aeTitle: 'SCANNER', receive: true });
    receiverPort = await findFreePort();
    await exchange.switchReceiverOn(receiverPort);
    await exchange.side.getByText(patternOf('en', 'exchange:receiver.listening')).waitFor(patience);
    const [file] = globSync('chest-ct-prior/**/*.dcm', { cwd: samplesFolder() });
    const store = (callingAe: string) =>
      run(programOf('storescu'), [
        ...['-aet', callingAe, '-aec', 'SALUS', '127.0.0.1', String(receiverPort)],
        path.join(samplesFolder(), file ?? ''),
      ]);
    await store('SCANNER');
    await expect(store('STRANGER')).rejects.toThrow();
    await exchange.rows('Scanner', text('exchange:ending.released')).waitFor(patience);
    const refused = exchange.rows('STRANGER', text('exchange:ending.rejected'));
    await refused.waitFor(patience);
    await refused.click();
    await exchange.side.getByText(text('exchange:receiving.rejected.calling')).waitFor();
    await picture(window, 'exchange-receiving');
    const list = new WorklistPage(window);
    await list.open();
    await expect.poll(() => list.rows('LEFÈVRE').count(), patience).toBe(2);
  });

  it('says in view why a node was not saved: a stored password is for the address it was given for', async () => {
    const { page, text } = window;
    await station.program.client.exchange.saveNode({
      nodeId: null,
      baseVersion: null,
      name: 'Web archive',
      settings: {
        kind: 'dicomweb',
        baseUrl: 'https://pacs.example.org/dw',
        auth: { method: 'basic', userName: 'eve' },
        tls: {},
      },
      use: { send: true, search: false, receive: false },
      secrets: { credential: 'kept for one address' },
    });
    await exchange.open('nodes');
    await exchange.rows('Web archive').click();
    await exchange.side.getByText('https://pacs.example.org/dw').waitFor();
    await page.keyboard.press('e');
    const dialog = page.getByRole('dialog');
    // The dialog takes the focus a moment after it opens, and what takes the focus comes into view.
    await page.waitForFunction(() => document.activeElement?.closest('[role="dialog"]'));
    await dialog.getByLabel(text('exchange:nodeForm.baseUrl')).fill('https://other.example.org/dw');
    await dialog.getByRole('button', { name: text('exchange:nodeForm.save') }).click();
    const why = dialog.getByText(text('failures:exchange.secretNeeded'));
    await why.waitFor(patience);
    // Not behind the buttons: what is seen at its place is it.
    const isSeen = () =>
      why.evaluate((element) => {
        const { left, top, width, height } = element.getBoundingClientRect();
        return element.contains(document.elementFromPoint(left + width / 2, top + height / 2));
      });
    await expect.poll(isSeen, patience).toBe(true);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  it('what is planned here is given to the modality that asks for its worklist', async () => {
    await exchange.plan({ lastName: 'Dupont', firstName: 'Jean', patientId: 'P1', modality: 'ct', time: '09:30' });
    await exchange.rows('Dupont Jean', '09:30', 'CT').waitFor();
    await picture(window, 'exchange-planned');
    const keys = ['PatientName', 'PatientID', '(0040,0100)[0].Modality=CT'].flatMap((key) => ['-k', key]);
    const { stdout, stderr } = await run(programOf('findscu'), [
      ...['-v', '-W', '-aet', 'SCANNER', '-aec', 'SALUS', ...keys, '127.0.0.1', String(receiverPort)],
    ]);
    expect(stdout + stderr).toContain('Dupont^Jean');
  });

  it('images go without the person when that is chosen, and the key object that names it is no trouble', async () => {
    const list = new WorklistPage(window);
    await list.open();
    await list.rows('LEFÈVRE').filter({ hasText: 'avec injection' }).click();
    await window.page.keyboard.press('s');
    const dialog = window.page.getByRole('dialog', { name: text('exchange:send.title') });
    await dialog.getByRole('radio', { name: /^Archive/ }).check();
    await dialog.getByLabel(text('exchange:send.deidentify')).check();
    await dialog.getByText(text('exchange:send.unnamed')).waitFor();
    await dialog.getByText(text('exchange:send.objectsUnnamed_other', { value: 121 })).waitFor();
    // What went before went with the name.
    expect(await dialog.getByText(text('exchange:send.before')).count()).toBe(0);
    await picture(window, 'exchange-send-deidentified');
    await dialog.getByRole('button', { name: text('exchange:send.to', { node: 'Archive' }) }).click();
    await dialog.waitFor({ state: 'hidden' });
    await exchange.open('queues');
    const row = exchange
      .rows('LEFÈVRE', 'Archive', text('exchange:ofTotal', { done: 120, total: 120 }))
      .filter({ has: window.page.getByLabel(text('exchange:what.deidentified')) });
    await row.getByText(patternOf('en', 'exchange:state.proven')).waitFor(patience);
    await row.click();
    await exchange.side.getByText(text('exchange:what.deidentified'), { exact: true }).waitFor();
    await picture(window, 'exchange-deidentified');
  });
});
