import path from 'node:path';
import type * as Electron from 'electron';
import type { Core } from '../../startCore.ts';
import type { LocalServer } from '../local/localServer.ts';
import { findStaticFile, readStaticFile } from '../local/staticFiles.ts';
import { printedAddressLifeMs } from '../local/windowAccess.ts';
import { pageHeaders } from '../pageHeaders.ts';
import { guardPages, guardSession, isOurPage, pageOrigin } from './windowGuards.ts';

/** The parts of electron this host uses; the real module, or the tests' fake of the same shape. */
export type ElectronModule = Pick<
  typeof Electron,
  'app' | 'BrowserWindow' | 'ipcMain' | 'Menu' | 'MessageChannelMain' | 'powerMonitor' | 'protocol' | 'session'
>;

/** What this host needs of a core. */
export type HostedCore = Pick<
  Core,
  'openConnection' | 'closeConnection' | 'endSession' | 'connectPort' | 'serveAsset' | 'stop'
>;

export interface ElectronHostOptions {
  electron: ElectronModule;
  startCore(): Promise<HostedCore>;
  /** Absolute path of dist/renderer. */
  pageDirectory: string;
  /** Absolute path of dist/preload/bridge.cjs. */
  preloadFile: string;
  logError(message: string, error: unknown): void;
}

/** Paths of the page's origin that the core answers; every other one is a file of the page. */
const assetPath = /^\/(dicomweb|documents|imports|conflicts)(\/|$)/;

/**
 * Runs Salus in Electron: one instance, one window, the core in this process.
 * Call it before the application is ready: schemes and the sandbox can't be set later.
 * @returns false when another instance holds the lock; this one is quitting then.
 */
export function startElectronHost(options: ElectronHostOptions): boolean {
  const { app, protocol } = options.electron;
  if (!app.requestSingleInstanceLock()) {
    app.quit();
    return false;
  }
  app.enableSandbox();
  protocol.registerSchemesAsPrivileged([
    {
      scheme: 'salus',
      privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
    },
  ]);
  guardPages(app);
  app
    .whenReady()
    .then(() => open(options))
    .catch((problem: unknown) => {
      options.logError('the Electron host could not start', problem);
      app.exit(1);
    });
  return true;
}

async function open(options: ElectronHostOptions): Promise<void> {
  const { app, powerMonitor, Menu } = options.electron;
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate()));
  const core = await options.startCore();
  stopBeforeQuit(options, core);
  // The window's connection: its operator's session lives and dies with it.
  const connectionId = core.openConnection();
  powerMonitor.on('suspend', () => core.endSession(connectionId));
  powerMonitor.on('lock-screen', () => core.endSession(connectionId));
  const window = openWindow(options, core, connectionId);
  app.on('second-instance', () => {
    if (window.isMinimized()) window.restore();
    window.focus();
  });
  app.on('window-all-closed', () => app.quit());
}

/** The core finishes its write and closes its files before the process ends; a failure to do so is logged, not waited on. */
function stopBeforeQuit(options: ElectronHostOptions, core: HostedCore): void {
  const { app } = options.electron;
  let stopping = false;
  let stopped = false;
  app.on('will-quit', (event) => {
    if (stopped) return;
    event.preventDefault();
    if (stopping) return;
    stopping = true;
    core
      .stop()
      .catch((problem: unknown) => options.logError('the core did not stop cleanly', problem))
      .finally(() => {
        stopped = true;
        app.quit();
      });
  });
}

