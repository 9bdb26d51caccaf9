import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inReadLane } from './readLane.ts';
import { openTestStore, type TestStore } from './testStore.ts';

let t: TestStore;
beforeEach(async () => {
  t = await openTestStore();
});
afterEach(() => t.close());

/** Long enough that what is asked meanwhile waits. */
const slow = (name: string) =>
  t.store.readLater<{ name: string }>(
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500000) SELECT ? AS name, max(i) AS i FROM n',
    name,
  );
const quick = (name: string) => t.store.readLater<{ name: string }>('SELECT ? AS name', name);

describe('reading threads', { timeout: 60_000 }, () => {
  it('take what windows ask before what tokens ask, and the tokens in turn', async () => {
    const { signal } = new AbortController();
    const done: string[] = [];
    const asked: Promise<unknown>[] = [];
    const ask = (key: string, name: string) =>
      asked.push(inReadLane({ key, signal }, () => slow(name)).then(([row]) => done.push(row?.name ?? '')));
    for (const name of ['a1', 'a2', 'a3', 'a4']) ask('a', name);
    ask('b', 'b1');
    for (const name of ['w1', 'w2', 'w3', 'w4']) asked.push(quick(name).then(([row]) => done.push(row?.name ?? '')));
    await Promise.all(asked);
    expect(done.filter((name) => !name.startsWith('w'))).toEqual(['a1', 'b1', 'a2', 'a3', 'a4']);
    expect(done.lastIndexOf('w4')).toBeLessThan(done.indexOf('a2'));
  });

  it('forget what is no longer wanted, and go on', async () => {
    const leaving = new AbortController();
    const lane = { key: 'a', signal: leaving.signal };
    const under = inReadLane(lane, () => slow('under way'));
    const queued = Array.from({ length: 50 }, (_, at) => inReadLane(lane, () => slow(`queued ${at}`)));
    const outcomes = Promise.allSettled([under, ...queued]);
    leaving.abort();
    const gone = { status: 'rejected', reason: expect.objectContaining({ code: 'system.disconnected' }) };
    expect(await outcomes).toEqual(Array.from({ length: 51 }, () => gone));
    await expect(inReadLane(lane, () => quick('late'))).rejects.toMatchObject({ code: 'system.disconnected' });
    const { signal } = new AbortController();
    expect(await inReadLane({ key: 'b', signal }, () => quick('next'))).toEqual([{ name: 'next' }]);
  });

  it('answer what a commit sets going as a window, whoever made it', async () => {
    const leaving = new AbortController();
    let later: Promise<unknown> = Promise.resolve();
    t.store.gate.onCommit(() => {
      later = quick('after the commit');
    });
    inReadLane({ key: 'a', signal: leaving.signal }, () => {
      leaving.abort();
      t.store.gate.append(t.author, (tx) => tx.topic('api'));
    });
    expect(await later).toEqual([{ name: 'after the commit' }]);
  });
});
