import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  browserLine,
  type ElectronModule,
  type HostedCore,
  programPaths,
  startElectronHost,
} from '../../main/hosts/electron/electronHost.ts';
import { WindowAccess } from '../../main/hosts/local/windowAccess.ts';
import { readElectronTypings } from './electronTypings.ts';
import { FakeElectron, type FakeWindow, fireEvent } from './fakeElectron.ts';

let folder: string;
let core: RecordingCore;
let errors: string[];

class RecordingCore implements HostedCore {
  readonly did: string[] = [];
  readonly ports: unknown[] = [];
  finishStop: () => void = () => undefined;
  openConnection(): string {
    this.did.push('openConnection');
    return 'connection-1';
  }
  closeConnection(connectionId: string): void {
    this.did.push(`closeConnection ${connectionId}`);
  }
  endSession(connectionId: string): void {
    this.did.push(`endSession ${connectionId}`);
  }
  connectPort(port: unknown, connectionId: string): void {
    this.did.push(`connectPort ${connectionId}`);
    this.ports.push(port);
  }
  async serveAsset(request: Request, connectionId: string): Promise<Response> {
    return new Response(`asset ${new URL(request.url).pathname} for ${connectionId}`);
  }
  stop(): Promise<void> {
    this.did.push('stop');
    return new Promise((resolve) => {
      this.finishStop = resolve;
    });
  }
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'salus-electron-'));
  await writeFile(path.join(folder, 'index.html'), '<p>page</p>');
  core = new RecordingCore();
  errors = [];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function startHost(electron: FakeElectron): boolean {
  return startElectronHost({
    electron: electron.module() as unknown as ElectronModule,
    startCore: async () => core,
    pageDirectory: folder,
    preloadFile: '/fake/bridge.cjs',
    logError: (message) => void errors.push(message),
  });
}

async function openHost(): Promise<{ electron: FakeElectron; shown: FakeWindow }> {
  const electron = new FakeElectron();
  expect(startHost(electron)).toBe(true);
  await electron.ready();
  expect(errors).toEqual([]);
  const shown = electron.windows[0];
  if (!shown) throw new Error('no window was opened');
  return { electron, shown };
}

/** Calls a guard the host has set on the fake, whatever its typed signature. */
function guard(electron: FakeElectron, name: string): (...args: unknown[]) => unknown {
  const found = electron.guards.get(name);
  if (!found) throw new Error(`the host set no ${name}`);
  return found as (...args: unknown[]) => unknown;
}

describe('the fake', () => {
  it('refuses what the typed electron does not have', () => {
    const electron = new FakeElectron();
    const module = electron.module() as unknown as ElectronModule & Record<string, unknown>;
    expect(() => module['remote']).toThrow("electron's module has no remote");
    expect(() => (module.app as unknown as Record<string, unknown>)['makeSingleInstance']).toThrow(
      "electron's App has no makeSingleInstance",
    );
    expect(() => module.app.on('gpu-process-crashed' as 'activate', () => undefined)).toThrow(
      "electron's App emits no gpu-process-crashed",
    );
    expect(() => new module.BrowserWindow({ webPreferences: { enableRemoteModule: true } as never })).toThrow(
      "electron's WebPreferences has no option enableRemoteModule",
    );
  });

  it('refuses what it does not play, so that nothing passes untested', () => {
    const module = new FakeElectron().module() as unknown as ElectronModule;
    expect(() => module.app.getLocale()).toThrow("the fake of electron's App does not play getLocale yet");
  });

  it('reads the typings it stands on', () => {
    const { typeOf, values } = readElectronTypings();
    expect(values).toContain('BrowserWindow');
    expect(typeOf('BrowserWindow').members).toContain('loadURL');
    expect(typeOf('BrowserWindow').members).toContain('isMinimized');
    expect(typeOf('PowerMonitor').events).toContain('suspend');
    expect(typeOf('WebPreferences').members).toContain('sandbox');
  });
});

