import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTestImaging } from '../../main/domains/imaging/testImaging.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';

/** A file system of its own that can be filled: only the superuser may mount one. */
function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const place = mkdtempSync(join(tmpdir(), 'salus-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place]).status === 0;
  if (mounted) spawnSync('umount', [place]);
  rmSync(place, { recursive: true, force: true });
  return mounted;
}

describe.skipIf(!canMount())('a full disk (needs the superuser, to mount a small file system)', () => {
  it('ends the import with its reason; what was stored is whole, and there is room it goes on', async () => {
    const place = mkdtempSync(join(tmpdir(), 'salus-full-'));
    const source = mkdtempSync(join(tmpdir(), 'salus-source-'));
    const temporary = process.env.TMPDIR;
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', place]);
    process.env.TMPDIR = place;
    try {
      const t = await openTestImaging();
      // 40 MB of slices into 24 MB.
      const filler = { '00091010': ['OB', Buffer.alloc(400_000, 7)] } as const;
      for (let number = 1; number <= 100; number += 1) {
        writeFileSync(
          join(source, `${number}.dcm`),
          aSlice({ study: '1.1', sop: `1.1.1.${number}`, number, more: filler }),
        );
      }
      const job = await t.importPaths(source);
      expect(job).toMatchObject({ state: 'failed', failure: 'imaging.diskFull' });
      const detail = () => t.imaging.getStudyDetail('1.1');
      const kept = t.test.store.reader.get<{ n: number }>('SELECT count(*) AS n FROM instance')?.n ?? 0;
      expect(kept).toBeLessThan(100);
      if (kept > 0) {
        expect(detail().study.instanceCount).toBe(kept);
        const names = new Map<string, string>(
          Array.from({ length: 100 }, (_, index) => {
            const bytes = readFileSync(join(source, `${index + 1}.dcm`));
            return [`1.1.1.${index + 1}`, createHash('sha256').update(bytes).digest('hex')] as const;
          }),
        );
        for (const instance of t.imaging.listPlaces({ studyUid: '1.1' })) {
          const bytes = await t.test.store.archive.get(instance.objectName);
          expect(createHash('sha256').update(bytes).digest('hex')).toBe(names.get(instance.sopUid));
        }
      }
      spawnSync('mount', ['-o', 'remount,size=120m', place]);
      const again = await t.importPaths(source);
      expect(again).toMatchObject({ state: 'done', counts: { rejected: 0, conflicts: 0 } });
      expect(detail().study.instanceCount).toBe(100);
      expect((await t.test.store.verifyAudit()).ok).toBe(true);
      await t.close();
    } finally {
      if (temporary === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = temporary;
      spawnSync('umount', ['-l', place]);
      rmSync(place, { recursive: true, force: true });
      rmSync(source, { recursive: true, force: true });
    }
  });
});
