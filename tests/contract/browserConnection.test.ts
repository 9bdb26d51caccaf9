import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection, ConnectionState } from '../../renderer/api/connection.ts';
import { findChromium, have } from '../../scripts/services.ts';
import { makeOperators, openTestCore, password, type TestCore } from './openTestCore.ts';

/** What the page under test offers to the test. */
interface TestWindow {
  connection?: Connection;
  problem?: string;
  states: ConnectionState[];
}
const entry = `
  import { connect } from './connection.ts';
  window.states = [];
  connect().then(
    (connection) => { window.connection = connection; connection.onState((state) => window.states.push(state)); },
    (error) => { window.problem = error.code ?? String(error); },
  );
`;

describe.skipIf(!have('chromium'))(
  "the window's connection in a real browser (needs Chromium)",
  { timeout: 60_000 },
  () => {
    let test: TestCore;
    let browser: Browser;
    let context: BrowserContext;
    const complaints: string[] = [];

    beforeAll(async () => {
      test = await openTestCore();
      await makeOperators((await test.connect.memory()).client);
      const root = path.join(import.meta.dirname, '..', '..');
      await build({
        stdin: { contents: entry, resolveDir: path.join(root, 'renderer', 'api'), loader: 'ts' },
        bundle: true,
        format: 'esm',
        outfile: path.join(test.pageFolder, 'page.js'),
        logLevel: 'error',
      });
      writeFileSync(
        path.join(test.pageFolder, 'index.html'),
        '<!doctype html><script type="module" src="page.js"></script>',
      );
      browser = await chromium.launch({ executablePath: findChromium() });
      context = await browser.newContext();
    }, 90_000);
    afterAll(async () => {
      await browser?.close();
      await test?.close();
    });

    async function openPage(address: string): Promise<Page> {
      const page = await context.newPage();
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      await page.goto(address);
      await page.waitForFunction(() => {
        const { connection, problem } = window as unknown as TestWindow;
        return connection !== undefined || problem !== undefined;
      });
      return page;
    }
    const problemOf = (page: Page) => page.evaluate(() => (window as unknown as TestWindow).problem);
    const sessionOf = (page: Page) =>
      page.evaluate(
        async () =>
          (await (window as unknown as Required<TestWindow>).connection.client.security.session())?.operatorName,
      );
    const signIn = (page: Page) =>
      page.evaluate(
        (given) =>
          (window as unknown as Required<TestWindow>).connection.client.security.signIn({
            operatorName: 'first',
            password: given,
          }),
        password,
      );

    it('takes the token out of the address, works once, and survives a reload with its session', async () => {
      const address = test.server.newAddress();
      const page = await openPage(address);
      expect(page.url()).not.toContain('token');
      expect(await page.evaluate(() => history.length)).toBeLessThanOrEqual(2);
      await signIn(page);
      await page.reload();
      await page.waitForFunction(() => (window as unknown as TestWindow).connection !== undefined);
      expect(await sessionOf(page)).toBe('first');
      expect(await page.evaluate(() => [document.cookie, localStorage.length, crossOriginIsolated])).toEqual([
        '',
        0,
        true,
      ]);

      const other = await openPage(address);
      expect(await problemOf(other)).toBe('security.notAllowed');
      await page.close();
      await other.close();
    });

    it('rejects with a Failure, and with an AbortError when it was cancelled', async () => {
      const page = await openPage(test.server.newAddress());
      const outcomes = await page.evaluate(async () => {
        const { connection } = window as unknown as Required<TestWindow>;
        const describe = (error: unknown) => {
          const { name, code, details } = error as { name: string; code?: string; details?: object };
          return { name, code, details };
        };
        const caught: unknown[] = [];
        const note = (error: unknown) => void caught.push(describe(error));
        await connection.client.jobs.list().catch(note);
        await connection.client.security.signIn({ operatorName: 7 as never, password: 'x' }).catch(note);
        const abort = new AbortController();
        const changes = await connection.client.system.watchChanges(undefined, { signal: abort.signal });
        caught.push((await changes.next()).value);
        const next = changes.next();
        abort.abort();
        await next.catch(note);
        await connection.fetchAsset('/dicomweb/studies').catch(note);
        return caught;
      });
      expect(outcomes).toEqual([
        { name: 'Failure', code: 'security.notSignedIn', details: {} },
        { name: 'Failure', code: 'system.invalidInput', details: { issues: 1, field: 'operatorName' } },
        { sequence: expect.any(Number), previous: expect.any(Number), topics: [] },
        { name: 'AbortError', code: undefined, details: undefined },
        { name: 'Failure', code: 'security.notSignedIn', details: {} },
      ]);
      await page.close();
    });

    it('comes back by itself after the transport was lost, with its session', async () => {
      const page = await openPage(test.server.newAddress());
      await signIn(page);
      const lost = page.evaluate(async () => {
        const { connection } = window as unknown as Required<TestWindow>;
        const changes = await connection.client.system.watchChanges();
        await changes.next();
        return changes.next().catch((error: { code: string }) => error.code);
      });
      await expect.poll(() => test.server.access.openWindows).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, 300));
      test.server.dropSockets();
      expect(await lost).toBe('system.disconnected');
      await page.waitForFunction(() => (window as unknown as TestWindow).connection?.state === 'open');
      expect(await page.evaluate(() => (window as unknown as TestWindow).states)).toEqual(['lost', 'open']);
      expect(await sessionOf(page)).toBe('first');
      await page.close();
    });

    it('is ended for good when its window was taken over or told to go', async () => {
      const page = await openPage(test.server.newAddress());
      const bearer = await page.evaluate(() => sessionStorage.getItem('salus.bearer'));
      test.server.access.end(bearer as string);
      await page.waitForFunction(() => (window as unknown as TestWindow).connection?.state === 'ended');
      expect(await page.evaluate(() => sessionStorage.getItem('salus.bearer'))).toBeNull();
      await page.reload();
      await page.waitForFunction(() => (window as unknown as TestWindow).problem !== undefined);
      expect(await problemOf(page)).toBe('security.notAllowed');
      await page.close();
    });

    it('gives way to a copied tab for good, without fighting over the one place', async () => {
      const page = await openPage(test.server.newAddress());
      await signIn(page);
      const bearer = await page.evaluate(() => sessionStorage.getItem('salus.bearer'));
      const copy = await context.newPage();
      await copy.addInitScript((given) => sessionStorage.setItem('salus.bearer', given as string), bearer);
      await copy.goto(page.url());
      await copy.waitForFunction(() => (window as unknown as TestWindow).connection !== undefined);
      await page.waitForFunction(() => (window as unknown as TestWindow).connection?.state === 'ended');
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(await copy.evaluate(() => (window as unknown as TestWindow).states)).toEqual([]);
      expect(await sessionOf(copy)).toBe('first');
      await page.close();
      await copy.close();
    });

    it('stays one window when a person asks for the connection while it is on its way', async () => {
      const page = await openPage(test.server.newAddress());
      await page.evaluate(() => {
        const { connection } = window as unknown as Required<TestWindow>;
        connection.onState((state) => {
          if (state === 'lost') for (let times = 0; times < 3; times += 1) connection.retryNow();
        });
      });
      test.server.dropSockets();
      await page.waitForFunction(() => (window as unknown as TestWindow).states.includes('open'));
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(await page.evaluate(() => (window as unknown as TestWindow).states)).toEqual(['lost', 'open']);
      expect(await page.evaluate(() => sessionStorage.getItem('salus.bearer'))).not.toBeNull();
      await page.close();
    });

    it('broke no rule of the page policy', () => {
      expect(complaints.filter((text) => /Content Security Policy|Cross-Origin/i.test(text))).toEqual([]);
    });
  },
);
