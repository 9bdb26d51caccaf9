import { EventEmitter } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { readElectronTypings } from './electronTypings.ts';

/** One call of the fake, in order: `app.quit`, `BrowserWindow.loadURL`, … */
export interface FakeCall {
  api: string;
  args: unknown[];
}

type Listener = (...args: never[]) => unknown;

/**
 * A stand-in for electron whose surface is the typed package's: touching a member, event, constructor option or
 * value that electron.d.ts doesn't have throws, and so does touching one that this fake doesn't play yet. It keeps
 * every call and lets a test fire the events the host listens to.
 */
export class FakeElectron {
  readonly calls: FakeCall[] = [];
  readonly windows: FakeWindow[] = [];
  readonly sessions = new Map<
    string,
    { handlers: Map<string, (request: Request) => Promise<Response>>; object: unknown }
  >();
  /** What setXHandler calls of a session left: name → function. */
  readonly guards = new Map<string, (...args: never[]) => unknown>();
  readonly app: FakeEmitter;
  readonly powerMonitor: FakeEmitter;
  readonly ipcMain: FakeEmitter;
  private readonly typings = readElectronTypings();
  /** What the fake's keychain is: the desktop's, none that keeps anything secret, or locked. */
  keychain: 'gnome_libsecret' | 'basic_text' | 'locked' = 'gnome_libsecret';
  /** The keychain's own key; another one opens nothing that was encrypted before. */
  keychainKey = 'first';
  readonly hasLock: boolean;
  readonly isPackaged: boolean;
  private becomeReady: () => void = () => undefined;

  constructor({ hasLock = true, isPackaged = true } = {}) {
    this.hasLock = hasLock;
    this.isPackaged = isPackaged;
    const ready = new Promise<void>((resolve) => {
      this.becomeReady = resolve;
    });
    this.app = this.emitter('App', {
      isPackaged,
      requestSingleInstanceLock: () => hasLock,
      whenReady: () => ready,
      enableSandbox: () => undefined,
      quit: () => undefined,
      exit: () => undefined,
      getPath: (name: string) => `/fake/${name}`,
      setPath: () => undefined,
      getAppPath: () => '/fake/app',
      getVersion: () => '0.0.0',
    });
    this.powerMonitor = this.emitter('PowerMonitor', {});
    this.ipcMain = this.emitter('IpcMain', {});
  }

  /** The module as the host imports it. */
  module(): Record<string, unknown> {
    const fake = this;
    const surface = {
      app: this.app,
      powerMonitor: this.powerMonitor,
      ipcMain: this.ipcMain,
      Menu: this.guarded('Menu', { setApplicationMenu: () => undefined, buildFromTemplate: () => ({}) }),
      protocol: this.guarded('Protocol', { registerSchemesAsPrivileged: () => undefined }),
      safeStorage: this.guarded('SafeStorage', {
        isAsyncEncryptionAvailable: async () => this.keychain !== 'locked',
        getSelectedStorageBackend: () => (this.keychain === 'locked' ? 'gnome_libsecret' : this.keychain),
        encryptStringAsync: async (text: string) =>
          Buffer.from(`${this.keychainKey}|${Buffer.from(text).toString('base64')}`),
        decryptStringAsync: async (sealed: Buffer) => {
          const [key, text = ''] = sealed.toString().split('|');
          const isOld = key === 'rotated away';
          if (key !== this.keychainKey && !isOld) throw new Error('Error while decrypting the ciphertext');
          return { shouldReEncrypt: isOld, result: Buffer.from(text, 'base64').toString() };
        },
      }),
      session: this.guarded('Session', {
        fromPartition: (name: string, options: object) => this.makeSession(name, options),
      }),
      MessageChannelMain: class {
        readonly port1: unknown;
        readonly port2: unknown;
        constructor() {
          const { port1, port2 } = new MessageChannel();
          this.port1 = fake.makePort(port1);
          this.port2 = port2;
        }
      },
      BrowserWindow: class {
        constructor(options: Record<string, unknown>) {
          fake.refuseUnknownOptions('BrowserWindowConstructorOptions', options);
          fake.refuseUnknownOptions('WebPreferences', options['webPreferences'] as Record<string, unknown>);
          // biome-ignore lint/correctness/noConstructorReturn: `new BrowserWindow()` must give the guarded stand-in.
          return fake.makeWindow(options);
        }
      },
    };
    for (const name of Object.keys(surface)) {
      if (!this.typings.values.has(name)) throw new Error(`electron has no ${name}`);
    }
    return this.guarded('module', surface, [...this.typings.values]) as Record<string, unknown>;
  }

