import { hkdfSync, randomBytes } from 'node:crypto';
import { type UnattendedKind, unattendedKindSchema } from '../../app/domains/security/securitySchema.ts';
import { Failure } from '../../app/shared/failure.ts';
import type { DataKey } from './deriveKeys.ts';
import { changeKeyring, unwrap, verifyKeyring, wrap } from './keyring.ts';
import type { Keyring, UnattendedWrap } from './keyringFile.ts';

const unattendedUse = (siteId: string): string => `salus.v1.wrap.unattended|${siteId}`;

function unattendedWrapKey(unlockKey: Uint8Array, salt: Uint8Array): Uint8Array {
  // 256 random bits need no stretching.
  return new Uint8Array(hkdfSync('sha256', unlockKey, salt, 'salus.v1.unattended', 32));
}

/** A word that says what it is, the store it belongs to, and 32 bytes in base64url. */
const secretPattern = /^salus-unlock-1 ([0-9a-f-]{36}) ([A-Za-z0-9_-]{43})$/;

/** The unlock key of a text as it is kept outside the store. @throws Failure('security.unattendedSecretWrong') */
function parseSecret(text: string, siteId: string): Uint8Array {
  const [, ownSite, key] = secretPattern.exec(text.trim()) ?? [];
  if (key === undefined) throw new Failure('security.unattendedSecretWrong', 'what is kept there is no unlock key');
  if (ownSite !== siteId) throw new Failure('security.unattendedSecretWrong', 'the unlock key is of another store');
  return Buffer.from(key, 'base64url');
}

/**
 * A fresh unlock key as text, one line, and the wrap that it alone opens. The text goes to a place outside the store and
 * is kept nowhere here.
 */
export function makeUnattended(
  dataKey: DataKey,
  siteId: string,
  kind: UnattendedKind,
  nowMs: number,
): { secret: string; unattended: UnattendedWrap } {
  const unlockKey = randomBytes(32);
  const salt = randomBytes(16);
  const wrapKey = unattendedWrapKey(unlockKey, salt);
  const unattended: UnattendedWrap = {
    kind,
    createdAt: nowMs,
    salt: salt.toString('base64'),
    dataKey: wrap(wrapKey, dataKey, unattendedUse(siteId)),
  };
  const secret = `salus-unlock-1 ${siteId} ${unlockKey.toString('base64url')}`;
  unlockKey.fill(0);
  wrapKey.fill(0);
  return { secret, unattended };
}

/** The wrap of a keyring, before anything proves that the keyring is genuine; null when unattended operation is off. */
export function unattendedWrapOf({ unattended }: Keyring): UnattendedWrap | null {
  if (unattended === undefined) return null;
  const { kind, createdAt, salt } = (unattended ?? {}) as Partial<UnattendedWrap>;
  const isWhole =
    unattendedKindSchema.safeParse(kind).success && typeof createdAt === 'number' && typeof salt === 'string';
  if (!isWhole) throw new Failure('security.keyringDamaged', 'the wrap of unattended operation is of no known shape');
  return unattended;
}

/** A place that two keys share while one takes the other's place keeps a line for each: the one that fits. */
function findFitting(
  keyring: Keyring,
  unattended: UnattendedWrap,
  kept: string,
): { secret: string; dataKey: DataKey } | null {
  for (const secret of kept.trim().split('\n', 2)) {
    const unlockKey = parseSecret(secret, keyring.siteId);
    const wrapKey = unattendedWrapKey(unlockKey, Buffer.from(unattended.salt, 'base64'));
    const dataKey = unwrap(wrapKey, unattended.dataKey, unattendedUse(keyring.siteId));
    unlockKey.fill(0);
    wrapKey.fill(0);
    if (dataKey) return { secret, dataKey };
  }
  return null;
}

/**
 * The data key, from the secret of unattended operation as its place keeps it.
 *
 * @throws Failure('security.unattendedOff') when the keyring has no wrap for it,
 *         Failure('security.unattendedSecretWrong' | 'security.keyringDamaged')
 */
export function unlockWithSecret(keyring: Keyring, kept: string): DataKey {
  const unattended = unattendedWrapOf(keyring);
  if (unattended === null) throw new Failure('security.unattendedOff', 'unattended operation is switched off');
  const fitting = findFitting(keyring, unattended, kept);
  if (!fitting) throw new Failure('security.unattendedSecretWrong', 'the unlock key does not open this store');
  verifyKeyring(fitting.dataKey, keyring);
  return fitting.dataKey;
}

/**
 * Of what a place keeps, the one secret that opens this keyring; null: none.
 *
 * @throws Failure('security.unattendedSecretWrong') when no unlock key of this store is kept there
 */
export function secretInForce(keyring: Keyring, kept: string): string | null {
  const unattended = unattendedWrapOf(keyring);
  const fitting = unattended && findFitting(keyring, unattended, kept);
  fitting?.dataKey.fill(0);
  return fitting?.secret ?? null;
}

/** The keyring as a backup holds it: opened by people alone. */
export function withoutUnattended(dataKey: DataKey, keyring: Keyring): Keyring {
  return keyring.unattended === undefined ? keyring : changeKeyring(dataKey, keyring, { unattended: undefined });
}
