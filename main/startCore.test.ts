import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { demonstration } from '../app/domains/system/demonstration.ts';
import { syntheticInstances } from './domains/imaging/samples/syntheticInstances.ts';
import { makeNodePlatform } from './platform/nodePlatform.ts';
import { type Core, startCore } from './startCore.ts';

const password = 'correct horse 1';
const first = { operatorName: 'marie', fullName: 'Marie', password, language: 'en' as const };

let folder: string;
let home: string;
const cores: Core[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'salus-core-'));
  home = path.join(folder, 'home');
  vi.stubEnv('TMPDIR', folder);
});
afterEach(async () => {
  for (const core of cores.splice(0)) await core.stop();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

async function start(more: { samplesDirectory?: string | null } = {}): Promise<Core> {
  const core = await startCore({ ...makeNodePlatform({ host: 'memory', home }), ...more });
  cores.push(core);
  return core;
}

async function stop(core: Core): Promise<void> {
  cores.splice(cores.indexOf(core), 1);
  await core.stop();
}

function writeDicom(directory: string, count: number): string {
  mkdirSync(directory, { recursive: true });
  for (const { bytes, sopInstanceUid } of syntheticInstances({ count, perSeries: 50 })) {
    writeFileSync(path.join(directory, `${sopInstanceUid}.dcm`), bytes);
  }
  return directory;
}

const listing = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => [
      item.name,
      createHash('sha256')
        .update(readFileSync(path.join(item.parentPath, item.name)))
        .digest('hex'),
    ])
    .sort();
const page = { filter: {}, sort: { key: 'receivedAt', direction: 'descending' } } as const;

describe('a core', { timeout: 60_000 }, () => {
  it('holds its store alone', async () => {
    await start();
    await expect(start()).rejects.toMatchObject({ code: 'storage.inUse' });
  });

  it('cuts background work off at its stop, and takes it up when the store opens again', async () => {
    const directory = writeDicom(path.join(folder, 'dicom'), 1200);
    const core = await start();
    const { client } = core.openMemoryClient();
    await client.security.setUp(first);
    const { jobId } = await client.imaging.importPaths({ paths: [directory] });
    for await (const job of await client.jobs.watch({ jobId })) if (job.done > 0) break;
    await stop(core);

    const again = await start();
    const { client: next } = again.openMemoryClient();
    expect(again.phase).toBe('sealed');
    await next.security.signIn({ operatorName: first.operatorName, password });
    const before = await next.jobs.get({ jobId });
    // Had it been done before the stop, this would prove nothing about resuming.
    expect(before.state).not.toBe('done');
    await vi.waitFor(
      async () => expect(await next.jobs.get({ jobId })).toMatchObject({ state: 'done', failure: null }),
      { timeout: 20_000 },
    );
    expect(await next.imaging.getImportSummary({ jobId })).toMatchObject({ conflicts: 0, rejected: [] });
    const { rows } = await next.worklist.list(page);
    expect(rows.reduce((sum, row) => sum + row.instanceCount, 0)).toBe(1200);
    expect(await next.security.verifyAudit()).toMatchObject({ ok: true });
  }, 60_000);

  it('opens sample studies beside the real store, and leaves nothing of them', async () => {
    const core = await start({ samplesDirectory: writeDicom(path.join(folder, 'samples'), 4) });
    const untouched = listing(home);
    const { client } = core.openMemoryClient();
    const { jobId } = await client.system.openSample({ language: 'fr' });
    expect(await client.system.status()).toMatchObject({ phase: 'open', sample: true });
    expect(await client.security.session()).toMatchObject({ operatorName: demonstration.operatorName, language: 'fr' });
    for await (const job of await client.jobs.watch({ jobId: jobId as string })) expect(job.failure).toBeNull();
    expect((await client.worklist.list(page)).total).toBe(1);

    // Another window, or the same one after a lock, finds the store and the operator.
    const { client: other } = core.openMemoryClient();
    expect(await other.security.session()).toBeNull();
    expect(await other.system.openSample()).toEqual({ jobId: null });
    expect(await other.security.session()).toMatchObject({ operatorName: demonstration.operatorName });
    await other.security.signOut({ reason: 'idle' });
    await other.security.signIn({ operatorName: demonstration.operatorName, password: demonstration.password });

    const sampleHome = (await client.storage.status()).home;
    expect(sampleHome).not.toBe(home);
    expect(listing(home)).toEqual(untouched);
    await stop(core);
    expect(existsSync(sampleHome)).toBe(false);
    expect((await start()).phase).toBe('empty');
  });

  it('opens the sample store once for two that ask at the same time', async () => {
    const core = await start({ samplesDirectory: null });
    const [one, two] = [core.openMemoryClient().client, core.openMemoryClient().client];
    await Promise.all([one.system.openSample(), two.system.openSample()]);
    expect(await one.security.listOperators()).toHaveLength(1);
    expect(await two.security.session()).toMatchObject({ operatorName: demonstration.operatorName });
    expect(readdirSync(folder).filter((name) => name.startsWith('salus-sample-'))).toHaveLength(1);
  });

  it.each(['set-up', 'sample'])(
    'makes one store, not half of each, for two that ask at once (%s first)',
    async (kind) => {
      const core = await start({ samplesDirectory: null });
      const [one, two] = [core.openMemoryClient().client, core.openMemoryClient().client];
      const asks = [() => one.security.setUp(first), () => two.system.openSample()] as const;
      const asked = (kind === 'sample' ? [...asks].reverse() : asks).map((ask) => ask());
      const results = await Promise.allSettled<unknown>(asked);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
      expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'security.alreadySetUp' });
      const winner = kind === 'sample' ? two : one;
      expect(await winner.system.status()).toMatchObject({ phase: 'open', sample: kind === 'sample' });
      const operators = await winner.security.listOperators();
      const expected = kind === 'sample' ? demonstration.operatorName : first.operatorName;
      expect(operators.map(({ operatorName }) => operatorName)).toEqual([expected]);
      await stop(core);
      // A person's store is where they asked for it, or was never begun.
      expect((await start()).phase).toBe(kind === 'sample' ? 'empty' : 'sealed');
    },
  );

  it('opens no sample store where there is a real one', async () => {
    const core = await start();
    const { client } = core.openMemoryClient();
    await client.security.setUp(first);
    await expect(client.system.openSample()).rejects.toMatchObject({ code: 'security.alreadySetUp' });
    await client.security.signOut({});
    await expect(client.system.openSample()).rejects.toMatchObject({ code: 'security.alreadySetUp' });
  });

  it('serves assets by the session of their connection, as JSON where it refuses', async () => {
    const core = await start();
    const { client, connectionId } = core.openMemoryClient();
    await client.security.setUp(first);
    const ask = async (target: string, id = connectionId) => {
      const reply = await core.serveAsset(new Request(`http://core${target}`), id);
      return { status: reply.status, body: (await reply.json()) as object, headers: reply.headers };
    };
    const missing = await ask('/nothing');
    expect(missing).toMatchObject({ status: 404, body: { code: 'system.notFound', details: {} } });
    expect(missing.headers.get('cache-control')).toBe('no-store');
    expect(await ask('/dicomweb/studies/1.2.3/metadata')).toMatchObject({
      status: 404,
      body: { code: 'imaging.studyUnknown' },
    });
    expect(await ask('/documents/01890a5d-ac96-774b-bcce-b302099a8057')).toMatchObject({
      status: 404,
      body: { code: 'reports.documentUnknown' },
    });
    expect(await ask('/dicomweb/studies', 'no-such-connection')).toMatchObject({
      status: 401,
      body: { code: 'security.notSignedIn' },
    });

    await client.security.createOperator({ operatorName: 'pharma', fullName: 'P', roles: ['pharmacist'], password });
    const other = core.openMemoryClient();
    await other.client.security.signIn({ operatorName: 'pharma', password });
    expect(await ask('/dicomweb/studies', other.connectionId)).toMatchObject({
      status: 403,
      body: { code: 'security.notAllowed' },
    });
    const [entry] = await client.security.listAudit({ action: 'assets.dicomweb' });
    expect(entry).toMatchObject({ outcome: 'refused', operatorName: 'pharma' });
  });
});
