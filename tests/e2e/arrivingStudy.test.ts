import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from '../../scripts/services.ts';
import type { SalusWindow } from './harness/chromiumWindow.ts';
import { type HostClient, samplesFolder, waitForJob } from './harness/runningHost.ts';
import { openWorkstation, type Workstation } from './harness/workstation.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const patience = { timeout: 20_000 };
const person = { operatorName: 'early', fullName: 'Early Reader', password: 'read before it is whole' };

describe.skipIf(!have('chromium'))('a study read while it arrives (needs Chromium)', () => {
  let station: Workstation;
  let program: HostClient;
  let window: SalusWindow;
  let jobId: string;
  let files: string[];
  const send = async (names: readonly string[]): Promise<void> => {
    for (const name of names) {
      const sent = await program.fetchAsset(`/imports/${jobId}/files`, {
        method: 'POST',
        body: new Uint8Array(readFileSync(path.join(samplesFolder(), 'chest-ct-prior', name))),
        headers: { 'content-type': 'application/octet-stream', 'x-salus-path': encodeURIComponent(name) },
      });
      expect(sent.ok).toBe(true);
    }
  };

  beforeAll(async () => {
    files = globSync('**/*.dcm', { cwd: path.join(samplesFolder(), 'chest-ct-prior') }).sort();
    station = await openWorkstation('arriving', person);
    ({ program } = station);
    ({ jobId } = await program.client.imaging.startUpload({ files: files.length, bytes: 1 }));
    await send(files.slice(0, 20));
    window = await station.enter();
    const row = new WorklistPage(window).rows('LEFÈVRE').first();
    await row.waitFor(patience);
    await new WorklistPage(window).read(row);
    await new ReadingRoomPage(window).waitForPicture();
  });
  afterAll(() => station?.close());

  it('says so on the picture and in the planes cut from it', async () => {
    expect(files.length).toBeGreaterThan(30);
    const said = window.page.getByText(window.text('imaging:overlay.arriving'));
    await expect.poll(() => said.count(), patience).toBe(1);
    await new ReadingRoomPage(window).press('m');
    await expect.poll(() => said.count(), patience).toBe(3);
    await new ReadingRoomPage(window).press('m');
    await expect.poll(() => said.count(), patience).toBe(1);
  });

  it('says when there is more than is shown, and takes the mark away when it is whole', async () => {
    await send(files.slice(20));
    await program.client.imaging.finishUpload({ jobId, complete: true });
    await waitForJob(program.client, jobId);
    await window.page.getByText(window.text('imaging:room.grown')).waitFor(patience);
    await expect.poll(() => window.page.getByText(window.text('imaging:overlay.arriving')).count(), patience).toBe(0);
    await window.page.getByRole('button', { name: window.text('imaging:tools.close') }).click();
    const list = new WorklistPage(window);
    await list.read(list.rows('LEFÈVRE').first());
    await new ReadingRoomPage(window).waitForPicture();
    // Opened twice, so asked twice: what was read before the rest came is not shown again from memory.
    expect(await program.client.security.listAudit({ action: 'imaging.openStudy' })).toHaveLength(2);
    expect((await new ReadingRoomPage(window).state()).count).toBe(files.length);
    expect(await window.page.getByText(window.text('imaging:room.grown')).count()).toBe(0);
  });

  it('a drag that ends without a word leaves no veil over the pictures', async () => {
    const { page, text } = window;
    const session = await page.context().newCDPSession(page);
    const data = {
      items: [],
      files: [path.join(samplesFolder(), 'chest-ct-prior', files[0] ?? '')],
      dragOperationsMask: 1,
    };
    for (const type of ['dragEnter', 'dragOver'] as const)
      await session.send('Input.dispatchDragEvent', { type, x: 700, y: 400, data });
    const veil = page.getByText(text('imports:drop.title'));
    await veil.waitFor(patience);
    await veil.waitFor({ state: 'hidden', ...patience });
    await session.detach();
  });

  it('names no fault of the window', () => {
    expect(window.complaints()).toEqual([]);
  });
});
