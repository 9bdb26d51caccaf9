import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArchiveFolders, openArchive, type ThreadArchive } from '../../../archive/openArchive.ts';
import { makeSampleStudies } from '../samples/makeSampleStudies.ts';
import { aSlice, rawElement, rawFile } from '../testObjects.ts';
import { type ExaminedObject, examineObject } from './examineObject.ts';
import { examineSpool } from './receptionExamine.ts';

const samples = join(import.meta.dirname, '../../../../../shared/dicom-samples');
let directory: string;
let archive: ThreadArchive;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'salus-examine-'));
  createArchiveFolders(directory);
  archive = openArchive({
    directory,
    keyEncryptionKey: randomBytes(32),
    nameKey: randomBytes(32),
    keyId: '0011223344556677',
  });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What is said of an object: its index entry and metadata, or the code of why it is refused. */
async function outcomeOf(work: () => ExaminedObject | Promise<ExaminedObject>): Promise<unknown> {
  try {
    const { header, json } = await work();
    return { header, json: JSON.parse(inflateRawSync(json).toString()) };
  } catch (error) {
    return (error as { code?: string }).code ?? 'not a failure';
  }
}

async function compare(bytes: Uint8Array, what: string): Promise<void> {
  const whole = await outcomeOf(() => examineObject(bytes));
  for (const firstBytes of [256, 4096]) {
    const spool = await archive.openSpool('dicom');
    await spool.append(bytes);
    expect(await outcomeOf(() => examineSpool(spool, firstBytes)), `${what}, ${firstBytes}`).toEqual(whole);
    await spool.close();
  }
}

/** Frames in fragments, behind an offset table that may be empty. */
function inFragments(fragments: readonly Buffer[], more: object = {}, table: Buffer = Buffer.alloc(0)): Buffer {
  const item = (value: Buffer): Buffer => {
    const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(value.length, 4);
    return Buffer.concat([head, value]);
  };
  const delimiter = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
  const pixels = rawElement(
    '7FE00010',
    'OB',
    Buffer.concat([...[table, ...fragments].map(item), delimiter]),
    0xffffffff,
  );
  return rawFile(
    {
      '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.3.1'],
      '00080018': ['UI', '1.2.3.4'],
      '0020000D': ['UI', '1.2.3'],
      '0020000E': ['UI', '1.2.3.1'],
      '00280002': ['US', 3],
      '00280004': ['CS', 'YBR_FULL_422'],
      '00280008': ['IS', String(fragments.length)],
      '00280010': ['US', 8],
      '00280011': ['US', 8],
      '00280100': ['US', 8],
      '00280101': ['US', 8],
      '00280102': ['US', 7],
      '00280103': ['US', 0],
      ...more,
    },
    { transferSyntaxUid: '1.2.840.10008.1.2.4.50' },
    pixels,
  );
}

describe('an object that lies in a spool', { timeout: 60_000 }, () => {
  it('is said to be what it is said to be in memory: made-up slices, whole, cut and damaged', async () => {
    const slice = aSlice({ more: { '00420011': ['OB', Buffer.alloc(5000)] } });
    await compare(slice, 'a slice');
    for (const end of [100, 200, 600, slice.length - 1]) await compare(slice.subarray(0, end), `cut at ${end}`);
    await compare(Buffer.alloc(20_000, 1), 'nonsense');
  });

  it('with frames in fragments, of one fragment each or not, whole or cut', async () => {
    const fragments = Array.from({ length: 5 }, (_, index) => Buffer.alloc(3000 + 2 * index, index));
    const table = Buffer.alloc(20);
    for (let at = 0, frame = 0; frame < 5; frame += 1) {
      table.writeUInt32LE(at, 4 * frame);
      at += 8 + (fragments[frame]?.length ?? 0);
    }
    const extended = Buffer.alloc(40);
    for (let frame = 0; frame < 5; frame += 1)
      extended.writeBigUInt64LE(BigInt(table.readUInt32LE(4 * frame)), 8 * frame);
    await compare(inFragments(fragments), 'no table');
    await compare(inFragments(fragments, {}, table), 'a table');
    await compare(inFragments(fragments, { '7FE00001': ['OB', extended] }), 'an extended table');
    await compare(inFragments(fragments, { '00280008': ['IS', '2'] }), 'more fragments than frames');
    const whole = inFragments(fragments);
    await compare(whole.subarray(0, whole.length - 8), 'without its delimiter');
    await compare(whole.subarray(0, whole.length - 20), 'cut in the last fragment');
    await compare(whole.subarray(0, whole.length - 8 - 3008 - 8), 'one fragment short');
  });

  it('of the generated studies', async () => {
    const generated = [...makeSampleStudies({ only: ['ultrasound', 'mammogram'] })];
    expect(generated.length).toBeGreaterThan(0);
    for (const { relativePath, bytes } of generated.slice(0, 8)) await compare(bytes, relativePath);
  });
});

describe.skipIf(!existsSync(samples))(
  'samples in a spool (needs ../shared/dicom-samples)',
  { timeout: 120_000 },
  () => {
    it('are said to be what they are said to be in memory', async () => {
      const files = readdirSync(samples, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /pydicom|single-frame|seg|sr/.test(entry.parentPath))
        .map((entry) => join(entry.parentPath, entry.name));
      expect(files.length).toBeGreaterThan(20);
      for (const file of files) await compare(readFileSync(file), file.slice(samples.length));
    });
  },
);
