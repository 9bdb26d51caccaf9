import { rmSync } from 'node:fs';
import type {
  UnattendedKind,
  UnattendedProblem,
  UnattendedState,
} from '../../../app/domains/security/securitySchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { OpenedStore } from '../../database/openStore.ts';
import { systemAuthor } from '../../database/openWriteGate.ts';
import type { StoreHolder } from '../../database/storeHolder.ts';
import type { Author } from '../../database/writeGate.ts';
import { secretInForce } from '../../keyring/unattended.ts';
import { writeCredentialFile } from '../../keyring/unattendedFile.ts';
import type { SecretStore } from '../../platform/platform.ts';

/** Opening the store without a person, by an administrator's choice: what it is now, and the ways to change it. */
export interface UnattendedOperation {
  state(): UnattendedState;
  chosen(): { kind: UnattendedKind; since: number } | null;
  places(): Promise<{ kind: UnattendedKind; problem: UnattendedProblem | null }[]>;
  /**
   * At the start of a core with background work: opens the sealed store in the background when a secret lies where the
   * keyring says. Any failure leaves it sealed, and `state` says why.
   */
  begin(): void;
  /**
   * Whoever called has proven to be an administrator. Where it is on already, another key takes the place of the one
   * before; when that fails, the one before goes on to open the store.
   *
   * @param credentialFile for a credential: absolute path of the file to make
   * @returns where an earlier key was left, as `turnOff` does
   * @throws Failure('security.unattendedPlaceUnavailable' | 'security.unattendedBesideStore' | …)
   */
  turnOn(author: Author, kind: UnattendedKind, credentialFile: string): Promise<UnattendedKind | null>;
  /** Returns where a key was left that could not be taken away. It still opens copies of the folder made while it was in force. */
  turnOff(author: Author): Promise<UnattendedKind | null>;
  /** Gives up an opening under way and waits for its end. */
  close(): Promise<void>;
}

/** What the places say is asked again after this long: asking starts a program, and windows ask whenever somebody signs in. */
const placesFreshMs = 30_000;

