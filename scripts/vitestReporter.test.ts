import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { root } from './setup.mjs';
import type { SuiteReport } from './vitestReporter.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'salus-reporter-'));
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs Vitest over the files given, with the reporter `npm test` uses. */
async function runVitest(files: Record<string, string>): Promise<{ report: SuiteReport; code: number | null }> {
  for (const [name, text] of Object.entries(files)) {
    await writeFile(path.join(folder, name), `import { describe, expect, it } from 'vitest';\n${text}`);
  }
  const reportFile = path.join(folder, 'report.json');
  const ended = spawnSync(
    process.execPath,
    [
      path.join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--root',
      folder,
      `--reporter=${path.join(root, 'scripts', 'vitestReporter.ts')}`,
    ],
    { cwd: folder, env: { ...process.env, SALUS_TEST_REPORT: reportFile, VITEST: '' }, encoding: 'utf8' },
  );
  return { report: JSON.parse(await readFile(reportFile, 'utf8')) as SuiteReport, code: ended.status };
}

describe('the figures of npm test', () => {
  it('count what passed, failed and was skipped, with the reason', async () => {
    const { report, code } = await runVitest({
      'mixed.test.ts': `
        it('is right', () => expect(1).toBe(1));
        it('is wrong', () => expect(1).toBe(2));
        it('gives up', (context) => context.skip('no printer here'));
        it.skip('says nothing', () => undefined);
        it.todo('later');
        describe.skipIf(true)('reads with a peer (needs DCMTK)', () => { it('reads', () => expect(1).toBe(1)); });
      `,
    });
    expect(code).toBe(1);
    expect(report.passed).toBe(1);
    expect(report.failed).toEqual([
      { name: 'mixed.test.ts > is wrong', message: expect.stringContaining('expected 1 to be 2') },
    ]);
    expect(report.skipped).toEqual([
      { name: 'mixed.test.ts > gives up', reason: 'no printer here' },
      { name: 'mixed.test.ts > says nothing', reason: 'no reason given' },
      { name: 'mixed.test.ts > later', reason: 'no reason given' },
      { name: 'mixed.test.ts > reads with a peer (needs DCMTK) > reads', reason: 'needs DCMTK' },
    ]);
  });

  it('count a file that could not be loaded as a failure', async () => {
    const { report, code } = await runVitest({
      'broken.test.ts': "import './absent.ts';\nit('never runs', () => undefined);\n",
    });
    expect(code).toBe(1);
    expect(report).toMatchObject({ passed: 0, failed: [{ name: 'broken.test.ts' }] });
  });

  it('count a file without any test, and a rejection outside any test, as failures', async () => {
    const { report, code } = await runVitest({
      'idle.test.ts': 'void describe; void expect; void it;\n',
      'stray.test.ts':
        "it('passes', async () => { void Promise.reject(new Error('stray')); await new Promise((r) => setTimeout(r, 20)); });\n",
    });
    expect(code).toBe(1);
    expect(report.passed).toBe(1);
    expect(report.failed.map((failure) => failure.name).sort()).toEqual(['idle.test.ts', 'outside any test']);
  });

  it('count a failing hook once for what it kept from running', async () => {
    const { report } = await runVitest({
      'hook.test.ts':
        "import { beforeAll } from 'vitest';\ndescribe('a suite', () => { beforeAll(() => { throw new Error('no server'); }); it('needs it', () => undefined); });\n",
    });
    expect(report.passed).toBe(0);
    expect(report.failed).toContainEqual({ name: 'hook.test.ts > a suite', message: 'no server' });
  });

  it('count no test file at all as a failure', async () => {
    const { report } = await runVitest({});
    expect(report.failed).toEqual([{ name: 'suite', message: 'no test file was found' }]);
  });
});
