import type {
  UnattendedKind,
  UnattendedProblem,
  UnattendedState,
} from '../../../app/domains/security/securitySchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { systemAuthor } from '../../database/openWriteGate.ts';
import type { StoreHolder } from '../../database/storeHolder.ts';
import type { Author } from '../../database/writeGate.ts';
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
   * Whoever called has proven to be an administrator.
   *
   * @param credentialFile for a credential: absolute path of the file to make
   * @throws Failure('security.unattendedPlaceUnavailable' | 'security.unattendedBesideStore' | …)
   */
  turnOn(author: Author, kind: UnattendedKind, credentialFile: string): Promise<void>;
  /** Returns where a key was left that could not be taken away. It opens nothing any more. */
  turnOff(author: Author): Promise<UnattendedKind | null>;
  /** Gives up an opening under way and waits for its end. */
  close(): Promise<void>;
}

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

  holder.onOpen((store) => {
    if (!unrecorded) return;
    const { code, at } = unrecorded;
    unrecorded = null;
    const subject = { type: 'store', id: store.siteId } as const;
    store.gate.record(systemAuthor, 'security.openUnattended', 'refused', subject, { code, attemptedAt: at });
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
      unrecorded = { code, at: clock.nowMs() };
      set({ state: 'failed', at: clock.nowMs(), failure: code });
    }
  }

  async function takeAway(kind: UnattendedKind): Promise<UnattendedKind | null> {
    const keep = placeOf(kind)?.keep;
    if (!keep) return kind;
    try {
      await keep.remove(holder.siteId());
      return null;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      log.warn('a key that opens nothing any more could not be taken away', { code: error.code });
      return kind;
    }
  }

  /** The wrap first: from then on the key opens nothing, wherever it is. */
  async function turnOffNow(): Promise<UnattendedKind | null> {
    const kind = holder.unattendedWrap()?.kind;
    if (kind === undefined) return null;
    holder.turnOffUnattended();
    return takeAway(kind);
  }

  async function putAway(place: SecretStore, credentialFile: string, secret: string): Promise<void> {
    if (!place.keep) return writeCredentialFile(platform.home, credentialFile, secret);
    await place.keep.write(holder.siteId(), secret);
    // What takes a secret and does not give it back would be found out at the next start, with nobody there.
    const kept = await place.read(holder.siteId(), stopping.signal);
    if (kept?.trim() !== secret)
      throw new Failure('security.unattendedPlaceUnavailable', 'the key does not read back as it was kept');
  }

  return {
    state: () => ({ on: wrapNow() !== null, ...now }),
    chosen() {
      const found = wrapNow();
      return found && { kind: found.kind, since: found.createdAt };
    },
    places: () =>
      Promise.all(secretStores.map(async (place) => ({ kind: place.kind, problem: await place.problem() }))),
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
        if ((await place.problem()) !== null)
          throw new Failure('security.unattendedPlaceUnavailable', 'the place cannot keep a key here');
        const { gate, siteId } = holder.store();
        // An earlier key is out of force before another takes its place: a cut leaves it off, never half on.
        await turnOffNow();
        await holder.turnOnUnattended(kind, async (secret) => {
          await putAway(place, credentialFile, secret);
          // Before the wrap: what can open the store is in its audit.
          gate.record(author, 'security.turnOnUnattended', 'success', { type: 'store', id: siteId }, { place: kind });
        });
        set({ state: 'idle', at: null, failure: null });
      }),
    turnOff: (author) =>
      inTurn(async () => {
        const { gate, siteId } = holder.store();
        const left = await turnOffNow();
        gate.record(author, 'security.turnOffUnattended', 'success', { type: 'store', id: siteId });
        tell();
        return left;
      }),
    async close() {
      stopping.abort();
      await opening;
      await turn;
    },
  };
}
