import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeSettings } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { makeAuthority } from '../../../../tests/integration/peers/madeCertificates.ts';
import { openTestStore, type TestStore } from '../../../database/testStore.ts';
import type { Statement } from '../../../database/writeGate.ts';
import type { NewNode, NodeRegistry } from '../exchangeParts.ts';
import { exchangeReplayer } from '../exchangeReplay.ts';
import { openNodeRegistry } from './nodeRegistry.ts';

let test: TestStore;
let nodes: NodeRegistry;
beforeEach(async () => {
  test = await openTestStore();
  nodes = openNodeRegistry(test.store);
});
afterEach(() => test.close());

const failure = (code: string) => expect.objectContaining({ name: 'Failure', code });
const noTls = { enabled: false, ca: '', certificate: '', serverName: '' };
const dimse: NodeSettings = {
  kind: 'dimse',
  host: '127.0.0.1',
  port: 1,
  aeTitle: 'PACS',
  callingAeTitle: '',
  tls: noTls,
};
const web: NodeSettings = {
  kind: 'dicomweb',
  baseUrl: 'http://127.0.0.1:1/dicom-web',
  auth: { method: 'bearer' },
  tls: { ca: '', certificate: '', serverName: '' },
};

function aNode(changes: Partial<NewNode> = {}): NewNode {
  return {
    nodeId: null,
    baseVersion: null,
    name: 'The PACS',
    settings: dimse,
    use: {
      send: true,
      search: true,
      receive: true,
      proof: 'auto',
      transcode: true,
      kilobytesPerSecond: null,
      hours: null,
      receiveFrom: '',
    },
    secrets: {},
    ...changes,
  };
}

