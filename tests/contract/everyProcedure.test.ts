import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAllowed, roles } from '../../app/domains/security/securityRules.ts';
import { callOf, junkFor, procedures } from './inputsOfContract.ts';
import { makeOperators, openTestCore, signIn, type TestCore, type TestEnd, transports } from './openTestCore.ts';

const failure = (code: string) => expect.objectContaining({ name: 'Failure', code });
const guarded = procedures.filter(({ meta }) => meta.permission !== 'public');
const withInput = procedures.filter(({ input }) => input !== undefined);

/** What a call came to: the code of its failure, or 'done'. A stream counts from its first item. */
async function outcomeOf(end: TestEnd, name: string, input: unknown): Promise<string> {
  try {
    const output = await callOf(end.client, name)(input);
    if (typeof output === 'object' && output !== null && Symbol.asyncIterator in output) {
      const items = output as AsyncIterableIterator<unknown>;
      await items.next();
      await items.return?.();
    }
    return 'done';
  } catch (error) {
    expect(error).toMatchObject({ name: 'Failure', code: expect.any(String) });
    return (error as { code: string }).code;
  }
}

describe('the contract', () => {
  it('declares every procedure through op(): meta, the FAILURE error, an output', () => {
    expect(procedures.length).toBeGreaterThan(40);
    for (const { name, meta, output } of procedures) {
      expect(['query', 'command', 'job', 'stream'], name).toContain(meta.shape);
      expect(typeof meta.audit, name).toBe('boolean');
      expect(output, name).toBeDefined();
      // Whoever may change something is known, and whoever reads something may only read.
      if (meta.changes) expect(['command', 'job'], name).toContain(meta.shape);
      if (meta.reads) expect(meta.shape, name).toBe('query');
      if (meta.shape === 'job') expect(meta.changes, name).toContain('jobs');
    }
  });

  it('leaves only the door open to nobody', () => {
    const open = procedures.filter(({ meta }) => meta.permission === 'public').map(({ name }) => name);
    expect(open.sort()).toEqual([
      'security.recover',
      'security.session',
      'security.setUp',
      'security.signIn',
      'system.openSample',
      'system.status',
      'system.watchChanges',
    ]);
  });
});

describe.each(transports)('every procedure over %s', { timeout: 60_000 }, (transport) => {
  let test: TestCore;
  beforeAll(async () => {
    test = await openTestCore();
    const { client, cut } = await test.connect.memory();
    await makeOperators(client);
    cut();
  }, 60_000);
  afterAll(() => test.close());

  it('refuses without a session, whatever the input', async () => {
    const end = await test.connect[transport]();
    for (const { name, input } of guarded) {
      for (const given of [undefined, ...(input ? junkFor(input) : [])]) {
        expect([name, await outcomeOf(end, name, given)]).toEqual([name, 'security.notSignedIn']);
      }
    }
    end.cut();
  });

  it.each(roles)('lets a %s do what the permission table says, and nothing else', async (role) => {
    const end = await test.connect[transport]();
    await signIn(end.client, role);
    for (const { name, meta, input } of guarded) {
      if (meta.permission === 'public') continue;
      const allowed = meta.permission === 'signedIn' || isAllowed([role], meta.permission);
      // A junk input tells the two apart and does nothing. Where there is no input, only what is refused is called.
      const given = input ? junkFor(input)[0] : undefined;
      if (allowed && !input) continue;
      expect([name, await outcomeOf(end, name, given)]).toEqual([
        name,
        allowed ? 'system.invalidInput' : 'security.notAllowed',
      ]);
    }
    end.cut();
  });

  it('refuses junk', async () => {
    const end = await test.connect[transport]();
    await signIn(end.client, 'first');
    for (const { name, input } of withInput) {
      if (!input) continue;
      const junk = junkFor(input);
      expect(junk.length, name).toBeGreaterThan(4);
      for (const given of junk) {
        expect([name, given, await outcomeOf(end, name, given)]).toEqual([name, given, 'system.invalidInput']);
      }
    }
    end.cut();
  });

  it('keeps an audit entry of each refused call', async () => {
    const end = await test.connect[transport]();
    await signIn(end.client, 'viewer');
    await expect(
      end.client.reports.archiveDraft({ reportId: '01890a5d-ac96-774b-bcce-b302099a8057', reason: 'no reason' }),
    ).rejects.toEqual(failure('security.notAllowed'));
    await signIn(end.client, 'first');
    const entries = await end.client.security.listAudit({ action: 'reports.archiveDraft', limit: 500 });
    expect(entries.find(({ operatorName }) => operatorName === 'viewer')).toMatchObject({
      outcome: 'refused',
      subjectType: 'report',
      subjectId: '01890a5d-ac96-774b-bcce-b302099a8057',
    });
    expect(await end.client.security.verifyAudit()).toMatchObject({ ok: true, reason: 'intact' });
    end.cut();
  });
});

describe('a sealed core', () => {
  it('does nothing but open its door, for calls and for assets', async () => {
    const first = await openTestCore();
    await makeOperators((await first.connect.memory()).client);
    const { home } = first;
    await first.core.stop();
    const sealed = await openTestCore(home);
    try {
      const end = await sealed.connect.memory();
      expect(await end.client.system.status()).toMatchObject({ phase: 'sealed' });
      for (const { name, input } of guarded) {
        const given = input ? junkFor(input)[0] : undefined;
        expect([name, await outcomeOf(end, name, given)]).toEqual([name, 'security.notSignedIn']);
      }
      for (const path of ['/dicomweb/studies', '/documents/1', '/imports/1/files', '/other']) {
        const reply = await sealed.core.serveAsset(new Request(`http://core${path}`), end.connectionId);
        expect(reply.status, path).toBe(401);
        expect(await reply.json()).toMatchObject({ code: 'security.notSignedIn' });
        expect(reply.headers.get('cache-control')).toBe('no-store');
      }
      await expect(
        end.client.security.setUp({ operatorName: 'x2', fullName: 'x', password: 'correct horse 1', language: 'en' }),
      ).rejects.toEqual(failure('security.alreadySetUp'));
    } finally {
      await sealed.close();
      await first.close();
    }
  }, 60_000);
});
