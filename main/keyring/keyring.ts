import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../../app/shared/failure.ts';
import { canonicalJson } from '../database/auditChain.ts';
import { auditWrapKeyOf, type DataKey, keyringMacKeyOf } from './deriveKeys.ts';
import type { Keyring, KeyringOperator, Wrapped } from './keyringFile.ts';
import { formatRecoveryKey, parseRecoveryKey, recoveryKeyRandomBytes } from './recoveryKey.ts';
import { currentCost, type StretchCost, stretchPassword } from './stretchPassword.ts';

/** A name compared without case or form: what two spellings of one operator share. */
export function nameKeyOf(operatorName: string): string {
  return operatorName.trim().normalize('NFKC').toLowerCase();
}

/** AES-256-GCM; `use` is authenticated, so that a wrap cannot be moved to another place. */
export function wrap(key: Uint8Array, secret: Uint8Array, use: string): Wrapped {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(use));
  const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
  return {
    nonce: nonce.toString('base64'),
    sealed: sealed.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
  };
}

/** The secret, or null when the key does not fit. */
export function unwrap(key: Uint8Array, wrapped: Wrapped, use: string): Uint8Array | null {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(wrapped.nonce, 'base64'));
    decipher.setAAD(Buffer.from(use));
    decipher.setAuthTag(Buffer.from(wrapped.tag, 'base64'));
    return Buffer.concat([decipher.update(Buffer.from(wrapped.sealed, 'base64')), decipher.final()]);
  } catch {
    return null; // A wrong key and an altered wrap look alike; both mean "not this one".
  }
}

const operatorUse = (siteId: string, operatorId: string): string => `salus.v1.wrap.operator|${siteId}|${operatorId}`;
const recoveryUse = (siteId: string): string => `salus.v1.wrap.recovery|${siteId}`;
const auditUse = (siteId: string): string => `salus.v1.wrap.audit|${siteId}`;

function recoveryWrapKey(canonicalRecoveryKey: string, salt: Uint8Array): Uint8Array {
  // 195 random bits need no stretching.
  return new Uint8Array(hkdfSync('sha256', canonicalRecoveryKey, salt, 'salus.v1.recovery', 32));
}

function macOf(dataKey: DataKey, keyring: Omit<Keyring, 'mac'>): string {
  const { format, revision, siteId, siteName, createdAt, operators, recovery, audit, unattended } = keyring;
  // What is undefined is left out: without unattended operation the text is what it was before there was any.
  const text = canonicalJson({ format, revision, siteId, siteName, createdAt, operators, recovery, audit, unattended });
  return createHmac('sha256', keyringMacKeyOf(dataKey)).update(text).digest('base64');
}

/** Puts the next revision together and authenticates it. */
export function changeKeyring(
  dataKey: DataKey,
  keyring: Keyring,
  change: Partial<Pick<Keyring, 'operators' | 'recovery' | 'unattended'>>,
): Keyring {
  const next = { ...keyring, ...change, revision: keyring.revision + 1 };
  return { ...next, mac: macOf(dataKey, next) };
}

/** @throws Failure('security.keyringDamaged') when the keyring was not written by a holder of this data key */
export function verifyKeyring(dataKey: DataKey, keyring: Keyring): void {
  const expected = Buffer.from(macOf(dataKey, keyring), 'base64');
  const found = Buffer.from(keyring.mac, 'base64');
  if (expected.length !== found.length || !timingSafeEqual(expected, found)) {
    throw new Failure('security.keyringDamaged', 'the keyring was altered');
  }
}

/** Wraps the data key with an operator's password: one argon2id run on a worker thread. */
export async function wrapForOperator(
  dataKey: DataKey,
  siteId: string,
  operatorId: string,
  operatorName: string,
  password: string,
  cost: StretchCost = currentCost,
): Promise<KeyringOperator> {
  const salt = randomBytes(16);
  const key = await stretchPassword(password, salt, cost);
  const wrapped = wrap(key, dataKey, operatorUse(siteId, operatorId));
  key.fill(0);
  return { operatorId, operatorName, salt: salt.toString('base64'), ...cost, dataKey: wrapped };
}

export function findKeyringOperator(keyring: Keyring, operatorName: string): KeyringOperator | undefined {
  const wanted = nameKeyOf(operatorName);
  return keyring.operators.find((operator) => nameKeyOf(operator.operatorName) === wanted);
}

