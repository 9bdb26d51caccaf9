import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/**
 * Threads that compile the same small module again and again and drop it, with V8 collecting WebAssembly code whenever
 * it may: each collection is a chance for the double free that wasmCode.ts describes. The module imports one function
 * and exports one that calls it as often as it is told (WebAssembly core specification 1.0, binary format).
 */
const churn = `
  const { Worker, isMainThread } = require('node:worker_threads');
  if (isMainThread) {
    (async () => {
      if (process.argv[1]) await import(process.argv[1]);
      // Reading a .ts file runs WebAssembly too: only what comes from here on counts.
      process.stdout.write('begin\\n');
      for (let count = 0; count < 2; count += 1) new Worker(process.env.SALUS_CHURN, { eval: true });
    })();
  } else {
    const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 2, 96, 0, 0, 96, 1, 127, 0, 2, 7, 1, 1, 101, 1,
      102, 0, 0, 3, 2, 1, 1, 7, 7, 1, 3, 114, 117, 110, 0, 1, 10, 18, 1, 16, 0, 3, 64, 16, 0, 32, 0, 65, 1, 107, 34,
      0, 13, 0, 11, 11]);
    for (let round = 0; round < 40; round += 1) {
      const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { f() {} } });
      instance.exports.run(2000);
      globalThis.gc();
    }
  }
`;

function collections(...imports: string[]): number {
  const flags = ['--expose-gc', '--stress-wasm-code-gc', '--wasm-tiering-budget=100', '--trace-wasm-code-gc'];
  const { stdout, status, signal } = spawnSync(process.execPath, [...flags, '--no-warnings', '-e', churn, ...imports], {
    encoding: 'utf8',
    env: { ...process.env, SALUS_CHURN: churn },
    timeout: 60_000,
  });
  expect({ status, signal }).toEqual({ status: 0, signal: null });
  return (stdout.split('begin\n')[1] ?? '').split('\n').filter((line) => line.startsWith('[wasm-gc] Starting')).length;
}

describe.skipIf(!process.versions.v8.startsWith('13.6.'))('WebAssembly code (needs V8 13.6)', () => {
  it('is collected while it runs unless a core forbids it, in worker threads too', { timeout: 120_000 }, () => {
    // The control: this V8 does collect, so that the line below says something.
    expect(collections()).toBeGreaterThan(0);
    expect(collections(new URL('./wasmCode.ts', import.meta.url).href)).toBe(0);
    // As every host does.
    expect(collections(new URL('../startCore.ts', import.meta.url).href)).toBe(0);
  });

  it('is left alone in test processes', () => expect(process.execArgv).toContain('--no-wasm-code-gc'));
});
