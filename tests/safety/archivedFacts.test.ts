import { spawnSync } from 'node:child_process';
import fs, { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenedStore } from '../../main/database/openStore.ts';
import { createStoreHolder, type StoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import { factsInArchive } from './statementsInArchive.ts';

const password = 'a long enough password';

/** The hazard: a signature that failed, was never seen, and comes back with an index rebuilt from the archive. */
describe('the archive tells what the index holds, and nothing else', () => {
  let home: string;
  let holder: StoreHolder;
  let logged: string[];
  const store = () => holder.store() as OpenedStore;

  async function open(): Promise<void> {
    holder = await createStoreHolder(testPlatform(home, Date.now, logged), {
      stretchCost: { memoryKib: 256, iterations: 1, parallelism: 1 },
    });
    if (holder.phase === 'empty')
      await holder.setUp({ operatorName: 'writer', password, siteName: '', initialise: () => undefined });
    else await holder.unlock('writer', password);
  }
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'salus-facts-'));
    logged = [];
    await open();
  });
  afterEach(async () => {
    await holder.close();
    rmSync(home, { recursive: true, force: true });
  });

  const inIndex = () =>
    store()
      .reader.all<{ name: string }>('SELECT name FROM setting ORDER BY name')
      .map(({ name }) => name);
  const waiting = () => store().reader.get<{ n: number }>('SELECT count(*) AS n FROM statement_outbox')?.n;
  const save = (id: string, more: () => void = () => undefined) =>
    store().gate.write({ operatorId: null, operatorName: null }, 'test.fact', (tx) => {
      tx.statement({ type: 'fact', id, version: 1, payload: {} });
      tx.run(
        'INSERT INTO setting (name, value, version, hlc, site_id) VALUES (?, ?, 1, ?, ?)',
        id,
        '1',
        tx.hlc,
        tx.siteId,
      );
      more();
    });
  const incoming = () => readdirSync(join(home, 'archive', 'incoming'));

  /** Runs `work` while no archived object can be given its name. */
  function withoutRenames(work: () => void): void {
    const real = fs.renameSync;
    fs.renameSync = () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    syncBuiltinESMExports();
    try {
      work();
    } finally {
      fs.renameSync = real;
      syncBuiltinESMExports();
    }
  }

  it('when a fact fails after it was written', async () => {
    save('first');
    const failing = () => {
      throw new Error('a later row is refused');
    };
    expect(() => save('second', failing)).toThrow('a later row is refused');
    expect(inIndex()).toEqual(['first']);
    expect(await factsInArchive(store())).toEqual(['first']);
    expect(incoming()).toEqual([]);
  });

  it('when the commit itself is refused', async () => {
    // A reference that is checked at the commit only.
    const orphan = () =>
      store().gate.write({ operatorId: null, operatorName: null }, 'test.fact', (tx) => {
        tx.run('PRAGMA defer_foreign_keys=ON');
        tx.statement({ type: 'fact', id: 'orphan', version: 1, payload: {} });
        tx.run(
          `INSERT INTO report (report_id, study_uid, patient_id, addendum_to, language, template_id, title, created_at, author, hlc, site_id)
           VALUES ('r', '1.2', 'p', 'nothing', 'en', 't', 't', 1, 'a', ?, ?)`,
          tx.hlc,
          tx.siteId,
        );
      });
    expect(orphan).toThrow(/FOREIGN KEY/);
    save('next');
    expect(await factsInArchive(store())).toEqual(['next']);
    expect(incoming()).toEqual([]);
    expect(await store().verifyAudit()).toMatchObject({ ok: true });
  });

  it.each(['beforeCommit', 'afterCommit'] as const)('when the process is killed %s', async (moment) => {
    await holder.close();
    const program = fileURLToPath(new URL('./cutWriter.ts', import.meta.url));
    const { signal, stdout, stderr } = spawnSync(process.execPath, [program, home, moment], { encoding: 'utf8' });
    expect(signal, stderr).toBe('SIGKILL');
    expect(stdout).not.toContain('acknowledged');
    await open();
    const expected = moment === 'afterCommit' ? ['afterCommit'] : [];
    expect(inIndex()).toEqual(expected);
    expect(await factsInArchive(store())).toEqual(expected);
    expect(incoming()).toEqual([]);
    expect(waiting()).toBe(0);
    expect(await store().verifyAudit()).toMatchObject({ ok: true });
  });

  it('when the archive takes nothing for a while: the committed fact stands, is said to wait, and follows', async () => {
    withoutRenames(() => save('waits'));
    expect(inIndex()).toEqual(['waits']);
    expect(await factsInArchive(store())).toEqual([]);
    expect(incoming()).toEqual([]);
    expect(logged.join()).toContain('waits for its place in the archive');
    save('next');
    expect(await factsInArchive(store())).toEqual(['next', 'waits']);

    withoutRenames(() => save('again'));
    await holder.close();
    await open();
    expect(await factsInArchive(store())).toEqual(['again', 'next', 'waits']);
    expect(waiting()).toBe(0);
  });
});
