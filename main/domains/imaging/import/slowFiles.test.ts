import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createArchiveFolders } from '../../../archive/openArchive.ts';
import { aSlice, rawElement, rawFile } from '../testObjects.ts';
import { makeZip } from '../testZip.ts';
import type { ItemResult, WorkItem } from './importMessages.ts';
import { type ImportPool, openImportPool } from './importPool.ts';

/** A true DICOM file whose header takes seconds: a sequence of three million items. */
function slowFile(): Buffer {
  const value = rawElement('00081155', 'UI', '1');
  const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  head.writeUInt32LE(value.length, 4);
  const items = Buffer.alloc(3_000_000 * (head.length + value.length), Buffer.concat([head, value]));
  const uids = { '00080018': ['UI', '1.2.3'], '0020000D': ['UI', '1.2'], '0020000E': ['UI', '1.2.1'] } as const;
  return rawFile(uids, {}, rawElement('00400275', 'SQ', items));
}

describe('a file that cannot be taken in', () => {
  let folder: string;
  let pool: ImportPool;
  let logged: string[];
  let failures: (string | null)[];
  const slow = slowFile();
  const slice = (number: number) => aSlice({ study: '1.7', sop: `1.7.${number}`, number });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'salus-slow-'));
    createArchiveFolders(join(folder, 'archive'));
    logged = [];
    const note = (message: string) => void logged.push(message);
    const archiveAccess = {
      directory: join(folder, 'archive'),
      keyEncryptionKey: randomBytes(32),
      nameKey: randomBytes(32),
      keyId: '00'.repeat(8),
    };
    const times = { fileMs: 1500, fileMsPerMib: 0, checkMs: 50 };
    pool = openImportPool({ archiveAccess }, { info: note, warn: note, error: note }, times);
  });
  afterEach(async () => {
    await pool.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What came of each path, of all the items together. */
  async function importAll(items: readonly WorkItem[]): Promise<Record<string, string>> {
    const outcomes: Record<string, string> = {};
    const take = ({ result, release }: { result: ItemResult; release(): void }) => {
      outcomes[result.path.slice(folder.length + 1)] = result.kind === 'rejected' ? result.reason : result.kind;
      release();
    };
    const run = pool.openRun();
    failures = await Promise.all(items.map((item) => pool.submit(run, item, take)));
    return outcomes;
  }
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
    const archive = makeZip([
      { name: 'a.dcm', content: slice(1) },
      { name: 'slow.dcm', content: slow },
      { name: 'b.dcm', content: slice(2) },
    ]);
    expect(await importAll([write('disc.zip', archive)])).toEqual({
      'disc.zip/a.dcm': 'object',
      'disc.zip/slow.dcm': 'imaging.tookTooLong',
      'disc.zip/b.dcm': 'object',
    });
  });

  it('because it takes too long is named to the window that sent it', { timeout: 120_000 }, async () => {
    const bytes = Uint8Array.from(slow).buffer;
    expect(await importAll([{ kind: 'bytes', path: join(folder, 'sent.dcm'), bytes }])).toEqual({
      'sent.dcm': 'imaging.tookTooLong',
    });
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
