import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createArchiveFolders } from '../../../archive/openArchive.ts';
import { aSlice, rawElement, rawFile } from '../testObjects.ts';
import { makeZip } from '../testZip.ts';
import type { ItemResult, WorkItem } from './importMessages.ts';
import { type ImportPool, openImportPool } from './importPool.ts';
import { readHead } from './readHead.ts';

/** A true DICOM file with a sequence of so many items: a header of three million takes seconds. */
function slowFile(count = 3_000_000, sop = '1.2.3'): Buffer {
  const value = rawElement('00081155', 'UI', '1');
  const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  head.writeUInt32LE(value.length, 4);
  const items = Buffer.alloc(count * (head.length + value.length), Buffer.concat([head, value]));
  const uids = {
    '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.2'],
    '00080018': ['UI', sop],
    '0020000D': ['UI', '1.2'],
    '0020000E': ['UI', '1.2.1'],
  } as const;
  return rawFile(uids, {}, rawElement('00400275', 'SQ', items));
}

describe('a file that cannot be taken in', () => {
  let folder: string;
  let pool: ImportPool;
  let logged: string[];
  let failures: (string | null)[];
  const slow = slowFile();
  const disc = () =>
    makeZip([
      { name: 'a.dcm', content: slice(1) },
      { name: 'slow.dcm', content: slow },
      { name: 'b.dcm', content: slice(2) },
    ]);
  const slice = (number: number) => aSlice({ study: '1.7', sop: `1.7.${number}`, number });

  function openPool(fileMs: number): ImportPool {
    const note = (message: string) => void logged.push(message);
    const archiveAccess = {
      directory: join(folder, 'archive'),
      keyEncryptionKey: randomBytes(32),
      nameKey: randomBytes(32),
      keyId: '00'.repeat(8),
    };
    return openImportPool(
      { archiveAccess },
      { info: note, warn: note, error: note },
      { fileMs, fileMsPerMib: 0, checkMs: 50 },
    );
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'salus-slow-'));
    createArchiveFolders(join(folder, 'archive'));
    logged = [];
    pool = openPool(1500);
  });
  afterEach(async () => {
    await pool.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Gives the items to the pool as one run; `came` fills with what came of each path. */
  function begin(items: readonly WorkItem[]) {
    const came: Record<string, string> = {};
    const take = ({ result, release }: { result: ItemResult; release(): void }) => {
      came[result.path.slice(folder.length + 1)] = result.kind === 'rejected' ? result.reason : result.kind;
      release();
    };
    const run = pool.openRun();
    return { run, came, ended: Promise.all(items.map((item) => pool.submit(run, item, take))) };
  }
  /** What came of each path, of all the items together. */
  async function importAll(items: readonly WorkItem[]): Promise<Record<string, string>> {
    const { came, ended } = begin(items);
    failures = await ended;
    return came;
  }
  const sent = (name: string, bytes: Buffer): WorkItem => {
    return { kind: 'bytes', path: join(folder, name), bytes: Uint8Array.from(bytes).buffer };
  };
  const write = (name: string, bytes: Buffer): WorkItem => {
    writeFileSync(join(folder, name), bytes);
    return { kind: 'file', path: join(folder, name) };
  };

  it('because it takes too long is left out with that reason, and the files given to the same worker come in', {
    timeout: 120_000,
  }, async () => {
    const items = [write('slow.dcm', slow)];
    for (let number = 1; number <= 8; number += 1) items.push(write(`${number}.dcm`, slice(number)));
    const good = Object.fromEntries(items.slice(1).map((_, index) => [`${index + 1}.dcm`, 'object']));
    expect(await importAll(items)).toEqual({ ...good, 'slow.dcm': 'imaging.tookTooLong' });
    expect(failures).toEqual(items.map(() => null));
    expect(logged).toEqual(['an import worker was ended']);
    // The pool goes on with new workers.
    expect(await importAll([write('later.dcm', slice(9))])).toEqual({ 'later.dcm': 'object' });
  });

  it('because it takes too long costs an archive that entry alone', { timeout: 120_000 }, async () => {
    const entries = { 'a.dcm': 'object', 'slow.dcm': 'imaging.tookTooLong', 'b.dcm': 'object' };
    for (const item of [write('disc.zip', disc()), sent('sent.zip', disc())]) {
      const names = Object.entries(entries).map(([name, outcome]) => [`${basename(item.path)}/${name}`, outcome]);
      expect(await importAll([item])).toEqual(Object.fromEntries(names));
    }
  });

  it('because it takes too long is named to the window that sent it', { timeout: 120_000 }, async () => {
    // More than one, so that each worker has one and the good ones wait behind it.
    const items = [sent('slow.dcm', slow), sent('slower.dcm', slow)];
    for (let number = 1; number <= 4; number += 1) items.push(sent(`${number}.dcm`, slice(number)));
    const good = Object.fromEntries(items.slice(2).map((_, index) => [`${index + 1}.dcm`, 'object']));
    const late = { 'slow.dcm': 'imaging.tookTooLong', 'slower.dcm': 'imaging.tookTooLong' };
    expect(await importAll(items)).toEqual({ ...good, ...late });
  });

  it('because it takes too long is the last of its archive when the import was cancelled meanwhile', {
    timeout: 120_000,
  }, async () => {
    const { run, came, ended } = begin([write('disc.zip', disc())]);
    await vi.waitFor(() => expect(came['disc.zip/a.dcm']).toBe('object'), 20_000);
    pool.cancel(run);
    expect(await ended).toEqual([null]);
    // Not the second entry, which only the next worker could have given.
    expect(came).toEqual({ 'disc.zip/a.dcm': 'object' });
    expect(logged).toEqual(['an import worker was ended']);
  });

  it('because it takes too long is not followed by the next when the import was cancelled meanwhile', {
    timeout: 120_000,
  }, async () => {
    // Both workers are there before the slow ones come.
    await importAll([write('1.dcm', slice(1)), write('2.dcm', slice(2))]);
    const items = [1, 2, 3, 4, 5, 6].map((number) => write(`slow${number}.dcm`, slow));
    const { run, came, ended } = begin(items);
    await setTimeout(600);
    pool.cancel(run);
    expect(await ended).toEqual(items.map(() => null));
    expect(came).toEqual({});
    // A worker was ended over the file it was at, at most each of the two, and no other worker began the next.
    expect(logged).toContain('an import worker was ended');
    expect(logged.length).toBeLessThanOrEqual(2);
    expect(await pool.submit(run, write('late.dcm', slice(1)), () => expect.unreachable())).toBeNull();
  });

  it('in its time is not followed by the next either when the import was cancelled meanwhile', {
    timeout: 120_000,
  }, async () => {
    await pool.close();
    pool = openPool(100_000);
    const items = Array.from({ length: 12 }, (_, index) => write(`${index}.dcm`, slowFile(300_000, `1.2.3.${index}`)));
    const { run, came, ended } = begin(items);
    await vi.waitFor(() => expect(came).not.toEqual({}), 20_000);
    pool.cancel(run);
    expect(await ended).toEqual(items.map(() => null));
    // What the two workers had begun is in; the last ones never were.
    expect(Object.values(came)).not.toContain('imaging.importFault');
    expect(Object.keys(came).length).toBeLessThan(items.length);
    expect(logged).toEqual([]);
  });

  it('in its time is none that was under way while the machine slept', { timeout: 120_000 }, async () => {
    await pool.close();
    pool = openPool(100_000);
    const now = performance.now.bind(performance);
    let sleptMs = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + sleptMs);
    // Longer than a worker may be silent, at every look: between files and while it is at one.
    const naps = setInterval(() => {
      sleptMs += 2 * 60 * 60_000;
    }, 25);
    try {
      const items = [1, 2, 3].map((number) => write(`${number}.dcm`, slowFile(500_000, `1.2.3.${number}`)));
      expect(await importAll(items)).toEqual({ '1.dcm': 'object', '2.dcm': 'object', '3.dcm': 'object' });
      expect(logged).toEqual([]);
    } finally {
      clearInterval(naps);
      clock.mockRestore();
    }
  });

  it('because it shrank while it was read is judged by what was read alone', () => {
    const path = join(folder, 'shrunk');
    writeFileSync(path, 'PK');
    const descriptor = openSync(path, 'r');
    try {
      expect(readHead(descriptor, 4096)).toEqual(Buffer.from('PK'));
    } finally {
      closeSync(descriptor);
    }
  });

  it('because of a fault of ours says so, is in the log, and the rest comes in', async () => {
    // No file system gives such a name: the call itself refuses it.
    const impossible: WorkItem = { kind: 'file', path: join(folder, 'a\0b') };
    expect(await importAll([impossible, write('good.dcm', slice(1))])).toEqual({
      'a\0b': 'imaging.importFault',
      'good.dcm': 'object',
    });
    expect(failures).toEqual([null, null]);
    expect(logged).toEqual(['an import stopped over an item']);
  });

  it('because it may not be read is not taken for a fault', async () => {
    expect(await importAll([{ kind: 'file', path: join(folder, 'gone.dcm') }])).toEqual({
      'gone.dcm': 'imaging.pathUnreadable',
    });
    expect(logged).toEqual([]);
  });

  it('because the archive takes nothing stops the import, and no file is blamed', async () => {
    rmSync(join(folder, 'archive', 'incoming'), { recursive: true });
    writeFileSync(join(folder, 'archive', 'incoming'), 'not a folder');
    expect(await importAll([write('good.dcm', slice(1))])).toEqual({});
    expect(failures).toEqual(['jobs.failed']);
    expect(logged).toEqual(['an import stopped over an item']);
  });
});
