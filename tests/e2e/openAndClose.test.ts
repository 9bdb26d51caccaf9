import path from 'node:path';
import type { CDPSession } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from '../../scripts/services.ts';
import type { SalusWindow } from './harness/chromiumWindow.ts';
import { writeSmallImages } from './harness/madeFiles.ts';
import { openWorkstation, type Workstation } from './harness/workstation.ts';
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
  let station: Workstation;
  let window: SalusWindow;
  let devtools: CDPSession;

  beforeAll(async () => {
    station = await openWorkstation('opening', person);
    const small = writeSmallImages(path.join(station.folder, 'small'), {
      count: 20,
      seed: 'opening',
      rows: 256,
      columns: 256,
    });
    await station.bring('head-mr', small.folder);
    window = await station.enter();
    devtools = await window.context.newCDPSession(window.page);
  });
  afterAll(() => station?.close());

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
