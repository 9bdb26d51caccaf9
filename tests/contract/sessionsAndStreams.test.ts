import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ChangeEvent } from '../../app/domains/system/systemContract.ts';
import { makeOperators, openTestCore, password, signIn, type TestCore, transports } from './openTestCore.ts';

const failure = (code: string) => expect.objectContaining({ name: 'Failure', code });

/** Keeps what a stream brings, in the background. */
function collect(items: AsyncIterator<ChangeEvent>) {
  const seen: ChangeEvent[] = [];
  const ended = (async () => {
    for (;;) {
      const { done, value } = await items.next();
      if (done) return;
      seen.push(value);
    }
  })();
  ended.catch(() => undefined);
  return { seen, ended, topics: () => new Set(seen.flatMap((event) => event.topics)) };
}

describe.each(transports)('sessions and streams over %s', { timeout: 60_000 }, (transport) => {
  let test: TestCore;
  beforeAll(async () => {
    test = await openTestCore();
  });
  afterAll(() => test.close());
  const connect = () => test.connect[transport]();

  it('tells of the first run, then of every change, to whoever may know', async () => {
    const watcher = await connect();
    const outsider = await connect();
    const seen = collect(await watcher.client.system.watchChanges());
    const seenOutside = collect(await outsider.client.system.watchChanges());
    await vi.waitFor(() => expect(seen.seen[0]).toMatchObject({ topics: [] }));
    expect(await watcher.client.system.status()).toMatchObject({ phase: 'empty', sample: false, host: 'memory' });

    const admin = await connect();
    await makeOperators(admin.client);
    await vi.waitFor(() => expect(seen.topics()).toContain('session'));
    expect(seen.topics()).toEqual(new Set(['session']));

    await signIn(watcher.client, 'viewer');
    await admin.client.security.createOperator({ operatorName: 'extra', fullName: 'x', roles: ['viewer'], password });
    await vi.waitFor(() => expect(seen.topics()).toContain('operators'));
    expect(seenOutside.topics()).toEqual(new Set(['session']));
    for (const [index, event] of seen.seen.entries()) {
      expect(event.previous).toBe(index === 0 ? event.sequence : seen.seen[index - 1]?.sequence);
      expect(event.sequence).toBeGreaterThanOrEqual(event.previous);
    }
    for (const end of [watcher, outsider, admin]) end.cut();
  }, 60_000);

  it('keeps a session to its connection, and ends that one alone', async () => {
    const [one, two] = [await connect(), await connect()];
    await signIn(one.client, 'first');
    expect(await two.client.security.session()).toBeNull();
    await signIn(two.client, 'viewer');
    await one.client.security.signOut({ reason: 'asked' });
    expect(await one.client.security.session()).toBeNull();
    expect(await two.client.security.session()).toMatchObject({ operatorName: 'viewer' });
    expect(test.core.phase).toBe('open');
    test.core.endSession(two.connectionId);
    await expect(two.client.jobs.list()).rejects.toEqual(failure('security.notSignedIn'));
    for (const end of [one, two]) end.cut();
  });

  it('ends a stream when its caller leaves, and tells abort from loss', async () => {
    const end = await connect();
    const abort = new AbortController();
    const left = collect(await end.client.system.watchChanges(undefined, { signal: abort.signal }));
    await vi.waitFor(() => expect(left.seen).toHaveLength(1));
    abort.abort();
    await expect(left.ended).rejects.toMatchObject({ name: 'AbortError' });
    const aborted = new AbortController();
    aborted.abort();
    await expect(end.client.system.status(undefined, { signal: aborted.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });

    const lost = collect(await end.client.system.watchChanges());
    await vi.waitFor(() => expect(lost.seen).toHaveLength(1));
    end.cut();
    await expect(lost.ended).rejects.toEqual(failure('system.disconnected'));
    await expect(end.client.system.status()).rejects.toEqual(failure('system.disconnected'));
  });

  it('ends calls and session with the connection', async () => {
    const end = await connect();
    await signIn(end.client, 'first');
    const watched = collect(await end.client.system.watchChanges());
    await vi.waitFor(() => expect(watched.seen).toHaveLength(1));
    test.core.closeConnection(end.connectionId);
    await expect(watched.ended).rejects.toEqual(failure('system.disconnected'));
    const reply = await test.core.serveAsset(new Request('http://core/dicomweb/studies'), end.connectionId);
    expect(reply.status).toBe(401);
  });

  it('refuses what no client of ours sends', async () => {
    const end = await connect();
    await expect((end.client as never as { system: { none(): Promise<unknown> } }).system.none()).rejects.toEqual(
      failure('system.notFound'),
    );
  });
});
