/**
 * `npm run check`: everything that can be said without running the product, in under a minute. One line per step;
 * exits 1 when any step fails. `npm run check -- biome boundaries` runs the steps so named.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkFiles, checkLock, checkResources } from './checks/fileChecks.mjs';
import { checkFailureTexts, checkLocales } from './checks/localeChecks.mjs';
import { runProgram, runSteps } from './checks/runSteps.mjs';
import { root, setUpEntry } from './setup.mjs';

const folders = ['app', 'main', 'preload', 'renderer', 'scripts', 'tests'];

/**
 * @param {{ print?: (line: string) => void, only?: string[] }} [options] `only`: names of the steps to run.
 * @returns {Promise<import('./checks/runSteps.mjs').StepResult[]>}
 */
export async function check({ print = (line) => void process.stdout.write(`${line}\n`), only = [] } = {}) {
  const steps = listSteps().filter((step) => only.length === 0 || only.includes(step.name));
  if (steps.length === 0) throw new Error(`no step named ${only.join(', ')}`);
  return runSteps(steps, { width: 2, print });
}

/** @returns {import('./checks/runSteps.mjs').Step[]} */
function listSteps() {
  return [
    { name: 'boundaries', run: () => checkBoundaries(root) },
    { name: 'unused code', run: () => tool('knip', 'bin/knip.js', ['--no-progress', '--no-config-hints']) },
    {
      name: 'biome',
      run: () => tool('@biomejs/biome', 'bin/biome', ['check', '--colors=off', '--max-diagnostics=50']),
    },
    ...folders
      .filter((folder) => existsSync(path.join(root, folder, 'tsconfig.json')))
      .map((folder) => ({
        name: `types ${folder}`,
        run: () => tool('typescript', 'bin/tsc', ['--noEmit', '--pretty', 'false', '-p', folder]),
      })),
    { name: 'locales', run: async () => checkLocales(root) },
    { name: 'failure texts', run: () => checkFailureTexts(root) },
    { name: 'resources', run: () => checkResources(root) },
    { name: 'files', run: async () => checkFiles(root) },
    { name: 'lock file', run: async () => checkLock(root) },
  ];
}

/**
 * Runs a development dependency's program with this Node.
 * @param {string} name of the package.
 * @param {string} file of the program inside it.
 * @param {string[]} args
 * @returns {Promise<string[]>} what it said when it failed.
 */
async function tool(name, file, args) {
  const ended = await runProgram(process.execPath, [path.join(root, 'node_modules', name, file), ...args], {
    cwd: root,
  });
  return ended.code === 0 ? [] : [ended.output.trim() || `${name} ended with ${ended.code}`];
}

/**
 * The import rules of .dependency-cruiser.cjs over a tree.
 * @param {string} tree absolute path of the repository, or of a copy with the same folders (in tests).
 * @returns {Promise<string[]>} one line per violation; also a problem: to have seen no module, or none of `app`.
 */
export async function checkBoundaries(tree) {
  const present = folders.filter((folder) => existsSync(path.join(tree, folder)));
  const ended = await runProgram(
    process.execPath,
    [
      path.join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs'),
      ...present,
      '--config',
      path.join(root, '.dependency-cruiser.cjs'),
      '--output-type',
      'json',
    ],
    { cwd: tree },
  );
  let report;
  try {
    report = JSON.parse(ended.stdout);
  } catch {
    return [`dependency-cruiser gave no report: ${ended.output.slice(0, 2000)}`];
  }
  /** @type {{ source: string, dependencies: unknown[] }[]} */
  const modules = report.modules;
  const own = modules.filter((module) => folders.some((folder) => module.source.startsWith(`${folder}/`)));
  // Without a parser for TypeScript the cruiser sees files without imports, or no file at all, and is content.
  if (own.length === 0) return ['dependency-cruiser saw 0 modules'];
  if (!own.some((module) => /\.tsx?$/.test(module.source) && module.dependencies.length > 0)) {
    return ['dependency-cruiser saw no import in any TypeScript file'];
  }
  /** @type {{ from: string, to: string, via?: { name: string }[], rule: { name: string, severity: string } }[]} */
  const violations = report.summary.violations;
  return violations.map(({ rule, from, to, via }) => {
    const hops = (via ?? []).map((step) => step.name).filter((name) => name !== to);
    return `${rule.name}: ${from} → ${[...hops, to].join(' → ')}`;
  });
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await setUpEntry(import.meta.url);
  const started = Date.now();
  const results = await check({ only: process.argv.slice(2) });
  const failed = results.filter((result) => result.problems.length > 0);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  process.stdout.write(
    failed.length === 0
      ? `check: ${results.length} steps passed in ${seconds} s\n`
      : `check: ${failed.length} of ${results.length} steps failed in ${seconds} s: ${failed.map((result) => result.name).join(', ')}\n`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}