describe('electron host', () => {
  it('quits when another instance holds the lock, and starts no core', async () => {
    const electron = new FakeElectron({ hasLock: false });
    expect(startHost(electron)).toBe(false);
    await electron.ready();
    expect(electron.names()).toContain('App.quit');
    expect(core.did).toEqual([]);
    expect(electron.windows).toEqual([]);
  });

  it('sets sandbox and scheme before the application is ready', () => {
    const electron = new FakeElectron();
    startHost(electron);
    expect(electron.names()).toContain('App.enableSandbox');
    expect(electron.lastArgs('Protocol.registerSchemesAsPrivileged')).toEqual([
      [
        {
          scheme: 'salus',
          privileges: expect.objectContaining({ standard: true, secure: true, supportFetchAPI: true }),
        },
      ],
    ]);
    expect(electron.windows).toEqual([]);
  });

  it('opens one window, sandboxed, isolated, with a session that lives in memory', async () => {
    const { electron, shown } = await openHost();
    expect(electron.windows).toHaveLength(1);
    expect(shown.options['webPreferences']).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
      devTools: false,
      preload: '/fake/bridge.cjs',
    });
    const [partition, options] = electron.lastArgs('session.options') as [string, { cache: boolean }];
    expect(partition).not.toMatch(/^persist:/);
    expect(options).toEqual({ cache: false });
    expect(electron.lastArgs('BrowserWindow.loadURL')).toEqual(['salus://app/index.html']);
  });

  it('serves the page with its policy, assets from the core, and no other host', async () => {
    const { electron } = await openHost();
    const handler = electron.sessions.get('salus-window')?.handlers.get('salus');
    if (!handler) throw new Error('no protocol handler');
    const page = await handler(new Request('salus://app/index.html'));
    expect(await page.text()).toBe('<p>page</p>');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await (await handler(new Request('salus://app/dicomweb/studies'))).text()).toBe(
      'asset /dicomweb/studies for connection-1',
    );
    expect(await (await handler(new Request('salus://app/documents/1'))).text()).toBe(
      'asset /documents/1 for connection-1',
    );
    expect((await handler(new Request('salus://app/dicomwebby'))).status).toBe(404);
    expect((await handler(new Request('salus://elsewhere/index.html'))).status).toBe(404);
    expect((await handler(new Request('salus://app/..%2f..%2fpackage.json'))).status).toBe(404);
  });

  it('denies permissions, devices, screen capture and every request to elsewhere', async () => {
    const { electron, shown } = await openHost();
    const answers: unknown[] = [];
    const ask = guard(electron, 'setPermissionRequestHandler');
    for (const permission of [
      'media',
      'geolocation',
      'notifications',
      'clipboard-read',
      'openExternal',
      'fullscreen',
    ]) {
      ask(shown.contents, permission, (granted: boolean) => answers.push([permission, granted]));
    }
    expect(answers.filter((answer) => (answer as [string, boolean])[1])).toEqual([['fullscreen', true]]);
    const checkPermission = guard(electron, 'setPermissionCheckHandler');
    expect(checkPermission(null, 'media', 'salus://app')).toBe(false);
    expect(checkPermission(null, 'fullscreen', 'https://evil.example')).toBe(false);
    expect(guard(electron, 'setDevicePermissionHandler')({})).toBe(false);
    guard(electron, 'setDisplayMediaRequestHandler')({}, (streams: object) => answers.push(streams));
    expect(answers.at(-1)).toEqual({});
    expect(electron.lastArgs('Session.setSpellCheckerEnabled')).toEqual([false]);
    const cancelled = (url: string) => {
      let cancel: boolean | undefined;
      guard(electron, 'onBeforeRequest')({ url }, (answer: { cancel: boolean }) => {
        cancel = answer.cancel;
      });
      return cancel;
    };
    expect(cancelled('salus://app/index.html')).toBe(false);
    expect(cancelled('blob:salus://app/1234')).toBe(false);
    for (const url of [
      'https://example.org/',
      'http://127.0.0.1:80/',
      'file:///etc/passwd',
      'ws://example.org',
      'salus://application/x',
      'salus://app.evil/',
    ]) {
      expect(cancelled(url), url).toBe(true);
    }
  });

  it('denies windows and navigation away from the page', async () => {
    const { electron, shown } = await openHost();
    expect(guard(electron, 'setWindowOpenHandler')({ url: 'https://example.org' })).toEqual({ action: 'deny' });
    for (const event of ['will-navigate', 'will-frame-navigate', 'will-redirect']) {
      const away = preventable('https://example.org/');
      fireEvent(shown.contents, event, away);
      expect(away.prevented, event).toBe(true);
      const home = preventable('salus://app/index.html#/worklist');
      fireEvent(shown.contents, event, home);
      expect(home.prevented, event).toBe(false);
    }
    const webview = preventable('');
    fireEvent(shown.contents, 'will-attach-webview', webview);
    expect(webview.prevented).toBe(true);
  });

  it('keeps its title, whatever the page calls itself', async () => {
    const { shown } = await openHost();
    const event = preventable('');
    fireEvent(shown.window, 'page-title-updated', event, 'DOE^JANE');
    expect(event.prevented).toBe(true);
    expect(shown.options['title']).toBe('Salus');
  });

  it('gives a port to our page in the main frame, and a new one after a reload', async () => {
    const { electron, shown } = await openHost();
    fireEvent(electron.ipcMain, 'salus:connect', { senderFrame: shown.mainFrame });
    expect(core.ports).toHaveLength(1);
    const [channel, , transfer] = electron.lastArgs('WebFrameMain.postMessage') as [string, null, unknown[]];
    expect(channel).toBe('salus:port');
    expect(transfer).toHaveLength(1);
    fireEvent(electron.ipcMain, 'salus:connect', { senderFrame: shown.mainFrame });
    expect(core.ports).toHaveLength(2);
    expect(electron.names().filter((name) => name === 'MessagePortMain.close')).toHaveLength(1);
  });

  it('gives no port to a frame inside the page, to another page or to a frame that is gone', async () => {
    const { electron, shown } = await openHost();
    fireEvent(electron.ipcMain, 'salus:connect', { senderFrame: { url: 'salus://app/index.html' } });
    fireEvent(electron.ipcMain, 'salus:connect', { senderFrame: null });
    shown.mainFrame.url = 'https://example.org/';
    fireEvent(electron.ipcMain, 'salus:connect', { senderFrame: shown.mainFrame });
    shown.mainFrame.url = 'salus://app.evil/index.html';
    fireEvent(electron.ipcMain, 'salus:connect', { senderFrame: shown.mainFrame });
    expect(core.ports).toEqual([]);
    expect(electron.names()).not.toContain('WebFrameMain.postMessage');
  });

  it('locks when the machine sleeps or its screen is locked', async () => {
    const { electron } = await openHost();
    fireEvent(electron.powerMonitor, 'suspend');
    fireEvent(electron.powerMonitor, 'lock-screen');
    expect(core.did.filter((did) => did === 'endSession connection-1')).toHaveLength(2);
  });

  it('a second start brings the window forward', async () => {
    const { electron } = await openHost();
    fireEvent(electron.app, 'second-instance');
    expect(electron.names().slice(-2)).toEqual(['BrowserWindow.restore', 'BrowserWindow.focus']);
  });

  it('reloads the page when its process died', async () => {
    const { electron, shown } = await openHost();
    fireEvent(shown.contents, 'render-process-gone', {}, { reason: 'oom' });
    expect(electron.names()).toContain('WebContents.reload');
    expect(errors).toEqual(["the window's process ended: oom"]);
  });

  it('stops the core before the process ends, once, and closes the connection with its window', async () => {
    const { electron, shown } = await openHost();
    fireEvent(shown.window, 'closed');
    expect(core.did).toContain('closeConnection connection-1');
    const first = preventable('');
    fireEvent(electron.app, 'will-quit', first);
    const second = preventable('');
    fireEvent(electron.app, 'will-quit', second);
    expect([first.prevented, second.prevented]).toEqual([true, true]);
    expect(core.did.filter((did) => did === 'stop')).toHaveLength(1);
    expect(electron.names()).not.toContain('App.quit');
    core.finishStop();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(electron.names()).toContain('App.quit');
    const third = preventable('');
    fireEvent(electron.app, 'will-quit', third);
    expect(third.prevented).toBe(false);
  });

  it('says so and exits when the core cannot start', async () => {
    const electron = new FakeElectron();
    startElectronHost({
      electron: electron.module() as unknown as ElectronModule,
      startCore: () => Promise.reject(new Error('locked')),
      pageDirectory: folder,
      preloadFile: '/fake/bridge.cjs',
      logError: (message) => void errors.push(message),
    });
    await electron.ready();
    expect(errors).toEqual(['the Electron host could not start']);
    expect(electron.lastArgs('App.exit')).toEqual([1]);
  });

  it('finds its parts in a package and in a checkout', () => {
    const at = (isPackaged: boolean) => programPaths({ isPackaged, getAppPath: () => '/app.asar' }, '/resources');
    expect(at(true)).toMatchObject({
      pageDirectory: '/app.asar/dist/renderer',
      resourcesDirectory: '/resources/resources',
      samplesDirectory: '/resources/samples',
    });
    expect(at(false)).toMatchObject({
      resourcesDirectory: '/app.asar/resources',
      samplesDirectory: '/app.asar/dist/samples',
    });
  });
});

function preventable(url: string) {
  const event = {
    url,
    prevented: false,
    preventDefault() {
      event.prevented = true;
    },
  };
  return event;
}

describe('the address that Electron prints', () => {
  it('opens a window once, and none after ten minutes', () => {
    let nowMs = 0;
    const access = new WindowAccess({
      openConnection: () => 'connection',
      closeConnection: () => undefined,
      nowMs: () => nowMs,
    });
    const tokenOf = (line: string) => line.slice(line.indexOf('#token=') + '#token='.length);
    const print = () =>
      tokenOf(browserLine({ newAddress: (lifeMs) => `http://127.0.0.1:1/#token=${access.issueToken(lifeMs)}` }));
    const [soon, late] = [print(), print()];
    nowMs = 9 * 60_000;
    expect(access.exchange(soon)).toBeDefined();
    expect(access.exchange(soon)).toBeUndefined();
    nowMs = 10 * 60_000 + 1;
    expect(access.exchange(late)).toBeUndefined();
    access.closeAll();
  });
});
