import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;

/** One project per layer of the test table in the architecture; `vitest run --project unit` runs one. */
function project(name: string, include: string[], more: object = {}) {
  return {
    extends: true as const,
    test: { name, include, environment: 'node' as const, exclude: ['**/node_modules/**', '**/dist/**'], ...more },
  };
}

/** Peers, browsers and kill -9 loops: one file at a time, and minutes rather than seconds. */
const heavy = { fileParallelism: false, testTimeout: 180_000, hookTimeout: 120_000 };

export default defineConfig({
  root,
  plugins: [react()],
  test: {
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // The test process strips types by WebAssembly in every worker thread: see main/platform/wasmCode.ts.
    execArgv: process.versions.v8.startsWith('13.6.') ? ['--no-wasm-code-gc'] : [],
    maxWorkers: 2,
    allowOnly: process.env.CI !== 'true',
    projects: [
      project('unit', ['app/**/*.test.ts', 'renderer/**/*.test.{ts,tsx}', 'scripts/**/*.test.ts']),
      project('service', ['main/**/*.test.ts', 'preload/**/*.test.ts']),
      project('contract', ['tests/contract/**/*.test.ts']),
      project('migrations', ['tests/migrations/**/*.test.ts']),
      project('boundaries', ['tests/boundaries/**/*.test.ts'], { testTimeout: 60_000, hookTimeout: 120_000 }),
      project('packaging', ['tests/packaging/**/*.test.ts'], { testTimeout: 60_000 }),
      project('conformance', ['tests/conformance/**/*.test.ts'], heavy),
      project('safety', ['tests/safety/**/*.test.ts'], heavy),
      project('integration', ['tests/integration/**/*.test.ts'], heavy),
      project('e2e', ['tests/e2e/**/*.test.ts'], heavy),
      project('soak', ['tests/soak/**/*.test.ts'], { ...heavy, testTimeout: 3_600_000 }),
    ],
  },
});
