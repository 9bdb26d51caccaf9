/** Checks of file names and sizes. Each returns the problems it found, one line each. */
import fs, { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const longest = 400;
const sources = '{app,main,preload,renderer,scripts,tests}/**/*.{ts,tsx,mjs,cjs,css}';
const refusedNames = /^(utils?|helpers?|manager|common|misc)$|(Utils?|Helpers?|Manager)$/;

/**
 * No two source files share a basename (a test shares its source's), none is longer than 400 lines, none is named
 * for nothing in particular.
 * @param {string} root
 * @returns {string[]} problems.
 */
export function checkFiles(root) {
  const files = fs.globSync(sources, { cwd: root, exclude: (name) => /^(node_modules|dist|out)$/.test(name) }).sort();
  if (files.length === 0) return ['no source file found'];
  const problems = [];
  /** @type {Map<string, string>} */
  const seen = new Map();
  for (const file of files) {
    const name = path.basename(file);
    const twin = seen.get(name.toLowerCase());
    if (twin) problems.push(`${file} and ${twin} share a name`);
    seen.set(name.toLowerCase(), file);
    const stem = name.split('.')[0] ?? name;
    if (refusedNames.test(stem)) problems.push(`${file}: name it for what it does`);
    const lines = readFileSync(path.join(root, file), 'utf8').split('\n').length - 1;
    if (lines > longest) problems.push(`${file} has ${lines} lines; split it (at most ${longest})`);
  }
  return problems;
}

/** The folders of resources/ whose files have a schema in app: folder → module and the name it exports. */
const resourceSchemas = {
  templates: { module: 'app/domains/reports/reportSchema.ts', name: 'reportTemplateSchema' },
  knowledge: { module: 'app/domains/imaging/deidentificationSchema.ts', name: 'deidentificationSchema' },
};
/** Checked elsewhere (locales) or not JSON (icons). */
const otherResources = ['locales', 'icons'];

/**
 * Every JSON file of resources/ and models/ parses, and those of a folder with a schema in app satisfy it. A folder
 * that nobody listed here is a problem too.
 * @param {string} root
 * @returns {Promise<string[]>} problems.
 */
export async function checkResources(root) {
  const problems = [];
  for (const file of fs.globSync(['resources/**/*.json', 'models/**/*.json'], { cwd: root }).sort()) {
    const folder = file.split(path.sep)[1] ?? '';
    /** @type {unknown} */
    let content;
    try {
      content = JSON.parse(readFileSync(path.join(root, file), 'utf8'));
    } catch (problem) {
      problems.push(`${file}: ${problem instanceof Error ? problem.message : problem}`);
      continue;
    }
    if (!file.startsWith('resources') || otherResources.includes(folder)) continue;
    const known = resourceSchemas[/** @type {keyof typeof resourceSchemas} */ (folder)];
    if (!known) {
      problems.push(`${file}: name the schema of resources/${folder} in scripts/checks/fileChecks.mjs`);
      continue;
    }
    const schema = (await import(pathToFileURL(path.join(root, known.module)).href))[known.name];
    const parsed = schema.safeParse(content);
    if (!parsed.success) problems.push(`${file}: ${parsed.error.message}`);
  }
  return problems;
}

/**
 * package-lock.json names every package it says may be installed. npm 11 writes a lock without the platform builds it
 * could not reach, and `npm ci` then refuses it on every machine.
 * @param {string} root
 * @returns {string[]} problems.
 */
export function checkLock(root) {
  /** @type {{ packages: Record<string, { optionalDependencies?: Record<string, string>, dependencies?: Record<string, string> }> }} */
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  const problems = [];
  for (const [place, entry] of Object.entries(packages)) {
    for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
      if (!isReachable(place, name, packages))
        problems.push(`package-lock.json lacks ${name}, which ${place || 'package.json'} wants`);
    }
  }
  return problems;
}

/**
 * True when `require(name)` from `place` finds a package of the lock.
 * @param {string} place
 * @param {string} name
 * @param {Record<string, unknown>} packages
 */
function isReachable(place, name, packages) {
  for (let at = place; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (packages[`${at === '' ? '' : `${at}/`}node_modules/${name}`]) return true;
    if (at === '') return false;
  }
}
