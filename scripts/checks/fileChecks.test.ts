import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkFiles, checkLock, checkResources } from './fileChecks.mjs';

let tree: string;

beforeEach(async () => {
  tree = await mkdtemp(path.join(tmpdir(), 'salus-checks-'));
});

afterEach(() => rm(tree, { recursive: true, force: true }));

async function plant(files: Record<string, string | object>): Promise<void> {
  for (const [file, content] of Object.entries(files)) {
    const at = path.join(tree, file);
    await mkdir(path.dirname(at), { recursive: true });
    await writeFile(at, typeof content === 'string' ? content : JSON.stringify(content));
  }
}

describe('file check', () => {
  it('reports twins, long files and names that say nothing', async () => {
    await plant({
      'app/a/report.ts': 'x\n',
      'main/a/Report.ts': 'x\n',
      'main/a/report.test.ts': 'x\n',
      'main/long.ts': 'x\n'.repeat(401),
      'renderer/dateUtils.ts': 'x\n',
    });
    expect(checkFiles(tree)).toEqual([
      'main/a/Report.ts and app/a/report.ts share a name',
      'main/long.ts has 401 lines; split it (at most 400)',
      'renderer/dateUtils.ts: name it for what it does',
    ]);
  });

  it('reports a resource that does not parse, breaks its schema or has none', async () => {
    await plant({
      'app/domains/reports/reportSchema.ts':
        'export const reportTemplateSchema = { safeParse: (v) => (v.id ? { success: true } : { success: false, error: new Error("no id") }) };\n',
      'resources/templates/bad.json': '{"a": 1,}',
      'resources/templates/good.json': { id: 'x' },
      'resources/templates/wrong.json': {},
      'resources/riddles/one.json': {},
      'resources/locales/en/a.json': {},
    });
    expect(await checkResources(tree)).toEqual([
      'resources/riddles/one.json: name the schema of resources/riddles in scripts/checks/fileChecks.mjs',
      expect.stringMatching(/^resources\/templates\/bad\.json: /),
      'resources/templates/wrong.json: no id',
    ]);
  });
});

describe('lock check', () => {
  const lock = (packages: object) => ({ 'package-lock.json': { packages } });

  it('passes when every wanted package is there, beside or above', async () => {
    await plant(
      lock({
        '': { dependencies: { a: '1' } },
        'node_modules/a': { version: '1', dependencies: { b: '1' }, optionalDependencies: { 'a-linux': '1' } },
        'node_modules/a/node_modules/b': { version: '1' },
        'node_modules/a-linux': { version: '1', optional: true },
      }),
    );
    expect(checkLock(tree)).toEqual([]);
  });

  it('reports a platform build that npm could not reach', async () => {
    await plant(
      lock({
        '': { dependencies: { a: '1' } },
        'node_modules/a': { version: '1', optionalDependencies: { 'a-linux': '1', 'a-darwin': '1' } },
        'node_modules/a-linux': { version: '1', optional: true },
      }),
    );
    expect(checkLock(tree)).toEqual(['package-lock.json lacks a-darwin, which node_modules/a wants']);
  });
});
