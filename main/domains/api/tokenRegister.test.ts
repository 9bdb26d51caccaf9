import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../../app/shared/failure.ts';
import { openTestStore, type TestStore } from '../../database/testStore.ts';
import { openSessionRegistry } from '../security/sessionRegistry.ts';
import { openAccessLog } from './rest/accessLog.ts';
import { openTokenRegister } from './tokenRegister.ts';

let t: TestStore;
beforeEach(async () => {
  t = await openTestStore();
});
afterEach(() => t.close());

const person = () => ({
  operatorId: t.author.operatorId ?? '',
  operatorName: t.author.operatorName ?? '',
  roles: [],
  signedInAt: 0,
});
const refused = (code: string) => expect.objectContaining({ code });

describe('tokens', () => {
  it('are found by what was shown once, and keep nothing of it', () => {
    const tokens = openTokenRegister(t.store);
    const { token, secret } = tokens.create(person(), { name: 'ward', scopes: ['health', 'health'], expiresAt: null });
    expect(token.scopes).toEqual(['health']);
    expect(tokens.check(secret)).toMatchObject({ isGood: true, token: { tokenId: token.tokenId } });
    const rows = t.store.reader.all<Record<string, unknown>>('SELECT * FROM api_token');
    const random = Buffer.from(secret.split('.')[1] ?? '', 'base64url');
    expect(random).toHaveLength(32);
    for (const value of Object.values(rows[0] ?? {}))
      expect(Buffer.from(value instanceof Uint8Array ? value : String(value)).includes(random)).toBe(false);
    // Two tokens of the same secret would not have the same hash.
    expect(rows[0]?.['hash_key']).toHaveLength(32);
  });

  it('share no name while they are in use', () => {
    const tokens = openTokenRegister(t.store);
    const input = { name: 'ward', scopes: ['health'] as const, expiresAt: null };
    const { token } = tokens.create(person(), input);
    expect(() => tokens.create(person(), input)).toThrow(refused('api.tokenNameTaken'));
    tokens.revoke(person(), token.tokenId);
    expect(tokens.create(person(), input).token.name).toBe('ward');
    expect(() => tokens.revoke(person(), '00000000-0000-7000-8000-000000000000')).toThrow(refused('api.tokenUnknown'));
  });

  it('end when they expire and when they are revoked, once told to whoever serves them', () => {
    const tokens = openTokenRegister(t.store);
    const ended: string[] = [];
    tokens.onRevoke((tokenId) => ended.push(tokenId));
    const nowMs = t.store.platform.clock.nowMs();
    const short = tokens.create(person(), { name: 'a', scopes: ['health'], expiresAt: nowMs + 1000 });
    const long = tokens.create(person(), { name: 'b', scopes: ['health'], expiresAt: nowMs + 1e9 });
    expect(() => tokens.create(person(), { name: 'c', scopes: ['health'], expiresAt: nowMs })).toThrow(
      refused('api.expiryPast'),
    );
    t.clock.advance(1000);
    expect([tokens.check(short.secret)?.isGood, tokens.isGood(short.token.tokenId)]).toEqual([false, false]);
    expect(tokens.check(long.secret)?.isGood).toBe(true);
    tokens.revoke(person(), long.token.tokenId);
    tokens.revoke(person(), long.token.tokenId);
    expect(ended).toEqual([long.token.tokenId]);
    // Known, and over: whoever comes with it can be named.
    expect(tokens.check(long.secret)).toMatchObject({ isGood: false, token: { tokenId: long.token.tokenId } });
    expect(tokens.check(`${long.secret.slice(0, -1)}-`)).toBeUndefined();
  });

  it('are listed though a scope of theirs is not known here, and it allows nothing', () => {
    const tokens = openTokenRegister(t.store);
    const { token } = tokens.create(person(), { name: 'ward', scopes: ['health'], expiresAt: null });
    t.store.gate.append(t.author, (tx) => {
      tx.run('UPDATE api_token SET scopes = ? WHERE token_id = ?', '["health","rooms.paint"]', token.tokenId);
    });
    expect(tokens.list()).toMatchObject([{ tokenId: token.tokenId, scopes: ['health'] }]);
  });

  it('say when they were used, to the minute', () => {
    const tokens = openTokenRegister(t.store);
    const { token } = tokens.create(person(), { name: 'ward', scopes: ['health'], expiresAt: null });
    const used = () => tokens.list()[0]?.lastUsedAt;
    expect(used()).toBeNull();
    tokens.used(token.tokenId);
    const first = used();
    t.clock.advance(30_000);
    tokens.used(token.tokenId);
    expect(used()).toBe(first);
    t.clock.advance(31_000);
    tokens.used(token.tokenId);
    expect(used()).toBeGreaterThan(first ?? 0);
  });
});

describe('a session of a token', () => {
  it('never idles, has no role, and ends with its connection', () => {
    const sessions = openSessionRegistry(t.store.platform.clock);
    sessions.admit('connection', { operatorId: 'id', operatorName: 'token:ward' }, ['studies.read']);
    t.clock.advance(24 * 3_600_000);
    expect(sessions.get('connection')).toMatchObject({ roles: [], grants: ['studies.read'] });
    sessions.end('connection', 'closed');
    expect(sessions.get('connection')).toBeNull();
    sessions.close();
  });
});

describe('the log of what programs looked at', () => {
  it('says once what happens again and again, and later how often', () => {
    let nowMs = 0;
    const log = openAccessLog(t.store, () => nowMs);
    const entries = () =>
      t.store.reader
        .all<{ action: string; detail: string }>("SELECT action, detail FROM audit_entry WHERE action LIKE 'api.%'")
        .map(({ action, detail }) => `${action} ${detail}`);
    const look = (id: string) =>
      log.note({ author: t.author, action: 'api.openStudy', outcome: 'success', subject: { type: 'study', id } });
    for (let again = 0; again < 5; again += 1) look('1.2');
    look('1.3');
    expect(entries()).toEqual(['api.openStudy {}', 'api.openStudy {}']);
    nowMs = 10 * 60_000;
    look('1.2');
    expect(entries().at(-1)).toBe('api.openStudy {"again":4}');
    for (const id of ['1.2', '1.3', '1.3']) look(id);
    log.close();
    expect(entries().at(-1)).toBe('api.openStudy {"again":2}');
  });

  it('gives nothing out where no entry may be written', () => {
    const log = openAccessLog(
      t.store,
      () => 0,
      () => {
        throw new Failure('api.tooManyRequests', 'too many');
      },
    );
    const note = () => log.note({ author: t.author, action: 'api.search', outcome: 'success' });
    for (let again = 0; again < 2; again += 1) expect(note).toThrow(refused('api.tooManyRequests'));
  });
});
