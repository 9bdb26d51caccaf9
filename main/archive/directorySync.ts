import { closeSync, fsync, fsyncSync, openSync, renameSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

/** fsync of an open descriptor in the thread pool. */
export const syncLater = promisify(fsync);

/** Windows cannot fsync a folder and does not need to: NTFS journals the rename. */
const foldersCanSync = process.platform !== 'win32';

/** Makes a folder's entries durable. */
export function syncDirectory(directory: string): void {
  if (!foldersCanSync) return;
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

async function syncDirectoryLater(directory: string, inPlace: boolean): Promise<void> {
  if (!foldersCanSync) return;
  if (inPlace) {
    const descriptor = openSync(directory, 'r');
    try {
      await syncLater(descriptor);
    } finally {
      closeSync(descriptor);
    }
    return;
  }
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

interface Landing {
  readonly temporary: string | null;
  readonly path: string;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Gives fsynced temporary files their final names, durably. Whoever comes while one round runs is served by the next:
 * a round renames all of them and then fsyncs each folder once, and the file system's journal commits them together.
 *
 * @param inPlace for a worker thread: renames are done on the spot, only the fsyncs are waited for
 * @returns `land(temporary, path)`, which resolves after an fsync of the path's folder that began after the rename;
 *          with `temporary` null the file is there already and only its name is made durable
 */
export function openLandings(inPlace = false): (temporary: string | null, path: string) => Promise<void> {
  let waiting: Landing[] = [];
  let running = false;

  async function round(landings: readonly Landing[]): Promise<void> {
    const landed = new Map<string, Landing[]>();
    await Promise.all(
      landings.map(async (landing) => {
        try {
          if (landing.temporary !== null) {
            if (inPlace) renameSync(landing.temporary, landing.path);
            else await rename(landing.temporary, landing.path);
          }
          const folder = dirname(landing.path);
          const others = landed.get(folder);
          if (others) others.push(landing);
          else landed.set(folder, [landing]);
        } catch (error) {
          landing.reject(error);
        }
      }),
    );
    await Promise.all(
      [...landed].map(async ([folder, members]) => {
        try {
          await syncDirectoryLater(folder, inPlace);
          for (const { resolve } of members) resolve();
        } catch (error) {
          for (const { reject } of members) reject(error);
        }
      }),
    );
  }

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const landings = waiting;
      waiting = [];
      await round(landings);
    }
    running = false;
  }

  return (temporary, path) =>
    new Promise<void>((resolve, reject) => {
      waiting.push({ temporary, path, resolve, reject });
      // `round` settles every landing itself and never rejects.
      if (!running) void run();
    });
}
