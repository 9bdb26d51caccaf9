import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { lstat, opendir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Failure } from '../../../../app/shared/failure.ts';

/** A file of a watched folder, as one look saw it. */
export interface SeenFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** More than that is for a person to import. */
const mostFiles = 200_000;
const deepest = 16;
/** What programs call a file that they have not finished writing. */
const partialName = /^[.~]|~$|\.(part|partial|tmp|temp|crdownload|download|filepart|swp|lock)$/i;

/**
 * The regular files of a folder, of any depth; links, hidden ones and those that are still being written are left out.
 * What vanishes meanwhile, or cannot be read below the folder, is left out too.
 *
 * @throws what the system says when the folder itself cannot be read
 */
export async function lookInto(folder: string, signal: AbortSignal): Promise<SeenFile[]> {
  const seen: SeenFile[] = [];
  await walk(folder, 0, true);
  return seen;

  async function walk(place: string, depth: number, mustRead: boolean): Promise<void> {
    const below: Dirent[] = [];
    try {
      for await (const entry of await opendir(place, { bufferSize: 256 })) {
        if (signal.aborted || seen.length >= mostFiles) return;
        if (partialName.test(entry.name)) continue;
        if (entry.isDirectory()) below.push(entry);
        else if (entry.isFile()) await note(join(place, entry.name));
      }
    } catch (error) {
      if (mustRead) throw error;
    }
    if (depth >= deepest) return;
    for (const entry of below) await walk(join(place, entry.name), depth + 1, false);
  }

  async function note(path: string): Promise<void> {
    try {
      const { size, mtimeMs } = await lstat(path);
      if (size > 0) seen.push({ path, size, mtimeMs });
    } catch (error) {
      // Taken away since it was listed.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/**
 * Checks folders before they are watched. One within another, or the same by another way, would import its files twice.
 *
 * @throws Failure('exchange.folderUnreadable' | 'exchange.folderNested')
 */
export async function requireFolders(folders: readonly string[]): Promise<void> {
  const places: string[] = [];
  for (const folder of folders) {
    const found = await stat(folder).catch(() => null);
    const place = found?.isDirectory() ? await realpath(folder).catch(() => null) : null;
    if (place === null) throw new Failure('exchange.folderUnreadable', 'a watched folder cannot be read');
    places.push(place.endsWith(sep) ? place : `${place}${sep}`);
  }
  const isNested = places.some((inner, at) => places.some((outer, other) => at !== other && inner.startsWith(outer)));
  if (isNested) throw new Failure('exchange.folderNested', 'a watched folder lies within another');
}

/** Names a file's content well enough to know it again, and tells nobody where it lies. */
export function fileKey({ path, size, mtimeMs }: SeenFile): Buffer {
  return createHash('sha256').update(`${path}\0${size}\0${mtimeMs}`).digest().subarray(0, 16);
}

export function folderKey(folder: string): Buffer {
  return createHash('sha256').update(folder).digest().subarray(0, 16);
}
