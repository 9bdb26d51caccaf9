import { opendir, readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Failure } from '../../../../app/shared/failure.ts';

export interface BrowsedEntry {
  readonly name: string;
  readonly path: string;
  readonly kind: 'folder' | 'file' | 'medium';
  readonly bytes: number;
}

export interface BrowsedFolder {
  readonly path: string;
  readonly parent: string | null;
  readonly entries: BrowsedEntry[];
}

/** Entries shown of one folder: a person does not scroll through more, and a folder of a million files stays quick. */
const mostEntries = 2000;
const mediaFolders = ['/media', '/run/media', '/mnt', '/Volumes'];

/**
 * What lies in a folder of the host's machine, folders first. `null` begins at the operator's home and adds the media
 * that are mounted.
 *
 * @throws Failure('imaging.pathUnreadable')
 */
export async function browseFolder(given: string | null): Promise<BrowsedFolder> {
  const path = resolve(given ?? homedir());
  const entries = await readEntries(path);
  if (given === null) entries.unshift(...(await listMedia()));
  return { path, parent: dirname(path) === path ? null : dirname(path), entries };
}

async function readEntries(path: string): Promise<BrowsedEntry[]> {
  const entries: BrowsedEntry[] = [];
  try {
    for await (const entry of await opendir(path)) {
      if (entries.length >= mostEntries) break;
      const entryPath = join(path, entry.name);
      const found = await stat(entryPath).catch(() => null);
      if (found?.isDirectory()) entries.push({ name: entry.name, path: entryPath, kind: 'folder', bytes: 0 });
      else if (found?.isFile()) entries.push({ name: entry.name, path: entryPath, kind: 'file', bytes: found.size });
    }
  } catch {
    throw new Failure('imaging.pathUnreadable', 'the folder cannot be read');
  }
  const order = { folder: 0, medium: 0, file: 1 } as const;
  return entries.sort((left, right) => order[left.kind] - order[right.kind] || left.name.localeCompare(right.name));
}

/** Mounted media: the folders one or two levels below the places where systems mount them. */
async function listMedia(): Promise<BrowsedEntry[]> {
  const media: BrowsedEntry[] = [];
  for (const place of mediaFolders) {
    for (const name of await foldersIn(place)) {
      const path = join(place, name);
      // /media and /run/media hold one folder per person, with the media inside.
      const inner = place === '/media' || place === '/run/media' ? await foldersIn(path) : [];
      if (inner.length === 0) media.push({ name, path, kind: 'medium', bytes: 0 });
      for (const medium of inner) media.push({ name: medium, path: join(path, medium), kind: 'medium', bytes: 0 });
    }
  }
  return media;
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