  /** Makes the application ready and waits until the host has done what it does then. */
  async ready(): Promise<void> {
    this.becomeReady();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  names(): string[] {
    return this.calls.map((call) => call.api);
  }

  lastArgs(api: string): unknown[] {
    const found = this.calls.findLast((call) => call.api === api);
    if (!found) throw new Error(`${api} was not called`);
    return found.args;
  }

  private refuseUnknownOptions(type: string, options: Record<string, unknown>): void {
    const { members } = this.typings.typeOf(type);
    for (const name of Object.keys(options)) {
      if (!members.has(name)) throw new Error(`electron's ${type} has no option ${name}`);
    }
  }

  /** An object that records calls and throws on whatever the typed electron doesn't have. */
  private guarded(type: string, plays: Record<string, unknown>, allowed?: string[]): object {
    const members = new Set(allowed ?? this.typings.typeOf(type).members);
    for (const name of Object.keys(plays)) {
      if (!members.has(name)) throw new Error(`electron's ${type} has no ${name}; the fake plays what doesn't exist`);
    }
    const { calls } = this;
    return new Proxy(plays, {
      get(target, property) {
        if (typeof property === 'symbol' || property === 'then' || property === 'toJSON') return undefined;
        if (!members.has(property)) throw new Error(`electron's ${type} has no ${property}`);
        if (!(property in target)) throw new Error(`the fake of electron's ${type} does not play ${property} yet`);
        const value = target[property];
        if (typeof value !== 'function' || type === 'module' || /^class /.test(String(value))) return value;
        return (...args: unknown[]) => {
          calls.push({ api: `${type}.${property}`, args });
          return value(...args);
        };
      },
    });
  }

  private emitter(type: string, plays: Record<string, unknown>): FakeEmitter {
    const emitter = new EventEmitter();
    const { events } = this.typings.typeOf(type);
    const known = (event: string) => {
      // ipcMain's channels are ours to name; every other emitter has the events its type lists.
      if (type !== 'IpcMain' && !events.has(event)) throw new Error(`electron's ${type} emits no ${event}`);
    };
    const add = (method: 'on' | 'once' | 'off') => (event: string, listener: Listener) => {
      known(event);
      emitter[method](event, listener as never);
      return emitter;
    };
    const members = { on: add('on'), once: add('once'), off: add('off'), ...plays };
    const object = this.guarded(type, members) as FakeEmitter;
    fire.set(object, (event, args) => {
      known(event);
      if (emitter.listenerCount(event) === 0) throw new Error(`nothing listens to ${type}'s ${event}`);
      emitter.emit(event, ...args);
    });
    return object;
  }

  private makeSession(name: string, options: object): object {
    const handlers = new Map<string, (request: Request) => Promise<Response>>();
    const keep = (method: string) => (guard: (...args: never[]) => unknown) => void this.guards.set(method, guard);
    const object = this.guarded('Session', {
      setPermissionRequestHandler: keep('setPermissionRequestHandler'),
      setPermissionCheckHandler: keep('setPermissionCheckHandler'),
      setDevicePermissionHandler: keep('setDevicePermissionHandler'),
      setDisplayMediaRequestHandler: keep('setDisplayMediaRequestHandler'),
      setSpellCheckerEnabled: () => undefined,
      webRequest: this.guarded('WebRequest', { onBeforeRequest: keep('onBeforeRequest') }),
      protocol: this.guarded('Protocol', {
        handle: (scheme: string, handler: (request: Request) => Promise<Response>) =>
          void handlers.set(scheme, handler),
      }),
    });
    this.sessions.set(name, { handlers, object });
    this.calls.push({ api: 'session.options', args: [name, options] });
    return object;
  }

  private makePort(port: import('node:worker_threads').MessagePort): object {
    return this.guarded('MessagePortMain', {
      postMessage: (message: unknown) => port.postMessage(message),
      start: () => port.start(),
      close: () => port.close(),
      on: (event: string, listener: (event: { data: unknown; ports: unknown[] }) => void) => {
        if (event === 'message') port.on('message', (data) => listener({ data, ports: [] }));
        else port.on(event as 'close', listener as never);
      },
    });
  }

  private makeWindow(options: Record<string, unknown>): object {
    const mainFrame = {
      url: '',
      postMessage: (...args: unknown[]) => void this.calls.push({ api: 'WebFrameMain.postMessage', args }),
    };
    const contents = this.emitter('WebContents', {
      mainFrame,
      reload: () => undefined,
      setWindowOpenHandler: (handler: (...args: never[]) => unknown) =>
        void this.guards.set('setWindowOpenHandler', handler),
      getURL: () => mainFrame.url,
    });
    const window = this.emitter('BrowserWindow', {
      webContents: contents,
      loadURL: async (url: string) => {
        mainFrame.url = url;
      },
      show: () => undefined,
      focus: () => undefined,
      restore: () => undefined,
      isMinimized: () => true,
      isDestroyed: () => false,
    });
    this.windows.push({ options, window, contents, mainFrame });
    fireEvent(this.app, 'web-contents-created', {}, contents);
    return window;
  }
}

export interface FakeWindow {
  options: Record<string, unknown>;
  window: FakeEmitter;
  contents: FakeEmitter;
  mainFrame: { url: string };
}

export type FakeEmitter = { on(event: string, listener: Listener): unknown } & Record<string, unknown>;

const fire = new WeakMap<object, (event: string, args: unknown[]) => void>();

/** Fires an event of a fake object; throws when the type has no such event or nothing listens. */
export function fireEvent(object: FakeEmitter, event: string, ...args: unknown[]): void {
  const emit = fire.get(object);
  if (!emit) throw new Error('not an emitter of the fake');
  emit(event, args);
}