/** @param tell called whenever `state` has changed */
export function openUnattendedOperation(holder: StoreHolder, tell: () => void): UnattendedOperation {
  const { platform } = holder;
  const { log, clock, secretStores } = platform;
  const stopping = new AbortController();
  let now: Pick<UnattendedState, 'state' | 'at' | 'failure'> = { state: 'idle', at: null, failure: null };
  let opening: Promise<void> = Promise.resolve();
  /** A failure that the store's audit does not know yet: it was sealed when it happened. */
  let unrecorded: { code: string; at: number } | null = null;
  /** Switching on and off, one after the other: the key and the wrap that are left belong together. */
  let turn: Promise<unknown> = Promise.resolve();

  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined); // The caller gets the failure; the next in line starts fresh.
    return result;
  };
  const set = (next: typeof now): void => {
    now = next;
    tell();
  };
  const placeOf = (kind: UnattendedKind): SecretStore | undefined => secretStores.find((place) => place.kind === kind);

  /** The keyring's word. One that cannot be read is for the sign-in to tell. */
  const wrapNow = () => {
    try {
      return holder.unattendedWrap();
    } catch (error) {
      if (error instanceof Failure) return null;
      throw error;
    }
  };

  function recordFailure(store: OpenedStore, { code, at }: { code: string; at: number }): void {
    const subject = { type: 'store', id: store.siteId } as const;
    store.gate.record(systemAuthor, 'security.openUnattended', 'refused', subject, { code, attemptedAt: at });
  }

  holder.onOpen((store) => {
    if (unrecorded) recordFailure(store, unrecorded);
    unrecorded = null;
  });

  /** The secret and where it lay; null when this store is for people alone. */
  async function findSecret(): Promise<{ kind: UnattendedKind; secret: string } | null> {
    const kind = wrapNow()?.kind;
    if (kind === undefined) {
      // Given a credential, the service was meant to open by itself: why it does not has to be said.
      const stray = (await placeOf('credential')?.read('', stopping.signal)) ?? null;
      return stray === null ? null : { kind: 'credential', secret: stray };
    }
    const place = placeOf(kind);
    if (!place) throw new Failure('security.unattendedPlaceUnavailable', `this host has no access to ${kind}`);
    const secret = await place.read(holder.siteId(), stopping.signal);
    if (secret === null) throw new Failure('security.unattendedSecretMissing', 'no unlock key was found');
    return { kind, secret };
  }

  async function open(): Promise<void> {
    try {
      const found = await findSecret();
      if (found === null || stopping.signal.aborted) return set({ state: 'idle', at: null, failure: null });
      await holder.unlockUnattended(found.secret, (store) => {
        // Who signed in meanwhile has opened it; then nothing was opened unattended.
        if (holder.current() !== null) return;
        const subject = { type: 'store', id: store.siteId } as const;
        store.gate.record(systemAuthor, 'security.openUnattended', 'success', subject, { place: found.kind });
        now = { state: 'opened', at: clock.nowMs(), failure: null };
      });
      if (now.state !== 'opened') now = { state: 'idle', at: null, failure: null };
      log.info(now.state === 'opened' ? 'the store was opened unattended' : 'the store was open already');
      tell();
    } catch (error) {
      const code = error instanceof Failure ? error.code : 'internal';
      if (!(error instanceof Failure)) log.error('the store could not be opened unattended', error);
      else log.warn('the store could not be opened unattended', { code });
      const failed = { code, at: clock.nowMs() };
      const store = holder.current();
      if (store === null) {
        unrecorded = failed;
        return set({ state: 'failed', at: failed.at, failure: code });
      }
      // Somebody signed in meanwhile: no opening is left to record it.
      try {
        recordFailure(store, failed);
      } catch (problem) {
        log.error('a failure to open the store unattended is not in the audit', problem);
      }
      set({ state: 'idle', at: null, failure: null });
    }
  }

  async function takeAway(kind: UnattendedKind): Promise<UnattendedKind | null> {
    const keep = placeOf(kind)?.keep;
    if (!keep) return kind;
    try {
      await keep.remove(holder.siteId(), stopping.signal);
      return null;
    } catch (error) {
      log.error('a key that is out of force could not be taken away', error);
      return kind;
    }
  }

  async function putAway(place: SecretStore, secret: string): Promise<void> {
    await place.keep?.write(holder.siteId(), secret, stopping.signal);
    // What takes a secret and does not give it back would be found out at the next start, with nobody there.
    const kept = await place.read(holder.siteId(), stopping.signal);
    if (kept?.trim() !== secret)
      throw new Failure('security.unattendedPlaceUnavailable', 'the key does not read back as it was kept');
  }

  /** The key in this place that opens the store; null where what lies there opens nothing, or nothing lies there. */
  async function readKeyInForce(place: SecretStore): Promise<string | null> {
    try {
      const kept = await place.read(holder.siteId(), stopping.signal);
      return kept === null ? null : secretInForce(holder.keys().keyring, kept);
    } catch (error) {
      if (error instanceof Failure && error.code === 'security.unattendedSecretWrong') return null;
      throw error;
    }
  }

  /** A keyring that cannot be read just now proves nothing. */
  function isOutOfForce(secret: string): boolean {
    try {
      return secretInForce(holder.keys().keyring, secret) === null;
    } catch (error) {
      log.error('the keyring cannot be read', error);
      return false;
    }
  }

  /**
   * Puts a new key away, then lets its wrap take the place of the one before. Of one place the two keys share, it keeps
   * both until then: whichever of them the keyring is for after a cut, the store opens.
   *
   * @param earlier the key in force that lies in the same place; null: none
   */
  async function replaceKey(
    place: SecretStore,
    credentialFile: string,
    earlier: string | null,
    record: () => void,
  ): Promise<void> {
    const { kind, keep } = place;
    const made: { secret: string; undo(): void | Promise<void> }[] = [];
    try {
      await holder.turnOnUnattended(kind, async (secret) => {
        if (keep) {
          const undo = () =>
            earlier === null
              ? keep.remove(holder.siteId(), stopping.signal)
              : keep.write(holder.siteId(), earlier, stopping.signal);
          made.push({ secret, undo });
          await putAway(place, earlier === null ? secret : `${secret}\n${earlier}`);
        } else {
          writeCredentialFile(platform.home, credentialFile, secret);
          made.push({ secret, undo: () => rmSync(credentialFile, { force: true }) });
        }
        // Before the wrap: what can open the store is in its audit.
        record();
      });
    } catch (error) {
      for (const { secret, undo } of made) {
        // Of the keyring's two copies one may have been written: then the new key is what opens the store.
        if (!isOutOfForce(secret)) continue;
        try {
          await undo();
        } catch (problem) {
          log.error('a key that never came into force could not be taken away', problem);
        }
      }
      throw error;
    }
    const secret = made[0]?.secret;
    if (earlier === null || secret === undefined) return;
    try {
      await putAway(place, secret);
    } catch (problem) {
      log.error('the earlier key is still kept beside the one in force', problem);
    }
  }

  let looked: { at: number; found: ReturnType<UnattendedOperation['places']> } | null = null;
  const look = async () =>
    Promise.all(
      secretStores.map(async (place) => ({ kind: place.kind, problem: await place.problem(stopping.signal) })),
    ).catch((error: unknown) => {
      looked = null;
      throw error;
    });

  return {
    state: () => ({ on: wrapNow() !== null, ...now }),
    chosen() {
      const found = wrapNow();
      return found && { kind: found.kind, since: found.createdAt };
    },
    places() {
      const at = clock.nowMs();
      if (looked === null || Math.abs(at - looked.at) > placesFreshMs) looked = { at, found: look() };
      return looked.found;
    },
    begin() {
      if (holder.phase !== 'sealed' || !platform.backgroundWork || platform.sample || secretStores.length === 0) return;
      now = { state: 'opening', at: null, failure: null };
      opening = open();
    },
    turnOn: (author, kind, credentialFile) =>
      inTurn(async () => {
        const place = placeOf(kind);
        if (!place || holder.platform.sample)
          throw new Failure('security.unattendedPlaceUnavailable', `this host has no access to ${kind}`);
        if ((await place.problem(stopping.signal)) !== null)
          throw new Failure('security.unattendedPlaceUnavailable', 'the place cannot keep a key here');
        const { gate, siteId } = holder.store();
        const before = holder.unattendedWrap()?.kind;
        const earlier = place.keep && before === kind ? await readKeyInForce(place) : null;
        looked = null;
        await replaceKey(place, credentialFile, earlier, () =>
          gate.record(author, 'security.turnOnUnattended', 'success', { type: 'store', id: siteId }, { place: kind }),
        );
        set({ state: 'idle', at: null, failure: null });
        return before === undefined || before === kind ? null : takeAway(before);
      }),
    turnOff: (author) =>
      inTurn(async () => {
        const { gate, siteId } = holder.store();
        const kind = holder.unattendedWrap()?.kind;
        looked = null;
        // The wrap first: from then on the key opens nothing here, wherever it is.
        holder.turnOffUnattended(() =>
          gate.record(author, 'security.turnOffUnattended', 'success', { type: 'store', id: siteId }),
        );
        tell();
        return kind === undefined ? null : takeAway(kind);
      }),
    async close() {
      stopping.abort();
      await opening;
      await turn;
    },
  };
}
