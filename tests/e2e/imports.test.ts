import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { have } from '../../scripts/services.ts';
import { hostIsGone, launchBrowser, openWindow, picture, type SalusWindow } from './harness/chromiumWindow.ts';
import { writeSmallImages } from './harness/madeFiles.ts';
import {
  type HostClient,
  makeFolder,
  type RunningHost,
  samplesFolder,
  startHost,
  waitForJob,
} from './harness/runningHost.ts';
import { SignInPage } from './pages/doorPages.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const person = { operatorName: 'importer', fullName: 'Importer', password: 'bring everything in' };
const patience = { timeout: 20_000 };

/** The ways in, and what happens to what can't come in. */
describe.skipIf(!have('chromium'))('importing in the window (needs Chromium)', () => {
  let browser: Browser;
  let host: RunningHost;
  let program: HostClient;
  let folder: string;
  let remove: () => Promise<void>;
  let window: SalusWindow;
  const list = () => new WorklistPage(window);

  beforeAll(async () => {
    ({ folder, remove } = await makeFolder('imports'));
    host = await startHost({ home: path.join(folder, 'home') });
    program = await host.connect(host.address);
    await program.client.security.setUp({ ...person, language: 'en', siteName: '' });
    await program.client.security.confirmRecoveryKey();
    browser = await launchBrowser();
    window = await openWindow(browser, await host.newAddress());
    await new SignInPage(window).enter(person.operatorName, person.password);
    await list().waitFor();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await picture(window, `broken-${task.name.slice(0, 20)}`);
    expect(window.complaints()).toEqual([]);
  });
  afterAll(async () => {
    await window?.close();
    await browser?.close();
    await host?.stop();
    await remove?.();
  });

  it('takes a folder that is dropped on it', async () => {
    await list().drop([path.join(samplesFolder(), 'mammogram')]);
    await list().rows('NÚÑEZ', 'Mammographie').first().waitFor();
    await list().waitForImport();
    const [job] = await program.client.jobs.list();
    expect(job).toMatchObject({
      kind: 'upload',
      state: 'done',
      counts: expect.objectContaining({ imported: 4, rejected: 0 }),
    });
  });

  it('takes a zip archive from the file chooser, and counts what it already has', async () => {
    const zip = path.join(folder, 'twice.zip');
    const source = path.join(samplesFolder(), 'mammogram', '01', '0001.dcm');
    writeFileSync(zip, storedZip([{ name: 'a/first.dcm', bytes: readFileSync(source) }]));
    await list().upload([zip]);
    await expect
      .poll(async () => (await program.client.jobs.list())[0]?.counts, patience)
      .toMatchObject({ imported: 0, duplicates: 1, rejected: 0 });
  });

  it('lists each file that was not taken, with its reason in words', async () => {
    const bad = path.join(folder, 'bad');
    mkdirSync(bad);
    const [whole] = writeSmallImages(path.join(folder, 'one'), { count: 1, seed: 'whole' }).files;
    const bytes = readFileSync(whole ?? '');
    const cases = {
      'letter.txt': [
        'imaging.notDicom',
        Buffer.from('Dear colleague, please find enclosed the pictures of yesterday.'),
      ],
      'empty.dcm': ['imaging.emptyFile', Buffer.alloc(0)],
      'half.dcm': ['imaging.truncated', bytes.subarray(0, bytes.length - 3000)],
      'broken.zip': ['imaging.zipDamaged', Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(400, 7)])],
    } as const;
    for (const [name, [, content]] of Object.entries(cases)) writeFileSync(path.join(bad, name), content);
    await list().upload([...Object.keys(cases).map((name) => path.join(bad, name)), whole ?? '']);
    await list().openSummary();
    for (const [name, [code]] of Object.entries(cases)) {
      const line = list().summary.getByRole('row').filter({ hasText: name });
      const cell = line.locator('td').nth(1);
      expect(await cell.getAttribute('title'), name).toBe(code);
      expect(await cell.innerText()).toBe(window.text(`failures:${code}`));
    }
    expect(await list().summary.getByRole('row').count()).toBe(1 + Object.keys(cases).length);
    await picture(window, 'import-summary');
    await list()
      .summary.getByRole('button', { name: window.text('imports:summary.close') })
      .last()
      .click();
    await list().rows('BERNARD').first().waitFor();
  });

  it('stops when told to, and keeps what had come in', async () => {
    const pile = writeSmallImages(path.join(folder, 'pile'), { count: 6000, seed: 'cancelled' });
    await list().importFromHost(pile.folder);
    const tray = await list().openTray();
    const cancel = tray.getByRole('button', { name: window.text('jobs:cancel') });
    await expect.poll(async () => (await program.client.jobs.list())[0]?.done ?? 0, patience).toBeGreaterThan(100);
    await picture(window, 'import-running');
    await cancel.first().click();
    await tray.getByText(window.text('jobs:states.cancelled')).first().waitFor(patience);
    const [job] = await program.client.jobs.list();
    expect(job?.state).toBe('cancelled');
    const imported = job?.counts['imported'] ?? 0;
    expect(imported).toBeGreaterThan(0);
    expect(imported).toBeLessThan(6000);
    const rows = await program.client.worklist.list({
      filter: { text: 'Load test' },
      sort: { key: 'receivedAt', direction: 'ascending' },
      limit: 500,
    });
    const mine = rows.rows.filter((row) => pile.studyUids.has(row.studyUid));
    expect(mine.reduce((sum, row) => sum + row.instanceCount, 0)).toBe(imported);
    await list().closeTray();
  });

  it('goes on by itself after the host was killed', async () => {
    const pile = writeSmallImages(path.join(folder, 'resumed'), { count: 3000, seed: 'resumed' });
    await list().importFromHost(pile.folder);
    await expect.poll(async () => (await program.client.jobs.list())[0]?.done ?? 0, patience).toBeGreaterThan(100);
    const [job] = await program.client.jobs.list();
    window.expectComplaint(hostIsGone);
    await host.kill();
    await window.page.getByText(window.text('shell:connection.lost')).waitFor();
    await picture(window, 'connection-lost');
    await window.close();
    host = await startHost({ home: host.home });
    window = await openWindow(browser, host.address);
    await new SignInPage(window).enter(person.operatorName, person.password);
    await list().waitFor();
    program = await host.connect();
    await program.client.security.signIn(person);
    const ended = await waitForJob(program.client, job?.jobId ?? '');
    expect(ended.state).toBe('done');
    const summary = await program.client.imaging.getImportSummary({ jobId: ended.jobId });
    expect(summary.imported + summary.duplicates).toBe(3000);
    await list().waitForImport();
  });
});

/** A zip archive whose entries are stored, not compressed (APPNOTE 4.3). */
function storedZip(entries: readonly { name: string; bytes: Buffer }[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes } of entries) {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), common, Buffer.from(name), bytes]);
    const central = Buffer.alloc(46);
    central.write('PK\u0001\u0002', 0, 'latin1');
    central.writeUInt16LE(20, 4);
    common.copy(central, 6, 0, 26);
    central.writeUInt32LE(offset, 42);
    directory.push(Buffer.concat([central, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 0, 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, end]);
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
