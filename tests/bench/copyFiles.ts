import { mkdirSync, rmSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * `cp` that makes each file durable before the next begins on the same hand: read, write, fsync of the file, fsync of
 * its folder. The floor of the disk for whoever promises that an imported file survives a power cut.
 *
 * @param hands how many files are under way at once
 */
export async function copyDurably(files: readonly string[], folder: string, hands: number): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const directory = await open(folder, 'r');
  try {
    let next = 0;
    const copy = async () => {
      while (next < files.length) {
        const index = next++;
        const source = files[index] as string;
        await copyOne(source, path.join(folder, `${index}-${path.basename(source)}`), directory);
      }
    };
    await Promise.all(Array.from({ length: hands }, copy));
  } finally {
    await directory.close();
  }
}

async function copyOne(source: string, target: string, directory: FileHandle): Promise<void> {
  const bytes = await readFile(source);
  const handle = await open(target, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await directory.sync();
}
