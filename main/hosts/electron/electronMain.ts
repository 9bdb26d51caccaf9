import '../../platform/threadPool.ts';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import * as electron from 'electron';
import { makeNodePlatform } from '../../platform/nodePlatform.ts';
import { makeOwnedFolder, removeLeftFolders } from '../../platform/ownedFolder.ts';
import type { Platform } from '../../platform/platform.ts';
import { startCore } from '../../startCore.ts';
import { removeEndpoint, writeEndpoint } from '../local/endpointFile.ts';
import { startLocalServer } from '../local/localServer.ts';
import { browserLine, type HostedCore, programPaths, startElectronHost } from './electronHost.ts';
import { openSafeStorage } from './safeStorageSecrets.ts';

// Chromium's own switches come on the same line: what isn't ours is left to it.
const { values } = parseArgs({
  args: process.argv.slice(electron.app.isPackaged ? 1 : 2),
  strict: false,
  options: { home: { type: 'string' }, sample: { type: 'boolean' } },
});
const sample = values.sample === true;
const given = makeNodePlatform({
  host: 'electron',
  sample,
  ...(typeof values.home === 'string' && values.home !== '' ? { home: values.home } : {}),
});
const paths = programPaths(electron.app, process.resourcesPath);
const hosted: Platform = {
  ...given,
  secretStores: [openSafeStorage(electron.safeStorage, given.home, given.log), ...given.secretStores],
};
const platform: Platform = electron.app.isPackaged
  ? { ...hosted, resourcesDirectory: paths.resourcesDirectory, samplesDirectory: paths.samplesDirectory }
  : hosted;

// One instance per store, and Chromium's own files (none of them about patients) beside it. Electron's default folder
// would be the store's own on Windows and macOS.
const profile = sample ? makeOwnedFolder(tmpdir(), 'window') : path.join(platform.home, 'window');
if (sample) removeLeftFolders(tmpdir(), 'window');
mkdirSync(profile, { recursive: true, mode: 0o700 });
electron.app.setPath('userData', profile);
electron.app.setPath('sessionData', profile);
if (sample) process.once('exit', () => rmSync(profile, { recursive: true, force: true, maxRetries: 3 }));

startElectronHost({
  electron,
  pageDirectory: paths.pageDirectory,
  preloadFile: paths.preloadFile,
  logError: (message, error) => platform.log.error(message, error),
  startCore: async (): Promise<HostedCore> => {
    const core = await startCore(platform);
    try {
      // The command line attaches to a running host here, and so may a browser with the address below.
      const server = await startLocalServer({ core, log: platform.log, pageFolder: paths.pageDirectory, port: 0 });
      if (!sample) writeEndpoint(platform.home, { pid: process.pid, port: server.port, token: server.endpointToken });
      process.stdout.write(`${browserLine(server)}\n`);
      return {
        ...core,
        stop: async () => {
          if (!sample) removeEndpoint(platform.home);
          await server.close();
          await core.stop();
        },
      };
    } catch (problem) {
      await core.stop();
      throw problem;
    }
  },
});
