import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './runningHost.ts';

export type TextLanguage = 'en' | 'fr';

const loaded = new Map<string, unknown>();

/**
 * The text a person sees, by the window's own key: `textOf('fr', 'security:create.title')`. Values are put in the place of
 * `{{name}}` and `{{name, number}}`.
 *
 * @throws Error when the key does not exist: a page object must not look for nothing
 */
export function textOf(
  language: TextLanguage,
  key: string,
  values: Readonly<Record<string, string | number>> = {},
): string {
  const [file = '', dotted = ''] = key.split(':');
  const name = path.join(root, 'resources', 'locales', language, `${file}.json`);
  if (!loaded.has(name)) loaded.set(name, JSON.parse(readFileSync(name, 'utf8')));
  let found = loaded.get(name);
  for (const part of dotted.split('.')) found = (found as Record<string, unknown> | undefined)?.[part];
  if (typeof found !== 'string') throw new Error(`no text ${key} in ${language}`);
  return found.replace(/\{\{(\w+)[^}]*\}\}/g, (whole, variable: string) => String(values[variable] ?? whole));
}

/** The same as a pattern, anything standing for the variables; both plural forms are tried when `key` has them. */
export function patternOf(language: TextLanguage, key: string): RegExp {
  const texts: string[] = [];
  for (const ending of ['', '_one', '_many', '_other']) {
    try {
      texts.push(textOf(language, key + ending));
    } catch {
      // This language has no such form.
    }
  }
  if (texts.length === 0) throw new Error(`no text ${key} in ${language}`);
  const patterns = texts.map((text) =>
    text
      .split(/\{\{[^}]*\}\}/)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*'),
  );
  return new RegExp(`^(?:${patterns.join('|')})$`, 'u');
}
