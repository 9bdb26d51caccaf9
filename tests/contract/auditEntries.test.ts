import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callOf } from './inputsOfContract.ts';
import { makeOperators, openTestCore, password, signIn, type TestCore, type TestEnd } from './openTestCore.ts';

describe('the audit', () => {
  let test: TestCore;
  let end: TestEnd;
  beforeAll(async () => {
    test = await openTestCore();
    end = await test.connect.memory();
    await makeOperators(end.client);
    await signIn(end.client, 'first');
  }, 60_000);
  afterAll(() => test.close());

  /** What one call adds to the audit, in order; the looks at the audit themselves left out. */
  async function entriesOf(name: string, input?: unknown): Promise<object[]> {
    const [newest] = await end.client.security.listAudit({ limit: 1 });
    await callOf(end.client, name)(input).catch(() => undefined);
    const entries = await end.client.security.listAudit({ limit: 50 });
    return entries
      .filter(({ sequence, action }) => sequence > (newest?.sequence ?? 0) && action !== 'security.listAudit')
      .reverse()
      .map(({ action, outcome, operatorName, subjectType, detail }) => ({
        action,
        outcome,
        operatorName,
        subjectType,
        detail,
      }));
  }

  it('has one entry for each command, the one that was committed with what it did', async () => {
    const operators = await end.client.security.listOperators();
    const { operatorId = '' } = operators.find(({ operatorName }) => operatorName === 'pharmacist') ?? {};
    const done = { outcome: 'success', operatorName: 'first' };
    const newPassword = 'another horse 2';
    const calls: [string, unknown, object][] = [
      ['security.confirmRecoveryKey', undefined, {}],
      ['security.renewRecoveryKey', { password }, { subjectType: 'store' }],
      ['security.saveSettings', { idleMinutes: 12 }, { detail: { idleMinutes: 12 } }],
      [
        'security.setOperatorRoles',
        { operatorId, roles: ['viewer'] },
        { detail: { roles: 'viewer', disabled: false } },
      ],
      ['security.resetPassword', { operatorId, newPassword }, { subjectType: 'operator' }],
      ['security.setOperatorDisabled', { operatorId, disabled: true }, { detail: { roles: 'viewer', disabled: true } }],
      ['security.setOperatorDisabled', { operatorId, disabled: false, newPassword }, { subjectType: 'operator' }],
      [
        'security.createOperator',
        { operatorName: 'new.one', fullName: 'New One', roles: ['viewer'], password },
        { subjectType: 'operator' },
      ],
      [
        'api.createToken',
        { name: 'ward', scopes: ['health'], expiresAt: null },
        { subjectType: 'token', detail: { name: 'ward', scopes: 'health', expires: false } },
      ],
      [
        'api.save',
        {
          settings: {
            enabled: false,
            host: '127.0.0.1',
            port: 8104,
            names: [],
            tls: { enabled: false, certificate: '' },
          },
        },
        { detail: { enabled: false, host: '127.0.0.1', port: 8104, tls: false } },
      ],
      ['security.changePassword', { password, newPassword: password }, { subjectType: 'operator' }],
    ];
    for (const [name, input, more] of calls) {
      const entries = await entriesOf(name, input);
      expect(entries, name).toHaveLength(1);
      expect(entries[0]).toMatchObject({ action: name, ...done, ...more });
    }
  });

  it('has an entry for a command that changed nothing, for a read and for a refusal', async () => {
    expect(await entriesOf('security.verifyAudit')).toMatchObject([
      { action: 'security.verifyAudit', outcome: 'success', operatorName: 'first' },
    ]);
    const operators = await end.client.security.listOperators();
    const viewer = operators.find(({ operatorName }) => operatorName === 'viewer');
    // Not disabled, so nothing is written.
    const nothing = { operatorId: viewer?.operatorId, disabled: false };
    expect(await entriesOf('security.setOperatorDisabled', nothing)).toMatchObject([
      { action: 'security.setOperatorDisabled', outcome: 'success', subjectType: 'operator' },
    ]);
    const refused = await entriesOf('security.changePassword', { password: 'a wrong one', newPassword: 'another 3 x' });
    expect(refused.at(-1)).toMatchObject({
      action: 'security.changePassword',
      outcome: 'refused',
      detail: { code: 'security.wrongPassword' },
    });
  });

  it('names the start of a job by what was asked', async () => {
    const folder = path.join(test.home, '..', 'empty');
    mkdirSync(folder);
    const entries = await entriesOf('imaging.importPaths', { paths: [folder] });
    const starts = entries.filter((entry) => JSON.stringify(entry).includes('"kind":"import"'));
    expect(starts[0]).toMatchObject({ action: 'imaging.importPaths', outcome: 'success', subjectType: 'job' });
    expect(entries.filter((entry) => 'action' in entry && entry.action === 'imaging.importPaths')).toHaveLength(1);
    expect(entries.some((entry) => 'action' in entry && entry.action === 'jobs.start')).toBe(false);
  });
});
