/** What tests and benches need of other programs: whether they are here, and real servers that stop when asked. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findChromium as findChromiumProgram, type Peer, peers } from './peers.mjs';
import { end, keepTail, killGroup, listens, programOf } from './processes.ts';

export type { Peer } from './peers.mjs';
export { programOf } from './processes.ts';
export { type Certificates, type Identity, makeCertificates } from './testCertificates.ts';

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

/** A DICOM listener of DCMTK, open on all addresses of this machine (its programs know no other way). */
export interface DicomServer {
  /** Name or address to dial: DCMTK's certificates and host tables take the name. */
  readonly host: 'localhost';
  readonly port: number;
  readonly aeTitle: string;
  /** Where it keeps what it received or answers from; removed by `stop`. */
  readonly folder: string;
  /** The last it has said. */
  log(): string;
  stop(): Promise<void>;
}

/** Files in PEM: what a server shows, and whom it trusts. */
export interface ServerTls {
  readonly key: string;
  readonly certificate: string;
  /** Asks a client for a certificate that this authority signed; without it any client may come. */
  readonly clientCa?: string;
}

export interface DicomServerOptions {
  readonly aeTitle?: string;
  readonly tls?: ServerTls;
  /** More arguments of the program, such as `--abort-during` or `+xa`. */
  readonly arguments?: readonly string[];
}

/** Starts DCMTK's storescp; what it receives lies in `folder`. It answers to any called title. */
export function startStorescp(options: DicomServerOptions = {}): Promise<DicomServer> {
  const aeTitle = options.aeTitle ?? 'STORESCP';
  return startDicomServer('storescp', aeTitle, async (folder) => [
    ...(options.tls ? tlsArguments(options.tls) : []),
    ...['-dhl', '-aet', aeTitle, '-od', folder],
    ...(options.arguments ?? []),
  ]);
}

/**
 * Starts DCMTK's dcmqrscp: an archive that stores, and answers C-FIND, C-GET and C-MOVE.
 * @param options.destinations whom a C-MOVE may send to, by title; all on this machine.
 */
export function startDcmqrscp(
  options: DicomServerOptions & { readonly destinations?: readonly { aeTitle: string; port: number }[] } = {},
): Promise<DicomServer> {
  const aeTitle = options.aeTitle ?? 'DCMQRSCP';
  return startDicomServer('dcmqrscp', aeTitle, async (folder) => {
    const area = path.join(folder, 'area');
    await mkdir(area);
    const hosts = (options.destinations ?? []).map(
      (destination, index) => `destination${index} = (${destination.aeTitle}, localhost, ${destination.port})`,
    );
    const lines = [
      'NetworkTCPPort = 104',
      'MaxPDUSize = 131072',
      'MaxAssociations = 16',
      ...['HostTable BEGIN', ...hosts, 'HostTable END'],
      ...['VendorTable BEGIN', 'VendorTable END'],
      ...['AETable BEGIN', `${aeTitle} ${area} RW (1000, 4096mb) ANY`, 'AETable END'],
    ];
    const file = path.join(folder, 'dcmqrscp.cfg');
    await writeFile(file, `${lines.join('\n')}\n`);
    return ['-c', file, '-dhl', ...(options.tls ? tlsArguments(options.tls) : []), ...(options.arguments ?? [])];
  });
}

/**
 * Starts DCMTK's wlmscpfs, a modality worklist.
 * @param options.worklist files (Part 10, or data sets as dump2dcm writes them) that it answers from, copied as `.wl`
 */
export function startWlmscpfs(
  options: Omit<DicomServerOptions, 'tls'> & { readonly worklist?: readonly string[] } = {},
): Promise<DicomServer> {
  const aeTitle = options.aeTitle ?? 'WORKLIST';
  return startDicomServer('wlmscpfs', aeTitle, async (folder) => {
    const area = path.join(folder, aeTitle);
    await mkdir(area);
    await writeFile(path.join(area, 'lockfile'), '');
    await Promise.all((options.worklist ?? []).map((file, index) => cp(file, path.join(area, `${index}.wl`))));
    return ['-dhl', '-dfp', folder, '-csk', ...(options.arguments ?? [])];
  });
}

function tlsArguments(tls: ServerTls): string[] {
  return ['+tls', tls.key, tls.certificate, ...(tls.clientCa ? ['+cf', tls.clientCa, '-rc'] : ['-ic'])];
}

/** Starts a program of DCMTK with its folder and port, in a process group of its own: some fork for each association. */
async function startDicomServer(
  name: string,
  aeTitle: string,
  prepare: (folder: string) => Promise<string[]>,
): Promise<DicomServer> {
  const program = programOf(name);
  const folder = await mkdtemp(path.join(tmpdir(), `salus-${name}-`));
  const port = await findFreePort();
  const child = spawn(program, [...(await prepare(folder)), String(port)], {
    cwd: folder,
    // Without it each small answer waits 40 ms for a delayed acknowledgement.
    env: { ...process.env, TCP_NODELAY: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  });
  const killNow = () => killGroup(child, 'SIGKILL');
  process.once('exit', killNow);
  const log = keepTail(child);
  const stop = async () => {
    killNow();
    await end(child);
    process.off('exit', killNow);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await listens(port, child);
  } catch (problem) {
    await stop();
    throw new Error(`${name} did not start: ${problem instanceof Error ? problem.message : problem}\n${log()}`);
  }
  return { host: 'localhost', port, aeTitle, folder, log, stop };
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
