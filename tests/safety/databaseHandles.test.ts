import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTestStore } from '../../main/database/testStore.ts';

const mainFolder = join(import.meta.dirname, '../../main');

describe('every database handle', () => {
  it('keeps temporary rows in memory and flushes each commit', async () => {
    const t = await openTestStore();
    try {
      const settings = await t.store.handleSettings();
      expect(settings.map(({ name }) => name)).toEqual(['writer', 'reader', 'readingThread']);
      // 2 is MEMORY for temp_store and FULL for synchronous.
      for (const handle of settings)
        expect(handle, handle.name).toMatchObject({ tempStore: 2, synchronous: 2, foreignKeys: 1 });
    } finally {
      await t.close();
    }
  });

  it('is made in one place, so that none can lack its settings', () => {
    const makers = readdirSync(mainFolder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .filter((name) =>
        /from 'better-sqlite3'|require\('better-sqlite3'\)/.test(readFileSync(join(mainFolder, name), 'utf8')),
      )
      .map((name) => name.replaceAll('\\', '/'))
      .sort();
    // hostLock holds a lock and no rows; statementCache imports a type.
    expect(makers).toEqual(['database/hostLock.ts', 'database/openDatabase.ts', 'database/statementCache.ts']);
    expect(readFileSync(join(mainFolder, 'database/statementCache.ts'), 'utf8')).toContain(
      "import type Database from 'better-sqlite3'",
    );
  });
});
