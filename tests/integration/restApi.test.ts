import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { TokenScope } from '../../app/domains/api/apiRules.ts';
import { tokenScopes } from '../../app/domains/api/apiRules.ts';
import { type SyntheticInstance, syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { have, startOrthanc } from '../../scripts/services.ts';
import { password } from '../contract/openTestCore.ts';
import { type CoreWithNodes, openCoreWithNodes } from './coreWithNodes.ts';
import { readExposition } from './peers/prometheusText.ts';

const instances = [...syntheticInstances({ count: 4, perSeries: 2, rows: 32, columns: 32, seed: 'rest' })];
const { studyUid, seriesUid, sopInstanceUid: sopUid } = instances[0] as SyntheticInstance;

let core: CoreWithNodes;
let origin: string;
let reportId: string;
let draftId: string;
beforeAll(async () => {
  core = await openCoreWithNodes();
  await core.import(instances);
  const { client } = core;
  const draft = await client.reports.openDraft({ studyUid, language: 'en' });
  const sections = draft.sections.map((section) => ({
    ...section,
    paragraphs: [{ content: [{ kind: 'text' as const, text: 'Nothing abnormal.' }] }],
  }));
  const base = { reportId: draft.reportId, baseVersion: draft.version, sections, keyImages: [] };
  const { version } = await client.reports.saveDraft(base);
  reportId = draft.reportId;
  const { digest } = await client.reports.preview({ reportId });
  const { patientId } = draft;
  await client.reports.sign({ reportId, version, digest, patientId, studyUid, password });
  draftId = (await client.reports.startAddendum({ reportId })).reportId;
  origin = await listen();
}, 120_000);
afterAll(() => core?.close());

async function listen(): Promise<string> {
  const { settings } = await core.client.api.state();
  const state = await core.client.api.save({ settings: { ...settings, enabled: true, port: 0 } });
  expect(state).toMatchObject({ state: 'listening', failure: null });
  return `http://127.0.0.1:${state.port}`;
}

let made = 0;
async function newToken(...scopes: TokenScope[]): Promise<string> {
  made += 1;
  const { secret } = await core.client.api.createToken({ name: `token ${made}`, scopes, expiresAt: null });
  return secret;
}
const ask = (address: string, secret: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
  fetch(`${origin}${address}`, { ...init, headers: { authorization: `Bearer ${secret}`, ...init.headers } });
const codeOf = async (answer: Response) => [answer.status, ((await answer.json()) as { code?: string }).code];

describe('REST under /api/v1', { timeout: 60_000 }, () => {
  it('describes itself truly: a sound document, and answers that are as it says', async () => {
    const secret = await newToken(...tokenScopes);
    const document = await (await ask('/api/v1/openapi.json', secret)).json();
    const checked = await new Validator().validate(document);
    expect(checked.errors ?? '').toBe('');
    expect(checked.valid).toBe(true);
    type Operation = {
      'x-scope'?: TokenScope;
      responses: Record<string, { content?: Record<string, { schema: object }> }>;
    };
    const paths = (document as { paths: Record<string, Record<string, Operation>> }).paths;
    const values: Record<string, string> = { studyUid, seriesUid, sopUid, reportId, frames: '1' };
    let asked = 0;
    for (const [template, operations] of Object.entries(paths)) {
      const operation = operations['get'];
      if (!operation) continue;
      const address = template.replace(/\{(\w+)\}/g, (_whole, name: string) => values[name] ?? '');
      const answer = await ask(address, secret);
      expect([template, answer.status]).toEqual([template, 200]);
      const offered = Object.entries(operation.responses['200']?.content ?? {});
      const type = answer.headers.get('content-type') ?? '';
      const found = offered.find(([media]) => type.split(';')[0] === media.split(';')[0]);
      expect([template, type, found?.[0]]).toEqual([template, type, expect.any(String)]);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      if (/json/.test(type)) {
        // Read back from the document that was served, not from the schemas it was made of.
        const parsed = z.fromJSONSchema(found?.[1].schema as never).safeParse(await answer.json());
        expect([template, parsed.error?.issues ?? []]).toEqual([template, []]);
      } else expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(0);
      asked += 1;
      // Nobody gets it with every other scope.
      const scope = operation['x-scope'];
      if (scope) {
        const others = await newToken(...tokenScopes.filter((other) => other !== scope));
        expect([template, ...(await codeOf(await ask(address, others)))]).toEqual([template, 403, 'api.scopeMissing']);
      }
    }
    expect(asked).toBeGreaterThanOrEqual(30);
  });

  it('finds studies in pages, and shows what a window shows', async () => {
    const secret = await newToken('studies.read');
    const page = (await (await ask('/api/v1/studies?limit=1', secret)).json()) as { total: number; studies: object[] };
    expect(page).toMatchObject({ total: 1, offset: 0, limit: 1 });
    expect(page.studies[0]).toMatchObject({ studyUid, seriesCount: expect.any(Number), identityConflict: false });
    const none = await (await ask('/api/v1/studies?modality=XX', secret)).json();
    expect(none).toMatchObject({ total: 0, studies: [] });
    const study = (await (await ask(`/api/v1/studies/${studyUid}`, secret)).json()) as { series: object[] };
    expect(study.series.length).toBeGreaterThanOrEqual(2);
    for (const query of ['limit=0', 'limit=101', 'limit=1&limit=2', 'dateFrom=yesterday', 'unknown=1'])
      expect(await codeOf(await ask(`/api/v1/studies?${query}`, secret)), query).toEqual([400, 'system.invalidInput']);
    expect(await codeOf(await ask('/api/v1/studies/1.2.3.4', secret))).toEqual([404, 'imaging.studyUnknown']);
  });

  it('gives signed reports and their document, and never a draft', async () => {
    const secret = await newToken('reports.read');
    const list = (await (await ask(`/api/v1/studies/${studyUid}/reports`, secret)).json()) as { reports: object[] };
    expect(list.reports).toHaveLength(1);
    const report = await (await ask(`/api/v1/reports/${reportId}`, secret)).json();
    expect(report).toMatchObject({ reportId, studyUid, signedBy: expect.any(String) });
    expect(JSON.stringify(report)).toContain('Nothing abnormal.');
    const pdf = Buffer.from(await (await ask(`/api/v1/reports/${reportId}/pdf`, secret)).arrayBuffer());
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    for (const address of [`/api/v1/reports/${draftId}`, `/api/v1/reports/${draftId}/pdf`])
      expect(await codeOf(await ask(address, secret))).toEqual([404, 'reports.unknown']);
  });

  it('says in the audit which token looked at what, once for each study', async () => {
    const secret = await newToken('studies.read', 'studies.export', 'reports.read');
    const name = `token:token ${made}`;
    await ask('/api/v1/studies', secret);
    // By the contract a study that is opened leaves an entry each time; all else one in ten minutes.
    for (let again = 0; again < 2; again += 1) await ask(`/api/v1/studies/${studyUid}`, secret);
    const instance = `/dicomweb/studies/${studyUid}/series/${seriesUid}/instances/${sopUid}`;
    for (let again = 0; again < 4; again += 1) await (await ask(`${instance}/frames/1`, secret)).arrayBuffer();
    await (await ask(`/dicomweb/studies/${studyUid}/metadata`, secret)).arrayBuffer();
    for (const address of [`/dicomweb/studies/${studyUid}`, instance]) await (await ask(address, secret)).arrayBuffer();
    await (await ask(`/api/v1/reports/${reportId}`, secret)).json();
    await (await ask(`/api/v1/reports/${reportId}/pdf`, secret)).arrayBuffer();
    await (await ask('/api/v1/dicom/status', secret)).json();
    const entries = (await core.client.security.listAudit({ limit: 50 })).filter(
      ({ operatorName }) => operatorName === name,
    );
    expect(entries.map(({ action, outcome }) => `${action} ${outcome}`).reverse()).toEqual([
      'api.search success',
      'imaging.openStudy success',
      'imaging.openStudy success',
      'api.openStudy success',
      'api.takeStudy success',
      'reports.get success',
      'documents.open success',
      'api.enter refused',
    ]);
    expect(entries.find(({ action }) => action === 'api.openStudy')).toMatchObject({
      subjectType: 'study',
      subjectId: studyUid,
    });
  });

  it('lists no more of DICOMweb at once than leaves windows their time, and says that there is more', async () => {
    const secret = await newToken('studies.read');
    const answer = await ask('/dicomweb/instances?limit=5000', secret);
    expect(((await answer.json()) as object[]).length).toBeGreaterThanOrEqual(instances.length);
    expect((await ask('/dicomweb/instances?limit=x', secret)).status).toBe(400);
  });

  it('slows a token whose requests are each written into the audit', async () => {
    const secret = await newToken('studies.read', 'health');
    const statuses: number[] = [];
    for (let at = 0; at < 150 && !statuses.includes(429); at += 1)
      statuses.push((await ask(`/api/v1/studies/${studyUid}`, secret)).status);
    expect(statuses.slice(0, 50)).toEqual(Array.from({ length: 50 }, () => 200));
    expect(statuses.at(-1)).toBe(429);
    const waiting = await ask(`/dicomweb/studies/${studyUid}/metadata`, secret);
    expect([200, 429]).toContain(waiting.status);
    // What leaves none goes on.
    expect((await ask('/api/v1/health', secret)).status).toBe(200);
  });

  it('tells of its health, and to whoever has no token nothing but that', async () => {
    const secret = await newToken('health');
    expect(await (await ask('/api/v1/health', secret)).json()).toMatchObject({ status: 'ok', problems: [] });
    const bare = await fetch(`${origin}/api/v1/health`);
    expect([bare.status, await bare.json()]).toEqual([200, { status: 'ok' }]);
    const { settings } = await core.client.exchange.receiver();
    // A port that is in use: the receiver can't listen, and the archive says that it does not do all its work.
    const port = Number(new URL(origin).port);
    await core.client.exchange.saveReceiver({ settings: { ...settings, enabled: true, port } });
    const failing = await ask('/api/v1/health', secret);
    expect([failing.status, await failing.json()]).toMatchObject([
      503,
      { status: 'failing', problems: ['exchange.portTaken'], receiver: 'failed' },
    ]);
    expect((await fetch(`${origin}/api/v1/health`)).status).toBe(503);
    await core.client.exchange.saveReceiver({ settings });
    expect((await fetch(`${origin}/api/v1/health`)).status).toBe(200);
  });

  it('measures itself for Prometheus, without a word of a patient', async () => {
    await core.addWeb('the "other" \\ one', 'http://127.0.0.1:9/dicom-web');
    const secret = await newToken('metrics');
    const answer = await ask('/metrics', secret, { headers: { accept: 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1' } });
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await answer.text();
    const families = readExposition(text);
    expect(families.get('salus_store_instances')?.samples).toEqual([
      { suffix: '', labels: {}, value: expect.any(Number) },
    ]);
    const depth = families.get('salus_delivery_queue_depth')?.samples ?? [];
    expect(depth.map(({ labels }) => [labels['node'], labels['state']])).toEqual(
      ['queued', 'sending', 'sent'].map((state) => ['the "other" \\ one', state]),
    );
    for (const name of [
      'salus_associations_total',
      'salus_received_bytes_total',
      'salus_delivery_oldest_age_seconds',
      'salus_delivery_failures_total',
      'salus_refused_objects_total',
    ])
      expect([name, families.get(name) !== undefined]).toEqual([name, true]);
    for (const name of ['salus_association_duration_seconds', 'salus_rest_request_duration_seconds'])
      expect(families.get(name)?.type).toBe('histogram');
    const row = (await core.client.patients.list({ text: '', offset: 0, limit: 1 })).rows[0];
    expect(text).not.toContain(row?.displayName ?? 'nobody');
    expect(text).not.toContain(studyUid);
  });

  it('keeps a token across a restart of the listener, and forgets it when it is revoked', async () => {
    const secret = await newToken('studies.read');
    origin = await listen();
    expect((await ask('/api/v1/studies', secret)).status).toBe(200);
    const token = (await core.client.api.listTokens()).find(({ name }) => name === `token ${made}`);
    expect(token).toMatchObject({ lastUsedAt: expect.any(Number), revokedAt: null, createdBy: 'first' });
    expect(JSON.stringify(token)).not.toContain(secret.split('.')[1]);
    await core.client.api.revokeToken({ tokenId: token?.tokenId ?? '' });
    expect(await codeOf(await ask('/api/v1/studies', secret))).toEqual([401, 'security.notSignedIn']);
  });

  it('brings settings and tokens back with a rebuilt index, revoked ones revoked', { timeout: 90_000 }, async () => {
    const kept = await newToken('health');
    const gone = await newToken('health');
    const revoked = (await core.client.api.listTokens()).find(({ name }) => name === `token ${made}`);
    await core.client.api.revokeToken({ tokenId: revoked?.tokenId ?? '' });
    const before = await core.client.api.listTokens();
    expect((await core.ended((await core.client.storage.rebuildIndex()).jobId)).state).toBe('done');
    // The index is swapped after the job has ended.
    const stateNow = () => core.client.api.state().catch(() => undefined);
    await expect.poll(async () => (await stateNow())?.state, { timeout: 30_000 }).toBe('listening');
    const rebuilt = async () =>
      (await core.client.security.listAudit({ action: 'index.rebuilt', limit: 1 }))[0]?.outcome;
    await expect.poll(rebuilt, { timeout: 30_000 }).toBe('success');
    expect(await core.client.api.listTokens()).toEqual(before);
    origin = `http://127.0.0.1:${(await stateNow())?.port}`;
    expect((await ask('/api/v1/health', kept)).status).toBe(200);
    expect((await ask('/api/v1/health', gone)).status).toBe(401);
  });
});

describe('STOW-RS with a token', { timeout: 90_000 }, () => {
  beforeAll(async () => {
    const { settings } = await core.client.exchange.receiver();
    await core.client.exchange.saveReceiver({ settings: { ...settings, stow: true, leastFreeMib: 64 } });
  });

  it('stores what a program sends, as the token', async () => {
    const secret = await newToken('studies.import');
    const body = Buffer.concat([
      Buffer.from('--frontier\r\nContent-Type: application/dicom\r\n\r\n'),
      aSlice({ study: '1.2.50', sop: '1.2.50.1' }),
      Buffer.from('\r\n--frontier--\r\n'),
    ]);
    const headers = { 'content-type': 'multipart/related; type="application/dicom"; boundary=frontier' };
    const sent = await ask('/dicomweb/studies', secret, { method: 'POST', body, headers });
    expect(sent.status).toBe(200);
    expect(JSON.stringify(await sent.json())).toContain(`${origin}/dicomweb/studies/1.2.50`);
    const { rows } = await core.client.exchange.associations({ limit: 1 });
    expect(rows[0]).toMatchObject({ channel: 'stow', callingAe: `token:token ${made}`, objects: 1 });
    // It may bring, not look.
    expect(await codeOf(await ask('/dicomweb/studies', secret))).toEqual([403, 'api.scopeMissing']);
    const reader = await newToken('studies.read');
    expect(await codeOf(await ask('/dicomweb/studies', reader, { method: 'POST', body, headers }))).toEqual([
      403,
      'api.scopeMissing',
    ]);
  });

  it('is counted, as is what does not get away', async () => {
    const secret = await newToken('metrics', 'dicom.status');
    const figures = async () => readExposition(await (await ask('/metrics', secret)).text());
    const sampleOf = (families: Awaited<ReturnType<typeof figures>>, name: string, labels: Record<string, string>) =>
      families
        .get(name)
        ?.samples.find((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))?.value;
    const before = await figures();
    expect(sampleOf(before, 'salus_associations_total', { channel: 'stow', ending: 'released' })).toBeGreaterThan(0);
    expect(sampleOf(before, 'salus_received_objects_total', {})).toBeGreaterThan(0);
    expect(sampleOf(before, 'salus_received_bytes_total', {})).toBeGreaterThan(100);
    // A port where nothing listens.
    const node = await core.addWeb('nowhere', 'http://127.0.0.1:1/dicom-web');
    await core.client.exchange.send({ nodeId: node.nodeId, studyUid });
    const labels = { node: 'nowhere', node_id: node.nodeId };
    const failed = async () =>
      sampleOf(await figures(), 'salus_delivery_failures_total', { ...labels, reason: 'exchange.unreachable' });
    await expect.poll(failed, { timeout: 30_000 }).toBeGreaterThan(0);
    const after = await figures();
    const depths = ['queued', 'sending'].map((state) =>
      sampleOf(after, 'salus_delivery_queue_depth', { ...labels, state }),
    );
    expect(depths.reduce((sum = 0, depth = 0) => sum + depth, 0)).toBe(1);
    expect(sampleOf(after, 'salus_delivery_oldest_age_seconds', labels)).toBeGreaterThan(0);
    expect(sampleOf(after, 'salus_delivery_attempts_total', labels)).toBeGreaterThan(0);
    const status = (await (await ask('/api/v1/dicom/status', secret)).json()) as {
      nodes: { name: string; queue: object }[];
    };
    expect(status.nodes.find(({ name }) => name === 'nowhere')?.queue).toMatchObject({ oldestAt: expect.any(String) });
    expect(JSON.stringify(status)).not.toContain('127.0.0.1');
  });

  it.skipIf(!have('orthanc', 'orthanc-dicomweb'))(
    'takes a study from Orthanc, which holds the token (needs Orthanc)',
    async () => {
      const secret = await newToken('studies.import', 'studies.read', 'studies.export');
      const orthanc = await startOrthanc();
      try {
        const study = '1.2.60';
        for (let number = 1; number <= 6; number += 1) {
          const bytes = aSlice({ sop: `${study}.${number}`, study });
          const added = await fetch(`${orthanc.url}/instances`, { method: 'POST', body: new Uint8Array(bytes) });
          expect(added.status).toBe(200);
        }
        const put = await fetch(`${orthanc.dicomWebUrl}/servers/salus`, {
          method: 'PUT',
          body: JSON.stringify({ Url: `${origin}/dicomweb/`, HttpHeaders: { Authorization: `Bearer ${secret}` } }),
        });
        expect(put.status).toBe(200);
        const [id] = (await (await fetch(`${orthanc.url}/studies`)).json()) as string[];
        const sent = await fetch(`${orthanc.dicomWebUrl}/servers/salus/stow`, {
          method: 'POST',
          body: JSON.stringify({ Resources: [id], Synchronous: true }),
        });
        expect(sent.status, await sent.text()).toBe(200);
        const here = await ask(`/dicomweb/studies/${study}/instances`, secret);
        expect(await here.json()).toHaveLength(6);
        // And takes one from here: QIDO and WADO with the same token.
        const fetched = await fetch(`${orthanc.dicomWebUrl}/servers/salus/retrieve`, {
          method: 'POST',
          body: JSON.stringify({ Resources: [{ Study: studyUid }], Synchronous: true }),
        });
        expect(fetched.status, await fetched.text()).toBe(200);
        const all = (await (await fetch(`${orthanc.url}/instances`)).json()) as string[];
        // The report's objects are there as well, where they were made by now.
        expect(all.length).toBeGreaterThanOrEqual(6 + instances.length);
      } finally {
        await orthanc.stop();
      }
    },
  );
});
