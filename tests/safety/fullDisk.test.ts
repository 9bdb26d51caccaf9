import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStoreHolder, type StoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';

/** A small file system of its own, where this user may mount one. */
function mountSmall(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  const folder = mkdtempSync(join(tmpdir(), 'salus-full-'));
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder], { stdio: 'ignore' });
    return folder;
  } catch {
    rmSync(folder, { recursive: true, force: true });
    return null; // No right to mount here: the suite skips by name.
  }
}

const folder = mountSmall();
const full = expect.objectContaining({ code: 'storage.diskFull' });

describe.skipIf(folder === null)('a full disk (needs the right to mount a tmpfs)', () => {
  const home = join(folder ?? '', 'store');
  const ballast = join(folder ?? '', 'ballast');
  const password = 'a long enough password';
  let holder: StoreHolder;

  beforeAll(async () => {
    holder = await createStoreHolder(testPlatform(home, Date.now, []), {
      stretchCost: { memoryKib: 256, iterations: 1, parallelism: 1 },
    });
    await holder.setUp({ operatorName: 'writer', password, siteName: '', initialise: () => undefined });
  });
  afterAll(async () => {
    await holder.close();
    execFileSync('/bin/umount', [folder!]);
    rmSync(folder!, { recursive: true });
  });

  function fillDisk(): void {
    for (let size = 4 * 1024 * 1024; size >= 1024; size = Math.floor(size / 2)) {
      for (let number = 0; ; number += 1) {
        try {
          writeFileSync(`${ballast}-${size}-${number}`, Buffer.alloc(size));
        } catch {
          rmSync(`${ballast}-${size}-${number}`, { force: true });
          break;
        }
      }
    }
  }
  function freeDisk(): void {
    for (const name of readdirSync(folder!)) if (name.startsWith('ballast')) rmSync(join(folder!, name));
  }
  const save = (name: string, value: string) =>
    holder
      .store()
      .gate.write({ operatorId: null, operatorName: null }, 'test.save', (tx) =>
        tx.run(
          'INSERT INTO setting (name, value, version, hlc, site_id) VALUES (?, ?, 1, ?, ?)',
          name,
          value,
          tx.hlc,
          tx.siteId,
        ),
      );
  const names = () =>
    holder
      .store()
      .reader.all<{ name: string }>('SELECT name FROM setting ORDER BY name')
      .map(({ name }) => name);

  it('is said, changes nothing, leaves no half file, and is over when there is room again', async () => {
    save('before', '1');
    const object = await holder.store().archive.put('dicom', randomBytes(1000));
    fillDisk();
    await expect(holder.store().archive.put('dicom', randomBytes(100_000))).rejects.toEqual(full);
    expect(() => holder.store().archive.putSync('dicom', randomBytes(100_000))).toThrow(full);
    expect(() => save('during', 'x'.repeat(2_000_000))).toThrow(full);
    expect(names()).toEqual(['before']);
    expect(readdirSync(join(home, 'archive', 'incoming'))).toEqual([]);
    expect((await holder.store().archive.get(object.name)).length).toBe(1000);

    // It can still be opened to read.
    await holder.close();
    holder = await createStoreHolder(testPlatform(home, Date.now, []));
    await holder.unlock('writer', password);
    expect(names()).toEqual(['before']);

    freeDisk();
    save('after', '1');
    expect(names()).toEqual(['after', 'before']);
    expect(await holder.store().verifyAudit()).toMatchObject({ ok: true });
    expect(existsSync(join(home, 'salus.db'))).toBe(true);
  });

  it('leaves unattended operation on where switching it off cannot be written', async () => {
    await holder.turnOnUnattended('credential', async () => undefined);
    const before = holder.unattendedWrap();
    fillDisk();
    const { gate } = holder.store();
    const record = () => gate.record({ operatorId: null, operatorName: null }, 'test.off', 'success');
    expect(() => holder.turnOffUnattended(record)).toThrow(full);
    expect(holder.unattendedWrap()).toEqual(before);
    freeDisk();
    holder.turnOffUnattended(record);
    expect(holder.unattendedWrap()).toBeNull();
  });
});
