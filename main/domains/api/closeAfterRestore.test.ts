import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestStore, type TestStore } from '../../database/testStore.ts';
import { putApi, readApi } from './apiRows.ts';
import { openApiService } from './apiService.ts';
import { closeAfterRestore } from './closeAfterRestore.ts';
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
function switchOn(): void {
  t.store.gate.write(t.author, 'api.save', (tx) => {
    const { version, settings } = readApi(tx);
    const api = { version: version + 1, settings: { ...settings, enabled: true }, privateKey: '' };
    tx.statement({ type: 'api', id: 'api', version: api.version, payload: { settings: api.settings, privateKey: '' } });
    putApi(tx, api, { hlc: tx.hlc, siteId: tx.siteId, author: t.author.operatorName });
  });
}
const restore = () => t.store.gate.record({ operatorId: null, operatorName: null }, 'store.restored', 'success');
const entries = () =>
  t.store.reader
    .all<{ detail: string }>("SELECT detail FROM audit_entry WHERE action = 'api.closeAfterRestore' ORDER BY sequence")
    .map(({ detail }) => JSON.parse(detail) as object);

describe('the access for programs of a restored store', () => {
  it('is off and knows no good token, once for each restore', () => {
    const tokens = openTokenRegister(t.store);
    const input = { name: 'ward', scopes: ['health'] as const, expiresAt: null };
    const before = tokens.create(person(), input);
    switchOn();
    closeAfterRestore(t.store);
    expect([tokens.isGood(before.token.tokenId), readApi(t.store.reader).settings.enabled]).toEqual([true, true]);
    restore();
    closeAfterRestore(t.store);
    expect(tokens.check(before.secret)?.isGood).toBe(false);
    expect(readApi(t.store.reader)).toMatchObject({ version: 2, isOurs: true, settings: { enabled: false } });
    expect(entries()).toEqual([{ wasEnabled: true, tokens: 1 }]);
    // What a person does then stays, whatever is started how often.
    const after = tokens.create(person(), input);
    switchOn();
    closeAfterRestore(t.store);
    expect([tokens.check(after.secret)?.isGood, readApi(t.store.reader)]).toMatchObject([
      true,
      { isOurs: false, settings: { enabled: true } },
    ]);
    restore();
    closeAfterRestore(t.store);
    expect(tokens.check(after.secret)?.isGood).toBe(false);
    expect(entries()).toHaveLength(2);
  });

  it('says so as soon as it is open, until somebody saves it again', async () => {
    switchOn();
    restore();
    const nobody = (): never => {
      throw new Error('nothing is asked here');
    };
    const link = { version: '0.0.0', openConnection: nobody, serveAsset: nobody };
    const service = openApiService(t.store, nobody, link);
    await service.start();
    const { settings } = service.state();
    expect(service.state()).toMatchObject({ state: 'off', closedByRestore: true, failure: null });
    await service.save(person(), settings);
    expect(service.state()).toMatchObject({ state: 'off', closedByRestore: false });
    await service.close();
  });

  it('says nothing where programs never had one', () => {
    restore();
    closeAfterRestore(t.store);
    expect(readApi(t.store.reader)).toMatchObject({ version: 0, isOurs: false });
    expect(entries()).toEqual([{ wasEnabled: false, tokens: 0 }]);
  });
});