function openWindow(options: ElectronHostOptions, core: HostedCore, connectionId: string): Electron.BrowserWindow {
  const { BrowserWindow, session } = options.electron;
  // A partition without "persist:" lives in memory: no cache, no cookie, no image of a patient on the disk.
  const windowSession = session.fromPartition('salus-window', { cache: false });
  guardSession(windowSession);
  windowSession.protocol.handle('salus', async (request) => {
    const url = new URL(request.url);
    if (!isOurPage(request.url)) return new Response('Not found', { status: 404 });
    return assetPath.test(url.pathname)
      ? core.serveAsset(request, connectionId)
      : servePage(options.pageDirectory, url.pathname);
  });
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 1024,
    minHeight: 680,
    show: false,
    // The ground of the dark theme: no white flash in a dark reading room.
    backgroundColor: '#0b0c0d',
    title: 'Salus',
    autoHideMenuBar: true,
    webPreferences: {
      session: windowSession,
      preload: options.preloadFile,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      devTools: !options.electron.app.isPackaged,
    },
  });
  // Window lists and screen recorders read titles: it never names a patient.
  window.on('page-title-updated', (event) => event.preventDefault());
  window.once('ready-to-show', () => window.show());
  window.on('closed', () => core.closeConnection(connectionId));
  answerConnectRequests(options, window, (port) => core.connectPort(port, connectionId));
  void window
    .loadURL(`${pageOrigin}/index.html`)
    .catch((problem: unknown) => options.logError('the page did not load', problem));
  window.webContents.on('render-process-gone', (_event, details) => {
    options.logError(`the window's process ended: ${details.reason}`, undefined);
    if (details.reason !== 'clean-exit' && !window.isDestroyed()) window.webContents.reload();
  });
  return window;
}

/** A file of the page with the page's headers, or 404. */
async function servePage(directory: string, pathname: string): Promise<Response> {
  const file = await findStaticFile(directory, pathname);
  const reply = file ? await readStaticFile(file) : new Response('There is nothing here.', { status: 404 });
  for (const [name, value] of Object.entries(pageHeaders(pageOrigin))) reply.headers.set(name, value);
  return reply;
}

/**
 * The preload asks for a port once per page load; only our page in the window's main frame gets one, and a new one
 * replaces the old (a reload).
 */
function answerConnectRequests(
  options: ElectronHostOptions,
  window: Electron.BrowserWindow,
  attach: (port: Electron.MessagePortMain) => void,
): void {
  const { ipcMain, MessageChannelMain } = options.electron;
  let current: Electron.MessagePortMain | undefined;
  const answer = (event: Electron.IpcMainEvent) => {
    const frame = event.senderFrame;
    if (!frame || frame !== window.webContents.mainFrame || !isOurPage(frame.url)) return;
    current?.close();
    const channel = new MessageChannelMain();
    current = channel.port1;
    attach(channel.port1);
    frame.postMessage('salus:port', null, [channel.port2]);
  };
  ipcMain.on('salus:connect', answer);
  window.on('closed', () => {
    ipcMain.off('salus:connect', answer);
    current?.close();
  });
}

function menuTemplate(): Electron.MenuItemConstructorOptions[] {
  // Copy and paste need their menu on macOS; reload and developer tools have no place in a clinic.
  return [
    ...(process.platform === 'darwin' ? [{ role: 'appMenu' as const }] : []),
    { role: 'editMenu' },
    { role: 'windowMenu' },
  ];
}

/** Where a browser of this machine finds the same store: once, and for minutes only, since nobody may ever use it. */
export function browserLine(server: Pick<LocalServer, 'newAddress'>): string {
  const minutes = printedAddressLifeMs / 60_000;
  return `The same store in a browser of this machine, once, within ${minutes} minutes: ${server.newAddress(printedAddressLifeMs)}`;
}

/** Where the packaged or built program keeps its parts. */
export function programPaths(app: Pick<Electron.App, 'isPackaged' | 'getAppPath'>, resourcesPath: string) {
  const root = app.getAppPath();
  const beside = app.isPackaged ? resourcesPath : root;
  return {
    pageDirectory: path.join(root, 'dist', 'renderer'),
    preloadFile: path.join(root, 'dist', 'preload', 'bridge.cjs'),
    resourcesDirectory: path.join(beside, 'resources'),
    samplesDirectory: app.isPackaged ? path.join(beside, 'samples') : path.join(root, 'dist', 'samples'),
  };
}
