import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeError, openJsonLog } from './jsonLog.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'salus-log-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const clock = { nowMs: () => 0 };
const name = 'DUPONT^CANARY';

describe('the log', () => {
  it('writes one JSON line per entry, for its owner alone', () => {
    const log = openJsonLog(path.join(folder, 'logs'), clock);
    log.info('started', { port: 1 });
    log.error('broke', new TypeError('x'), { incidentId: 'i' });
    const file = path.join(folder, 'logs', 'salus.log');
    const lines = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toEqual({ at: '1970-01-01T00:00:00.000Z', level: 'info', message: 'started', port: 1 });
    expect(lines[1]).toMatchObject({ level: 'error', incidentId: 'i', error: { name: 'TypeError', message: 'x' } });
    expect(lines[1].error.frames[0]).toMatch(/^at /);
    if (process.platform !== 'win32') {
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(path.join(folder, 'logs')).mode & 0o777).toBe(0o700);
    }
  });

  it('keeps five files of at most 4 MiB', () => {
    const log = openJsonLog(folder, clock);
    for (let line = 0; line < 260; line += 1) log.info('x'.repeat(100_000));
    const files = readdirSync(folder).sort();
    expect(files).toEqual(['salus.log', 'salus.log.1', 'salus.log.2', 'salus.log.3', 'salus.log.4']);
    for (const file of files) expect(statSync(path.join(folder, file)).size).toBeLessThanOrEqual(4 * 1024 * 1024);
  });
});

describe('what is kept of an error', () => {
  it.each([
    ['JSON', () => JSON.parse(name)],
    ['a file name', () => readFileSync(path.join(folder, name))],
    ['a file name with an apostrophe', () => readFileSync(path.join(folder, `D'${name}`))],
    ['a file name with two apostrophes', () => readFileSync(path.join(folder, `D'${name}'S`))],
    [
      'a message of two lines',
      () => {
        throw new Error(`at "${name}\n    at ${name}"`);
      },
    ],
    [
      'SQL text',
      () => {
        throw new Error(`fts5: syntax error near "${name}"`);
      },
    ],
    [
      'a cause',
      () => {
        throw new Error('x', { cause: new Error(`'${name}'`) });
      },
    ],
    [
      'what is no error',
      () => {
        throw name;
      },
    ],
    [
      'properties',
      () => {
        throw Object.assign(new Error('x'), { data: name, issues: [name] });
      },
    ],
  ])('is without what was quoted: %s', (_what, run) => {
    let caught: unknown;
    try {
      run();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeDefined();
    expect(JSON.stringify(describeError(caught))).not.toContain(name);
  });
});
