import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../../app/shared/failure.ts';
import { syncDirectory } from '../archive/directorySync.ts';
import { createArchiveFolders } from '../archive/openArchive.ts';
import { copyDurably, hashFile, readObjectList } from './backup.ts';
import { type BackupFile, type BackupManifest, manifestName } from './backupManifest.ts';
import { openHome, takeHostLock } from './hostLock.ts';
import { storageFailureOf } from './openDatabase.ts';
import { storePaths } from './storePaths.ts';

export interface RestoreResult {
  readonly objects: number;
  readonly bytes: number;
  readonly backupCreatedAt: number;
}

function damaged(why: string): Failure {
  return new Failure('storage.backupDamaged', `the backup cannot be used: ${why}`);
}

function parseManifest(directory: string): BackupManifest {
  const path = join(directory, manifestName);
  if (!existsSync(path)) throw damaged('no complete backup in this folder');
  let manifest: BackupManifest;
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8')) as BackupManifest;
  } catch {
    throw damaged('its manifest cannot be read');
  }
  if (manifest.format !== 1) throw damaged('unknown format');
  return manifest;
}

/** A path of a manifest as a person could have altered it: only the names a backup writes are followed. */
function safePath(path: string): string {
  if (!/^(archive\/[0-9a-f]{2}\/[0-9a-f]{64}|(salus|keyring|audit-head|objects)-\d+\.(db|json|jsonl))$/.test(path)) {
    throw damaged('a file has a foreign name');
  }
  return path;
}

async function verifyFile(directory: string, file: BackupFile): Promise<void> {
  const path = join(directory, safePath(file.path));
  const size = existsSync(path) ? (await stat(path)).size : -1;
  if (size !== file.bytes) throw damaged('a file is missing or cut short');
  if ((await hashFile(path)) !== file.sha256) throw damaged('a file was altered');
}

/** Reads every byte of a backup and compares it with the manifest. @throws Failure('storage.backupDamaged') */
export async function verifyBackup(directory: string): Promise<{ manifest: BackupManifest; objects: BackupFile[] }> {
  const manifest = parseManifest(directory);
  for (const file of [manifest.database, manifest.keyring, manifest.auditHead, manifest.objects])
    await verifyFile(directory, file);
  const objects: BackupFile[] = [];
  for await (const object of readObjectList(join(directory, manifest.objects.path))) {
    await verifyFile(directory, object);
    objects.push(object);
  }
  if (objects.length !== manifest.objectCount) throw damaged('its list of objects is not whole');
  return { manifest, objects };
}

/**
 * Makes a store from a backup, in an empty or missing folder. Everything is verified before anything is written; the
 * database gets its name last, so that a cut-off restore is never mistaken for a store. It opens with the passwords and
 * the recovery key of the time of the backup; the first opening writes `store.restored` to the audit.
 *
 * @throws Failure('storage.backupDamaged' | 'storage.homeNotEmpty' | 'storage.homeUnwritable' | 'storage.diskFull' | 'storage.inUse')
 */
export async function restoreBackup(
  fromDirectory: string,
  toHome: string,
  report: (done: number, total: number) => void = () => undefined,
): Promise<RestoreResult> {
  const { manifest, objects } = await verifyBackup(fromDirectory);
  openHome(toHome);
  const present = readdirSync(toHome).filter((name) => !name.startsWith('host.lock'));
  if (present.length > 0)
    throw new Failure('storage.homeNotEmpty', 'a store can only be restored into an empty folder');
  const lock = takeHostLock(toHome);
  const paths = storePaths(toHome);
  try {
    createArchiveFolders(paths.archive);
    let bytes = 0;
    for (const [index, object] of objects.entries()) {
      const to = join(toHome, object.path);
      mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
      await copyDurably(join(fromDirectory, object.path), to);
      bytes += object.bytes;
      report(index + 1, objects.length);
    }
    for (const folder of readdirSync(paths.archive)) syncDirectory(join(paths.archive, folder));
    await copyDurably(join(fromDirectory, manifest.auditHead.path), paths.auditHead);
    for (const name of ['keyring.json', 'keyring.copy.json']) {
      await copyDurably(join(fromDirectory, manifest.keyring.path), join(toHome, name));
    }
    writeFileSync(paths.restored, JSON.stringify(manifest), { mode: 0o600 });
    const arriving = join(toHome, 'salus.db.restoring');
    await copyDurably(join(fromDirectory, manifest.database.path), arriving);
    syncDirectory(toHome);
    renameSync(arriving, paths.database);
    syncDirectory(toHome);
    return { objects: objects.length, bytes: bytes + manifest.database.bytes, backupCreatedAt: manifest.createdAt };
  } catch (error) {
    throw storageFailureOf(error);
  } finally {
    lock.release();
  }
}
