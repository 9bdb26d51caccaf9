import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkBoundaries } from '../../scripts/check.mjs';
import { root } from '../../scripts/setup.mjs';

/** A tree that obeys every rule, with at least one legal import of each kind the rules are about. */
const cleanTree: Record<string, string> = {
  'app/shared/ids.ts': 'export const one = 1;\n',
  'app/contract.ts':
    "import * as z from 'zod';\nimport { one } from './shared/ids.ts';\nexport const contract = z.literal(one);\n",
  'app/domains/reports/reportRules.ts': 'export const rule = 1;\n',
  'app/domains/reports/reportContract.ts': 'export const reportContract = 1;\n',
  'main/domains/patients/patientService.ts': "import './patientQueries.ts';\nexport const patientService = 1;\n",
  'main/domains/patients/patientQueries.ts': 'export const patientQueries = 1;\n',
  'main/domains/reports/reportService.ts':
    "import { patientService } from '../patients/patientService.ts';\nexport const reportService = patientService;\n",
  'main/database/writeGate.ts': "import { readFileSync } from 'node:fs';\nexport const gate = readFileSync;\n",
  'main/archive/archive.ts': 'export const archive = 1;\n',
  'main/hosts/electron/electronMain.ts': "import { app } from 'electron';\napp.quit();\n",
  'preload/bridge.ts': "import { ipcRenderer } from 'electron';\nipcRenderer.send('x');\n",
  'renderer/api/client.ts':
    "import type { contract } from '../../app/contract.ts';\nexport type C = typeof contract;\n",
  'renderer/features/reports/ReportPanel.tsx':
    "import { rule } from '../../../app/domains/reports/reportRules.ts';\nexport const ReportPanel = rule;\n",
  'renderer/features/worklist/Worklist.tsx': 'export const Worklist = 1;\n',
  'renderer/viewport/stack.ts': "import { init } from '@cornerstonejs/core';\nexport const start = init;\n",
};

