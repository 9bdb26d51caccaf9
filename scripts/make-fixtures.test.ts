import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const script = resolve(import.meta.dirname, 'make-fixtures.ts');
const folder = mkdtempSync(join(tmpdir(), 'salus-fixtures-'));

function make(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
}

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('make-fixtures', { timeout: 90_000 }, () => {
  it('writes one study and says how much', () => {
    const { status, stdout } = make(join(folder, 'us'), '--only', 'ultrasound');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ultrasound: 1 files, \d+ bytes, [\d.]+ s\n$/);
    const path = join(folder, 'us/ultrasound/01/0001.dcm');
    expect(stdout).toContain(` ${statSync(path).size} bytes`);
  });

  it('takes a number of slices, and of synthetic instances', () => {
    expect(make(join(folder, 'ct'), '--only', 'chest-ct', '--count', '3').status).toBe(0);
    expect(readdirSync(join(folder, 'ct/chest-ct/02'))).toEqual(['0001.dcm', '0002.dcm', '0003.dcm']);
    expect(make(join(folder, 'syn'), '--only', 'synthetic', '--count', '7').status).toBe(0);
    expect(
      readdirSync(join(folder, 'syn'), { recursive: true }).filter((name) => String(name).endsWith('.dcm')),
    ).toHaveLength(7);
  });

  it.each([[[]], [['x', '--only', 'nothing']], [['x', '--count', '0']], [['x', 'y']], [['x', '--wrong']]])(
    'explains itself on %j',
    (args) => {
      const { status, stderr } = make(...args.map((arg) => (arg === 'x' ? join(folder, 'x') : arg)));
      expect(status).toBe(2);
      expect(stderr).toMatch(/usage/i);
      expect(existsSync(join(folder, 'x'))).toBe(false);
    },
  );

  it('refuses more slices than there may be', () => {
    const { status, stderr } = make(join(folder, 'many'), '--only', 'chest-ct', '--count', '201');
    expect(status).toBe(2);
    expect(stderr).toContain('2 to 200 slices');
  });
});
