import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NodeSettings, TestStep } from '../../app/domains/exchange/exchangeSchema.ts';
import { openTestStore, type TestStore } from '../../main/database/testStore.ts';
import type { NodeRegistry } from '../../main/domains/exchange/exchangeParts.ts';
import { openNodeRegistry } from '../../main/domains/exchange/nodes/nodeRegistry.ts';
import {
  type DicomServer,
  have,
  type Orthanc,
  startDcmqrscp,
  startOrthanc,
  startStorescp,
} from '../../scripts/services.ts';
import { startFakeXnat } from './peers/fakeXnat.ts';
import { type MadeIdentity, makeAuthority } from './peers/madeCertificates.ts';

let test: TestStore;
let nodes: NodeRegistry;
beforeEach(async () => {
  test = await openTestStore();
  nodes = openNodeRegistry(test.store);
});
afterEach(() => test.close());

const noTls = { ca: '', certificate: '', serverName: '' };

async function tryNode(
  settings: NodeSettings,
  secrets: { credential?: string } = {},
): Promise<{ nodeId: string; steps: TestStep[] }> {
  const { nodeId } = nodes.save(test.author, {
    nodeId: null,
    baseVersion: null,
    name: 'peer',
    settings,
    use: {
      send: true,
      search: true,
      receive: false,
      proof: 'auto',
      transcode: true,
      kilobytesPerSecond: null,
      hours: null,
      receiveFrom: '',
    },
    secrets,
  });
  return { nodeId, steps: await nodes.test(test.author, nodeId, new AbortController().signal) };
}

const said = (steps: readonly TestStep[]) => steps.map(({ name, code }) => (code === null ? name : `${name}: ${code}`));

function dimse(server: { port: number; aeTitle: string }, changes: object = {}): NodeSettings {
  return {
    kind: 'dimse',
    host: 'localhost',
    port: server.port,
    aeTitle: server.aeTitle,
    callingAeTitle: '',
    tls: { enabled: false, ...noTls },
    ...changes,
  };
}

describe.skipIf(!have('dcmtk'))('the test of a DIMSE node (needs DCMTK)', { timeout: 60_000 }, () => {
  let archive: DicomServer;
  let store: DicomServer;
  beforeAll(async () => {
    [archive, store] = await Promise.all([startDcmqrscp(), startStorescp()]);
  }, 60_000);
  afterAll(() => Promise.all([archive?.stop(), store?.stop()]));

  it('says step by step what an archive answers, and keeps what it can do', async () => {
    const { nodeId, steps } = await tryNode(dimse(archive));
    expect(said(steps)).toEqual(['resolve', 'connect', 'associate', 'echo', 'find']);
    expect(steps.every(({ ok, tookMs }) => ok && tookMs >= 0)).toBe(true);
    expect(steps[2]?.details).toMatchObject({
      called: 'DCMQRSCP',
      calling: 'SALUS',
      implementation: expect.stringMatching(/^OFFIS_DCMTK/),
    });
    expect(['echo', 'find', 'move', 'get', 'commitment'].map((name) => nodes.knows(nodeId, name))).toEqual([
      'yes',
      'yes',
      'yes',
      'yes',
      'no',
    ]);
    expect(nodes.get(nodeId).node.lastTest?.steps).toEqual(steps);
  });

  it('says what a peer refuses: the title that is called, a search', async () => {
    const { steps } = await tryNode(dimse(archive, { aeTitle: 'NOBODY' }));
    expect(said(steps)).toEqual(['resolve', 'connect', 'associate: exchange.calledAeUnknown']);
    const { nodeId, steps: ofStore } = await tryNode(dimse(store));
    expect(said(ofStore)).toEqual(['resolve', 'connect', 'associate', 'echo', 'find: exchange.noContext']);
    expect(nodes.knows(nodeId, 'find')).toBe('no');
  });

  it('says that a peer speaks no TLS', async () => {
    const { steps } = await tryNode(dimse(store, { tls: { enabled: true, ...noTls } }));
    expect(said(steps)).toEqual(['resolve', 'connect', expect.stringMatching(/^(tls|associate): exchange\./)]);
  });
});

