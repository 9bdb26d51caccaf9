import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../samples/seededRandom.ts';
import { decodeFrame } from './decodeFrame.ts';
import { asRgb8 } from './displayColours.ts';
import { frameForWeb, webPixelAttributes } from './frameForWeb.ts';
import { openDicomPixels } from './openDicomPixels.ts';
import type { DecodedArray, PixelDescription } from './pixelDescription.ts';

/**
 * Runs the viewer's own worker code (@cornerstonejs/dicom-image-loader) in Node on what the frames route would send and
 * compares with the host decoder: the two must show the same pixels. What the browser adds after it (textures, windows)
 * is for the end-to-end tests.
 */

const samples = join(import.meta.dirname, '../../../../../shared/dicom-samples');
const hasSamples = existsSync(samples);
const debianFiles = '/usr/lib/python3/dist-packages/pydicom/data/test_files';

interface ViewerFrame {
  readonly pixelData: ArrayLike<number>;
}
type ViewerDecoder = (
  imageFrame: object,
  transferSyntaxUid: string,
  bytes: Uint8Array,
  config: object,
  options: object,
) => Promise<ViewerFrame>;

let decodeAsViewer: ViewerDecoder;
let wasmFolder = '';

beforeAll(async () => {
  // the viewer's OpenJPEG reports every header it reads
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const require = createRequire(import.meta.url);
  const loader = join(require.resolve('@cornerstonejs/dicom-image-loader/package.json'), '..');
  const worker = (await import(/* @vite-ignore */ join(loader, 'dist/esm/decodeImageFrameWorker.js'))) as {
    decodeImageFrame: ViewerDecoder;
  };
  decodeAsViewer = worker.decodeImageFrame;
  wasmFolder = mkdtempSync(join(tmpdir(), 'salus-wasm-'));
  for (const [codec, file] of [
    ['codec-charls/decodewasm', 'charlswasm_decode.wasm'],
    ['codec-openjpeg/decodewasm', 'openjpegwasm_decode.wasm'],
    ['codec-openjph/wasm', 'openjphjs.wasm'],
    ['codec-libjpeg-turbo-8bit/decodewasm', 'libjpegturbowasm_decode.wasm'],
  ]) {
    copyFileSync(require.resolve(`@cornerstonejs/${codec}`), join(wasmFolder, file ?? ''));
  }
});
afterAll(() => {
  vi.restoreAllMocks();
  rmSync(wasmFolder, { recursive: true, force: true });
});

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

function openImage(path: string): PixelDescription | undefined {
  try {
    return openDicomPixels(readFileSync(path));
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'Failure') return undefined;
    throw thrown;
  }
}

/** What the host shows of a frame: 8-bit RGB for colour, else the stored values. */
async function hostPixels(description: PixelDescription, frame: number): Promise<DecodedArray | undefined> {
  try {
    const decoded = await decodeFrame(description, frame);
    const isColour = decoded.samplesPerPixel === 3 || description.palette;
    return isColour ? asRgb8(decoded, description.palette) : decoded.data;
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'Failure') return undefined;
    throw thrown;
  }
}

async function compare(path: string): Promise<'same' | 'refused'> {
  const description = openImage(path);
  if (!description) return 'refused';
  for (const frame of new Set([0, description.numberOfFrames - 1])) {
    const host = await hostPixels(description, frame);
    if (!host) {
      await expect(frameForWeb(description, frame)).rejects.toThrow();
      return 'refused';
    }
    const web = await frameForWeb(description, frame);
    expect(web.contentType).toContain(`transfer-syntax=${web.transferSyntaxUid}`);
    const attributes = { ...webPixelAttributes(description) };
    const options = { preScale: { enabled: false } };
    const viewer = await decodeAsViewer(
      attributes,
      web.transferSyntaxUid,
      new Uint8Array(web.bytes),
      { wasmBasePath: wasmFolder },
      options,
    );
    expect(viewer.pixelData.length).toBe(host.length);
    expect(viewer.pixelData.length).toBe(attributes.rows * attributes.columns * attributes.samplesPerPixel);
    let different = 0;
    for (let i = 0; i < host.length; i++) if (viewer.pixelData[i] !== host[i]) different++;
    expect(different).toBe(0);
  }
  return 'same';
}

describe.skipIf(!hasSamples)('viewer and host show the same pixels (needs ../shared/dicom-samples)', () => {
  const files = ['pydicom', 'single-frame', 'seg', 'mr-brain'].flatMap((folder) => filesBelow(join(samples, folder)));
  for (const path of files) {
    const name = relative(samples, path).replaceAll('\\', '/');
    if (openImage(path)) it(name, async () => expect(await compare(path)).toBe('same'));
  }
});

