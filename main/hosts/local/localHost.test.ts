import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const entry = path.join(import.meta.dirname, 'localHost.ts');
const cli = path.join(import.meta.dirname, '..', 'cli', 'cli.ts');
const password = 'correct horse 1';

let folder: string;
let home: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'salus-host-'));
  home = path.join(folder, 'home');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  child: ChildProcess;
  address: string;
  port: number;
  home: string;
  ended: Promise<number | null>;
}

async function start(...more: string[]): Promise<Started> {
  const child = spawn(process.execPath, [entry, '--json', ...more], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: folder, XDG_DATA_HOME: path.join(folder, 'data') },
  });
  children.push(child);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const lines = readline.createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the host ended with ${code}`)));
  });
  return { ...(JSON.parse(line) as { address: string; port: number; home: string }), child, ended };
}

function salus(...given: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [cli, ...given, '--home', home, '--json'], {
    encoding: 'utf8',
    env: { ...process.env, SALUS_PASSWORD: password },
  });
  return { output: JSON.parse(stdout || 'null'), stderr, status };
}

describe('the local host as a process', { timeout: 60_000 }, () => {
  it('serves, is found by the command line, and stops cleanly', async () => {
    const host = await start('--home', home);
    const endpoint = path.join(home, 'endpoint.json');
    if (process.platform !== 'win32') {
      expect(statSync(endpoint).mode & 0o777).toBe(0o600);
      expect(statSync(home).mode & 0o777).toBe(0o700);
    }
    expect(salus('init', '--operator', 'marie').output).toMatchObject({
      recoveryKey: expect.any(String),
      operatorName: 'marie',
    });
    // The running host made the store: another core could not have taken its lock.
    expect(salus('call', 'system.status').output).toMatchObject({ phase: 'open', host: 'local' });
    expect(salus('call', 'security.listOperators').output).toMatchObject([{ operatorName: 'marie' }]);

    const served = salus('serve');
    expect(served).toMatchObject({ status: 0, output: { port: host.port, pid: host.child.pid } });
    expect((served.output as { address: string }).address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=/);
    expect((served.output as { address: string }).address).not.toBe(host.address);

    const secondStart = spawnSync(process.execPath, [entry, '--json', '--home', home], { encoding: 'utf8' });
    expect(secondStart.status).toBe(1);
    expect(secondStart.stderr).toContain('already');

    host.child.kill('SIGTERM');
    expect(await host.ended).toBe(0);
    expect(existsSync(endpoint)).toBe(false);
    expect(salus('call', 'system.status').output).toMatchObject({ phase: 'sealed', host: 'cli' });
  });

  it.skipIf(!existsSync('/proc'))(
    'shows neither token nor address in the list of processes (needs /proc)',
    async () => {
      const host = await start('--home', home);
      const token = new URL(host.address).hash.replace('#token=', '');
      const { token: endpointToken } = JSON.parse(readFileSync(path.join(home, 'endpoint.json'), 'utf8')) as {
        token: string;
      };
      const process_ = `/proc/${host.child.pid}`;
      const shown = readFileSync(`${process_}/cmdline`, 'utf8') + readFileSync(`${process_}/environ`, 'utf8');
      for (const secret of [token, endpointToken]) expect(shown).not.toContain(secret);
      const logs = path.join(home, 'logs');
      const log = existsSync(logs)
        ? readdirSync(logs)
            .map((file) => readFileSync(path.join(logs, file), 'utf8'))
            .join('')
        : '';
      for (const secret of [token, endpointToken]) expect(log).not.toContain(secret);
    },
  );

  it('attaches to no host that is gone', async () => {
    const host = await start('--home', home);
    host.child.kill('SIGKILL');
    await host.ended;
    expect(existsSync(path.join(home, 'endpoint.json'))).toBe(true);
    expect(salus('call', 'system.status')).toMatchObject({ status: 0, output: { phase: 'empty', host: 'cli' } });
  });

  it('keeps a throw-away store apart, and removes it', async () => {
    const host = await start('--sample');
    expect(host.home.startsWith(folder)).toBe(true);
    expect(existsSync(path.join(folder, 'data'))).toBe(false);
    host.child.kill('SIGTERM');
    expect(await host.ended).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('removes the throw-away store of a killed host at the next start', async () => {
    const killed = await start('--sample');
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect(existsSync(killed.home)).toBe(true);
    const next = await start('--sample');
    expect(existsSync(killed.home)).toBe(false);
    expect(existsSync(next.home)).toBe(true);
  });

  it.each([[['--nonsense']], [['--port', 'x']], [['--port', '70000']], [['--open', '--no-open']], [['extra']]])(
    'does not understand %j',
    (given) => {
      const { status, stderr, stdout } = spawnSync(process.execPath, [entry, ...given], { encoding: 'utf8' });
      expect(status).toBe(2);
      expect(stderr).toContain('Usage');
      expect(stdout).toBe('');
    },
  );
});
