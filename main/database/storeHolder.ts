import '../platform/wasmCode.ts';
import type { UnattendedKind } from '../../app/domains/security/securitySchema.ts';
import { Failure } from '../../app/shared/failure.ts';
import type { DataKey } from '../keyring/deriveKeys.ts';
import {
  changeKeyring,
  makeRecovery,
  refuseChangedPassword,
  unlockWithPassword,
  unlockWithRecoveryKey,
  wrapForOperator,
} from '../keyring/keyring.ts';
import { type Keyring, keyringExists, readKeyring, type UnattendedWrap, writeKeyring } from '../keyring/keyringFile.ts';
import { currentCost, type StretchCost } from '../keyring/stretchPassword.ts';
import { makeUnattended, unattendedWrapOf, unlockWithSecret } from '../keyring/unattended.ts';
import type { Platform } from '../platform/platform.ts';
import { replaceDatabase } from './damagedStore.ts';
import { openHome, takeHostLock } from './hostLock.ts';
import type { Migration } from './migrate.ts';
import { allMigrations } from './migrations/allMigrations.ts';
import { isEmptyHome, makeStore, type NewStore } from './newStore.ts';
import { storageFailureOf } from './openDatabase.ts';
import { type OpenedStore, openStore, type StoreKeys } from './openStore.ts';
import type { RebuildCounts } from './rebuildIndex.ts';
import type { Replayer } from './replay.ts';

export type StorePhase = 'empty' | 'sealed' | 'open';

export type Accept = (store: OpenedStore, operatorId: string | null) => void;

/** The one place that holds the data key. It leaves this module only as derived keys and wrapped copies. */
export interface StoreHolder {
  readonly platform: Platform;
  readonly phase: StorePhase;
  current(): OpenedStore | null;
  /** @throws Failure('security.sealed' | 'security.notSetUp') */
  store(): OpenedStore;
  /** From the keyring: known before anyone signs in. Empty for an empty store. */
  siteName(): string;
  /** The same of the store's id. */
  siteId(): string;
  /** Makes the store and opens it. @throws Failure('security.alreadySetUp') */
  setUp(input: NewStore): Promise<{ recoveryKey: string; operatorId: string; store: OpenedStore }>;
  /**
   * Checks the password and opens the store if it is sealed. `accept` looks at the store before anyone else is told of
   * it; when it throws, a store that was sealed is sealed again.
   *
   * @throws Failure('security.wrongPassword' | 'security.notSetUp' | 'storage.…'), or what `accept` threw
   */
  unlock(operatorName: string, password: string, accept?: Accept): Promise<{ operatorId: string; store: OpenedStore }>;
  /** The same with the recovery key; `accept` gets no operator. @throws Failure('security.wrongRecoveryKey' | …) */
  unlockWithRecoveryKey(recoveryKey: string, accept?: Accept): Promise<{ store: OpenedStore }>;
  /** The same with the secret of unattended operation. @throws Failure('security.unattendedOff' | 'security.unattendedSecretWrong' | …) */
  unlockUnattended(secret: string, accept: Accept): Promise<{ store: OpenedStore }>;
  /** What the keyring says of unattended operation; null: off. Known before anyone signs in, and not proven then. */
  unattendedWrap(): UnattendedWrap | null;
  /**
   * Makes an unlock key that opens the store from then on, in place of one before. `keep` puts it away first: cut off in
   * between, it opens nothing. Needs an open store.
   */
  turnOnUnattended(kind: UnattendedKind, keep: (secret: string) => Promise<void>): Promise<void>;
  /**
   * Takes the wrap away, wherever the unlock key may be. `record` writes that down right after; when it throws, the wrap
   * is put back. Needs an open store.
   */
  turnOffUnattended(record: () => void): void;
  /**
   * Wraps the data key for an operator, replacing an earlier wrap. Needs an open store. `accept` is asked once more right
   * before the wrap is saved, since stretching takes part of a second; when it throws, nothing changes.
   */
  setPassword(operatorId: string, operatorName: string, password: string, accept?: Accept): Promise<void>;
  /** Removes operators' wraps; theirs is no way in any more. */
  removeOperators(operatorIds: readonly string[]): void;
  /** Makes a new recovery key; the one before opens nothing from then on. Shown once. Needs an open store. */
  renewRecoveryKey(): string;
  /** Ids of the operators whose password opens the store. */
  wrappedOperatorIds(): string[];
  /** Keys of the open store, for backup and rebuild. Never log. @throws Failure('security.sealed') */
  keys(): StoreKeys;
  /**
   * For a store whose database cannot be read: puts it aside into `damaged/` and makes a new one that holds what
   * `replayers` bring back from the archive (the operators, so that they can sign in); the rest is for `rebuildIndex`.
   *
   * @throws Failure('security.wrongPassword'), Failure('storage.homeNotEmpty') when the database can be read
   */
  replaceDamagedDatabase(
    operatorName: string,
    password: string,
    replayers: readonly Replayer[],
  ): Promise<RebuildCounts>;
  /** Called, and awaited, after each opening and before the call that opened it returns. */
  onOpen(listener: (store: OpenedStore) => void | Promise<void>): void;
  /** Called, and awaited, before `reopen` closes the store: who works with it ends first. */
  onReopen(listener: () => Promise<void>): void;
  /** Closes the store, if open, and opens it again with the same keys, with `between` in the gap (the index swap). */
  reopen(between: () => void | Promise<void>): Promise<OpenedStore>;
  close(): Promise<void>;
}

