import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkFailureTexts, checkLocales } from './localeChecks.mjs';

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

describe('locale check', () => {
  it('passes when both languages have the same keys and placeholders', async () => {
    await plant({
      'resources/locales/en/report.json': {
        sign: 'Sign',
        counts: { images_one: '{{count}} image', images_other: '{{count}} images' },
      },
      'resources/locales/fr/report.json': {
        sign: 'Signer',
        counts: { images_one: '{{count}} image', images_many: '{{count}} d’images', images_other: '{{count}} images' },
      },
    });
    expect(checkLocales(tree)).toEqual([]);
  });

  it('reports a missing key, a missing file, an empty text and another placeholder', async () => {
    await plant({
      'resources/locales/en/report.json': { sign: 'Sign', hello: 'Hello {{name}}', empty: 'x' },
      'resources/locales/fr/report.json': { hello: 'Bonjour {{nom}}', empty: ' ', more: 'Plus' },
      'resources/locales/en/alone.json': { a: 'a' },
    });
    expect(checkLocales(tree).sort()).toEqual(
      [
        'resources/locales/fr/alone.json is missing',
        'fr/report.json: empty is empty',
        'fr/report.json lacks sign, which en has',
        'en/report.json lacks more, which fr has',
        'report.json: hello has {{name}} in en, {{nom}} in fr',
      ].sort(),
    );
  });

  it('reports that there is nothing to check', () => {
    expect(checkLocales(tree)).toEqual(['resources/locales is missing']);
  });
});

describe('failure text check', () => {
  const failures = "export const reportFailures = ['report.locked', 'report.signed'];\n";

  it('passes when each code has a text in each language', async () => {
    const texts = { report: { locked: 'a', signed: 'b' } };
    await plant({
      'app/domains/reports/reportFailures.ts': failures,
      'resources/locales/en/failures.json': texts,
      'resources/locales/fr/failures.json': { 'report.locked': 'a', 'report.signed': 'b' },
    });
    expect(await checkFailureTexts(tree)).toEqual([]);
  });

  it('reports a code without text and a text without code', async () => {
    await plant({
      'app/domains/reports/reportFailures.ts': failures,
      'resources/locales/en/failures.json': { report: { locked: 'a', signed: 'b', gone: 'c' } },
      'resources/locales/fr/failures.json': { report: { locked: 'a' } },
    });
    expect(await checkFailureTexts(tree)).toEqual([
      'en/failures.json: report.gone is no known code',
      'fr/failures.json has no text for report.signed',
    ]);
  });

  it('reports that no code was found', async () => {
    await plant({ 'app/domains/reports/other.ts': '' });
    expect(await checkFailureTexts(tree)).toEqual(['no failure code found in app/domains/*/*Failures.ts']);
  });
});
