import path from 'node:path';
import { Failure } from '../../../app/shared/failure.ts';
import { findProgramRoot, makeNodePlatform } from '../../platform/nodePlatform.ts';
import { type Core, startCore } from '../../startCore.ts';
import {
  type BrowserWindow,
  findBrowser,
  openBrowserWindow,
  removeLeftProfiles,
  whyNoWindow,
} from './browserWindow.ts';
import { removeEndpoint, writeEndpoint } from './endpointFile.ts';
import type { HostArguments } from './hostArguments.ts';
import { type LocalServer, startLocalServer } from './localServer.ts';
import { stopOnSignals } from './stopOnSignals.ts';
import { programAddressLifeMs } from './windowAccess.ts';

export interface RunningHost {
  readonly core: Core;
  readonly server: LocalServer;
  /** Resolves when the host has stopped, however that came. */
  readonly stopped: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts the core and its server, prints where it answers, and opens a window if asked and possible. Stops on a signal.
 *
 * @param say writes a line for the person; the one line of JSON goes there too
 * @throws Failure('storage.inUse' | 'storage.homeUnwritable'), or the system's error when the port is taken
 */
export async function runLocalHost(given: HostArguments, say: (line: string) => void): Promise<RunningHost> {
  const platform = makeNodePlatform({
    host: 'local',
    sample: given.sample,
    ...(given.home === undefined ? {} : { home: given.home }),
  });
  const core = await startCore(platform);
  let server: LocalServer;
  try {
    server = await startLocalServer({
      core,
      log: platform.log,
      pageFolder: path.join(findProgramRoot(), 'dist', 'renderer'),
      port: given.port,
    });
  } catch (error) {
    await core.stop();
    throw error;
  }
  if (!given.sample) {
    writeEndpoint(platform.home, { pid: process.pid, port: server.port, token: server.endpointToken });
  }

  let window: BrowserWindow | undefined;
  let stopping: Promise<void> | undefined;
  let tellStopped: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    tellStopped = resolve;
  });
  const stop = () => {
    stopping ??= (async () => {
      if (!given.sample) removeEndpoint(platform.home);
      window?.close();
      await server.close();
      await core.stop();
      await window?.closed;
      tellStopped();
    })();
    return stopping;
  };

  // Before the first line: whoever reads it may stop this process at once.
  stopOnSignals(stop);
  const address = server.newAddress();
  if (given.json) {
    say(JSON.stringify({ address, port: server.port, home: platform.home, sample: given.sample, pid: process.pid }));
  } else {
    say(`Salus ${core.version}, ${given.sample ? 'a throw-away store of sample studies' : `store ${platform.home}`}`);
    say(`Open ${address}`);
    say('This address works once, on this machine.');
  }

  if (given.open !== 'never') {
    removeLeftProfiles();
    const reason = whyNoWindow();
    const program = findBrowser();
    if (reason !== undefined || program === undefined) {
      say(`No window was opened: ${reason ?? 'no browser was found'}. The host keeps serving.`);
    } else {
      window = openBrowserWindow(program, server.newAddress(programAddressLifeMs));
      void window.closed.then(async (wasOpen) => {
        if (stopping) return;
        if (!wasOpen) say('The window did not open. The host keeps serving.');
        else if (server.access.openWindows === 0) await stop();
        else say('The window was closed; another one is still open, so the host keeps serving.');
      });
    }
  }
  return { core, server, stopped, stop };
}

/** What to tell a person when the host could not start. */
export function describeStartProblem(error: unknown): string {
  if (error instanceof Failure && error.code === 'storage.inUse') {
    return 'Another Salus already has this store open. Use that one, or stop it first.';
  }
  if (error instanceof Failure) return `Salus could not start: ${error.code}.`;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return 'This port is taken. Choose another with --port, or leave it out.';
  return `Salus could not start: ${message}`;
}