/**
 * The data key, from an operator's name and password.
 *
 * An unknown name costs the same time as a wrong password, so that names cannot be tried out.
 *
 * @throws Failure('security.wrongPassword')
 */
export async function unlockWithPassword(
  keyring: Keyring,
  operatorName: string,
  password: string,
): Promise<{ dataKey: DataKey; operatorId: string }> {
  const operator = findKeyringOperator(keyring, operatorName);
  const salt = operator ? Buffer.from(operator.salt, 'base64') : randomBytes(16);
  const key = await stretchPassword(password, salt, operator ?? currentCost);
  const dataKey = operator ? unwrap(key, operator.dataKey, operatorUse(keyring.siteId, operator.operatorId)) : null;
  key.fill(0);
  if (!operator || !dataKey) throw new Failure('security.wrongPassword', 'wrong name or password');
  verifyKeyring(dataKey, keyring);
  return { dataKey, operatorId: operator.operatorId };
}

/**
 * To be asked after `unlockWithPassword`, in the same turn as what it allows: stretching takes part of a second, in which
 * the password may have been reset to shut this very person out.
 *
 * @throws Failure('security.wrongPassword')
 */
export function refuseChangedPassword(before: Keyring, now: Keyring, operatorName: string): void {
  const [then, today] = [before, now].map((keyring) => findKeyringOperator(keyring, operatorName));
  if (!isDeepStrictEqual(then?.dataKey, today?.dataKey))
    throw new Failure('security.wrongPassword', 'the password was changed meanwhile');
}

/** The data key, from the recovery key. @throws Failure('security.wrongRecoveryKey') */
export function unlockWithRecoveryKey(keyring: Keyring, typed: string): DataKey {
  const recoveryKey = parseRecoveryKey(typed);
  const key = recoveryWrapKey(recoveryKey, Buffer.from(keyring.recovery.salt, 'base64'));
  const dataKey = unwrap(key, keyring.recovery.dataKey, recoveryUse(keyring.siteId));
  key.fill(0);
  if (!dataKey) throw new Failure('security.wrongRecoveryKey', 'this is not the recovery key of this store');
  verifyKeyring(dataKey, keyring);
  return dataKey;
}

export interface AuditKeys {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** This installation's signing keys. @throws Failure('security.keyringDamaged') */
export function openAuditKeys(dataKey: DataKey, keyring: Keyring): AuditKeys {
  const wrapKey = auditWrapKeyOf(dataKey);
  const der = unwrap(wrapKey, keyring.audit.privateKey, auditUse(keyring.siteId));
  if (!der) throw new Failure('security.keyringDamaged', 'the audit key does not open');
  const privateKey = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
  der.fill(0);
  return { privateKey, publicKey: openAuditPublicKey(keyring.audit.publicKey) };
}

/** @param publicKey SPKI, DER, base64 */
export function openAuditPublicKey(publicKey: string): KeyObject {
  return createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
}

/** A fresh recovery key and the wrap that it opens. The key is shown once and kept nowhere. */
export function makeRecovery(dataKey: DataKey, siteId: string): { recoveryKey: string; recovery: Keyring['recovery'] } {
  const recoveryKey = formatRecoveryKey(randomBytes(recoveryKeyRandomBytes));
  const salt = randomBytes(16);
  return {
    recoveryKey,
    recovery: {
      salt: salt.toString('base64'),
      dataKey: wrap(recoveryWrapKey(parseRecoveryKey(recoveryKey), salt), dataKey, recoveryUse(siteId)),
    },
  };
}

/** A new store's keyring with no operator yet, and its recovery key, to be shown once. */
export function makeKeyring(
  dataKey: DataKey,
  siteId: string,
  siteName: string,
  nowMs: number,
): { keyring: Keyring; recoveryKey: string } {
  const { recoveryKey, recovery } = makeRecovery(dataKey, siteId);
  const pair = generateKeyPairSync('ed25519');
  const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
  const body: Omit<Keyring, 'mac'> = {
    format: 1,
    revision: 1,
    siteId,
    siteName,
    createdAt: nowMs,
    operators: [],
    recovery,
    audit: {
      publicKey: pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
      privateKey: wrap(auditWrapKeyOf(dataKey), der, auditUse(siteId)),
    },
  };
  der.fill(0);
  return { keyring: { ...body, mac: macOf(dataKey, body) }, recoveryKey };
}

export function keyringHasOperator(keyring: Keyring, operatorName: string): boolean {
  return findKeyringOperator(keyring, operatorName) !== undefined;
}
