/**
 * The reading room in real Chromium: from the key that opens a CT of 200 slices to its first picture and to the whole
 * volume, with the pixels checked; then the wheel. The peer is Orthanc's DICOMweb feeding the same page: same code, same
 * clicks, metadata and frames from there, both through the same proxy.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import dicomParser from 'dicom-parser';
import type { Browser } from 'playwright';
import { findChromium, have, type Orthanc, startOrthanc } from '../../scripts/services.ts';
import { launchBrowser, openWindow } from '../e2e/harness/chromiumWindow.ts';
import { SignInPage } from '../e2e/pages/doorPages.ts';
import { ReadingRoomPage } from '../e2e/pages/readingRoomPage.ts';
import { WorklistPage } from '../e2e/pages/worklistPage.ts';
import { type BenchHost, operatorName, password, startBenchHost } from './benchHost.ts';
import { ctCopies } from './ctCopies.ts';
import { median, percentile, say, tell, waitForQuiet } from './measure.ts';
import { uploadToOrthanc } from './orthancUpload.ts';
import { startSourceProxy } from './sourceProxy.ts';

const repetitions = Number(process.env['SALUS_BENCH_REPETITIONS'] ?? 5);
const wheelSteps = 150;

interface Opening {
  readonly firstMs: number;
  readonly wholeMs: number;
  readonly slices: number;
}

type Way = 'direct' | 'proxied' | 'orthanc';

interface InPage {
  /** When the key that opens was pressed. */
  enteredAt?: number;
  __salusViewport?: {
    stacks(): {
      getState(): { status: string; count: number; loadedCount: number; picture?: { index: number } };
      getDisplayedImage(): unknown;
    }[];
  };
}

if (!have('chromium', 'orthanc', 'orthanc-dicomweb')) {
  tell({ name: 'reading room: skipped (needs Chromium and Orthanc with DICOMweb)', value: 0, unit: '' });
} else await run();

async function run(): Promise<void> {
  say(findChromium());
  const copies = ctCopies();
  const files = copies.files.filter((file) => path.basename(path.dirname(file)) === '0');
  const truth = new Map(files.map((file) => digestOf(file)).filter((entry) => entry !== null));
  const openings: Record<Way, Opening[]> = { direct: [], proxied: [], orthanc: [] };
  const wheel: number[] = [];
  let bursts = 0;
  const host = await startBenchHost();
  const orthanc = await startOrthanc();
  const browser = await launchBrowser();
  try {
    await host.importPaths([path.dirname(files[0] as string)]);
    await uploadToOrthanc(orthanc, files, 4);
    for (let repetition = 0; repetition < repetitions; repetition += 1) {
      for (const way of ['direct', 'orthanc', 'proxied'] as const) {
        await waitForQuiet();
        const seen = await look(browser, host, way, orthanc, truth);
        openings[way].push(seen.opening);
        if (way !== 'direct') continue;
        wheel.push(...seen.wheel);
        if (seen.burstIndex === 100) bursts += 1;
      }
      say(JSON.stringify(Object.fromEntries(Object.entries(openings).map(([way, all]) => [way, all.at(-1)]))));
    }
  } finally {
    await browser.close();
    await orthanc.stop();
    await host.stop();
  }
  const more = { slices: openings.direct[0]?.slices ?? 0, source: copies.source, repetitions };
  for (const [name, key] of [
    ['first image from opening to checked pixels', 'firstMs'],
    ['whole volume from opening', 'wholeMs'],
  ] as const) {
    const of = (way: Way) => openings[way].map((opening) => opening[key]);
    tell({
      name,
      value: median(of('proxied')),
      unit: 'ms',
      peer: 'Orthanc DICOMweb in the same page',
      peerValue: median(of('orthanc')),
      aim: { atMost: 0.5, of: 'ratio' },
      more: {
        ...more,
        withoutProxyMs: Math.round(median(of('direct'))),
        each: of('proxied').map(Math.round),
        peerEach: of('orthanc').map(Math.round),
      },
    });
  }
  tell({
    name: 'wheel to new picture',
    value: percentile(wheel, 95),
    unit: 'ms',
    aim: { atMost: 20 },
    more: { statistic: 'p95', median: Number(median(wheel).toFixed(1)), steps: wheel.length },
  });
  tell({
    name: 'bursts of 100 wheel steps that land on the 100th slice',
    value: bursts / repetitions,
    unit: 'of all',
    aim: { atLeast: 1 },
    more: { repetitions },
  });
}

