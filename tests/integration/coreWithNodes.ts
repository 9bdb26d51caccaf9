import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExchangeNode, FindEvent, FindQuery, NodeUse } from '../../app/domains/exchange/exchangeSchema.ts';
import type { Job } from '../../app/domains/jobs/jobContract.ts';
import type { SyntheticInstance } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import type { CoreClient } from '../../main/kernel/channelClient.ts';
import { type Orthanc, programOf } from '../../scripts/services.ts';
import { makeOperators, openTestCore, signIn, type TestCore } from '../contract/openTestCore.ts';

export type FoundRows = Extract<FindEvent, { type: 'found' }>['rows'];
export type FindEnds = Extract<FindEvent, { type: 'ended' }>[];

/** A whole core with its first operator signed in, and the ways to add other systems to it. */
export interface CoreWithNodes {
  readonly test: TestCore;
  readonly client: CoreClient;
  addDimse(
    name: string,
    peer: { readonly host: string; readonly port: number; readonly aeTitle: string },
    use?: Partial<NodeUse>,
  ): Promise<ExchangeNode>;
  addWeb(name: string, baseUrl: string, use?: Partial<NodeUse>): Promise<ExchangeNode>;
  find(
    nodes: readonly ExchangeNode[],
    query: Partial<FindQuery>,
    limit?: number,
  ): Promise<{ rows: FoundRows; ends: FindEnds }>;
  import(instances: readonly SyntheticInstance[]): Promise<void>;
  /** Starts a fetch and waits for its end. */
  fetch(node: ExchangeNode, studyUid: string, seriesUids?: readonly string[]): Promise<Job>;
  ended(jobId: string): Promise<Job>;
  close(): Promise<void>;
}

/** @param home of a store that is there already: opened again, and what a restart cut off goes on */
export async function openCoreWithNodes(home?: string): Promise<CoreWithNodes> {
  const test = await openTestCore(home);
  const { client } = await test.connect.WebSocket();
  if (home === undefined || (await client.system.status()).phase === 'empty') await makeOperators(client);
  await signIn(client, 'first');
  const uses = { send: true, search: true, receive: true };
  const add = (name: string, settings: Parameters<typeof client.exchange.saveNode>[0]['settings'], use = {}) =>
    client.exchange.saveNode({
      nodeId: null,
      baseVersion: null,
      name,
      settings,
      use: { ...uses, ...use },
      secrets: {},
    });
  const ended = async (jobId: string): Promise<Job> => {
    for await (const job of await client.jobs.watch({ jobId })) if (job.endedAt !== null) return job;
    return client.jobs.get({ jobId });
  };
  return {
    test,
    client,
    addDimse: (name, { host, port, aeTitle }, use) =>
      add(name, { kind: 'dimse', host, port, aeTitle, tls: { enabled: false } }, use),
    addWeb: (name, baseUrl, use) => add(name, { kind: 'dicomweb', baseUrl, auth: { method: 'none' }, tls: {} }, use),
    async find(nodes, query, limit = 500) {
      const rows: FoundRows = [];
      const ends: FindEnds = [];
      const nodeIds = nodes.map(({ nodeId }) => nodeId);
      for await (const event of await client.exchange.find({ nodeIds, query: { level: 'STUDY', ...query }, limit })) {
        if (event.type === 'found') rows.push(...event.rows);
        else ends.push(event);
      }
      return { rows, ends };
    },
    async import(instances) {
      const folder = writeInstances(instances);
      const job = await ended((await client.imaging.importPaths({ paths: [folder] })).jobId);
      rmSync(folder, { recursive: true, force: true });
      if (job.state !== 'done') throw new Error(`the import ended ${job.state}`);
    },
    async fetch(node, studyUid, seriesUids = []) {
      const { jobId } = await client.exchange.fetch({ nodeId: node.nodeId, studyUid, seriesUids: [...seriesUids] });
      return ended(jobId);
    },
    ended,
    close: () => test.close(),
  };
}

/** Writes instances as files; the folder is the caller's to remove. */
export function writeInstances(instances: readonly SyntheticInstance[]): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'salus-instances-'));
  for (const { relativePath, bytes } of instances) {
    const file = path.join(folder, relativePath);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  return folder;
}

/** Sends instances with DCMTK's storescu. */
export async function storeWithDcmtk(
  peer: { readonly host: string; readonly port: number; readonly aeTitle: string },
  instances: readonly SyntheticInstance[],
  callingAe = 'STORESCU',
): Promise<void> {
  const folder = writeInstances(instances);
  try {
    await runProgram('storescu', [
      ...['-aet', callingAe, '-aec', peer.aeTitle, '+sd', '+r', peer.host, String(peer.port), folder],
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Puts instances into an Orthanc over its own REST. */
export async function putIntoOrthanc(orthanc: Orthanc, instances: readonly SyntheticInstance[]): Promise<void> {
  for (const { bytes } of instances) {
    const answer = await fetch(`${orthanc.url}/instances`, {
      method: 'POST',
      headers: { ...orthanc.headers, 'content-type': 'application/dicom' },
      body: new Uint8Array(bytes),
    });
    if (!answer.ok) throw new Error(`Orthanc answered ${answer.status}`);
    await answer.arrayBuffer();
  }
}

/** Runs a program to its end. @throws Error with what it said when it fails */
export function runProgram(name: string, given: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(programOf(name), [...given], {
      env: { ...process.env, TCP_NODELAY: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(said) : reject(new Error(`${name} ended with ${code}: ${said}`)),
    );
  });
}
