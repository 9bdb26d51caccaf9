import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import type { Job } from '../../app/domains/jobs/jobContract.ts';
import { maxFrameLength } from '../../app/shared/channel.ts';
import { askForAddress } from '../../main/hosts/cli/coreAccess.ts';
import { readEndpoint } from '../../main/hosts/local/endpointFile.ts';
import { bearerProtocol, protocolName } from '../../main/hosts/local/localServer.ts';
import { type CoreClient, openChannelClient } from '../../main/kernel/channelClient.ts';
import { webSocketChannel } from '../../main/kernel/transports.ts';
import type { ProbeReading } from './hostProbe.ts';

export const operatorName = 'bench';
export const password = 'correct horse battery 1';
const root = path.join(import.meta.dirname, '..', '..');

/** The built local host in a process of its own, as `npm start` starts it, and a client over its WebSocket. */
export interface BenchHost {
  readonly home: string;
  readonly origin: string;
  readonly pid: number;
  readonly bearer: string;
  readonly client: CoreClient;
  /** From the start of the process to its address, seconds. */
  readonly startSeconds: number;
  newAddress(): Promise<string>;
  /** Memory and event-loop delay since the last reset. */
  probe(): Promise<ProbeReading>;
  resetProbe(): void;
  /** Imports by path and waits for the job's end. */
  importPaths(paths: readonly string[], onProgress?: (job: Job) => void): Promise<Job>;
  stop(): Promise<void>;
}

export function makeTemporaryHome(): string {
  return mkdtempSync(path.join(os.tmpdir(), 'salus-bench-home-'));
}

/** Starts the host on a store; a new store (no `home`) is set up and removed at the end, and the operator is signed in. */
export async function startBenchHost(options: { home?: string; signIn?: boolean } = {}): Promise<BenchHost> {
  const home = options.home ?? makeTemporaryHome();
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [
      '--import',
      path.join(import.meta.dirname, 'hostProbe.ts'),
      path.join(root, 'dist', 'main', 'local.mjs'),
      '--no-open',
      '--json',
      '--home',
      home,
    ],
    { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
  );
  const killNow = () => void child.kill('SIGKILL');
  process.once('exit', killNow);
  const { address } = await firstLine<{ address: string }>(child);
  const startSeconds = (performance.now() - began) / 1000;
  const { origin, hash } = new URL(address);
  const bearer = await exchange(origin, hash);
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/rpc`, [protocolName, `${bearerProtocol}${bearer}`], {
    maxPayload: maxFrameLength,
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const client = openChannelClient(webSocketChannel(socket));
  if (!existsSync(path.join(home, 'keyring.json'))) {
    await client.security.setUp({ operatorName, fullName: 'Bench', password, language: 'en', siteName: '' });
  } else if (options.signIn ?? true) await client.security.signIn({ operatorName, password });

  return {
    home,
    origin,
    pid: child.pid as number,
    bearer,
    client,
    startSeconds,
    async newAddress() {
      const endpoint = readEndpoint(home);
      const address = endpoint ? await askForAddress(endpoint) : undefined;
      if (!address) throw new Error('the host gives no address');
      return address;
    },
    probe() {
      return new Promise((resolve) => {
        child.once('message', (reading) => resolve(reading as ProbeReading));
        child.send('read');
      });
    },
    resetProbe: () => void child.send('reset'),
    async importPaths(paths, onProgress) {
      const { jobId } = await client.imaging.importPaths({ paths: [...paths] });
      let newest: Job | undefined;
      for await (const job of await client.jobs.watch({ jobId })) {
        newest = job;
        onProgress?.(job);
      }
      if (newest?.state !== 'done') throw new Error(`the import ended as ${newest?.state}: ${newest?.failure}`);
      return newest;
    },
    async stop() {
      socket.terminate();
      if (child.exitCode === null) {
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await gone;
      }
      process.off('exit', killNow);
      if (options.home === undefined) rmSync(home, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

async function exchange(origin: string, hash: string): Promise<string> {
  const response = await fetch(`${origin}/session/exchange`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: hash.replace('#token=', '') }),
  });
  return ((await response.json()) as { bearer: string }).bearer;
}

function firstLine<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the host ended with ${code}`)));
    createInterface({ input: child.stdout! }).once('line', (line) => resolve(JSON.parse(line) as T));
  });
}
