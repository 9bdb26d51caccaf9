import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readImage } from './sampleReader.ts';
import { syntheticInstances } from './syntheticInstances.ts';

describe('syntheticInstances', () => {
  it('spreads them over patients, studies and series as asked', () => {
    const made = [
      ...syntheticInstances({ count: 240, perSeries: 10, perStudy: 3, perPatient: 2, rows: 8, columns: 8 }),
    ];
    expect(made).toHaveLength(240);
    expect(new Set(made.map((one) => one.sopInstanceUid)).size).toBe(240);
    expect(new Set(made.map((one) => one.seriesUid)).size).toBe(24);
    expect(new Set(made.map((one) => one.studyUid)).size).toBe(8);
    expect(new Set(made.map((one) => one.patientId)).size).toBe(4);
    expect(new Set(made.map((one) => one.relativePath)).size).toBe(240);
  });

  it('says in the object what it says beside it, and no two have the same pixels', () => {
    const seen = new Set<string>();
    for (const one of syntheticInstances({ count: 300 })) {
      const image = readImage(one.bytes);
      expect(image.dataset.string('x0020000d')).toBe(one.studyUid);
      expect(image.dataset.string('x0020000e')).toBe(one.seriesUid);
      expect(image.dataset.string('x00080018')).toBe(one.sopInstanceUid);
      expect(image.dataset.string('x00100020')).toBe(one.patientId);
      expect([image.rows, image.columns]).toEqual([64, 64]);
      seen.add(Buffer.from(image.pixels.buffer).toString('base64'));
    }
    expect(seen.size).toBe(300);
  });

  it('differs by seed only', () => {
    const bytes = (seed: string): string =>
      [...syntheticInstances({ count: 3, seed })].map((one) => Buffer.from(one.bytes).toString('hex')).join();
    expect(bytes('a')).toBe(bytes('a'));
    expect(bytes('a')).not.toBe(bytes('b'));
  });

  it.skipIf(spawnSync('dciodvfy', ['-h']).error !== undefined)('passes dciodvfy (needs dicom3tools)', () => {
    const folder = mkdtempSync(join(tmpdir(), 'salus-synthetic-'));
    for (const one of syntheticInstances({ count: 1 })) {
      writeFileSync(join(folder, 'one.dcm'), one.bytes);
      const { stdout, stderr } = spawnSync('dciodvfy', [join(folder, 'one.dcm')], { encoding: 'utf8' });
      expect(`${stdout}${stderr}`.split('\n').filter((line) => /error/i.test(line))).toEqual([]);
      expect(`${stdout}${stderr}`).toContain('SCImage');
    }
    rmSync(folder, { recursive: true });
  });
});
