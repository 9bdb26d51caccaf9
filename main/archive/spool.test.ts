import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ArchiveAccess } from './archive.ts';
import { createArchiveFolders, openArchive, type ThreadArchive } from './openArchive.ts';

const mib = 1024 * 1024;

describe('content that comes in parts', () => {
  let directory: string;
  let archive: ThreadArchive;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'salus-spool-'));
    createArchiveFolders(directory);
    const access: ArchiveAccess = {
      directory,
      keyEncryptionKey: randomBytes(32),
      nameKey: randomBytes(32),
      keyId: '0011223344556677',
    };
    archive = openArchive(access);
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  async function spoolOf(content: Buffer, partBytes: number) {
    const spool = await archive.openSpool('dicom');
    for (let at = 0; at < content.length; at += partBytes) await spool.append(content.subarray(at, at + partBytes));
    return spool;
  }

  it.each([
    ['nothing', 0, 1],
    ['less than a piece', 1000, 7],
    ['a piece to the byte', mib, 65_536],
    ['just as much as is kept whole', 8 * mib, 100_000],
    ['one byte more', 8 * mib + 1, 131_072],
    ['several chunks', 13 * mib + 77, 300_001],
  ])('is the same object as if it had come at once: %s', async (_what, bytes, partBytes) => {
    const content = randomBytes(bytes);
    const spool = await spoolOf(content, partBytes);
    expect(spool.bytes).toBe(bytes);
    const stored = await archive.putSpool(spool);
    expect(readdirSync(join(directory, 'incoming'))).toEqual([]);
    expect(content.equals(archive.getSync(stored.name))).toBe(true);
    expect((await archive.put('dicom', content)).name).toBe(stored.name);
  });

  it('can be read in any part while it lies there, and put twice', async () => {
    const content = randomBytes(5 * mib + 123);
    const spool = await spoolOf(content, 777_777);
    for (const [start, end] of [
      [0, 10],
      [mib - 5, mib + 5],
      [3 * mib, 5 * mib + 123],
      [5 * mib + 100, 5 * mib + 123],
    ] as const)
      expect(content.subarray(start, end).equals(await spool.read(start, end))).toBe(true);
    await expect(spool.read(0, 5 * mib + 124)).rejects.toThrow(RangeError);
    const first = await archive.putSpool(spool);
    expect(await archive.putSpool(await spoolOf(content, mib))).toEqual(first);
  });

  it('says that the disk is full, as everything that is stored does', async () => {
    const spool = await archive.openSpool('dicom');
    const any = await open(join(directory, 'any'), 'w');
    const writes = vi
      .spyOn(Object.getPrototypeOf(any) as FileHandle, 'writev')
      .mockRejectedValue(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    try {
      await expect(spool.append(Buffer.alloc(mib))).rejects.toMatchObject({ code: 'storage.diskFull' });
    } finally {
      writes.mockRestore();
      await any.close();
      await spool.close();
    }
  });

  it('is stored also where what it lay in cannot be removed', async () => {
    const content = randomBytes(2 * mib);
    const spool = await spoolOf(content, mib);
    const kept = Object.create(spool, {
      close: { value: () => spool.close().then(() => Promise.reject(new Error('removal failed'))) },
    });
    const stored = await archive.putSpool(kept);
    expect(content.equals(archive.getSync(stored.name))).toBe(true);
  });

  it('lies on the disk encrypted, and leaves nothing when it is given up', async () => {
    const content = Buffer.alloc(3 * mib, 'CANARY^NAME');
    const spool = await spoolOf(content, 100_000);
    const [file] = readdirSync(join(directory, 'incoming'));
    expect(readFileSync(join(directory, 'incoming', file ?? '')).includes('CANARY')).toBe(false);
    await spool.close();
    expect(readdirSync(join(directory, 'incoming'))).toEqual([]);
  });
});
