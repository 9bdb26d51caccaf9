import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ArchiveAccess } from '../archive/archive.ts';
import type { DatabaseKey } from '../database/openDatabase.ts';

/** 32 random bytes: the one secret of a store, wrapped per operator and by the recovery key, never written plain. */
export type DataKey = Uint8Array;

export function makeDataKey(): DataKey {
  return randomBytes(32);
}

/** HKDF-SHA-256 (RFC 5869) of the data key; the label keeps the uses apart. */
function derive(dataKey: DataKey, label: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', dataKey, new Uint8Array(0), `salus.v1.${label}`, bytes));
}

export function databaseKeyOf(dataKey: DataKey): DatabaseKey {
  return { key: derive(dataKey, 'database', 32), salt: derive(dataKey, 'database.salt', 16) };
}

export function archiveAccessOf(dataKey: DataKey, home: string): ArchiveAccess {
  const keyEncryptionKey = derive(dataKey, 'archive.wrap', 32);
  return {
    directory: join(home, 'archive'),
    keyEncryptionKey,
    nameKey: derive(dataKey, 'archive.name', 32),
    keyId: createHash('sha256').update('salus.v1.key-id').update(keyEncryptionKey).digest('hex').slice(0, 16),
  };
}

/** Authenticates the keyring file. */
export function keyringMacKeyOf(dataKey: DataKey): Uint8Array {
  return derive(dataKey, 'keyring.mac', 32);
}

/** Wraps the audit's private key. */
export function auditWrapKeyOf(dataKey: DataKey): Uint8Array {
  return derive(dataKey, 'audit.wrap', 32);
}

/** Authenticates a backup's manifest. */
export function backupMacKeyOf(dataKey: DataKey): Uint8Array {
  return derive(dataKey, 'backup.mac', 32);
}
