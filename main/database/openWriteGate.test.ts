import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../app/shared/failure.ts';
import { openTestStore, type TestStore } from './testStore.ts';

describe('the write gate', () => {
  let t: TestStore;
  beforeEach(async () => {
    t = await openTestStore();
  });
  afterEach(() => t.close());

  const setSetting = (name: string, value: string) => () =>
    t.store.gate.write(t.author, 'settings.set', (tx) => {
      tx.run(
        'INSERT INTO setting (name, value, version, hlc, author, site_id) VALUES (?, ?, 1, ?, ?, ?)',
        name,
        value,
        tx.hlc,
        t.author.operatorId,
        tx.siteId,
      );
      tx.subject({ type: 'store', id: tx.siteId }, { name });
      tx.topic('settings');
    });
  const count = (table: string) => t.store.reader.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)!.n;

  it('commits rows and one audit entry together, publishes after the commit', () => {
    const seen: unknown[] = [];
    const before = count('audit_entry');
    t.store.gate.onCommit((sequence, topics) => seen.push([sequence, [...topics].sort(), count('setting')]));
    const sequence = t.store.gate.sequence;
    setSetting('a', '1')();
    expect(seen).toEqual([[sequence + 1, ['audit', 'settings'], 1]]);
    expect(count('audit_entry')).toBe(before + 1);
    const entry = t.store.reader.get<Record<string, unknown>>(
      'SELECT * FROM audit_entry ORDER BY sequence DESC LIMIT 1',
    );
    expect(entry).toMatchObject({
      action: 'settings.set',
      outcome: 'success',
      operator_name: 'tester',
      subject_type: 'store',
      detail: '{"name":"a"}',
    });
  });

  it('leaves nothing behind when the work throws', async () => {
    const before = [count('setting'), count('audit_entry')];
    expect(() =>
      t.store.gate.write(t.author, 'x.y', (tx) => {
        tx.run(
          "INSERT INTO setting (name, value, version, hlc, site_id) VALUES ('b', '1', 1, ?, ?)",
          tx.hlc,
          tx.siteId,
        );
        throw new Failure('security.notAllowed', 'no');
      }),
    ).toThrow(Failure);
    expect([count('setting'), count('audit_entry')]).toEqual(before);
    setSetting('c', '1')();
    expect(await t.store.verifyAudit()).toMatchObject({ ok: true, reason: 'intact' });
  });

  it('refuses work that returns a promise, and a write inside a write', () => {
    const before = count('setting');
    expect(() => t.store.gate.write(t.author, 'x.y', async () => undefined)).toThrow(/synchronous/);
    expect(() => t.store.gate.write(t.author, 'x.y', () => setSetting('d', '1')())).toThrow(/inside a write/);
    expect(count('setting')).toBe(before);
    setSetting('e', '1')();
    expect(count('setting')).toBe(before + 1);
  });

  it('refuses a transaction kept after its end', () => {
    let kept: { run(sql: string): unknown } | null = null;
    t.store.gate.write(t.author, 'x.y', (tx) => {
      kept = tx;
    });
    expect(() => kept!.run('DELETE FROM setting')).toThrow(/ended/);
  });

  it('lets no work that swallowed an error go on outside the transaction', () => {
    const before = [count('setting'), count('audit_entry')];
    expect(() =>
      t.store.gate.write(t.author, 'x.y', (tx) => {
        // As SQLite does by itself on SQLITE_FULL and some I/O errors.
        tx.run('ROLLBACK');
        tx.run("INSERT INTO setting (name, value, version, hlc, site_id) VALUES ('outside', '1', 1, 'x', 'x')");
      }),
    ).toThrow(/ended/);
    expect([count('setting'), count('audit_entry')]).toEqual(before);
  });

  it('says a full disk and changes nothing', async () => {
    // A page limit makes SQLite report SQLITE_FULL, the error it gives for ENOSPC.
    t.store.gate.write(t.author, 'x.limit', (tx) => {
      const { page_count } = tx.get<{ page_count: number }>('SELECT page_count FROM pragma_page_count')!;
      tx.get(`PRAGMA max_page_count=${page_count}`);
    });
    const before = [count('setting'), count('audit_entry')];
    expect(() => setSetting('big', 'x'.repeat(1_000_000))()).toThrow(
      expect.objectContaining({ code: 'storage.diskFull' }),
    );
    expect([count('setting'), count('audit_entry')]).toEqual(before);
    t.store.gate.write(t.author, 'x.limit', (tx) => void tx.get('PRAGMA max_page_count=1000000'));
    setSetting('small', 'x')();
    expect(await t.store.verifyAudit()).toMatchObject({ ok: true });
  });

  it('stamps facts with a growing clock, also when the wall clock is set back, and says so once', async () => {
    const stamps: string[] = [];
    const stamp = () => t.store.gate.write(t.author, 'x.y', (tx) => stamps.push(tx.hlc));
    stamp();
    stamp();
    t.clock.advance(-3_600_000);
    stamp();
    stamp();
    expect([...stamps].sort()).toEqual(stamps);
    expect(new Set(stamps).size).toBe(4);
    expect(t.store.gate.clockSetBackByMs).toBeGreaterThan(3_500_000);
    expect(await t.store.verifyAudit()).toMatchObject({ ok: true, clockSetBack: 1 });
    await t.reopen();
    expect(t.store.gate.clockSetBackByMs).toBeGreaterThan(3_500_000);
    expect(await t.store.verifyAudit()).toMatchObject({ ok: true, clockSetBack: 2 });
    t.clock.advance(7_200_000);
    stamp();
    expect(t.store.gate.clockSetBackByMs).toBe(0);
    expect([...stamps].sort()).toEqual(stamps);
  });

  it('keeps commit sequence numbers growing by one', () => {
    const seen: number[] = [];
    t.store.gate.onCommit((sequence) => seen.push(sequence));
    setSetting('f', '1')();
    t.store.gate.note((tx) => tx.run('DELETE FROM job'), ['jobs']);
    t.store.gate.record(t.author, 'x.opened', 'success');
    setSetting('g', '1')();
    expect(seen.map((sequence) => sequence - seen[0]!)).toEqual([0, 1, 2]);
  });

  it('appends without an entry: then it is about nothing, and only a clock set back tells the audit', () => {
    const seen: string[][] = [];
    t.store.gate.onCommit((_sequence, topics) => seen.push([...topics].sort()));
    const append = () => t.store.gate.append(t.author, (tx) => tx.topic('jobs'));
    append();
    t.clock.advance(-3_600_000);
    append();
    append();
    expect(seen).toEqual([['jobs'], ['audit', 'jobs'], ['jobs']]);
    expect(() => t.store.gate.append(t.author, (tx) => tx.subject({ type: 'store', id: tx.siteId }))).toThrow(
      /without an audit entry/,
    );
  });

  it('archives a statement before its row commits', async () => {
    const object = t.store.gate.write(t.author, 'x.y', (tx) =>
      tx.statement({ type: 'annotation', id: 'a1', version: 1, payload: { lengthMm: 12.5 } }),
    );
    const statement = JSON.parse(Buffer.from(await t.store.archive.get(object.name)).toString());
    expect(statement).toMatchObject({
      type: 'annotation',
      id: 'a1',
      version: 1,
      siteId: t.store.siteId,
      payload: { lengthMm: 12.5 },
    });
    expect(statement.author).toEqual({ operatorId: t.author.operatorId, operatorName: 'tester' });
  });

  it('reads in a thread, and refuses to write there', async () => {
    setSetting('h', '1')();
    expect(await t.store.readLater('SELECT name FROM setting WHERE name = ?', 'h')).toEqual([{ name: 'h' }]);
    await expect(t.store.readLater("DELETE FROM setting WHERE name = 'h' RETURNING name")).rejects.toThrow(/readonly/);
    expect(count('setting')).toBe(1);
  });

  it('sets every handle up safely', async () => {
    for (const handle of await t.store.handleSettings()) {
      expect(handle).toMatchObject({ tempStore: 2, synchronous: 2, foreignKeys: 1 });
    }
  });
});
