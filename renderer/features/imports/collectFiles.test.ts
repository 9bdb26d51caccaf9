import { describe, expect, it } from 'vitest';
import { collectEntries } from './collectFiles.ts';

interface Tree {
  readonly [name: string]: Tree | 'file' | 'locked';
}

/** A file system as the browser shows it: folders give at most 100 entries a call, then an empty list. */
function entryOf(path: string, tree: Tree | 'file' | 'locked'): FileSystemEntry {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const isFile = typeof tree === 'string';
  const entry = {
    fullPath: path,
    name,
    isFile,
    isDirectory: !isFile,
    file: (resolve: (file: File) => void, reject: (error: Error) => void) =>
      tree === 'locked' ? reject(new Error('NotReadableError')) : resolve(new File(['x'], name)),
    createReader() {
      const all = Object.entries(tree as Tree).map(([child, inner]) => entryOf(`${path}/${child}`, inner));
      let at = 0;
      return {
        readEntries(resolve: (entries: FileSystemEntry[]) => void) {
          const part = all.slice(at, at + 100);
          at += part.length;
          queueMicrotask(() => resolve(part));
        },
      };
    },
  };
  return entry as unknown as FileSystemEntry;
}

const signal = new AbortController().signal;

describe('files of a drop', () => {
  it('are found at any depth, in the order of their names', async () => {
    const entry = entryOf('/disc', { b: { 'image10.dcm': 'file', 'image2.dcm': 'file' }, a: { deep: { x: 'file' } } });
    const found = await collectEntries([entry], signal);
    expect(found.files.map((each) => each.path)).toEqual(['disc/a/deep/x', 'disc/b/image2.dcm', 'disc/b/image10.dcm']);
  });

  it('are all found in a folder of more than 100', async () => {
    const many = Object.fromEntries(Array.from({ length: 350 }, (_, index) => [`f${index}`, 'file' as const]));
    const counts: number[] = [];
    const found = await collectEntries([entryOf('/many', many)], signal, (count) => counts.push(count));
    expect(found.files).toHaveLength(350);
    expect(counts.at(-1)).toBe(350);
  });

  it('survive a tree deeper than any stack', async () => {
    let tree: Tree = { bottom: 'file' };
    for (let depth = 0; depth < 2000; depth += 1) tree = { d: tree };
    const found = await collectEntries([entryOf('/top', tree)], signal);
    expect(found.files).toHaveLength(1);
  });

  it('that cannot be read are told, and the rest is found', async () => {
    const found = await collectEntries([entryOf('/disc', { ok: 'file', no: 'locked' })], signal);
    expect(found.files.map((each) => each.path)).toEqual(['disc/ok']);
    expect(found.unreadable).toEqual([{ path: 'disc/no' }]);
  });

  it('stop being collected on request', async () => {
    const abort = new AbortController();
    abort.abort();
    await expect(collectEntries([entryOf('/disc', { a: 'file' })], abort.signal)).rejects.toThrow();
  });
});