/** Opens the study in a new window; every window signs in and knows nothing of the one before. */
async function look(
  browser: Browser,
  host: BenchHost,
  way: Way,
  orthanc: Orthanc,
  truth: ReadonlyMap<string, string>,
): Promise<{ opening: Opening; wheel: number[]; burstIndex: number }> {
  const proxy =
    way === 'direct' ? undefined : await startSourceProxy(host.origin, way === 'orthanc' ? orthanc : undefined);
  const address = await host.newAddress();
  const tab = await openWindow(browser, address.replace(host.origin, proxy?.origin ?? host.origin), {
    // Before any listener of the page, so that none can stop the event.
    prepare: async (page) => {
      await page.addInitScript(() => {
        window.addEventListener(
          'keydown',
          (event) => {
            if (event.key === 'Enter') (window as unknown as InPage).enteredAt = event.timeStamp;
          },
          { capture: true },
        );
      });
    },
  });
  try {
    const { page } = tab;
    const signIn = new SignInPage(tab);
    await signIn.waitFor();
    await signIn.enter(operatorName, password);
    const list = new WorklistPage(tab);
    const room = new ReadingRoomPage(tab);
    const row = list.rows('CT').first();
    await row.click();
    await page.waitForTimeout(1500);
    await page.evaluate(() => {
      delete (window as unknown as InPage).enteredAt;
    });
    const opened = page.evaluate(
      () =>
        new Promise<{ firstMs: number; wholeMs: number; slices: number }>((resolve, reject) => {
          let firstMs = 0;
          const channel = new MessageChannel();
          const again = () => setTimeout(() => channel.port2.postMessage(0), 1);
          channel.port1.onmessage = () => {
            const { enteredAt, __salusViewport } = window as unknown as InPage;
            const stack = __salusViewport?.stacks()[0];
            const state = stack?.getState();
            const now = performance.now();
            if (enteredAt === undefined) return again();
            if (state?.status === 'failed') return reject(new Error('the viewport failed'));
            if (firstMs === 0 && state?.status === 'shown' && stack?.getDisplayedImage()) firstMs = now - enteredAt;
            if (firstMs > 0 && state && state.count > 1 && state.loadedCount === state.count)
              return resolve({ firstMs, wholeMs: now - enteredAt, slices: state.count });
            again();
          };
          again();
        }),
    );
    await page.keyboard.press('Enter');
    const opening = await opened;
    await check(room, truth);
    if (way === 'orthanc' && (proxy?.answeredByOrthanc ?? 0) <= opening.slices)
      throw new Error('the frames did not come from Orthanc');
    if (way !== 'direct') return { opening, wheel: [], burstIndex: -1 };

    await room.press('Home');
    await room.until((state) => state.index === 0);
    await page.waitForTimeout(500);
    const wheel = await turnWheel(room, page);
    await room.press('Home');
    await room.until((state) => state.index === 0);
    await room.wheel(100);
    await page.waitForTimeout(1500);
    const burstIndex = (await room.state()).index ?? -1;
    await check(room, truth);
    return { opening, wheel, burstIndex };
  } finally {
    // What went wrong before tells more than a window that is gone.
    await tab.close().catch((error: Error) => say(error.message.split('\n')[0] as string));
    await proxy?.close();
  }
}

/** One notch at a time, each only when the picture before it is there: milliseconds from the event to the picture. */
async function turnWheel(room: ReadingRoomPage, page: Awaited<ReturnType<Browser['newPage']>>): Promise<number[]> {
  const box = await room.pane().boundingBox();
  if (!box) throw new Error('the viewport has no place');
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  return room
    .pane()
    .locator('section')
    .evaluate(async (section, steps) => {
      const stack = (window as unknown as InPage).__salusViewport?.stacks()[0];
      const { left, top, width, height } = section.getBoundingClientRect();
      const place = { clientX: left + width / 2, clientY: top + height / 2, bubbles: true, cancelable: true };
      const took: number[] = [];
      for (let step = 1; step <= steps; step += 1) {
        await new Promise((resolve) => setTimeout(resolve, 20 + (step % 17)));
        const wanted = (stack?.getState().picture?.index ?? 0) + 1;
        const began = performance.now();
        section.dispatchEvent(new WheelEvent('wheel', { ...place, deltaY: 100 }));
        const channel = new MessageChannel();
        await new Promise<void>((resolve, reject) => {
          channel.port1.onmessage = () => {
            if (stack?.getState().picture?.index === wanted) resolve();
            else if (performance.now() - began > 5000) reject(new Error('no picture came'));
            else channel.port2.postMessage(0);
          };
          channel.port2.postMessage(0);
        });
        took.push(performance.now() - began);
      }
      return took;
    }, wheelSteps);
}

/** The picture on the screen holds the values that lie in the file. */
async function check(room: ReadingRoomPage, truth: ReadonlyMap<string, string>): Promise<void> {
  const { sopUid, sha256 } = await room.displayedDigest();
  if (truth.get(sopUid) !== sha256) throw new Error('the pixels are not those of the file');
}

/** SOP Instance UID and a digest of the stored values, read from the file without any code of the product. */
function digestOf(file: string): [string, string] | null {
  const bytes = readFileSync(file);
  const dataset = dicomParser.parseDicom(bytes);
  const pixels = dataset.elements['x7fe00010'];
  if (!pixels || dataset.uint16('x00280100') !== 16) return null;
  const words = bytes.subarray(pixels.dataOffset, pixels.dataOffset + pixels.length);
  const view = new DataView(words.buffer, words.byteOffset, words.length);
  const isSigned = dataset.uint16('x00280103') === 1;
  const values = Float64Array.from({ length: words.length / 2 }, (_, index) =>
    isSigned ? view.getInt16(index * 2, true) : view.getUint16(index * 2, true),
  );
  return [dataset.string('x00080018') ?? '', createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex')];
}
