import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
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
