import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAllowed } from '../../../app/domains/security/securityRules.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { CallContext } from '../../core.ts';
import { createStoreHolder, type StoreHolder } from '../../database/storeHolder.ts';
import { testPlatform } from '../../database/testStore.ts';
import type { Services } from '../../domainServices.ts';
import { makeSecurityHandlers } from './securityHandlers.ts';
import { openSecurityService } from './securityService.ts';
import { openSessionRegistry, type SessionRegistry } from './sessionRegistry.ts';
import { openUnattendedOperation } from './unattendedOperation.ts';

const password = 'a long enough password';
const first = { operatorName: 'Ada', fullName: 'Ada Byron', password, language: 'fr' as const, siteName: 'Clinic' };
const failureOf = (code: string) => expect.objectContaining({ code });

describe('security', () => {
  let home: string;
  // A clock that stands still unless moved: argon2id on a busy machine takes longer than the first waits.
  const startMs = Date.now();
  let offsetMs = 0;
  let logged: string[];
  let holder: StoreHolder;
  let sessions: SessionRegistry;
  let handlers: ReturnType<typeof makeSecurityHandlers>;

  async function start(): Promise<void> {
    const platform = testPlatform(home, () => startMs + offsetMs, logged);
    holder = await createStoreHolder(platform);
    sessions = openSessionRegistry(platform.clock);
    handlers = makeSecurityHandlers({ holder, sessions, unattended: openUnattendedOperation(holder, () => undefined) });
  }
  async function stop(): Promise<void> {
    sessions.close();
    await holder.close();
  }
  async function restart(): Promise<void> {
    await stop();
    await start();
  }

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'salus-security-'));
    offsetMs = 0;
    logged = [];
    await start();
  });
  afterEach(async () => {
    await stop();
    rmSync(home, { recursive: true, force: true });
  });

  function on(connectionId: string): CallContext {
    const session = sessions.get(connectionId);
    return {
      connectionId,
      session,
      signal: new AbortController().signal,
      author() {
        if (!session) throw new Failure('security.notSignedIn', 'nobody');
        return session;
      },
      can: (permission) => session !== null && isAllowed(session.roles, permission),
      store: () => holder.store(),
      services: () => ({ security: openSecurityService(holder.store()) }) as Services,
    };
  }
  const setUp = () => handlers.setUp(first, on('a'));
  const signIn = (operatorName: string, typed: string, connectionId = 'a') =>
    handlers.signIn({ operatorName, password: typed }, on(connectionId));
  const audit = (action: string) =>
    handlers.listAudit({ limit: 100, action }, on('a')) as { outcome: string; detail: object; operatorName: string }[];

  it('sets up once, seals at restart, opens with the password', async () => {
    expect(holder.phase).toBe('empty');
    await expect(signIn('Ada', password)).rejects.toEqual(failureOf('security.notSetUp'));
    const { recoveryKey, session } = await setUp();
    expect(recoveryKey).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){7}[0-9A-HJKMNP-TV-Z]{5}$/);
    expect(session).toMatchObject({
      operatorName: 'Ada',
      fullName: 'Ada Byron',
      roles: ['administrator', 'radiologist'],
      language: 'fr',
      idleMinutes: 10,
    });
    expect(handlers.listOperators(undefined, on('a'))).toMatchObject([{ operatorName: 'Ada', lastSignInAt: startMs }]);
    await expect(setUp()).rejects.toEqual(failureOf('security.alreadySetUp'));
    await restart();
    expect(holder.phase).toBe('sealed');
    expect(holder.siteName()).toBe('Clinic');
    expect(() => on('a').store()).toThrow(failureOf('security.sealed'));
    expect(await signIn('aDA', password)).toMatchObject({ operatorName: 'Ada' });
    expect(holder.phase).toBe('open');
    // One when the store was made, one after the restart.
    expect(audit('security.signIn')).toMatchObject([
      { outcome: 'success', operatorName: 'Ada' },
      { outcome: 'success', operatorName: 'Ada' },
    ]);
  });

  it('refuses a wrong password with a growing delay that a restart does not end, and audits each', async () => {
    await setUp();
    await restart();
    for (let i = 0; i < 3; i += 1)
      await expect(signIn('Ada', 'wrong password')).rejects.toEqual(failureOf('security.wrongPassword'));
    await expect(signIn('Ada', password)).rejects.toEqual(failureOf('security.tooManyAttempts'));
    await restart();
    await expect(signIn('Ada', password)).rejects.toEqual(failureOf('security.tooManyAttempts'));
    expect(holder.phase).toBe('sealed');
    offsetMs += 1000;
    await signIn('Ada', password);
    const refused = audit('security.signIn').filter(({ outcome }) => outcome === 'refused');
    expect(refused).toHaveLength(5);
    expect(refused[0]).toMatchObject({ operatorName: 'Ada', detail: { whileSealed: true } });
    await signIn('Ada', password);
    await expect(signIn('nobody', password)).rejects.toEqual(failureOf('security.wrongPassword'));
    expect(audit('security.signIn')[0]).toMatchObject({ outcome: 'refused', operatorName: null });
  });

  it('takes many guesses at once one after the other', async () => {
    await setUp();
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => signIn('Ada', 'wrong password')));
    const codes = results.map((result) => (result as PromiseRejectedResult).reason.code);
    expect(codes.filter((code) => code === 'security.wrongPassword')).toHaveLength(3);
    expect(codes.filter((code) => code === 'security.tooManyAttempts')).toHaveLength(5);
  });

  it('gives operators their roles, and takes a disabled one out at once', async () => {
    await setUp();
    const operator = await handlers.createOperator(
      { operatorName: 'Bo', fullName: 'Bo B', roles: ['viewer'], password: 'another password' },
      on('a'),
    );
    await expect(
      Promise.resolve(
        handlers.createOperator({ operatorName: 'bO', fullName: 'x', roles: ['viewer'], password }, on('a')),
      ),
    ).rejects.toEqual(failureOf('security.operatorNameTaken'));
    expect(await signIn('bo', 'another password', 'b')).toMatchObject({ roles: ['viewer'] });
    handlers.setOperatorRoles({ operatorId: operator.operatorId, roles: ['technician'] }, on('a'));
    expect(sessions.get('b')?.roles).toEqual(['technician']);
    await handlers.setOperatorDisabled({ operatorId: operator.operatorId, disabled: true }, on('a'));
    expect(sessions.get('b')).toBeNull();
    expect(holder.wrappedOperatorIds()).not.toContain(operator.operatorId);
    await expect(signIn('Bo', 'another password', 'b')).rejects.toEqual(failureOf('security.wrongPassword'));
    await expect(
      Promise.resolve(handlers.setOperatorDisabled({ operatorId: operator.operatorId, disabled: false }, on('a'))),
    ).rejects.toEqual(failureOf('system.invalidInput'));
    await handlers.setOperatorDisabled(
      { operatorId: operator.operatorId, disabled: false, newPassword: 'yet another password' },
      on('a'),
    );
    offsetMs += 400_000;
    expect(await signIn('Bo', 'yet another password', 'b')).toMatchObject({ operatorName: 'Bo' });
  });

  describe('two changes of one operator at once', () => {
    let operatorId: string;
    beforeEach(async () => {
      await setUp();
      ({ operatorId } = await handlers.createOperator(
        { operatorName: 'Bo', fullName: 'Bo B', roles: ['viewer'], password: 'the first password' },
        on('a'),
      ));
      await signIn('Bo', 'the first password', 'b');
    });
    const change = (newPassword: string) =>
      Promise.resolve(handlers.changePassword({ password: 'the first password', newPassword }, on('b')));

    it('a new password does not bring back who is disabled meanwhile', async () => {
      const { setPassword } = holder;
      holder.setPassword = (...given) => {
        const saving = setPassword(...given);
        // The old password is proved, the new one is being stretched.
        void handlers.setOperatorDisabled({ operatorId, disabled: true }, on('a'));
        return saving;
      };
      await expect(change('the second password')).rejects.toEqual(failureOf('security.operatorDisabled'));
      expect(holder.wrappedOperatorIds()).not.toContain(operatorId);
    });

    it('a reset by an administrator is not undone by a change begun with the old password', async () => {
      const changing = change('the thief’s password');
      const resetting = Promise.resolve(
        handlers.resetPassword({ operatorId, newPassword: 'the reset password' }, on('a')),
      );
      await Promise.allSettled([changing, resetting]);
      await resetting;
      offsetMs += 400_000;
      await expect(signIn('Bo', 'the thief’s password', 'c')).rejects.toEqual(failureOf('security.wrongPassword'));
      expect(await signIn('Bo', 'the reset password', 'c')).toMatchObject({ operatorName: 'Bo' });
    });

    it('who signs in with the old password during a reset is not let in after it', async () => {
      const { setPassword } = holder;
      let entering: Promise<unknown> = Promise.resolve();
      holder.setPassword = async (...given) => {
        // Begun before the reset is saved, proved after it.
        entering = Promise.resolve(signIn('Bo', 'the first password', 'thief'));
        entering.catch(() => undefined);
        await setPassword(...given);
      };
      await handlers.resetPassword({ operatorId, newPassword: 'the reset password' }, on('a'));
      await expect(entering).rejects.toEqual(failureOf('security.wrongPassword'));
      expect(sessions.get('thief')).toBeNull();
    });
  });

  it('ends the operator’s other sessions when the recovery key was needed', async () => {
    const { recoveryKey } = await setUp();
    await signIn('Ada', password, 'b');
    await handlers.recover({ recoveryKey, operatorName: 'Ada', newPassword: 'a fresh password' }, on('c'));
    expect(sessions.get('b')).toBeNull();
    expect(sessions.get('a')).toBeNull();
    expect(sessions.get('c')).toMatchObject({ operatorName: 'Ada' });
  });

  it('never loses the last administrator', async () => {
    const { session } = await setUp();
    const { operatorId } = session;
    await expect(
      Promise.resolve(handlers.setOperatorDisabled({ operatorId, disabled: true }, on('a'))),
    ).rejects.toEqual(failureOf('security.lastAdministrator'));
    expect(() => handlers.setOperatorRoles({ operatorId, roles: ['radiologist'] }, on('a'))).toThrow(
      failureOf('security.lastAdministrator'),
    );
    const other = await handlers.createOperator(
      { operatorName: 'Cy', fullName: 'Cy', roles: ['administrator'], password },
      on('a'),
    );
    handlers.setOperatorRoles({ operatorId, roles: ['radiologist'] }, on('a'));
    expect(() => handlers.setOperatorRoles({ operatorId: other.operatorId, roles: ['viewer'] }, on('a'))).toThrow(
      failureOf('security.lastAdministrator'),
    );
  });

  it('lets a lost password be replaced with the recovery key', async () => {
    const { recoveryKey } = await setUp();
    await restart();
    const recover = (key: string, operatorName = 'Ada') =>
      handlers.recover({ recoveryKey: key, operatorName, newPassword: 'the new password' }, on('a'));
    await expect(recover('AAAAA-AAAAA')).rejects.toEqual(failureOf('security.wrongRecoveryKey'));
    await expect(recover(recoveryKey, 'nobody')).rejects.toEqual(failureOf('security.operatorUnknown'));
    expect(holder.phase).toBe('sealed');
    // As a person types it from paper.
    expect(await recover(recoveryKey.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o'))).toMatchObject({
      operatorName: 'Ada',
    });
    await expect(signIn('Ada', password, 'b')).rejects.toEqual(failureOf('security.wrongPassword'));
    await restart();
    await signIn('Ada', 'the new password');
    expect(await handlers.verifyAudit(undefined, on('a'))).toMatchObject({ ok: true });
  });

  it('replaces the recovery key for who knows the password; the one before opens nothing any more', async () => {
    const { recoveryKey: first } = await setUp();
    handlers.confirmRecoveryKey(undefined, on('a'));
    await expect(Promise.resolve(handlers.renewRecoveryKey({ password: 'not this one' }, on('a')))).rejects.toEqual(
      failureOf('security.wrongPassword'),
    );
    const { recoveryKey } = await handlers.renewRecoveryKey({ password }, on('a'));
    await restart();
    const recover = (key: string) =>
      handlers.recover({ recoveryKey: key, operatorName: 'Ada', newPassword: 'the new password' }, on('a'));
    await expect(recover(first)).rejects.toEqual(failureOf('security.wrongRecoveryKey'));
    expect(await recover(recoveryKey)).toMatchObject({ operatorName: 'Ada' });
    expect(await handlers.verifyAudit(undefined, on('a'))).toMatchObject({ ok: true });
  });

  it('changes a password only for who knows the old one', async () => {
    await setUp();
    await expect(
      Promise.resolve(handlers.changePassword({ password: 'not this one', newPassword: 'the new password' }, on('a'))),
    ).rejects.toEqual(failureOf('security.wrongPassword'));
    await handlers.changePassword({ password, newPassword: 'the new password' }, on('a'));
    await restart();
    await expect(signIn('Ada', password)).rejects.toEqual(failureOf('security.wrongPassword'));
    await signIn('Ada', 'the new password');
  });

  it('ends an idle session by the host clock, and audits it', async () => {
    await setUp();
    handlers.saveSettings({ idleMinutes: 3 }, on('a'));
    offsetMs += 2 * 60_000;
    handlers.touch(undefined, on('a'));
    offsetMs += 2 * 60_000;
    expect(sessions.get('a')).not.toBeNull();
    offsetMs += 60_000;
    expect(sessions.get('a')).toBeNull();
    await signIn('Ada', password);
    expect(audit('security.signOut')).toMatchObject([{ detail: { reason: 'idle' } }]);
    handlers.signOut({ reason: 'suspend' }, on('a'));
    expect(handlers.session(undefined, on('a'))).toBeNull();
    expect(holder.phase).toBe('open');
  });

  it('puts a damaged keyring right from its copy, and refuses when both are damaged without making a new one', async () => {
    await setUp();
    await stop();
    const path = join(home, 'keyring.json');
    const copy = join(home, 'keyring.copy.json');
    const good = readFileSync(path, 'utf8');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeFileSync(path, good.replace('"salt"', '"sa1t"'));
    await start();
    await signIn('Ada', password);
    expect(readFileSync(path, 'utf8')).toBe(good);
    await stop();
    writeFileSync(path, good.slice(0, 300));
    writeFileSync(copy, '');
    await start();
    expect(holder.phase).toBe('sealed');
    await expect(signIn('Ada', password)).rejects.toEqual(failureOf('security.keyringDamaged'));
    await expect(setUp()).rejects.toEqual(failureOf('security.alreadySetUp'));
    await stop();
    rmSync(path);
    rmSync(copy);
    await start();
    expect(holder.phase).toBe('sealed');
    await expect(signIn('Ada', password)).rejects.toEqual(failureOf('security.keyringDamaged'));
    await expect(setUp()).rejects.toEqual(failureOf('security.alreadySetUp'));
  });

  it('refuses a keyring in which one was put in place by somebody without the data key', async () => {
    await setUp();
    await stop();
    for (const name of ['keyring.json', 'keyring.copy.json']) {
      const file = JSON.parse(readFileSync(join(home, name), 'utf8'));
      file.keyring.siteName = 'Elsewhere';
      const { canonicalJson } = await import('../../database/auditChain.ts');
      const { createHash } = await import('node:crypto');
      file.checksum = createHash('sha256').update(canonicalJson(file.keyring)).digest('hex');
      writeFileSync(join(home, name), JSON.stringify(file));
    }
    await start();
    await expect(signIn('Ada', password)).rejects.toEqual(failureOf('security.keyringDamaged'));
  });
});