/** Each plants its files over the clean tree; exactly the rule named must be reported. */
const violations: { rule: string; what: string; files: Record<string, string> }[] = [
  {
    rule: 'app-is-pure',
    what: 'app imports the Node side',
    files: { 'app/bad.ts': "import '../main/archive/archive.ts';\n" },
  },
  { rule: 'app-is-pure', what: 'app imports a Node module', files: { 'app/bad.ts': "import 'node:fs';\n" } },
  { rule: 'app-is-pure', what: 'app imports a library of the window', files: { 'app/bad.ts': "import 'react';\n" } },
  {
    rule: 'app-is-pure',
    what: 'app imports even a type',
    files: { 'app/bad.ts': "import type { FC } from 'react';\nexport type F = FC;\n" },
  },
  {
    rule: 'domain-through-its-service',
    what: "a domain reads another's queries",
    files: { 'main/domains/reports/bad.ts': "import '../patients/patientQueries.ts';\n" },
  },
  {
    rule: 'storage-knows-no-domain',
    what: 'the database knows a domain',
    files: { 'main/database/bad.ts': "import '../domains/patients/patientService.ts';\n" },
  },
  {
    rule: 'storage-knows-no-domain',
    what: 'the archive knows a domain',
    files: { 'main/archive/bad.ts': "import '../domains/patients/patientService.ts';\n" },
  },
  {
    rule: 'storage-knows-no-domain',
    what: 'the DICOM layer knows a domain',
    files: { 'main/dicom/bad.ts': "import '../domains/patients/patientService.ts';\n" },
  },
  {
    rule: 'main-not-to-window',
    what: 'the Node side imports the page',
    files: { 'main/bad.ts': "import '../renderer/api/client.ts';\n" },
  },
  {
    rule: 'feature-not-to-feature',
    what: 'a feature imports another',
    files: { 'renderer/features/reports/Bad.tsx': "import '../worklist/Worklist.tsx';\n" },
  },
  {
    rule: 'cornerstone-only-in-viewport',
    what: 'a feature imports Cornerstone',
    files: { 'renderer/features/reports/Bad.tsx': "import { init } from '@cornerstonejs/core';\ninit();\n" },
  },
  {
    rule: 'no-codec-in-window',
    what: 'a feature decodes by itself',
    files: { 'renderer/features/reports/Bad.tsx': "import '@cornerstonejs/codec-charls';\n" },
  },
  {
    rule: 'window-not-to-main',
    what: 'the page imports the Node side, if only a type',
    files: {
      'renderer/api/bad.ts':
        "import type { archive } from '../../main/archive/archive.ts';\nexport type A = typeof archive;\n",
    },
  },
  {
    rule: 'window-not-to-node',
    what: 'the page imports a Node module',
    files: { 'renderer/api/bad.ts': "import 'node:fs';\n" },
  },
  {
    rule: 'contract-as-type-in-window',
    what: 'the page imports the contract as a value',
    files: { 'renderer/api/bad.ts': "import { contract } from '../../app/contract.ts';\nexport const c = contract;\n" },
  },
  {
    rule: 'contract-as-type-in-window',
    what: "the page imports a domain's contract as a value",
    files: {
      'renderer/api/bad.ts':
        "import { reportContract } from '../../app/domains/reports/reportContract.ts';\nexport const c = reportContract;\n",
    },
  },
  {
    rule: 'electron-out-of-reach',
    what: 'the core imports electron',
    files: { 'main/bad.ts': "import { app } from 'electron';\napp.quit();\n" },
  },
  {
    rule: 'electron-out-of-reach',
    what: 'the core reaches electron in two hops',
    files: { 'main/bad.ts': "import './hosts/electron/electronMain.ts';\n" },
  },
  {
    rule: 'electron-out-of-reach',
    what: 'the page imports the preload, which imports electron',
    files: { 'renderer/api/bad.ts': "import '../../preload/bridge.ts';\n" },
  },
  {
    rule: 'no-import-cycle',
    what: 'two modules import each other',
    files: {
      'main/bad.ts': "import { b } from './worse.ts';\nexport const a = () => b;\n",
      'main/worse.ts': "import { a } from './bad.ts';\nexport const b = () => a;\n",
    },
  },
  { rule: 'no-unresolvable', what: 'an import leads nowhere', files: { 'main/bad.ts': "import './absent.ts';\n" } },
  {
    rule: 'source-not-to-test',
    what: 'source imports a test',
    files: { 'main/bad.ts': "import './bad.test.ts';\n", 'main/bad.test.ts': 'export const x = 1;\n' },
  },
];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'salus-boundaries-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function plant(name: string, files: Record<string, string>): Promise<string> {
  const tree = path.join(folder, name);
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
    await writeFile(path.join(tree, file), text);
  }
  await symlink(path.join(root, 'node_modules'), path.join(tree, 'node_modules'));
  return tree;
}

describe('import rules', () => {
  it('find nothing in a tree that obeys them', async () => {
    expect(await checkBoundaries(await plant('clean', cleanTree))).toEqual([]);
  });

  it.each(violations.map((violation, index) => ({ ...violation, index })))(
    '$rule: $what',
    async ({ rule, files, index }) => {
      const tree = await plant(`violation-${index}`, { ...cleanTree, ...files });
      const reported = await checkBoundaries(tree);
      expect(reported.map((line) => line.split(':')[0])).toContain(rule);
      const planted = Object.keys(files);
      expect(reported.every((line) => planted.some((file) => line.includes(file)))).toBe(true);
    },
  );

  it('each rule of the configuration has a violation planted here', () => {
    const configuration = createRequire(import.meta.url)(path.join(root, '.dependency-cruiser.cjs')) as {
      forbidden: { name: string; severity: string }[];
    };
    expect(new Set(violations.map((violation) => violation.rule))).toEqual(
      new Set(configuration.forbidden.map((rule) => rule.name)),
    );
    expect(configuration.forbidden.filter((rule) => rule.severity !== 'error')).toEqual([]);
  });

  it('a cruise that sees no module is a failure', async () => {
    expect(await checkBoundaries(await plant('empty', { 'app/readme.txt': 'no source' }))).toEqual([
      expect.stringMatching(/saw 0 modules|gave no report/),
    ]);
  });

  it('a cruise that cannot read TypeScript is a failure', async () => {
    expect(await checkBoundaries(await plant('blind', { 'app/alone.ts': 'export const x = 1;\n' }))).toEqual([
      'dependency-cruiser saw no import in any TypeScript file',
    ]);
  });
});
