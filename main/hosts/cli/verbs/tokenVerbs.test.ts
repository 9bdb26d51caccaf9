import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiState, ApiToken } from '../../../../app/domains/api/apiSchema.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { readCliArguments } from '../cliArguments.ts';
import { api, token } from './tokenVerbs.ts';

const entry = path.join(import.meta.dirname, '..', 'cli.ts');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'salus-cli-token-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function salus(...given: string[]): { code: number | null; output: unknown } {
  const home = path.join(folder, 'home');
  const { stdout, status } = spawnSync(process.execPath, [entry, ...given, '--home', home, '--json'], {
    encoding: 'utf8',
    env: { ...process.env, SALUS_PASSWORD: 'correct horse 1' },
  });
  return { code: status, output: JSON.parse(stdout) };
}

describe('salus token and salus api', { timeout: 120_000 }, () => {
  it('make, list and end tokens, and switch the access', () => {
    expect(salus('init', '--operator', 'first').code).toBe(0);
    const made = salus('token', 'create', 'monitoring', '--scopes', 'health,metrics', '--days', '30');
    const { token: shown, secret } = made.output as { token: ApiToken; secret: string };
    expect(secret).toMatch(/^salus_[\w-]{22}\.[\w-]{43}$/);
    expect(shown).toMatchObject({ name: 'monitoring', scopes: ['health', 'metrics'], revokedAt: null });
    expect(shown.expiresAt).toBeGreaterThan(Date.now() + 29 * 86_400_000);
    expect(salus('token', 'revoke', 'monitoring').code).toBe(0);
    const [listed] = salus('token', 'list').output as ApiToken[];
    expect(listed?.revokedAt).toEqual(expect.any(Number));
    expect(salus('api', 'on', '--port', '18104').output as ApiState).toMatchObject({
      settings: { enabled: true, port: 18_104, host: '127.0.0.1' },
      // Nothing listens beside no host: the command line does no work in the background.
      state: 'off',
    });
  });

  it('say what they do not understand', () => {
    const check =
      (...given: string[]) =>
      () => {
        const read = readCliArguments(given);
        (read.verb === 'api' ? api : token).check(read);
      };
    for (const given of [
      ['token'],
      ['token', 'create', 'x'],
      ['token', 'create', 'x', '--scopes', 'health,everything'],
      ['token', 'create', 'x', '--scopes', 'health', '--days', '0'],
      ['token', 'list', '--days', '1'],
      ['api', 'maybe'],
      ['api', 'off', '--port', '80'],
    ])
      expect(check(...given), given.join(' ')).toThrow(UsageProblem);
    expect(check('token', 'create', 'x', '--scopes', 'health', '--days', 'none')).not.toThrow();
    expect(check('api', 'on', '--port', '8104')).not.toThrow();
  });
});
