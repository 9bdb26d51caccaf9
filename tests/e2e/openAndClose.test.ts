import path from 'node:path';
import type { Browser, CDPSession } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from '../../scripts/services.ts';
import { launchBrowser, openWindow, type SalusWindow } from './harness/chromiumWindow.ts';
import { writeSmallImages } from './harness/madeFiles.ts';
import { makeFolder, type RunningHost, samplesFolder, startHost, waitForJob } from './harness/runningHost.ts';
import { SignInPage } from './pages/doorPages.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const person = { operatorName: 'opener', fullName: 'Opener', password: 'fifty times in and out' };
const rounds = 50;
/** The caches and the compiler settle in the first rounds. */
const settled = 10;

interface Held {
  readonly documents: number;
  readonly nodes: number;
  readonly jsEventListeners: number;
  readonly heapBytes: number;
}

describe.skipIf(!have('chromium'))('what a study takes, its closing gives back (needs Chromium)', () => {
  let browser: Browser;
  let host: RunningHost;
  let window: SalusWindow;
  let devtools: CDPSession;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    const made = await makeFolder('opening');
    ({ remove } = made);
    host = await startHost({ home: path.join(made.folder, 'home') });
    const { client } = await host.connect(host.address);
    await client.security.setUp({ ...person, language: 'en', siteName: '' });
    await client.security.confirmRecoveryKey();
    const small = writeSmallImages(path.join(made.folder, 'small'), {
      count: 20,
      seed: 'opening',
      rows: 256,
      columns: 256,
    });
    const paths = [path.join(samplesFolder(), 'head-mr'), small.folder];
    await waitForJob(client, (await client.imaging.importPaths({ paths })).jobId);
    browser = await launchBrowser();
    window = await openWindow(browser, await host.newAddress());
    devtools = await window.context.newCDPSession(window.page);
    await new SignInPage(window).enter(person.operatorName, person.password);
    await new WorklistPage(window).waitFor();
  });
  afterAll(async () => {
    await window?.close();
    await browser?.close();
    await host?.stop();
    await remove?.();
  });

  it(`${rounds} studies opened and closed leave nothing behind`, async () => {
    const list = new WorklistPage(window);
    const room = new ReadingRoomPage(window);
    let early: Held | undefined;
    let holdings: Record<string, number> = {};
    for (let round = 0; round < rounds; round += 1) {
      await list.read(list.rows(round % 10 === 0 ? 'BEAUMONT' : 'BERNARD').first());
      await room.waitForPicture().catch((error: unknown) => {
        throw new Error(`round ${round}: ${String(error)}`);
      });
      holdings = await room.holdings();
      // One viewport, and never more graphics contexts than a browser gives.
      expect(holdings['views']).toBe(1);
      expect(holdings['contexts']).toBeLessThanOrEqual(4);
      await list.open();
      expect(await window.page.locator('canvas').count()).toBe(0);
      if (round === settled) early = await held();
    }
    const late = await held();
    expect(early).toBeDefined();
    expect(late.documents).toBeLessThanOrEqual((early?.documents ?? 0) + 1);
    expect(late.nodes).toBeLessThan((early?.nodes ?? 0) * 1.5 + 500);
    expect(late.jsEventListeners).toBeLessThan((early?.jsEventListeners ?? 0) * 1.5 + 100);
    // Forty more studies, four of them of 10 MB, and their worlds of React and Cornerstone.
    expect((late.heapBytes - (early?.heapBytes ?? 0)) / 1e6).toBeLessThan(40);
    expect(window.complaints()).toEqual([]);
  });

  async function held(): Promise<Held> {
    await devtools.send('HeapProfiler.collectGarbage');
    const { documents, nodes, jsEventListeners } = await devtools.send('Memory.getDOMCounters');
    const { usedSize } = await devtools.send('Runtime.getHeapUsage');
    return { documents, nodes, jsEventListeners, heapBytes: usedSize };
  }
});
