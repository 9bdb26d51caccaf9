import { describe, expect, it } from 'vitest';
import { Failure } from '../../../app/shared/failure.ts';
import type { Api } from '../../api/ApiProvider.tsx';
import { isUploading, parallelUploads, startUpload, stopAllUploads } from './uploads.ts';

/** A host that answers as told; only its two procedures and the upload route are reached here. */
function hostThat(answer: (path: string, signal: AbortSignal) => Promise<void>): {
  api: Api;
  seen: { paths: string[]; mostAtOnce: number; finished: number; opened: { files: number; bytes: number }[] };
} {
  const seen = { paths: [] as string[], mostAtOnce: 0, finished: 0, opened: [] as { files: number; bytes: number }[] };
  let atOnce = 0;
  const api = {
    client: {
      imaging: {
        startUpload: (input: { files: number; bytes: number }) => {
          seen.opened.push(input);
          return Promise.resolve({ jobId: 'job-1' });
        },
        finishUpload: () => {
          seen.finished += 1;
          return Promise.resolve(null);
        },
      },
    },
    async fetchAsset(_url: string, init: RequestInit) {
      const path = decodeURIComponent((init.headers as Record<string, string>)['x-salus-path'] as string);
      atOnce += 1;
      seen.mostAtOnce = Math.max(seen.mostAtOnce, atOnce);
      try {
        await answer(path, init.signal as AbortSignal);
        seen.paths.push(path);
        return new Response(null, { status: 204 });
      } finally {
        atOnce -= 1;
      }
    },
  } as unknown as Api;
  return { api, seen };
}

const filesNamed = (names: readonly string[]) => ({
  files: names.map((path) => ({ path, file: new File(['abc'], path) })),
  unreadable: [],
});
const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

describe('uploading', () => {
  it('sends every file once, at most four at a time, under its own path, and ends the import', async () => {
    const names = Array.from({ length: 25 }, (_, index) => `série é/${index}.dcm`);
    const { api, seen } = hostThat(pause);
    const upload = await startUpload(api, { ...filesNamed(names), unreadable: [{ path: 'locked' }] });
    expect(isUploading()).toBe(true);
    expect(await upload.sent).toEqual([{ path: 'locked', reason: 'imaging.pathUnreadable' }]);
    expect([...seen.paths].sort()).toEqual([...names].sort());
    expect(seen.mostAtOnce).toBe(parallelUploads);
    expect(seen.opened).toEqual([{ files: 25, bytes: 75 }]);
    expect(seen.finished).toBe(1);
    expect(isUploading()).toBe(false);
  });

  it('tries a file again, then gives it up with the reason and goes on', async () => {
    const tries = new Map<string, number>();
    const { api, seen } = hostThat((path) => {
      tries.set(path, (tries.get(path) ?? 0) + 1);
      if (path === 'bad' || (path === 'shaky' && tries.get(path) === 1))
        throw new Failure('imaging.tooLarge', 'refused');
      return pause();
    });
    const upload = await startUpload(api, filesNamed(['bad', 'shaky', 'good']));
    expect(await upload.sent).toEqual([{ path: 'bad', reason: 'imaging.tooLarge' }]);
    expect(tries.get('bad')).toBe(3);
    expect([...seen.paths].sort()).toEqual(['good', 'shaky']);
  });

  it('stops when the host ends the import, without trying the rest', async () => {
    const { api, seen } = hostThat((path) => {
      if (path === '3') throw new Failure('storage.diskFull', 'full');
      return pause();
    });
    const upload = await startUpload(api, filesNamed(Array.from({ length: 50 }, (_, index) => String(index))));
    await expect(upload.sent).rejects.toMatchObject({ code: 'storage.diskFull' });
    expect(seen.paths.length).toBeLessThan(20);
    expect(seen.finished).toBe(1);
  });

  it('is stopped by a lock, and the host is told', async () => {
    const { api, seen } = hostThat(
      (_path, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    const upload = await startUpload(api, filesNamed(['a', 'b']));
    const outcome = expect(upload.sent).rejects.toMatchObject({ code: 'jobs.interrupted' });
    await pause();
    await stopAllUploads();
    await outcome;
    expect(seen.finished).toBe(1);
    expect(isUploading()).toBe(false);
  });
});
