import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAllowed, type Role } from '../../app/domains/security/securityRules.ts';
import { Failure } from '../../app/shared/failure.ts';
import type { CallContext, OpenStore, Session } from '../core.ts';
import type { Log, Platform } from '../platform/platform.ts';
import type { Migration } from './migrate.ts';
import { allMigrations } from './migrations/allMigrations.ts';
import type { OpenedStore } from './openStore.ts';
import { createStoreHolder, type StoreHolder } from './storeHolder.ts';

/** For tests only: a real encrypted store in a temporary folder; clock and log are the test's. */
export interface TestStore {
  readonly home: string;
  readonly platform: Platform;
  readonly holder: StoreHolder;
  readonly store: OpenedStore;
  /** Administrator and radiologist, with a row in table `operator`. */
  readonly author: Session;
  readonly password: string;
  readonly recoveryKey: string;
  readonly clock: { nowMs(): number; set(ms: number): void; advance(ms: number): void };
  /** Every line logged so far, as JSON. */
  readonly logged: string[];
  /** A context for calling handlers straight. */
  context(overrides?: Partial<CallContext>): CallContext;
  /** Another author with other roles; no row, no password. */
  as(roles: readonly Role[]): Session;
  /** Closes and opens the same folder again, also as a program with other migrations would. */
  reopen(migrations?: readonly Migration[]): Promise<OpenedStore>;
  close(): Promise<void>;
}

/** A platform for tests: memory host, a log that is kept, a clock that can be moved. */
export function testPlatform(home: string, nowMs: () => number, logged: string[]): Platform {
  const log: Log = {
    info: (message, fields) => void logged.push(JSON.stringify({ level: 'info', message, ...fields })),
    warn: (message, fields) => void logged.push(JSON.stringify({ level: 'warn', message, ...fields })),
    error: (message, error, fields) =>
      void logged.push(
        JSON.stringify({
          level: 'error',
          message,
          error: error instanceof Error ? error.stack : String(error),
          ...fields,
        }),
      ),
  };
  const root = join(import.meta.dirname, '..', '..');
  return {
    host: 'memory',
    home,
    sample: false,
    backgroundWork: true,
    clock: { nowMs },
    log,
    randomBytes: (count) => randomBytes(count),
    secretStores: [],
    resourcesDirectory: join(root, 'resources'),
    samplesDirectory: null,
  };
}

/** Opens a new store with one operator, the way the first run does. Call `close` when done. */
export async function openTestStore(
  options: { startMs?: number; migrations?: readonly Migration[] } = {},
): Promise<TestStore> {
  const home = mkdtempSync(join(tmpdir(), 'salus-store-'));
  let offset = options.startMs === undefined ? 0 : options.startMs - Date.now();
  const clock = {
    nowMs: () => Date.now() + offset,
    set(ms: number) {
      offset = ms - Date.now();
    },
    advance(ms: number) {
      offset += ms;
    },
  };
  const logged: string[] = [];
  const platform = testPlatform(home, clock.nowMs, logged);
  const migrations = options.migrations ?? allMigrations;
  // Real argon2id, at a thousandth of its cost: these tests are not about guessing.
  const holderOptions = { migrations, stretchCost: { memoryKib: 256, iterations: 1, parallelism: 1 } };
  const operatorName = 'tester';
  const password = 'correct horse battery';
  let holder = await createStoreHolder(platform, holderOptions);
  const made = await holder.setUp({
    operatorName,
    password,
    siteName: 'Test site',
    initialise(tx, operatorId) {
      tx.run(
        `INSERT INTO operator (operator_id, operator_name, name_key, full_name, roles, created_at, version, hlc, author, site_id)
         VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?)`,
        operatorId,
        operatorName,
        operatorName,
        'Test Operator',
        JSON.stringify(['administrator', 'radiologist']),
        tx.nowMs,
        tx.hlc,
        operatorId,
        tx.siteId,
      );
    },
  });
  let store = made.store;
  const author: Session = {
    operatorId: made.operatorId,
    operatorName,
    roles: ['administrator', 'radiologist'],
    signedInAt: clock.nowMs(),
  };

  return {
    home,
    platform,
    get holder() {
      return holder;
    },
    get store() {
      return store;
    },
    author,
    password,
    recoveryKey: made.recoveryKey,
    clock,
    logged,
    context(overrides = {}) {
      const session = overrides.session === undefined ? author : overrides.session;
      return {
        connectionId: 'test',
        session,
        signal: new AbortController().signal,
        author() {
          if (session === null) throw new Failure('security.notSignedIn', 'nobody is signed in');
          return session;
        },
        can: (permission) => session !== null && isAllowed(session.roles, permission),
        store: (): OpenStore => holder.store(),
        services() {
          throw new Error('pass { services } to context()');
        },
        ...overrides,
      };
    },
    as: (roles) => ({ operatorId: randomUUID(), operatorName: roles.join('-'), roles, signedInAt: clock.nowMs() }),
    async reopen(otherMigrations = migrations) {
      await holder.close();
      holder = await createStoreHolder(platform, { ...holderOptions, migrations: otherMigrations });
      store = (await holder.unlock(operatorName, password)).store;
      return store;
    },
    async close() {
      await holder.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
