import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCredentialDirectory } from './credentialDirectory.ts';
import { openJsonLog } from './jsonLog.ts';
import { makeSampleHome } from './ownedFolder.ts';
import type { Clock, Log, Platform } from './platform.ts';
import { openSecretService } from './secretService.ts';

export interface NodePlatformOptions {
  readonly host: Platform['host'];
  /** Folder of the store; the user's own data folder when left out. */
  readonly home?: string;
  /** A throw-away store in a folder of its own; `home` is not touched. */
  readonly sample?: boolean;
  readonly backgroundWork?: boolean;
  /** A log in `<home>/logs` when left out. */
  readonly log?: Log;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/** The platform of every process that is plain Node: local host, command line, tests. */
export function makeNodePlatform(options: NodePlatformOptions): Platform {
  const root = findProgramRoot();
  const home = options.sample ? makeSampleHome() : path.resolve(options.home ?? defaultHome());
  const samples = path.join(root, 'dist', 'samples');
  return {
    host: options.host,
    home,
    sample: options.sample ?? false,
    backgroundWork: options.backgroundWork ?? true,
    clock: systemClock,
    log: options.log ?? openJsonLog(path.join(home, 'logs'), systemClock),
    randomBytes: (count) => randomBytes(count),
    secretStores: process.platform === 'linux' ? [openCredentialDirectory(home), openSecretService()] : [],
    resourcesDirectory: path.join(root, 'resources'),
    samplesDirectory: existsSync(samples) ? samples : null,
  };
}

/** `~/.local/share/salus` (or under XDG_DATA_HOME), `%APPDATA%\Salus`, `~/Library/Application Support/Salus`. */
export function defaultHome(
  platform: NodeJS.Platform = process.platform,
  environment: NodeJS.ProcessEnv = process.env,
  userHome = os.homedir(),
): string {
  if (platform === 'win32') {
    return path.join(environment['APPDATA'] || path.join(userHome, 'AppData', 'Roaming'), 'Salus');
  }
  if (platform === 'darwin') return path.join(userHome, 'Library', 'Application Support', 'Salus');
  const dataHome = environment['XDG_DATA_HOME'];
  return path.join(dataHome && path.isAbsolute(dataHome) ? dataHome : path.join(userHome, '.local', 'share'), 'salus');
}

/** The folder with `resources/` and `dist/`: the nearest one above this code that holds a package.json. */
export function findProgramRoot(): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'package.json'))) return folder;
    if (folder === path.dirname(folder)) throw new Error('The folder of the program was not found.');
  }
}
