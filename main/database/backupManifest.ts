import { createHmac } from 'node:crypto';
import { canonicalJson } from './auditChain.ts';

export interface BackupFile {
  /** Relative to the backup folder, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** Of the encrypted bytes as they lie in the backup, lower-case hex. */
  readonly sha256: string;
}

/** `manifest.json`: written last, by rename; a folder without it holds no complete backup. */
export interface BackupManifest {
  readonly format: 1;
  readonly siteId: string;
  readonly createdAt: number;
  readonly database: BackupFile;
  readonly keyring: BackupFile;
  readonly auditHead: BackupFile;
  /** One line of JSON (a BackupFile) per archived object. */
  readonly objects: BackupFile;
  readonly objectCount: number;
  /** HMAC-SHA-256 under a key derived from the data key, base64. */
  readonly mac: string;
}

export const manifestName = 'manifest.json';

export function manifestMac(key: Uint8Array, manifest: Omit<BackupManifest, 'mac'>): string {
  const { format, siteId, createdAt, database, keyring, auditHead, objects, objectCount } = manifest;
  const text = canonicalJson({ format, siteId, createdAt, database, keyring, auditHead, objects, objectCount });
  return createHmac('sha256', key).update(text).digest('base64');
}