export interface HolderOptions {
  readonly migrations?: readonly Migration[];
  /** What a new password wrap costs to guess. Tests of other things take a cheap one. */
  readonly stretchCost?: StretchCost;
}

/**
 * Takes the store's folder for this core: makes it where missing, holds its lock until `close`.
 *
 * @throws Failure('storage.inUse' | 'storage.homeUnwritable')
 */
export async function createStoreHolder(
  platform: Platform,
  { migrations = allMigrations, stretchCost = currentCost }: HolderOptions = {},
): Promise<StoreHolder> {
  const { home } = platform;
  openHome(home);
  const lock = takeHostLock(home);
  const listeners: ((store: OpenedStore) => void | Promise<void>)[] = [];
  const reopenListeners: (() => Promise<void>)[] = [];
  let opened: OpenedStore | null = null;
  let dataKey: DataKey | null = null;
  let closed = false;
  /** The gap of `reopen`: whoever is signed in stays so. */
  let reopening = false;
  /** Unlocking, set-up and keyring changes run one after the other. */
  let turn: Promise<unknown> = Promise.resolve();

  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(() => {
      if (closed) throw new Failure('security.sealed', 'the core is stopping');
      return work();
    });
    turn = result.catch(() => undefined); // The caller gets the failure; the next in line starts fresh.
    return result;
  }

  const phase = (): StorePhase => {
    if (opened !== null || reopening) return 'open';
    return isEmptyHome(home) ? 'empty' : 'sealed';
  };

  function keyring(): Keyring {
    if (phase() === 'empty') throw new Failure('security.notSetUp', 'there is no store yet');
    if (!keyringExists(home))
      throw new Failure('security.keyringDamaged', 'the keyring is missing beside an existing database');
    const { keyring: found, repaired } = readKeyring(home);
    if (repaired) platform.log.warn('a copy of the keyring was put right from the other');
    return found;
  }

  async function openWith(
    key: DataKey,
    found: Keyring,
    operatorId: string | null,
    accept?: Accept,
  ): Promise<OpenedStore> {
    if (opened !== null) {
      accept?.(opened, operatorId);
      return opened;
    }
    const store = await openStore(platform, { dataKey: key, keyring: found }, migrations);
    try {
      accept?.(store, operatorId);
      opened = store;
      dataKey = key;
      for (const listener of listeners) await listener(store);
    } catch (error) {
      opened = null;
      dataKey = null;
      await store.close();
      throw error;
    }
    return store;
  }

  function keys(): StoreKeys {
    if (opened === null || dataKey === null) throw new Failure('security.sealed', 'the store is sealed');
    return { dataKey, keyring: keyring() };
  }

  function saveKeyring(change: (before: Keyring) => Parameters<typeof changeKeyring>[2]): void {
    const { dataKey: key, keyring: before } = keys();
    const after = changeKeyring(key, before, change(before));
    try {
      writeKeyring(home, after);
    } catch (error) {
      throw storageFailureOf(error);
    }
  }

  const holder: StoreHolder = {
    platform,
    get phase() {
      return phase();
    },
    current: () => opened,
    store() {
      if (opened !== null) return opened;
      if (phase() === 'empty') throw new Failure('security.notSetUp', 'there is no store yet');
      throw new Failure('security.sealed', 'the store is sealed');
    },
    siteName: () => (phase() === 'empty' ? '' : keyring().siteName),
    siteId: () => (phase() === 'empty' ? '' : keyring().siteId),
    setUp: (input) =>
      inTurn(async () => {
        if (phase() !== 'empty') throw new Failure('security.alreadySetUp', 'this folder holds a store');
        const made = await makeStore(platform, migrations, stretchCost, input);
        const { recoveryKey, operatorId } = made;
        return { recoveryKey, operatorId, store: await openWith(made.dataKey, made.keyring, operatorId) };
      }),
    unlock: (operatorName, password, accept) =>
      inTurn(async () => {
        const found = keyring();
        const { dataKey: key, operatorId } = await unlockWithPassword(found, operatorName, password);
        refuseChangedPassword(found, keyring(), operatorName);
        return { operatorId, store: await openWith(key, found, operatorId, accept) };
      }),
    unlockWithRecoveryKey: (recoveryKey, accept) =>
      inTurn(async () => {
        const found = keyring();
        return { store: await openWith(unlockWithRecoveryKey(found, recoveryKey), found, null, accept) };
      }),
    unlockUnattended: (secret, accept) =>
      inTurn(async () => {
        const found = keyring();
        return { store: await openWith(unlockWithSecret(found, secret), found, null, accept) };
      }),
    unattendedWrap: () => (phase() === 'empty' ? null : unattendedWrapOf(keyring())),
    async turnOnUnattended(kind, keep) {
      const { dataKey: key, keyring: before } = keys();
      const { secret, unattended } = makeUnattended(key, before.siteId, kind, platform.clock.nowMs());
      await keep(secret);
      saveKeyring(() => ({ unattended }));
    },
    turnOffUnattended(record) {
      const { unattended } = keys().keyring;
      if (unattended) saveKeyring(() => ({ unattended: undefined }));
      try {
        record();
      } catch (error) {
        if (unattended) saveKeyring(() => ({ unattended }));
        throw error;
      }
    },
    async setPassword(operatorId, operatorName, password, accept) {
      const { dataKey: key, keyring: before } = keys();
      const operator = await wrapForOperator(key, before.siteId, operatorId, operatorName, password, stretchCost);
      if (accept) accept(holder.store(), operatorId);
      saveKeyring(({ operators }) => ({
        operators: [...operators.filter((other) => other.operatorId !== operatorId), operator],
      }));
    },
    removeOperators(operatorIds) {
      saveKeyring(({ operators }) => ({
        operators: operators.filter(({ operatorId }) => !operatorIds.includes(operatorId)),
      }));
    },
    renewRecoveryKey() {
      const { dataKey: key, keyring: before } = keys();
      const { recoveryKey, recovery } = makeRecovery(key, before.siteId);
      saveKeyring(() => ({ recovery }));
      return recoveryKey;
    },
    wrappedOperatorIds: () => keyring().operators.map(({ operatorId }) => operatorId),
    keys,
    onOpen(listener) {
      listeners.push(listener);
    },
    onReopen(listener) {
      reopenListeners.push(listener);
    },
    reopen: (between) =>
      inTurn(async () => {
        const { dataKey: key } = keys();
        reopening = true;
        try {
          for (const listener of reopenListeners) await listener();
          await opened?.close();
          opened = null;
          await between();
          return await openWith(key, keyring(), null);
        } finally {
          reopening = false;
        }
      }),
    replaceDamagedDatabase: (operatorName, password, replayers) =>
      inTurn(async () => {
        const found = keyring();
        const { dataKey: key } = await unlockWithPassword(found, operatorName, password);
        if (opened !== null) throw new Failure('storage.homeNotEmpty', 'the database can be read');
        return replaceDatabase(platform, { dataKey: key, keyring: found }, replayers);
      }),
    async close() {
      if (closed) return;
      await turn;
      closed = true;
      await opened?.close();
      opened = null;
      dataKey?.fill(0);
      dataKey = null;
      lock.release();
    },
  };
  return holder;
}
