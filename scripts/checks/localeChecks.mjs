/** Checks of resources/ and of the failure texts. Each returns the problems it found, one line each. */
import fs, { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export const languages = ['en', 'fr'];

/**
 * The same keys with the same {{placeholders}} in every language, and no empty text.
 * Plural forms differ by language (French has `_many`), so keys are compared without their plural suffix.
 * @param {string} root absolute path of the repository (or of a copy, in tests).
 * @returns {string[]} problems.
 */
export function checkLocales(root) {
  const folder = path.join(root, 'resources', 'locales');
  if (!existsSync(folder)) return ['resources/locales is missing'];
  const files = [...new Set(fs.globSync('*/*.json', { cwd: folder }).map((file) => path.basename(file)))].sort();
  const problems = [];
  for (const file of files) {
    /** @type {{ language: string, texts: Map<string, string> }[]} */
    const read = [];
    for (const language of languages) {
      const at = path.join(folder, language, file);
      if (!existsSync(at)) problems.push(`resources/locales/${language}/${file} is missing`);
      else read.push({ language, texts: flatten(JSON.parse(readFileSync(at, 'utf8'))) });
    }
    for (const { language, texts } of read) {
      for (const [key, text] of texts) {
        if (text.trim() === '') problems.push(`${language}/${file}: ${key} is empty`);
      }
      for (const other of read) {
        if (other.language !== language) problems.push(...compare(file, { language, texts }, other));
      }
    }
  }
  return problems;
}

/**
 * Every code of app/domains/*\/*Failures.ts has a text in every language's failures.json, and every text a code.
 * @param {string} root
 * @returns {Promise<string[]>} problems.
 */
export async function checkFailureTexts(root) {
  const files = fs.globSync(['app/domains/*/*Failures.ts', 'app/shared/*Failures.ts'], { cwd: root }).sort();
  const codes = new Set();
  for (const file of files) {
    const module = await import(pathToFileURL(path.join(root, file)).href);
    const lists = Object.values(module).filter((value) => Array.isArray(value) || isTable(value));
    if (lists.length === 0) return [`${file} exports no list of codes`];
    for (const list of lists) {
      for (const code of Array.isArray(list) ? list : Object.keys(list)) codes.add(code);
    }
  }
  if (codes.size === 0) return ['no failure code found in app/domains/*/*Failures.ts'];
  const problems = [];
  for (const language of languages) {
    const at = path.join(root, 'resources', 'locales', language, 'failures.json');
    if (!existsSync(at)) {
      problems.push(`resources/locales/${language}/failures.json is missing`);
      continue;
    }
    const texts = flatten(JSON.parse(readFileSync(at, 'utf8')));
    const withText = new Set([...texts.keys()].map((key) => key.replace(pluralSuffix, '')));
    const missing = [...codes].filter(
      (code) => ![...texts.keys()].some((key) => key === code || key.startsWith(`${code}.`)),
    );
    for (const code of missing.filter((code) => !withText.has(code)))
      problems.push(`${language}/failures.json has no text for ${code}`);
    for (const key of texts.keys()) {
      const [domain, reason] = key.split('.');
      const code = `${domain}.${(reason ?? '').replace(pluralSuffix, '')}`;
      // Keys without a dot (internal, title…) are the window's own.
      if (reason && !codes.has(code) && domain !== 'common')
        problems.push(`${language}/failures.json: ${key} is no known code`);
    }
  }
  return problems;
}

const pluralSuffix = /_(zero|one|two|few|many|other)$/;

/** @param {unknown} value */
function isTable(value) {
  return typeof value === 'object' && value !== null && Object.keys(value).some((key) => key.includes('.'));
}

/**
 * Nested texts as `a.b.c` → text.
 * @param {object} tree
 * @param {string} [prefix]
 * @returns {Map<string, string>}
 */
export function flatten(tree, prefix = '') {
  /** @type {Map<string, string>} */
  const texts = new Map();
  for (const [key, value] of Object.entries(tree)) {
    const name = prefix === '' ? key : `${prefix}.${key}`;
    if (typeof value === 'object' && value !== null) {
      for (const [inner, text] of flatten(value, name)) texts.set(inner, text);
    } else texts.set(name, String(value));
  }
  return texts;
}

/** @param {string} text */
function placeholders(text) {
  return [...new Set([...text.matchAll(/\{\{\s*-?\s*([\w.]+)/g)].map((match) => match[1]))].sort().join(', ');
}

/**
 * @param {string} file
 * @param {{ language: string, texts: Map<string, string> }} one
 * @param {{ language: string, texts: Map<string, string> }} other
 */
function compare(file, one, other) {
  const problems = [];
  const stems = new Map([...other.texts].map(([key, text]) => [key.replace(pluralSuffix, ''), text]));
  for (const [key, text] of one.texts) {
    const same = other.texts.get(key) ?? stems.get(key.replace(pluralSuffix, ''));
    if (same === undefined) problems.push(`${other.language}/${file} lacks ${key}, which ${one.language} has`);
    else if (other.texts.has(key) && placeholders(text) !== placeholders(same) && one.language < other.language) {
      problems.push(
        `${file}: ${key} has {{${placeholders(text)}}} in ${one.language}, {{${placeholders(same)}}} in ${other.language}`,
      );
    }
  }
  return problems;
}
