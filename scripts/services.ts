/** What tests and benches need of other programs: whether they are here, and real servers that stop when asked. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findChromium as findChromiumProgram, findProgram, type Peer, peers } from './peers.mjs';

export type { Peer } from './peers.mjs';

/** True when every one of the peers is on this machine: `describe.skipIf(!have('dcmtk'))('… (needs DCMTK)', …)`. */
export function have(...names: Peer[]): boolean {
  return names.every((name) => peers[name].find() !== undefined);
}

/**
 * Absolute path of a browser of the Chromium family, for Playwright's `executablePath`.
 * @throws Error when there is none: guard the suite with `have('chromium')`.
 */
export function findChromium(): string {
  const found = findChromiumProgram();
  if (!found) throw new Error('no Chromium, Chrome or Edge on this machine (set SALUS_CHROMIUM to name one)');
  return found;
}

/**
 * Absolute path of a peer's program, such as `dcmdump`.
 * @throws Error when it isn't installed.
 */
export function programOf(name: string): string {
  const found = findProgram(name);
  if (!found) throw new Error(`${name} is not on this machine`);
  return found;
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

export interface Orthanc {
  /** REST root without a final slash: `http://127.0.0.1:PORT`. */
  url: string;
  /** DICOMweb root without a final slash. */
  dicomWebUrl: string;
  httpPort: number;
  /** Port of its DICOM listener, or undefined when it was started without one. */
  dicomPort: number | undefined;
  aeTitle: string;
  /** Headers every request needs: empty, or the basic authorization asked for. */
  headers: Record<string, string>;
  /** Kills it and removes its files. */
  stop(): Promise<void>;
}

export interface OrthancOptions {
  /** Also listens for DICOM associations. Off by default: Orthanc 1.10 can't keep that listener to loopback. */
  dicom?: boolean;
  /** Asks this name and password of every request; without it, requests from this machine need none. */
  credentials?: { name: string; password: string };
  /** More of Orthanc's own configuration, over ours. */
  configuration?: Record<string, unknown>;
}

/**
 * Starts a real Orthanc with DICOMweb, its files in a temporary folder and its HTTP open to this machine alone.
 * TCP_NODELAY is set: without it each request to Orthanc waits 40 ms for a delayed acknowledgement.
 * @throws Error with its log when it doesn't answer within 30 s.
 */
export async function startOrthanc(options: OrthancOptions = {}): Promise<Orthanc> {
  const program = programOf('Orthanc');
  const plugin = peers['orthanc-dicomweb'].find();
  const folder = await mkdtemp(path.join(tmpdir(), 'salus-orthanc-'));
  const httpPort = await findFreePort();
  const dicomPort = options.dicom ? await findFreePort() : undefined;
  const { credentials } = options;
  const configuration = {
    Name: 'SALUSPEER',
    StorageDirectory: path.join(folder, 'storage'),
    IndexDirectory: path.join(folder, 'index'),
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: credentials !== undefined,
    RegisteredUsers: credentials ? { [credentials.name]: credentials.password } : {},
    DicomServerEnabled: dicomPort !== undefined,
    DicomPort: dicomPort ?? 4242,
    DicomAet: 'SALUSPEER',
    DicomAlwaysAllowStore: true,
    Plugins: plugin ? [plugin] : [],
    DicomWeb: { Enable: true, Root: '/dicom-web/', EnableWado: true, StudiesMetadata: 'Full', SeriesMetadata: 'Full' },
    HttpThreadsCount: 8,
    StableAge: 1,
    OverwriteInstances: false,
    ...options.configuration,
  };
  const configurationFile = path.join(folder, 'orthanc.json');
  await writeFile(configurationFile, JSON.stringify(configuration, null, 2));
  const child = spawn(program, [configurationFile], {
    cwd: folder,
    env: { ...process.env, TCP_NODELAY: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // A test run that is cut short must not leave a server behind.
  const killNow = () => void child.kill('SIGKILL');
  process.once('exit', killNow);
  const log = keepTail(child);
  const url = `http://127.0.0.1:${httpPort}`;
  const headers: Record<string, string> = credentials
    ? { authorization: `Basic ${Buffer.from(`${credentials.name}:${credentials.password}`).toString('base64')}` }
    : {};
  const stop = async () => {
    await end(child);
    process.off('exit', killNow);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answers(`${url}/system`, headers, child);
  } catch (problem) {
    await stop();
    throw new Error(`Orthanc did not start: ${problem instanceof Error ? problem.message : problem}\n${log()}`);
  }
  return { url, dicomWebUrl: `${url}/dicom-web`, httpPort, dicomPort, aeTitle: 'SALUSPEER', headers, stop };
}

/** Waits until `url` answers 200, at most 30 s, or until the process ended. */
async function answers(url: string, headers: Record<string, string>, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 30_000;
  let last = 'no answer';
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    try {
      const response = await fetch(url, { headers, signal: AbortSignal.timeout(2_000) });
      await response.arrayBuffer();
      if (response.ok) return;
      last = `HTTP ${response.status}`;
    } catch (problem) {
      last = problem instanceof Error ? problem.message : String(problem);
    }
    await sleep(50);
  }
  throw new Error(last);
}

/** Asks a process to end, then kills it after 5 s; resolves when it is gone. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(late);
}

/** The last 8,000 characters a process has said. */
function keepTail(child: ChildProcess): () => string {
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-8_000);
    });
  }
  return () => tail;
}
