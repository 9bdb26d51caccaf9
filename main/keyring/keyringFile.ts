import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UnattendedKind } from '../../app/domains/security/securitySchema.ts';
import { Failure } from '../../app/shared/failure.ts';
import { writeFileDurably } from '../archive/durableFile.ts';
import { canonicalJson } from '../database/auditChain.ts';
import type { StretchCost } from './stretchPassword.ts';

/** AES-256-GCM, base64 parts. */
export interface Wrapped {
  readonly nonce: string;
  readonly sealed: string;
  readonly tag: string;
}

export interface KeyringOperator extends StretchCost {
  readonly operatorId: string;
  readonly operatorName: string;
  /** base64 */
  readonly salt: string;
  readonly dataKey: Wrapped;
}

/** The data key under a random unlock key that lies elsewhere, so that the program opens the store by itself. */
export interface UnattendedWrap {
  /** Where the unlock key was put. */
  readonly kind: UnattendedKind;
  readonly createdAt: number;
  /** base64 */
  readonly salt: string;
  readonly dataKey: Wrapped;
}

/** What lies in `keyring.json` and its copy: everything needed to get from a password or the recovery key to the data key. */
export interface Keyring {
  readonly format: 1;
  /** Grows by one with each change; of two copies the higher one counts. */
  readonly revision: number;
  readonly siteId: string;
  /** Shown before anyone signs in, so kept outside the sealed database. */
  readonly siteName: string;
  readonly createdAt: number;
  readonly operators: readonly KeyringOperator[];
  readonly recovery: { readonly salt: string; readonly dataKey: Wrapped };
  readonly audit: { readonly publicKey: string; readonly privateKey: Wrapped };
  /**
   * Only while unattended operation is on. The format stays 1: a program that does not know this member computes another
   * `mac` and refuses the keyring as altered, rather than carrying on without it or taking it for a damaged copy.
   */
  readonly unattended?: UnattendedWrap | undefined;
  /** HMAC-SHA-256 under a key derived from the data key, base64: checked as soon as the data key is known. */
  readonly mac: string;
}

const fileNames = ['keyring.json', 'keyring.copy.json'] as const;

export function keyringPaths(home: string): string[] {
  return fileNames.map((name) => join(home, name));
}

export function keyringExists(home: string): boolean {
  return keyringPaths(home).some((path) => existsSync(path));
}

function checksumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The file's text: the keyring and a checksum over its canonical form, which tells damage from a wrong password. */
function textOf(keyring: Keyring): string {
  return `${JSON.stringify({ keyring, checksum: checksumOf(canonicalJson(keyring)) }, null, 1)}\n`;
}

function parse(text: string): Keyring | null {
  try {
    const { keyring, checksum } = JSON.parse(text) as { keyring: Keyring; checksum: string };
    if (keyring.format !== 1 || checksum !== checksumOf(canonicalJson(keyring))) return null;
    return keyring;
  } catch {
    return null; // Not JSON, or not of this shape: a damaged copy. The caller falls back on the other one or fails.
  }
}

function readCopy(path: string): Keyring | null {
  return existsSync(path) ? parse(readFileSync(path, 'utf8')) : null;
}

/**
 * Writes both copies, one after the other, each fsynced and put in place by rename: at any moment at least one whole
 * copy is on the disk.
 */
export function writeKeyring(home: string, keyring: Keyring): void {
  const bytes = Buffer.from(textOf(keyring), 'utf8');
  for (const path of keyringPaths(home)) writeFileDurably(path, bytes);
}

/**
 * Reads the keyring. A damaged, missing or older copy is put right from the other one.
 *
 * @throws Failure('security.keyringDamaged') when neither copy is whole; nothing is written then
 */
export function readKeyring(home: string): { keyring: Keyring; repaired: boolean } {
  const copies = keyringPaths(home).map(readCopy);
  const best = copies.reduce<Keyring | null>(
    (found, copy) => (copy !== null && (found === null || copy.revision > found.revision) ? copy : found),
    null,
  );
  if (best === null) throw new Failure('security.keyringDamaged', 'no copy of the keyring can be read');
  const repaired = copies.some((copy) => copy === null || copy.revision !== best.revision);
  if (repaired) writeKeyring(home, best);
  return { keyring: best, repaired };
}

/** The same bytes a store folder holds, for a backup. */
export function keyringText(keyring: Keyring): string {
  return textOf(keyring);
}
