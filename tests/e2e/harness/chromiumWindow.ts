import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { findChromium } from '../../../scripts/services.ts';
import { type TextLanguage, textOf } from './localeTexts.ts';

/** The software renderer gives the same pixels on every machine; nothing may speak to the network by itself. */
const browserArguments = [
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-sync',
  '--no-pings',
  '--no-first-run',
  // Tests run as root in containers, where the sandbox can't start. The product refuses to open a window then.
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), args: browserArguments });
}

/**
 * A browser whose profile lies in a folder that the test can look into. Shared memory stays in memory: Playwright would
 * put it in the temp folder.
 */
export function launchProfile(profile: string, env: Readonly<Record<string, string>> = {}): Promise<BrowserContext> {
  return chromium.launchPersistentContext(profile, {
    executablePath: findChromium(),
    args: browserArguments,
    ignoreDefaultArgs: ['--disable-dev-shm-usage'],
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    env: { ...(process.env as Record<string, string>), ...env },
  });
}

export interface WindowOptions {
  readonly language?: TextLanguage;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Done with the empty page, before the address is opened in it. */
  readonly prepare?: (page: Page) => Promise<void>;
}

/** A window of the workstation and what went wrong in it. */
export interface SalusWindow {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly language: TextLanguage;
  /** The text a person sees, in this window's language. */
  text(key: string, values?: Readonly<Record<string, string | number>>): string;
  /** Takes a complaint that this test expects off the list. */
  expectComplaint(pattern: RegExp): void;
  /** Uncaught errors, console errors, broken page policy and requests that left this machine. Empty is the only right answer. */
  complaints(): string[];
  close(): Promise<void>;
}

/** What the console says of a host that went away under its window. */
export const hostIsGone =
  /ERR_CONNECTION_(REFUSED|RESET)|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED|ERR_CONTENT_LENGTH_MISMATCH|WebSocket connection/;

/** Opens the host's one-time address in a window of its own (no storage shared with another). */
export async function openWindow(browser: Browser, address: string, options: WindowOptions = {}): Promise<SalusWindow> {
  const language = options.language ?? 'en';
  const context = await browser.newContext({
    viewport: options.viewport ?? { width: 1440, height: 900 },
    locale: language === 'fr' ? 'fr-FR' : 'en-GB',
    acceptDownloads: true,
  });
  return guardWindow(context, address, language, options.prepare);
}

/** Watches a context and opens the address in it. */
export async function guardWindow(
  context: BrowserContext,
  address: string,
  language: TextLanguage,
  prepare?: (page: Page) => Promise<void>,
): Promise<SalusWindow> {
  const { origin } = new URL(address);
  const complaints: string[] = [];
  const expected: RegExp[] = [];
  const watch = (page: Page) => {
    page.on('pageerror', (error) => complaints.push(`uncaught: ${error.stack ?? error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`console: ${message.text()} (${message.location().url})`);
    });
    page.on('crash', () => complaints.push('the page crashed'));
    page.on('websocket', (socket) => {
      if (!socket.url().startsWith(origin.replace('http', 'ws'))) complaints.push(`socket to ${socket.url()}`);
    });
  };
  context.on('page', watch);
  for (const page of context.pages()) watch(page);
  context.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !/^(blob|data|about):/.test(url)) complaints.push(`request to ${url}`);
  });
  // Marks the tab as a test's: the reading room then lets its pixels be compared (renderer/features/imaging/deskProbe.ts).
  await context.addInitScript(() => {
    if (location.protocol.startsWith('http')) sessionStorage.setItem('salus.test', '1');
  });
  context.setDefaultTimeout(12_000);
  const page = context.pages()[0] ?? (await context.newPage());
  await prepare?.(page);
  await page.goto(address);
  return {
    page,
    context,
    language,
    text: (key, values) => textOf(language, key, values),
    expectComplaint: (pattern) => void expected.push(pattern),
    complaints: () => complaints.filter((text) => !expected.some((pattern) => pattern.test(text))),
    close: () => context.close(),
  };
}

/** Keeps a picture of the screen where SALUS_SCREENSHOTS names a folder; otherwise does nothing. */
export async function picture(window: SalusWindow, name: string): Promise<void> {
  const folder = process.env['SALUS_SCREENSHOTS'];
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  const { width = 0, height = 0 } = window.page.viewportSize() ?? {};
  const theme = await window.page.evaluate(() => document.documentElement.dataset['theme'] ?? 'none');
  await window.page.screenshot({
    path: path.join(folder, `${name}-${width}x${height}-${theme}-${window.language}.png`),
  });
}