describe.skipIf(!have('orthanc', 'orthanc-dicomweb'))(
  'the test of a DICOMweb node (needs Orthanc)',
  { timeout: 60_000 },
  () => {
    let orthanc: Orthanc;
    beforeAll(async () => {
      orthanc = await startOrthanc({ credentials: { name: 'tester', password: 'a passphrase' } });
    }, 60_000);
    afterAll(() => orthanc?.stop());

    const web = (changes: object = {}): NodeSettings => ({
      kind: 'dicomweb',
      baseUrl: orthanc.dicomWebUrl,
      auth: { method: 'basic', userName: 'tester' },
      tls: noTls,
      ...changes,
    });

    it('says what it answers, and how far its clock is off', async () => {
      const { nodeId, steps } = await tryNode(web(), { credential: 'a passphrase' });
      expect(said(steps)).toEqual(['resolve', 'connect', 'qido']);
      expect(steps[2]?.details['status']).toBe(200);
      expect(nodes.knows(nodeId, 'qido')).toBe('yes');
    });

    it('tells a wrong password from a wrong address', async () => {
      expect(said((await tryNode(web(), { credential: 'wrong' })).steps).at(-1)).toBe('qido: exchange.unauthorized');
      const elsewhere = web({ baseUrl: `${orthanc.url}/nothing-here` });
      const { steps } = await tryNode(elsewhere, { credential: 'a passphrase' });
      expect(said(steps).at(-1)).toBe('qido: exchange.notFound');
    });
  },
);

describe('the test of a node over TLS', { timeout: 60_000 }, () => {
  const authority = makeAuthority();
  const dayMs = 86_400_000;

  async function withServer(identity: MadeIdentity, work: (port: number) => Promise<void>): Promise<void> {
    const { createServer } = await import('node:https');
    const server = createServer({ cert: identity.certificate, key: identity.key }, (_request, reply) => {
      reply.setHeader('content-type', 'application/dicom+json');
      reply.end('[]');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await work((server.address() as { port: number }).port);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  const web = (port: number, ca = authority.ca): NodeSettings => ({
    kind: 'dicomweb',
    baseUrl: `https://localhost:${port}/dicom-web`,
    auth: { method: 'none' },
    tls: { ...noTls, ca },
  });

  it('says how long a certificate lasts', async () => {
    const identity = authority.issue({ commonName: 'peer', validToMs: Date.now() + 12.5 * dayMs });
    await withServer(identity, async (port) => {
      const { steps } = await tryNode(web(port));
      expect(said(steps)).toEqual(['resolve', 'connect', 'tls', 'qido']);
      expect(steps[2]?.details).toEqual({ certificateDays: 12 });
    });
  });

  it('tells an expired certificate from one of a stranger', async () => {
    const expired = authority.issue({
      commonName: 'peer',
      validFromMs: Date.now() - 9 * dayMs,
      validToMs: Date.now() - dayMs,
    });
    await withServer(expired, async (port) => {
      expect(said((await tryNode(web(port))).steps)).toEqual([
        'resolve',
        'connect',
        'tls: exchange.certificateExpired',
      ]);
    });
    await withServer(authority.issue({ commonName: 'peer' }), async (port) => {
      const { steps } = await tryNode(web(port, makeAuthority('Somebody').ca));
      expect(said(steps)).toEqual(['resolve', 'connect', 'tls: exchange.tls']);
    });
  });
});

describe('the test of an XNAT (recorded contracts, not a real server)', { timeout: 60_000 }, () => {
  it('signs in, looks for the project and lists its sessions', async () => {
    const fake = await startFakeXnat();
    const xnat = (project: string): NodeSettings => ({
      kind: 'xnat',
      baseUrl: fake.baseUrl,
      project,
      archives: false,
      auth: { method: 'basic', userName: 'anna' },
      tls: noTls,
    });
    try {
      const found = await tryNode(xnat('TRIAL'), { credential: fake.password });
      expect(said(found.steps)).toEqual(['resolve', 'connect', 'session', 'project', 'sessions']);
      expect(nodes.get(found.nodeId).node.isProven).toBe(false);
      expect(said((await tryNode(xnat('OTHER'), { credential: fake.password })).steps).at(-1)).toBe(
        'project: exchange.projectUnknown',
      );
      expect(said((await tryNode(xnat('TRIAL'), { credential: 'no' })).steps).at(-1)).toBe(
        'session: exchange.unauthorized',
      );
      // A sign-in page with the status 200 is no answer.
      fake.behave('loginPage');
      expect(said((await tryNode(xnat('TRIAL'), { credential: fake.password })).steps).at(-1)).toBe(
        'session: exchange.protocol',
      );
      expect(fake.openSessions).toBe(0);
    } finally {
      await fake.stop();
    }
  });
});
