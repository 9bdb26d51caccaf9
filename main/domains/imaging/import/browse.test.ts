import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browseFolder } from './browse.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salus-browse-'));
  mkdirSync(join(folder, 'b'));
  mkdirSync(join(folder, 'a'));
  writeFileSync(join(folder, 'file.dcm'), 'four');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('browsing the host', () => {
  it('lists folders first, with sizes of files, and the way up', async () => {
    const { path, parent, entries } = await browseFolder(folder);
    expect([path, parent]).toEqual([folder, tmpdir()]);
    expect(entries.map(({ name, kind, bytes }) => [name, kind, bytes])).toEqual([
      ['a', 'folder', 0],
      ['b', 'folder', 0],
      ['file.dcm', 'file', 4],
    ]);
  });

  it('begins at home and knows the top', async () => {
    expect((await browseFolder(null)).path).toBe(homedir());
    expect((await browseFolder('/')).parent).toBeNull();
  });

  it('says that a folder cannot be read', async () => {
    await expect(browseFolder(join(folder, 'missing'))).rejects.toMatchObject({ code: 'imaging.pathUnreadable' });
  });
});
