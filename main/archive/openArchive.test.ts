import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveAccessOf } from '../keyring/deriveKeys.ts';
import { chunkBytes, headerBytes, wholeLimitBytes } from './objectFormat.ts';
import { createArchiveFolders, openArchive, sweepTemporaryFiles, type ThreadArchive } from './openArchive.ts';

const damaged = expect.objectContaining({ code: 'storage.objectDamaged' });
const missing = expect.objectContaining({ code: 'storage.objectMissing' });
const big = randomBytes(wholeLimitBytes + 12_345);

describe('the archive', () => {
  let home: string;
  let archive: ThreadArchive;
  const dataKey = randomBytes(32);
  const again = () => openArchive(archiveAccessOf(dataKey, home));
  const pathOf = (name: string) => join(home, 'archive', name.slice(0, 2), name);
  const sealedBytes = (chunk: number) => chunk + 16;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'salus-archive-'));
    createArchiveFolders(join(home, 'archive'));
    archive = again();
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('gives back what it was given, at every size about the limits', async () => {
    for (const length of [
      0,
      1,
      15,
      16,
      17,
      wholeLimitBytes - 1,
      wholeLimitBytes,
      wholeLimitBytes + 1,
      3 * chunkBytes,
      3 * chunkBytes + 1,
    ]) {
      const content = big.length >= length ? big.subarray(0, length) : randomBytes(length);
      const object = await archive.put('dicom', content);
      expect(object.bytes).toBe(length);
      expect(Buffer.compare(await archive.get(object.name), content)).toBe(0);
      expect(Buffer.compare(again().getSync(object.name), content)).toBe(0);
    }
  });

  it('names by content, kind and key, and stores once', async () => {
    const content = Buffer.from('DICM canary');
    const one = await archive.put('dicom', content);
    const two = archive.putSync('dicom', content);
    expect(two).toEqual(one);
    expect((await archive.put('document', content)).name).not.toBe(one.name);
    const elsewhere = openArchive({ ...archiveAccessOf(randomBytes(32), home), directory: join(home, 'archive') });
    expect((await elsewhere.put('dicom', content)).name).not.toBe(one.name);
    expect(readFileSync(pathOf(one.name)).includes('canary')).toBe(false);
  });

  it('reads any range without the rest', async () => {
    const object = await archive.put('dicom', big);
    await fc.assert(
      fc.asyncProperty(fc.nat(big.length), fc.nat(big.length), async (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a];
        expect(Buffer.compare(await archive.getRange(object.name, start, end), big.subarray(start, end))).toBe(0);
        expect(Buffer.compare(archive.getRangeSync(object.name, start, end), big.subarray(start, end))).toBe(0);
      }),
      { numRuns: 25, seed: 7 },
    );
    await expect(archive.getRange(object.name, 0, big.length + 1)).rejects.toThrow(RangeError);
  });

  it('finds every changed byte', async () => {
    const object = await archive.put('statement', randomBytes(300));
    const bytes = readFileSync(pathOf(object.name));
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const changed = Buffer.from(bytes);
        changed[at] = changed[at]! ^ mask;
        writeFileSync(pathOf(object.name), changed);
        await expect(again().get(object.name)).rejects.toEqual(damaged);
      }),
      { numRuns: 300, seed: 7 },
    );
  });

  it('finds cut, longer, swapped and repeated chunks', async () => {
    const object = await archive.put('dicom', big);
    const bytes = readFileSync(pathOf(object.name));
    const size = sealedBytes(chunkBytes);
    const chunk = (index: number) => bytes.subarray(headerBytes + index * size, headerBytes + (index + 1) * size);
    const header = bytes.subarray(0, headerBytes);
    const shorter = Buffer.from(header);
    shorter.writeBigUInt64LE(BigInt(2 * chunkBytes + 1), 16);
    const variants = {
      cutByte: bytes.subarray(0, -1),
      cutChunk: bytes.subarray(0, headerBytes + 2 * size),
      empty: Buffer.alloc(0),
      headerOnly: header,
      longer: Buffer.concat([bytes, Buffer.of(0)]),
      swapped: Buffer.concat([header, chunk(1), chunk(0), bytes.subarray(headerBytes + 2 * size)]),
      repeated: Buffer.concat([header, chunk(0), chunk(0), bytes.subarray(headerBytes + 2 * size)]),
      headerOfShorter: Buffer.concat([shorter, bytes.subarray(headerBytes, headerBytes + 2 * size + 17)]),
    };
    for (const [name, variant] of Object.entries(variants)) {
      writeFileSync(pathOf(object.name), variant);
      await expect(again().get(object.name), name).rejects.toEqual(damaged);
      expect(() => again().getSync(object.name), name).toThrow(damaged);
    }
  });

  it('finds a whole object under another name, and another store’s object', async () => {
    const one = await archive.put('dicom', Buffer.from('one'));
    const two = await archive.put('dicom', Buffer.from('two'));
    writeFileSync(pathOf(one.name), readFileSync(pathOf(two.name)));
    await expect(again().get(one.name)).rejects.toEqual(damaged);
    const foreign = openArchive(archiveAccessOf(randomBytes(32), home));
    await expect(foreign.get(two.name)).rejects.toEqual(damaged);
  });

  it('says what is missing, and refuses names that are paths', async () => {
    await expect(archive.get('0'.repeat(64))).rejects.toEqual(missing);
    await expect(archive.get('../keyring.json')).rejects.toEqual(missing);
    expect(archive.find('0'.repeat(64))).toBeNull();
  });

  it('takes many at once from several hands, leaving no temporary file', async () => {
    const contents = Array.from({ length: 60 }, (_, index) => randomBytes(1000 + index));
    const results = await Promise.all([archive.putMany('dicom', contents), again().putMany('dicom', contents)]);
    expect(results[0]).toEqual(results[1]);
    const listed = new Set<string>();
    for await (const name of archive.names()) listed.add(name);
    expect(listed).toEqual(new Set(results[0].map(({ name }) => name)));
    expect(readdirSync(join(home, 'archive', 'incoming'))).toEqual([]);
  });

  it('puts a cut file right when the same content comes again, and sweeps what a kill left', async () => {
    const content = randomBytes(5000);
    const object = await archive.put('dicom', content);
    writeFileSync(pathOf(object.name), readFileSync(pathOf(object.name)).subarray(0, 100));
    await archive.put('dicom', content);
    expect(Buffer.compare(await archive.get(object.name), content)).toBe(0);
    writeFileSync(join(home, 'archive', 'incoming', 'left'), 'half');
    expect(sweepTemporaryFiles(join(home, 'archive'))).toBe(1);
    expect(readdirSync(join(home, 'archive', 'incoming'))).toEqual([]);
  });

  it('writes a rotten file anew when the same content comes again, whoever puts it, whoever has read it', async () => {
    const puts: Record<string, (content: Uint8Array) => unknown> = {
      later: (content) => archive.put('dicom', content),
      inPlace: (content) => openArchive(archiveAccessOf(dataKey, home), { writesInPlace: true }).put('dicom', content),
      sync: (content) => archive.putSync('dicom', content),
    };
    for (const [kind, put] of Object.entries(puts)) {
      for (const length of [5000, wholeLimitBytes + 5000]) {
        const content = randomBytes(length);
        const object = await archive.put('dicom', content);
        const reader = again();
        expect(Buffer.compare(reader.getSync(object.name), content)).toBe(0);
        const path = pathOf(object.name);
        const bytes = readFileSync(path);
        // Same length, one bit of the content: no name and no size tells.
        bytes[bytes.length - 100]! ^= 1;
        writeFileSync(path, bytes);
        await expect(again().get(object.name), kind).rejects.toEqual(damaged);
        await put(content);
        expect(Buffer.compare(await again().get(object.name), content), kind).toBe(0);
        // A thread that had opened the old file knows its key, which the new one does not have.
        expect(Buffer.compare(reader.getSync(object.name), content), kind).toBe(0);
        expect(Buffer.compare(await archive.get(object.name), content), kind).toBe(0);
      }
    }
  });

  it('leaves a sound file alone when the same content comes again', async () => {
    const content = randomBytes(5000);
    const { name } = await archive.put('dicom', content);
    const before = readFileSync(pathOf(name));
    await archive.put('dicom', content);
    archive.putSync('dicom', content);
    expect(Buffer.compare(readFileSync(pathOf(name)), before)).toBe(0);
  });
});
