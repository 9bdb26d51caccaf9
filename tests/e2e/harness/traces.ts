import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, statSync } from 'node:fs';
import path from 'node:path';

/** The bytes a text may have left behind: UTF-8, Latin-1, UTF-16LE; as it is and in lower and upper case. */
export function needlesOf(texts: readonly string[]): Buffer[] {
  const forms = texts.flatMap((text) => [text, text.toLowerCase(), text.toUpperCase()]);
  const all = forms.flatMap((form) => [
    Buffer.from(form, 'utf8'),
    Buffer.from(form, 'latin1'),
    Buffer.from(form, 'utf16le'),
  ]);
  return [...new Map(all.map((needle) => [needle.toString('hex'), needle])).values()];
}

const chunkBytes = 8 * 1024 * 1024;

/** True when any needle is in the file. A file that is gone or refuses to be read has none. */
export function fileHolds(file: string, needles: readonly Buffer[]): boolean {
  const overlap = Math.max(...needles.map((needle) => needle.length));
  let descriptor: number;
  try {
    if (!statSync(file).isFile()) return false;
    descriptor = openSync(file, 'r');
  } catch {
    return false;
  }
  try {
    const chunk = Buffer.alloc(chunkBytes + overlap);
    let kept = 0;
    for (;;) {
      const read = readSync(descriptor, chunk, kept, chunkBytes, null);
      if (read <= 0) return false;
      const seen = chunk.subarray(0, kept + read);
      if (needles.some((needle) => seen.includes(needle))) return true;
      kept = Math.min(overlap, seen.length);
      seen.copy(chunk, 0, seen.length - kept);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Files under a folder, and names of files, that hold a needle; relative to it. */
export function tracesIn(folder: string, needles: readonly Buffer[]): string[] {
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return entries.filter(
    (name) =>
      needles.some((needle) => Buffer.from(name).includes(needle)) || fileHolds(path.join(folder, name), needles),
  );
}

/** How many files a folder holds: a search of nothing finds nothing. */
export function countFiles(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}

/** A process and all that descend from it. */
export function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const tree = [root];
  for (let at = 0; at < tree.length; at += 1) {
    for (const [pid, parent] of parents) if (parent === tree[at]) tree.push(pid);
  }
  return tree;
}

/** Command lines and environments of processes that hold a needle. */
export function tracesInArguments(pids: readonly number[], needles: readonly Buffer[]): string[] {
  return pids.flatMap((pid) =>
    ['cmdline', 'comm', 'environ'].flatMap((name) => {
      try {
        const content = readFileSync(`/proc/${pid}/${name}`);
        return needles.some((needle) => content.includes(needle)) ? [`${pid} ${name}`] : [];
      } catch {
        return [];
      }
    }),
  );
}

/**
 * Open files of processes that hold a needle, deleted ones included: what is unlinked is still on the disk. Memory that
 * only looks like a file (memfd, /dev/shm) is left out.
 */
export function tracesInOpenFiles(
  pids: readonly number[],
  needles: readonly Buffer[],
): { found: string[]; looked: number } {
  const found: string[] = [];
  let looked = 0;
  for (const pid of pids) {
    let descriptors: string[] = [];
    try {
      descriptors = readdirSync(`/proc/${pid}/fd`);
    } catch {
      continue;
    }
    for (const descriptor of descriptors) {
      const link = `/proc/${pid}/fd/${descriptor}`;
      let target: string;
      try {
        target = readlinkSync(link);
      } catch {
        continue;
      }
      if (!target.startsWith('/') || /^\/(dev|proc|sys)\/|^\/memfd:/.test(target)) continue;
      looked += 1;
      if (fileHolds(link, needles)) found.push(`${pid} ${target}`);
    }
  }
  return { found, looked };
}
