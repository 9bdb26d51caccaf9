import type { Dirent } from 'node:fs';
import { opendir, realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { isDicomdirName } from './dicomdir.ts';
import type { WorkItem } from './importMessages.ts';

/** Something found on the way: an item to read, or a place that can't be. */
export type Found = WorkItem | { readonly kind: 'unreadable'; readonly path: string; readonly reason: string };

/**
 * Walks files and folders of any depth, one entry in memory at a time. Links are followed; one that leads back into a
 * folder it lies in is reported, and a folder reached twice is walked once. What is neither file nor folder (pipes,
 * sockets, devices) is reported, never opened.
 */
export async function* walkPaths(paths: readonly string[], signal: AbortSignal): AsyncGenerator<Found> {
  const linked = new Set<string>();
  for (const given of paths) {
    if (signal.aborted) return;
    const path = resolve(given);
    const kind = await kindOf(path);
    if (kind === 'folder') yield* walkFolder(path, [await realpath(path)], linked, signal);
    else if (kind === 'file') {
      const name = path.slice(path.lastIndexOf(sep) + 1);
      yield isDicomdirName(name) ? { kind: 'dicomdir', path, follow: true } : { kind: 'file', path };
    } else yield { kind: 'unreadable', path, reason: 'imaging.pathUnreadable' };
  }
}

async function* walkFolder(
  folder: string,
  above: readonly string[],
  linked: Set<string>,
  signal: AbortSignal,
): AsyncGenerator<Found> {
  const entries = await opendir(folder, { bufferSize: 256 }).catch(() => null);
  if (entries === null) {
    yield { kind: 'unreadable', path: folder, reason: 'imaging.pathUnreadable' };
    return;
  }
  const folders: Dirent[] = [];
  try {
    for await (const entry of entries) {
      if (signal.aborted) return;
      const path = join(folder, entry.name);
      // Folders wait until the folder's own handle is closed: depth must not cost open files.
      if (entry.isDirectory() || entry.isSymbolicLink()) folders.push(entry);
      else if (!entry.isFile()) yield { kind: 'unreadable', path, reason: 'imaging.pathUnreadable' };
      else yield isDicomdirName(entry.name) ? { kind: 'dicomdir', path, follow: false } : { kind: 'file', path };
    }
  } catch {
    // The folder could be opened but not read to its end.
    yield { kind: 'unreadable', path: folder, reason: 'imaging.pathUnreadable' };
  }
  for (const entry of folders) {
    if (signal.aborted) return;
    const path = join(folder, entry.name);
    if (!entry.isSymbolicLink())
      yield* walkFolder(path, [...above, await realpath(path).catch(() => path)], linked, signal);
    else yield* walkLink(path, above, linked, signal);
  }
}

async function* walkLink(
  path: string,
  above: readonly string[],
  linked: Set<string>,
  signal: AbortSignal,
): AsyncGenerator<Found> {
  const kind = await kindOf(path);
  if (kind === 'file') {
    yield { kind: 'file', path };
    return;
  }
  const target = kind === 'folder' ? await realpath(path).catch(() => null) : null;
  if (target === null) {
    yield { kind: 'unreadable', path, reason: kind === 'loop' ? 'imaging.symlinkLoop' : 'imaging.pathUnreadable' };
    return;
  }
  if (above.includes(target)) {
    yield { kind: 'unreadable', path, reason: 'imaging.symlinkLoop' };
    return;
  }
  if (linked.has(target)) return;
  linked.add(target);
  yield* walkFolder(path, [...above, target], linked, signal);
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'loop' | 'other'> {
  try {
    const found = await stat(path);
    return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ELOOP' ? 'loop' : 'other';
  }
}