describe.skipIf(!existsSync(debianFiles))(
  'viewer and host agree on the objects of python3-pydicom (needs Debian)',
  () => {
    it('every image is the same in both, or refused by the host with a reason', async () => {
      const outcomes = new Map<string, number>();
      for (const path of filesBelow(debianFiles)) {
        const outcome = await compare(path);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      expect(outcomes.get('same')).toBeGreaterThanOrEqual(80);
    });
  },
);

describe.skipIf(!hasSamples)('a damaged stream (needs ../shared/dicom-samples)', () => {
  /** Ways to damage a frame's bytes in place, as disks and transfers do. */
  const damages: Record<string, (bytes: Uint8Array, at: number) => void> = {
    'a changed byte': (bytes, at) => void bytes.fill((bytes[at] ?? 0) ^ 0x55, at, at + 1),
    'a run of zeros': (bytes, at) => void bytes.fill(0, at, at + 400),
    'noise to the end': (bytes, at) => {
      for (let place = at; place < bytes.length - 2; place += 7) bytes[place] = (place * 31) & 0xff;
    },
  };

  it('is refused by the viewer where the host refuses it, and never shows the frame before', async () => {
    const random = seededRandom('damaged-streams');
    const outcomes = new Map<string, number>();
    const count = (key: string) => outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
    const wrong: string[] = [];
    const perSyntax = new Map<string, number>();
    for (const path of ['pydicom', 'single-frame'].flatMap((folder) => filesBelow(join(samples, folder)))) {
      const whole = readFileSync(path);
      const sound = openImage(path);
      const { pixels } = sound?.source ?? {};
      if (!sound || pixels?.kind !== 'encapsulated' || sound.rows * sound.columns > 600 * 600) continue;
      const uid = sound.transferSyntaxUid;
      if (!/\.4\.(50|57|70|80|81|90|91|201|202|203)$/.test(uid) || (perSyntax.get(uid) ?? 0) >= 2) continue;
      const fragment = pixels.frames.at(-1)?.[0];
      if (!fragment || !(await hostPixels(sound, 0))) continue;
      perSyntax.set(uid, (perSyntax.get(uid) ?? 0) + 1);
      const last = sound.numberOfFrames - 1;
      for (const [kind, damage] of Object.entries(damages)) {
        for (let turn = 0; turn < 5; turn += 1) {
          const bytes = Buffer.from(whole);
          const inside = bytes.subarray(fragment.start, fragment.start + fragment.length);
          // Headers lie at the start: every other time they are hit.
          const reach = turn % 2 === 0 ? Math.min(200, inside.length) : inside.length;
          damage(inside, Math.floor(random.next() * reach));
          const damaged = openDicomPixels(bytes);
          const host = await hostPixels(damaged, last);
          const viewer = await viewerPixels(damaged, last, sound);
          const isSame =
            host && viewer && host.length === viewer.length && host.every((each, at) => each === viewer[at]);
          if (host ? isSame : !viewer) count(host ? 'same' : 'refused');
          else wrong.push(`${relative(samples, path)} ${kind} ${turn}: ${host ? 'differs' : 'the host refuses it'}`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(outcomes.get('same')).toBeGreaterThan(10);
    expect(outcomes.get('refused')).toBeGreaterThan(10);
  }, 180_000);

  /** What the viewer would show of a frame, right after a sound one of the same kind; undefined when it is refused. */
  async function viewerPixels(
    damaged: PixelDescription,
    frame: number,
    sound: PixelDescription,
  ): Promise<ArrayLike<number> | undefined> {
    const decode = async (description: PixelDescription, index: number) => {
      const web = await frameForWeb(description, index);
      const { rows, columns, samplesPerPixel, ...attributes } = webPixelAttributes(description);
      const { pixelData } = await decodeAsViewer(
        { rows, columns, samplesPerPixel, ...attributes },
        web.transferSyntaxUid,
        new Uint8Array(web.bytes),
        { wasmBasePath: wasmFolder },
        { preScale: { enabled: false } },
      );
      // As renderer/viewport/decodeFrame.worker.ts: fewer samples than the header says are no picture.
      return pixelData.length < rows * columns * samplesPerPixel ? undefined : pixelData;
    };
    await decode(sound, 0);
    return decode(damaged, frame).catch(() => undefined);
  }
});
