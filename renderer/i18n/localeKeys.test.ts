import { describe, expect, it } from 'vitest';

/** Files as Vite sees them: a test of the window has no file system. */
const sources = import.meta.glob<string>('../**/*.{ts,tsx}', { eager: true, query: '?raw', import: 'default' });
const locales = import.meta.glob<object>('../../resources/locales/*/*.json', { eager: true, import: 'default' });
const plural = /_(zero|one|two|few|many|other)$/;

function flatten(tree: object, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null ? flatten(value, `${prefix}${key}.`) : [`${prefix}${key}`],
  );
}

function keysOf(language: string, namespace: string): Set<string> {
  const texts = locales[`../../resources/locales/${language}/${namespace}.json`];
  if (!texts) throw new Error(`no ${namespace}.json in ${language}`);
  const keys = flatten(texts);
  return new Set([...keys, ...keys.map((key) => key.replace(plural, ''))]);
}

interface Use {
  readonly file: string;
  readonly namespace: string;
  readonly key: string;
}

/**
 * Every literal key in the window's sources, with the namespace that its file or function asked for last before it.
 * A template such as `roles.${role}` gives its fixed beginning, which some key must have.
 */
function usedKeys(): Use[] {
  const uses: Use[] = [];
  const token = /(?:useTranslation\('([\w-]+)'\)|ns="([\w-]+)"|\bt\(\s*(?:'([^']+)'|`([^`]*)`))/g;
  for (const [file, source] of Object.entries(sources)) {
    if (/\.test\.tsx?$/.test(file)) continue;
    let namespace: string | undefined;
    for (const match of source.matchAll(token)) {
      namespace = match[1] ?? match[2] ?? namespace;
      const key = match[3] ?? match[4];
      if (key !== undefined && namespace !== undefined) uses.push({ file, namespace, key });
    }
  }
  return uses;
}

describe.each(['en', 'fr'])('texts of the window in %s', (language) => {
  const cache = new Map<string, Set<string>>();
  const lookUp = (namespace: string): Set<string> => {
    const known = cache.get(namespace) ?? keysOf(language, namespace);
    cache.set(namespace, known);
    return known;
  };

  it('exist for every key that the sources name', () => {
    const uses = usedKeys();
    expect(uses.length).toBeGreaterThan(200);
    const missing = uses.filter(({ namespace, key }) => {
      // A key may name its namespace before a colon; a colon inside a template's braces is TypeScript's.
      const colon = /^[\w-]+:/.exec(key)?.[0].length ?? 0;
      const wanted = key.slice(colon);
      const known = lookUp(colon > 0 ? key.slice(0, colon - 1) : namespace);
      const fixed = wanted.indexOf('${');
      if (fixed === -1) return !known.has(wanted);
      return ![...known].some((each) => each.startsWith(wanted.slice(0, fixed)));
    });
    expect(missing).toEqual([]);
  });
});

describe('French texts', () => {
  const texts = Object.entries(locales)
    .filter(([file]) => file.includes('/fr/'))
    .flatMap(([file, tree]) =>
      [...JSON.stringify(tree).matchAll(/":"((?:[^"\\]|\\.)*)"/g)].map((match) => `${file} ${match[1]}`),
    );

  it('keep their two-part signs on the line, and their apostrophes curled', () => {
    expect(texts.length).toBeGreaterThan(500);
    // A breaking space before : ; ? ! and », or after «, lets the sign fall to the next line alone.
    expect(texts.filter((text) => /[ \u00a0][:;?!»]|«[ \u00a0]|[\p{L}\d]'\p{L}/u.test(text))).toEqual([]);
  });
});
