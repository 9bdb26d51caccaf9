import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/**
 * Makes a folder of mode 0700 that must not outlive this process: its name tells who owns it, so that the next start
 * can remove what a killed process left behind.
 *
 * @param kind lower-case word, part of the folder's name
 */
export function makeOwnedFolder(parent: string, kind: string): string {
  return mkdtempSync(path.join(parent, `salus-${kind}-${process.pid}-`));
}

/** A folder for a throw-away store. Whoever starts a core on it leaves its removal to the core's stop. */
export function makeSampleHome(): string {
  removeLeftFolders(os.tmpdir(), 'sample');
  return makeOwnedFolder(os.tmpdir(), 'sample');
}

/** Removes this user's folders of the kind whose process no longer runs. */
export function removeLeftFolders(parent: string, kind: string): void {
  if (!existsSync(parent)) return;
  const pattern = new RegExp(`^salus-${kind}-(\\d+)-`);
  for (const name of readdirSync(parent)) {
    const owner = pattern.exec(name)?.[1];
    if (owner === undefined || isRunning(Number(owner))) continue;
    const folder = path.join(parent, name);
    const status = statSync(folder, { throwIfNoEntry: false });
    if (!status || (process.getuid && status.uid !== process.getuid())) continue;
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
