import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Job } from '../../../app/domains/jobs/jobContract.ts';
import { maxFrameLength } from '../../../app/shared/channel.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { askForAddress } from '../../../main/hosts/cli/coreAccess.ts';
import { readEndpoint } from '../../../main/hosts/local/endpointFile.ts';
import { bearerProtocol, protocolName } from '../../../main/hosts/local/localServer.ts';
import { type CoreClient, openChannelClient } from '../../../main/kernel/channelClient.ts';
import { webSocketChannel } from '../../../main/kernel/transports.ts';

export const root = path.join(import.meta.dirname, '..', '..', '..');
const program = path.join(root, 'dist', 'main', 'local.mjs');
const commandLine = path.join(root, 'dist', 'main', 'cli.mjs');

/** A run that has just built says so and saves the look at every input. */
let isBuilt = process.env['SALUS_BUILT'] === '1';

/** Builds what changed since the last build, in a process of its own; a test runs what a person would run. */
export function ensureBuilt(): void {
  if (isBuilt) return;
  const ended = spawnSync(process.execPath, [path.join(root, 'scripts', 'build.mjs')], { encoding: 'utf8' });
  if (ended.status !== 0) throw new Error(`the build failed:\n${(ended.stdout + ended.stderr).slice(-2000)}`);
  isBuilt = true;
}

export interface HostOptions {
  /** The store's folder; a fresh temporary one when absent, which nobody removes. */
  readonly home?: string;
  /** A throw-away store of the sample studies, in a folder of the host's own. */
  readonly sample?: boolean;
  /** More environment, for instance a TMPDIR of its own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A window's worth of access to a running host, without a window. */
export interface HostClient {
  readonly client: CoreClient;
  /** Fetches an asset with the bearer. Never throws for a status. */
  fetchAsset(path: string, init?: RequestInit): Promise<Response>;
  close(): void;
}

/** A real local host in a process of its own. */
export interface RunningHost {
  readonly pid: number;
  readonly home: string;
  readonly origin: string;
  /** Its first one-time address. */
  readonly address: string;
  /** Another one-time address. Not for a sample host, which has no endpoint file. */
  newAddress(): Promise<string>;
  connect(address?: string): Promise<HostClient>;
  /** What it has written to stdout and stderr. */
  output(): string;
  /** Ends it as a person would. */
  stop(): Promise<void>;
  /** Ends it as a power cut would, as far as a process can: SIGKILL. */
  kill(): Promise<void>;
}

/**
 * Starts the built local host on 127.0.0.1 and waits until it serves.
 *
 * @throws Error with what it said when it does not serve within 30 s
 */
export async function startHost(options: HostOptions = {}): Promise<RunningHost> {
  ensureBuilt();
  const where = options.sample
    ? ['--sample']
    : ['--home', options.home ?? (await mkdtemp(path.join(tmpdir(), 'salus-e2e-home-')))];
  const args = [program, '--no-open', '--json', ...where];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killNow = () => void child.kill('SIGKILL');
  process.once('exit', killNow);
  const output = keepOutput(child);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const said = await firstLine(child, output);
  const { address, port, home: usedHome } = JSON.parse(said) as { address: string; port: number; home: string };
  const origin = `http://127.0.0.1:${port}`;
  const clients = new Set<HostClient>();
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await gone;
      clearTimeout(late);
    }
    process.off('exit', killNow);
    for (const each of clients) each.close();
  };
  const host: RunningHost = {
    pid: child.pid as number,
    home: usedHome,
    origin,
    address,
    async newAddress() {
      const endpoint = readEndpoint(usedHome);
      const fresh = endpoint ? await askForAddress(endpoint) : undefined;
      if (!fresh) throw new Error(`the host gives no address:\n${output()}`);
      return fresh;
    },
    async connect(given) {
      const opened = await openClient(given ?? (await host.newAddress()));
      clients.add(opened);
      return opened;
    },
    output,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
  return host;
}

async function openClient(address: string): Promise<HostClient> {
  const { origin, hash } = new URL(address);
  const exchange = await fetch(`${origin}/session/exchange`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: hash.replace('#token=', '') }),
  });
  const { bearer } = (await exchange.json()) as { bearer: string };
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/rpc`, [protocolName, `${bearerProtocol}${bearer}`], {
    maxPayload: maxFrameLength,
    perMessageDeflate: false,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => socket.terminate());
  return {
    client: openChannelClient(webSocketChannel(socket)),
    fetchAsset: (assetPath, init = {}) =>
      fetch(`${origin}${assetPath}`, {
        ...init,
        headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${bearer}` },
      }),
    close: () => socket.terminate(),
  };
}

/** Follows a job to its end by asking. @throws Error when it has not ended within `timeoutMs` */
export async function waitForJob(client: CoreClient, jobId: string, timeoutMs = 120_000): Promise<Job> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const job = await client.jobs.get({ jobId });
    if (job.endedAt !== null) return job;
    if (Date.now() > deadline) throw new Error(`job ${job.kind} is still ${job.state} after ${timeoutMs} ms`);
    await sleep(40);
  }
}

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line to its end. */
export function runSalus(args: readonly string[], password?: string): CommandResult {
  ensureBuilt();
  const env = { ...process.env, ...(password === undefined ? {} : { SALUS_PASSWORD: password }) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [commandLine, ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 300_000,
  });
  return { status, stdout, stderr };
}

/** Runs the command line with --json and gives its one document. @throws Error when it did not end with 0 */
export function askSalus<Document>(args: readonly string[], password?: string): Document {
  const { status, stdout, stderr } = runSalus([...args, '--json'], password);
  if (status !== 0) throw new Error(`salus ${args[0]} ended with ${status}: ${stderr.slice(-2000)}`);
  return JSON.parse(stdout) as Document;
}

/** A folder of this test's own and the way to remove it. */
export async function makeFolder(name: string): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), `salus-${name}-`));
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }) };
}

/** The code of a refused call. @throws what was not a Failure, and Error when it was not refused */
export async function codeOfRefusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
  throw new Error('the call was not refused');
}

/** The samples that the build has made, each study in a folder. */
export function samplesFolder(): string {
  ensureBuilt();
  const folder = path.join(root, 'dist', 'samples');
  if (!existsSync(folder)) throw new Error('the build has made no sample studies');
  return folder;
}

/** The public test objects beside the repository, or undefined where they are not. */
export function sharedSamples(name: string): string | undefined {
  const folder = path.join(root, '..', 'shared', 'dicom-samples', name);
  return existsSync(folder) ? folder : undefined;
}

function keepOutput(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-20_000);
    });
  }
  return () => text;
}

/** The line of JSON that says the host serves. */
function firstLine(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`the host ${why}:\n${output()}`));
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      fail('did not serve within 30 s');
    }, 30_000);
    child.once('exit', (code) => {
      clearTimeout(late);
      fail(`ended with ${code}`);
    });
    child.stdout?.on('data', () => {
      const line = output()
        .split('\n')
        .find((each) => each.startsWith('{"address"') && each.endsWith('}'));
      if (line === undefined) return;
      clearTimeout(late);
      resolve(line);
    });
  });
}
