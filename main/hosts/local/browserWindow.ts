import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, realpathSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { makeOwnedFolder, removeLeftFolders } from '../../platform/ownedFolder.ts';

const linuxNames = [
  'google-chrome-stable',
  'google-chrome',
  'microsoft-edge-stable',
  'microsoft-edge',
  'chromium',
  'chromium-browser',
];
const windowsPaths = [
  'Google\\Chrome\\Application\\chrome.exe',
  'Microsoft\\Edge\\Application\\msedge.exe',
  'Chromium\\Application\\chrome.exe',
];
const macPaths = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const profileKind = 'window';
const snapParent = path.join(os.homedir(), 'snap', 'chromium', 'common');
/** A program that ends sooner than this has opened no window. */
const startsWithinMs = 3000;

/** The first Chromium, Chrome or Edge of this machine, or undefined. */
export function findBrowser(
  environment: NodeJS.ProcessEnv = process.env,
  platform = process.platform,
): string | undefined {
  if (platform === 'win32') {
    const folders = ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].map((name) => environment[name] ?? '');
    return folders
      .filter((folder) => folder !== '')
      .flatMap((folder) => windowsPaths.map((program) => path.win32.join(folder, program)))
      .find((program) => existsSync(program));
  }
  const onPath = (environment['PATH'] ?? '').split(':').filter((folder) => path.isAbsolute(folder));
  const candidates = linuxNames.flatMap((name) => onPath.map((folder) => path.join(folder, name)));
  return [...(platform === 'darwin' ? macPaths : []), ...candidates].find(isProgram);
}

/** Why no window can be opened here, in words, or undefined when one can. */
export function whyNoWindow(
  environment: NodeJS.ProcessEnv = process.env,
  platform = process.platform,
  userId = process.getuid?.(),
): string | undefined {
  if (userId === 0) return 'this is the root user, and a browser window without its sandbox is not an option';
  const needsDisplay = platform !== 'win32' && platform !== 'darwin';
  if (needsDisplay && !environment['DISPLAY'] && !environment['WAYLAND_DISPLAY']) return 'there is no display';
  if (!findBrowser(environment, platform)) return 'no Chromium, Chrome or Edge was found';
  return undefined;
}

export interface BrowserWindow {
  /** Resolves when the window is closed; false when it never opened. */
  readonly closed: Promise<boolean>;
  close(): void;
}

/**
 * Opens the address as an application window with a profile of its own, made for this window and removed after it:
 * nothing is cached on the disk, reported or synchronised, and the sandbox stays on.
 *
 * @param address one-time; it is seen in the browser's process arguments, so it must be of short life
 */
export function openBrowserWindow(program: string, address: string): BrowserWindow {
  const profile = makeOwnedFolder(profileParent(program), profileKind);
  const startedAt = Date.now();
  const browser: ChildProcess = spawn(program, browserArguments(address, profile), { stdio: 'ignore' });
  const removeProfile = () => rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  const closed = new Promise<boolean>((resolve) => {
    browser.once('error', () => resolve(false));
    browser.once('exit', (code) => resolve(code === 0 || Date.now() - startedAt > startsWithinMs));
  }).finally(removeProfile);
  return { closed, close: () => void browser.kill() };
}

/** The arguments for a window that leaves nothing behind. */
export function browserArguments(address: string, profile: string): string[] {
  return [
    `--app=${address}`,
    `--user-data-dir=${profile}`,
    '--incognito',
    `--disk-cache-dir=${path.join(profile, 'none')}`,
    '--disk-cache-size=1',
    '--media-cache-size=1',
    '--disable-gpu-shader-disk-cache',
    '--no-first-run',
    '--no-default-browser-check',
    '--disable-default-apps',
    '--disable-extensions',
    '--disable-sync',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-domain-reliability',
    '--disable-breakpad',
    '--disable-crash-reporter',
    '--metrics-recording-only',
    '--no-pings',
    '--no-service-autorun',
    '--password-store=basic',
    '--disable-features=Translate,OptimizationHints,MediaRouter,AutofillServerCommunication,InterestFeedContentSuggestions,CertificateTransparencyComponentUpdater',
    '--window-size=1440,900',
  ];
}

/** Removes profiles that a killed host has left behind. */
export function removeLeftProfiles(): void {
  for (const parent of [os.tmpdir(), snapParent]) removeLeftFolders(parent, profileKind);
}

/** A Chromium from a snap sees neither hidden folders nor the machine's temporary folder. */
function profileParent(program: string): string {
  const isSnap = realpathSync(program).startsWith('/snap/') || program.startsWith('/snap/');
  return isSnap && existsSync(snapParent) ? snapParent : os.tmpdir();
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