describe('the register of nodes', () => {
  it('keeps what is saved, one version after the other, and refuses an edit of an older one', () => {
    const made = nodes.save(test.author, aNode());
    expect(made).toMatchObject({
      version: 1,
      name: 'The PACS',
      isProven: true,
      hasCredential: false,
      capabilities: [],
    });
    const { nodeId } = made;
    const second = nodes.save(test.author, aNode({ nodeId, baseVersion: 1, name: 'Renamed' }));
    expect(second).toMatchObject({ nodeId, version: 2, name: 'Renamed' });
    expect(() => nodes.save(test.author, aNode({ nodeId, baseVersion: 1 }))).toThrow(failure('exchange.nodeChanged'));
    expect(nodes.list()).toEqual([second]);
    expect(() => nodes.save(test.author, aNode({ nodeId: test.store.newId(), baseVersion: 1 }))).toThrow(
      failure('exchange.nodeUnknown'),
    );
  });

  it('keeps a secret that an edit leaves out, removes one that is empty, and shows none of them', () => {
    const secret = 'SECRET-TOKEN';
    const { nodeId, hasCredential } = nodes.save(
      test.author,
      aNode({ settings: web, secrets: { credential: secret } }),
    );
    expect(hasCredential).toBe(true);
    nodes.save(test.author, aNode({ nodeId, baseVersion: 1, settings: web }));
    expect(nodes.get(nodeId).secrets.credential).toBe(secret);
    expect(JSON.stringify(nodes.list())).not.toContain(secret);
    nodes.save(test.author, aNode({ nodeId, baseVersion: 2, settings: web, secrets: { credential: '' } }));
    expect(nodes.get(nodeId)).toMatchObject({ node: { hasCredential: false }, secrets: { credential: '' } });
    const audit = test.store.reader.all('SELECT * FROM audit_entry');
    expect(JSON.stringify(audit) + test.logged.join('')).not.toContain(secret);
  });

  it('checks certificates and keys when they are saved, not when somebody waits for images', () => {
    const authority = makeAuthority();
    const own = authority.issue({ commonName: 'salus' });
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const otherKey = other.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const withTls = (tls: object, privateKey?: string): NewNode =>
      aNode({
        settings: { ...dimse, tls: { ...noTls, enabled: true, ...tls } },
        secrets: privateKey === undefined ? {} : { privateKey },
      });
    const good = nodes.save(
      test.author,
      withTls({ ca: authority.ca, certificate: `${own.certificate}${authority.ca}` }, own.key),
    );
    expect(good.hasPrivateKey).toBe(true);
    for (const [node, code] of [
      [withTls({ ca: 'no certificate' }), 'exchange.badCertificate'],
      [withTls({ ca: authority.ca.replace(/\n.{20}/, '\nAAAA') }), 'exchange.badCertificate'],
      [withTls({ ca: own.key }), 'exchange.badCertificate'],
      [withTls({ certificate: own.certificate }), 'exchange.badKey'],
      [withTls({ certificate: own.certificate }, otherKey), 'exchange.badKey'],
      [withTls({ certificate: own.certificate }, 'no key'), 'exchange.badKey'],
    ] as const)
      expect(() => nodes.save(test.author, node), code).toThrow(failure(code));
    expect(nodes.list()).toHaveLength(1);
  });

  it('archives, never deletes: the name stays for what was sent and received', () => {
    const heard: string[] = [];
    nodes.onChange((nodeId) => heard.push(nodeId));
    const { nodeId } = nodes.save(test.author, aNode());
    nodes.archive(test.author, nodeId);
    expect(nodes.list()).toEqual([]);
    expect(nodes.find(nodeId)?.node.name).toBe('The PACS');
    expect(() => nodes.get(nodeId)).toThrow(failure('exchange.nodeUnknown'));
    expect(() => nodes.archive(test.author, nodeId)).toThrow(failure('exchange.nodeUnknown'));
    expect(heard).toEqual([nodeId, nodeId]);
  });

  it('keeps what a conversation showed, without an entry in the audit, and only when it is news', () => {
    const { nodeId } = nodes.save(test.author, aNode());
    const entries = () => test.store.reader.get<{ n: number }>('SELECT count(*) AS n FROM audit_entry')?.n;
    const before = entries();
    nodes.learn(nodeId, 'commitment', 'yes');
    const { sequence } = test.store.gate;
    nodes.learn(nodeId, 'commitment', 'yes');
    expect(test.store.gate.sequence).toBe(sequence);
    nodes.learn(nodeId, 'get', 'no');
    expect([nodes.knows(nodeId, 'commitment'), nodes.knows(nodeId, 'get'), nodes.knows(nodeId, 'x')]).toEqual([
      'yes',
      'no',
      undefined,
    ]);
    expect(nodes.get(nodeId).node.capabilities.map(({ name }) => name)).toEqual(['commitment', 'get']);
    expect(entries()).toBe(before);
  });

  it.each([
    ['settings', '{"kind":"pigeon"}'],
    ['settings', 'cut sho'],
    ['uses', '[]'],
  ])(
    'lists the others when the %s of one cannot be read, uses that one for nothing, and lets it be set up again',
    (column, text) => {
      const fine = nodes.save(test.author, aNode());
      const bad = nodes.save(test.author, aNode({ name: 'Worn' }));
      test.store.gate.append(test.author, (tx) =>
        tx.run(`UPDATE node SET ${column} = ? WHERE node_id = ?`, text, bad.nodeId),
      );
      const worn = {
        ...{ nodeId: bad.nodeId, name: 'Worn', version: 1, isDamaged: true },
        use: expect.objectContaining({ send: false, search: false, receive: false }),
      };
      expect(nodes.list()).toEqual([fine, expect.objectContaining(worn)]);
      // Not as one that was removed: what waits for it is held, and not cancelled.
      expect(nodes.find(bad.nodeId)?.node).toMatchObject({ name: 'Worn', settings: { host: 'damaged.invalid' } });
      const again = nodes.save(test.author, aNode({ nodeId: bad.nodeId, baseVersion: 1, name: 'Worn' }));
      expect(again.isDamaged).toBeUndefined();
      expect(again.settings).toEqual(fine.settings);
      test.store.gate.append(test.author, (tx) =>
        tx.run(`UPDATE node SET ${column} = ? WHERE node_id = ?`, text, bad.nodeId),
      );
      nodes.archive(test.author, bad.nodeId);
      expect(nodes.list()).toEqual([fine]);
    },
  );

  it('goes on over a full disk and a closed store when it can not keep what was shown', async () => {
    const { nodeId } = nodes.save(test.author, aNode());
    const { gate } = test.store;
    const full = {
      ...test.store,
      gate: {
        ...gate,
        append: () => {
          throw new Failure('storage.diskFull', 'full');
        },
      },
    };
    openNodeRegistry(full).learn(nodeId, 'get', 'yes');
    expect(nodes.knows(nodeId, 'get')).toBeUndefined();
    await test.holder.close();
    nodes.learn(nodeId, 'get', 'yes');
    expect(test.logged.filter((line) => line.includes('could not be kept'))).toHaveLength(2);
  });

  it('keeps a secret, and what was learned, for the same address and account alone', () => {
    const asAnna = (changes: object): NodeSettings => ({
      ...{ ...web, auth: { method: 'basic', userName: 'anna' } },
      ...(changes as object),
    });
    const { nodeId } = nodes.save(test.author, aNode({ settings: asAnna({}), secrets: { credential: 'hers' } }));
    nodes.learn(nodeId, 'stow', 'yes');
    const edit = (settings: NodeSettings, secrets: NewNode['secrets'] = {}) =>
      nodes.save(test.author, aNode({ nodeId, baseVersion: nodes.get(nodeId).node.version, settings, secrets }));
    // Another path on the same machine is the same account.
    expect(edit(asAnna({ baseUrl: 'http://127.0.0.1:1/other' }))).toMatchObject({ hasCredential: true });
    expect(nodes.knows(nodeId, 'stow')).toBe('yes');
    for (const changed of [
      asAnna({ baseUrl: 'http://127.0.0.2:1/dicom-web' }),
      asAnna({ baseUrl: 'http://127.0.0.1:2/dicom-web' }),
      asAnna({ auth: { method: 'basic', userName: 'berta' } }),
      asAnna({ auth: { method: 'bearer' } }),
      asAnna({ auth: { method: 'oidc', issuer: 'https://id.example', clientId: 'anna', scope: '' } }),
    ])
      expect(() => edit(changed), JSON.stringify(changed)).toThrow(failure('exchange.secretNeeded'));
    expect(nodes.get(nodeId).secrets.credential).toBe('hers');
    const moved = edit(asAnna({ baseUrl: 'http://127.0.0.2:1/dicom-web' }), { credential: 'new' });
    expect(moved).toMatchObject({ hasCredential: true, capabilities: [], lastTest: null });
    // Who needs none any more keeps none.
    expect(edit(asAnna({ auth: { method: 'none' } }))).toMatchObject({ hasCredential: false });
  });

  it('says of a node that nobody answers for how far it came, and keeps that', async () => {
    const { nodeId } = nodes.save(test.author, aNode());
    const steps = await nodes.test(test.author, nodeId, new AbortController().signal);
    expect(steps.map(({ name, ok, code }) => [name, ok, code])).toEqual([
      ['resolve', true, null],
      ['connect', false, 'exchange.unreachable'],
    ]);
    expect(nodes.get(nodeId).node.lastTest?.steps).toEqual(steps);
    const unknown = nodes.save(test.author, aNode({ settings: { ...dimse, host: 'no-such-host.invalid' } }));
    const [resolve, ...rest] = await nodes.test(test.author, unknown.nodeId, new AbortController().signal);
    expect(resolve).toMatchObject({ name: 'resolve', ok: false, code: 'exchange.unreachable' });
    expect(rest).toEqual([]);
  });

  it('can be written again from the archive alone, secrets too', async () => {
    const first = nodes.save(test.author, aNode({ settings: web, secrets: { credential: 'kept' } }));
    nodes.save(test.author, aNode({ nodeId: first.nodeId, baseVersion: 1, settings: web, name: 'Second name' }));
    const gone = nodes.save(test.author, aNode());
    nodes.archive(test.author, gone.nodeId);
    const before = [nodes.list(), nodes.find(gone.nodeId), nodes.get(first.nodeId)];
    const replayer = exchangeReplayer();
    const statements: Statement[] = [];
    for await (const name of test.store.archive.names()) {
      if (test.store.archive.find(name)?.kind !== 'statement') continue;
      const statement = JSON.parse(Buffer.from(await test.store.archive.get(name)).toString()) as Statement;
      if (replayer.types?.includes(statement.type)) statements.push(statement);
    }
    expect(statements).toHaveLength(4);
    // In whatever order they come.
    statements.sort((left, right) => (left.hlc < right.hlc ? 1 : -1));
    test.store.gate.write(test.author, 'test.forget', (tx) => {
      tx.run('DELETE FROM node');
      for (const statement of statements)
        replayer.replay(tx, { name: '', kind: 'statement', bytes: 0 }, new Uint8Array(), statement);
    });
    expect([nodes.list(), nodes.find(gone.nodeId), nodes.get(first.nodeId)]).toEqual(before);
  });
});
