import path from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from '../../scripts/services.ts';
import type { SalusWindow } from './harness/chromiumWindow.ts';
import { patternOf } from './harness/localeTexts.ts';
import { sharedSamples } from './harness/runningHost.ts';
import { openWorkstation, type Workstation } from './harness/workstation.ts';
import { SignInPage } from './pages/doorPages.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const person = { operatorName: 'starter', fullName: 'Starter', password: 'the lamp warms up first' };
const patience = { timeout: 20_000 };
/** A grey JPEG-LS, which goes to the window as it is stored. */
const jpegLs = sharedSamples(path.join('pydicom', 'emri_small_jpeg_ls_lossless.dcm'));

type CountedWindow = Window & { graphics?: WeakRef<WebGL2RenderingContext>[]; restless?: number };

/** Remembers every graphics context that the page makes, without keeping it. */
async function countGraphics(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const made: WeakRef<WebGL2RenderingContext>[] = [];
    (window as CountedWindow).graphics = made;
    const { getContext } = HTMLCanvasElement.prototype;
    HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, ...given: unknown[]) {
      const context = Reflect.apply(getContext, this, given);
      const isNew = !made.some((each) => each.deref() === context);
      if (context instanceof WebGL2RenderingContext && isNew) made.push(new WeakRef(context));
      return context;
    } as typeof getContext;
  });
}

/**
 * Contexts made so far, those not given back, and how large their pictures are. vtk.js drops one that it only tries; the
 * collector takes it.
 */
async function graphicsOf({
  page,
  context,
}: SalusWindow): Promise<{ made: number; alive: number; sizes: readonly string[] }> {
  const devtools = await context.newCDPSession(page);
  await devtools.send('HeapProfiler.collectGarbage');
  await devtools.detach();
  return page.evaluate(() => {
    const made = (window as CountedWindow).graphics ?? [];
    const alive = made.map((each) => each.deref()).filter((each) => each?.isContextLost() === false);
    const sizes = alive.map((each) => `${each?.drawingBufferWidth}×${each?.drawingBufferHeight}`);
    return { made: made.length, alive: alive.length, sizes };
  });
}

describe.skipIf(!have('chromium'))('how the viewer starts (needs Chromium)', () => {
  let station: Workstation;

  beforeAll(async () => {
    station = await openWorkstation('starting', person);
    await station.bring('head-mr', ...(jpegLs === undefined ? [] : [jpegLs]));
  });
  afterAll(() => station?.close());

  const enter = (prepare: (page: Page) => Promise<void>) => station.enter({ prepare });

  const waitForFailure = ({ page }: SalusWindow) =>
    page.locator('[data-testid="pane-0"][data-status="failed"]').waitFor(patience);

  it('makes its one graphics context ready while the worklist is idle, and asks the host for nothing', async () => {
    const asked: string[] = [];
    const window = await enter(async (page) => {
      await countGraphics(page);
      page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    });
    const list = new WorklistPage(window);
    const { page } = window;
    // Drawn and taken off the screen again: one context is left alive.
    await expect.poll(() => graphicsOf(window).then(({ alive }) => alive), patience).toBe(1);
    await page.waitForTimeout(1500);
    const ready = await graphicsOf(window);
    expect(ready.alive).toBe(1);
    expect(await page.locator('canvas').count()).toBe(0);
    expect(asked.filter((address) => /\/frames\/\d+$|\/metadata$/.test(address))).toEqual([]);

    // The room is there at once: a stand-in, once shown, is left standing for 300 ms.
    await page.evaluate(() => {
      const seen = new MutationObserver(() => {
        if (document.querySelector('.splash')) document.documentElement.dataset['standIn'] = 'shown';
      });
      seen.observe(document.body, { subtree: true, childList: true });
    });
    // The study takes what is ready: no other context is made, and this one keeps its size, which is slow to change.
    await list.read(list.rows('BEAUMONT').first());
    const room = new ReadingRoomPage(window);
    await room.waitForPicture();
    expect((await room.figures()).greys).toBeGreaterThan(20);
    expect(await page.evaluate(() => document.documentElement.dataset['standIn'])).toBeUndefined();
    expect(await graphicsOf(window)).toEqual(ready);

    // Closed with the study, and made ready for the next; gone with the session.
    await list.open();
    await expect.poll(() => graphicsOf(window).then(({ alive }) => alive), patience).toBe(0);
    await expect.poll(() => graphicsOf(window).then(({ alive }) => alive), patience).toBe(1);
    await list.lock();
    await new SignInPage(window).waitFor();
    await expect.poll(() => graphicsOf(window).then(({ alive }) => alive), patience).toBe(0);
    await page.waitForTimeout(1500);
    expect((await graphicsOf(window)).alive).toBe(0);
    expect(window.complaints()).toEqual([]);
    await window.close();
  });

  it('waits as long as somebody is at the keys, and gives way to a study that is opened', async () => {
    const window = await enter(async (page) => {
      await countGraphics(page);
      await page.addInitScript(() => {
        const press = () => globalThis.dispatchEvent(new KeyboardEvent('keydown', { key: 'Shift' }));
        (globalThis as unknown as CountedWindow).restless = globalThis.setInterval(press, 50) as unknown as number;
      });
    });
    const { page } = window;
    const list = new WorklistPage(window);
    await page.waitForTimeout(3000);
    expect((await graphicsOf(window)).made).toBe(0);
    await page.evaluate(() => clearInterval((globalThis as unknown as CountedWindow).restless));
    // At some moment of the start, whichever it is.
    await page.waitForTimeout(500);
    await list.read(list.rows('BEAUMONT').first());
    await new ReadingRoomPage(window).waitForPicture();
    expect((await graphicsOf(window)).alive).toBe(1);
    expect(window.complaints()).toEqual([]);
    await window.close();
  });

  it('says that the decoder did not start, not that the images are damaged', async () => {
    const window = await enter(async (page) => {
      await page.route(/\/assets\/decodeFrame\.worker[^/]*\.js$/, (route) => route.abort());
    });
    window.expectComplaint(/Failed to load resource|ERR_FAILED/);
    const list = new WorklistPage(window);
    await list.read(list.rows('BEAUMONT').first());
    const room = new ReadingRoomPage(window);
    await waitForFailure(window);
    const state = await room.state();
    expect(state.failureCode).toBe('imaging.decoderUnavailable');
    expect((await room.messageOf()).split('\n')[0]).toMatch(patternOf('en', 'failures:imaging.decoderUnavailable'));
    // Once it can be loaded, trying again is enough.
    await window.page.unroute(/\/assets\/decodeFrame\.worker[^/]*\.js$/);
    await window.page.getByRole('button', { name: window.text('components:retry') }).click();
    await room.waitForPicture();
    expect(window.complaints()).toEqual([]);
    await window.close();
  });

  it.skipIf(jpegLs === undefined)(
    'says it of a codec that may not or cannot be loaded, too (needs ../shared/dicom-samples)',
    async () => {
      const window = await enter(async (page) => {
        await page.route(/\.wasm$/, (route) => route.abort());
      });
      window.expectComplaint(/Failed to load resource|ERR_FAILED|wasm|Aborted|ArrayBuffer instantiation/i);
      const list = new WorklistPage(window);
      await list.read(list.rows().filter({ hasNotText: 'BEAUMONT' }).first());
      const room = new ReadingRoomPage(window);
      await waitForFailure(window);
      const state = await room.state();
      expect(state.failureCode).toBe('imaging.decoderUnavailable');
      expect(window.complaints()).toEqual([]);
      await window.close();
    },
  );
});
