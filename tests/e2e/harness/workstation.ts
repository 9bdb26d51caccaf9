import path from 'node:path';
import type { Browser } from 'playwright';
import { SignInPage } from '../pages/doorPages.ts';
import { WorklistPage } from '../pages/worklistPage.ts';
import { launchBrowser, openWindow, type SalusWindow, type WindowOptions } from './chromiumWindow.ts';
import { type HostClient, makeFolder, type RunningHost, samplesFolder, startHost, waitForJob } from './runningHost.ts';

/** The first operator of a test's own store. */
export interface Person {
  readonly operatorName: string;
  readonly fullName: string;
  readonly password: string;
}

/** What most tests of the window begin with: a host with a store of its own, its first operator signed in, a browser. */
export interface Workstation {
  /** A folder of the test's own; the store lies in `home` below it. */
  readonly folder: string;
  readonly host: RunningHost;
  /** The first operator's access without a window. */
  readonly program: HostClient;
  readonly browser: Browser;
  /** Imports paths to their end; a bare name is one of the sample studies. @throws Error when the import does not end as done */
  bring(...paths: readonly string[]): Promise<void>;
  /** Opens a window and signs the operator in; the list is there. */
  enter(options?: WindowOptions): Promise<SalusWindow>;
  /** Ends all of it, the windows first, and removes the folder. */
  close(): Promise<void>;
}

export async function openWorkstation(name: string, person: Person, siteName = ''): Promise<Workstation> {
  const { folder, remove } = await makeFolder(name);
  const host = await startHost({ home: path.join(folder, 'home') });
  const program = await host.connect(host.address);
  await program.client.security.setUp({ ...person, language: 'en', siteName });
  await program.client.security.confirmRecoveryKey();
  const browser = await launchBrowser();
  const windows: SalusWindow[] = [];
  return {
    folder,
    host,
    program,
    browser,
    async bring(...paths) {
      const full = paths.map((each) => (path.isAbsolute(each) ? each : path.join(samplesFolder(), each)));
      const { jobId } = await program.client.imaging.importPaths({ paths: full });
      const { state, failure } = await waitForJob(program.client, jobId);
      if (state !== 'done') throw new Error(`the import ended as ${state}: ${failure}`);
    },
    async enter(options) {
      const window = await openWindow(browser, await host.newAddress(), options);
      windows.push(window);
      await new SignInPage(window).enter(person.operatorName, person.password);
      await new WorklistPage(window).waitFor();
      return window;
    },
    async close() {
      for (const window of windows) await window.close();
      await browser.close();
      await host.stop();
      await remove();
    },
  };
}
