import { createHash } from 'node:crypto';
import { constants, createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { chmod, copyFile, open, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../app/shared/failure.ts';
import type { ArchiveAccess } from '../archive/archive.ts';
import { syncDirectory } from '../archive/directorySync.ts';
import { createArchiveFolders } from '../archive/openArchive.ts';
import { verifyFile } from '../archive/verifyObject.ts';
import { backupMacKeyOf, databaseKeyOf } from '../keyring/deriveKeys.ts';
import { openAuditKeys } from '../keyring/keyring.ts';
import { keyringText } from '../keyring/keyringFile.ts';
import { withoutUnattended } from '../keyring/unattended.ts';
import { isInside } from '../platform/insideFolder.ts';
import { auditHeadText } from './auditHead.ts';
import { type BackupFile, type BackupManifest, manifestMac, manifestName } from './backupManifest.ts';
import { openDatabase, storageFailureOf } from './openDatabase.ts';
import type { OpenedStore, StoreKeys } from './openStore.ts';

const markerName = 'salus-backup.json';

/** SHA-256 of a file's bytes, streamed. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 })) hash.update(piece as Buffer);
  return hash.digest('hex');
}

async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const handle = await open(`${path}.new`, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.new`, path);
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Copies a file so that it appears whole, with its time, and is on the disk.
 *
 * @param check looks at the copy before it takes its place; when it throws, what lay there stays
 */
export async function copyDurably(
  from: string,
  to: string,
  check: (copy: string) => Promise<void> = async () => undefined,
): Promise<void> {
  const temporary = `${to}.new`;
  await rm(temporary, { force: true });
  try {
    await copyFile(from, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    // Copies keep the mode of a read-only medium; the store's own files are the owner's to write.
    await chmod(temporary, 0o600);
    const { atime, mtime } = await stat(from);
    await utimes(temporary, atime, mtime);
    await syncFile(temporary);
    await check(temporary);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, to);
}

function readManifest(directory: string): BackupManifest | null {
  const path = join(directory, manifestName);
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as BackupManifest;
  } catch {
    return null; // Damaged: nothing of it is reused, everything is copied again.
  }
}

/** Takes an empty folder, or one that holds an earlier (also an unfinished) backup of the same store. */
async function prepareFolder(directory: string, home: string, siteId: string): Promise<void> {
  const notEmpty = new Failure(
    'storage.backupFolderNotEmpty',
    'the folder holds something else than a backup of this store',
  );
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const real = realpathSync(directory);
  const realHome = realpathSync(home);
  if (isInside(real, realHome) || isInside(realHome, real)) throw notEmpty;
  if (readdirSync(directory).length > 0) {
    const marker = join(directory, markerName);
    if (!existsSync(marker)) throw notEmpty;
    const known = JSON.parse(readFileSync(marker, 'utf8')) as { siteId?: unknown };
    if (known.siteId !== siteId) throw notEmpty;
  } else {
    await writeDurably(join(directory, markerName), `${JSON.stringify({ siteId })}\n`);
    syncDirectory(directory);
  }
}

/** The lines of a backup's object list. */
export async function* readObjectList(path: string): AsyncIterable<BackupFile> {
  const handle = await open(path, 'r');
  for await (const line of handle.readLines()) if (line !== '') yield JSON.parse(line) as BackupFile;
}

/** Hashes known from the backup before this one, by path. */
async function knownObjects(directory: string): Promise<Map<string, BackupFile>> {
  const known = new Map<string, BackupFile>();
  const manifest = readManifest(directory);
  if (manifest === null || !existsSync(join(directory, manifest.objects.path))) return known;
  for await (const file of readObjectList(join(directory, manifest.objects.path))) known.set(file.path, file);
  return known;
}

async function describe(directory: string, path: string): Promise<BackupFile> {
  const full = join(directory, path);
  return { path, bytes: (await stat(full)).size, sha256: await hashFile(full) };
}

export interface BackupProgress {
  report(done: number, total: number, bytesDone: number, bytesTotal: number): void;
  readonly signal: AbortSignal;
}

/** What a backup run wrote, and which objects of the archive no longer authenticate. */
export interface WrittenBackup {
  readonly manifest: BackupManifest;
  /** Damaged in the store; an earlier, sound copy is in the backup. */
  readonly damaged: readonly string[];
  /** Damaged in the store, and not in the backup either. */
  readonly lost: readonly string[];
}

function isDamage(error: unknown): boolean {
  // EIO: a sector that no longer reads is damage as well.
  return (
    (error instanceof Failure && error.code === 'storage.objectDamaged') ||
    (error as NodeJS.ErrnoException).code === 'EIO'
  );
}

/**
 * Writes a complete copy of the store, encrypted as it lies: the database as of one moment, then every archived object
 * (only those the folder lacks), the keyring, the audit head of that moment, and at last the manifest, whose rename makes
 * the backup count. An earlier backup in the folder stays whole until then. Every byte of an object is authenticated
 * before its copy takes its place: a rotten one never takes the place of a sound one, and is not counted as kept.
 *
 * @throws Failure('storage.backupFolderNotEmpty' | 'storage.backupMediumFailing' | 'storage.diskFull')
 */
export async function writeBackup(
  store: OpenedStore,
  keys: StoreKeys,
  directory: string,
  { report, signal }: BackupProgress,
): Promise<WrittenBackup> {
  const { platform, archive } = store;
  try {
    await prepareFolder(directory, platform.home, keys.keyring.siteId);
    const createdAt = platform.clock.nowMs();
    const known = await knownObjects(directory);

    const databaseName = `salus-${createdAt}.db`;
    await rm(join(directory, databaseName), { force: true });
    await store.copyDatabase(join(directory, databaseName));
    await syncFile(join(directory, databaseName));

    const headName = `audit-head-${createdAt}.json`;
    const copy = openDatabase(join(directory, databaseName), databaseKeyOf(keys.dataKey), 'read');
    let head: { sequence: number; hash: Uint8Array };
    try {
      head = copy.prepare('SELECT sequence, hash FROM audit_entry ORDER BY sequence DESC LIMIT 1').get() as typeof head;
    } finally {
      copy.close();
    }
    const { privateKey } = openAuditKeys(keys.dataKey, keys.keyring);
    const headText = auditHeadText(
      keys.keyring.siteId,
      { sequence: head.sequence, hash: Buffer.from(head.hash).toString('hex') },
      privateKey,
    );
    await writeDurably(join(directory, headName), headText);
    const keyringName = `keyring-${createdAt}.json`;
    // A copy somewhere else opens with a password or the recovery key; nobody chose there that it opens by itself.
    await writeDurably(join(directory, keyringName), keyringText(withoutUnattended(keys.dataKey, keys.keyring)));

    createArchiveFolders(join(directory, 'archive'));
    const names: string[] = [];
    let bytesTotal = 0;
    for await (const name of archive.names()) {
      names.push(name);
      bytesTotal += (await stat(join(archive.access.directory, name.slice(0, 2), name))).size;
    }
    const lines: string[] = [];
    const touched = new Set<string>();
    const damaged: string[] = [];
    const lost: string[] = [];
    let bytesDone = 0;
    for (const [index, name] of names.entries()) {
      signal.throwIfAborted();
      const path = `archive/${name.slice(0, 2)}/${name}`;
      const from = join(archive.access.directory, name.slice(0, 2), name);
      const to = join(directory, path);
      const earlier = known.get(path);
      const there = existsSync(to) ? (await stat(to)).size : -1;
      let file: BackupFile | null = null;
      if (earlier && there === earlier.bytes) {
        file = earlier;
      } else {
        try {
          await copyDurably(from, to, async (copy) => {
            file = { path, ...(await verifyFile(archive.access, name, copy)) };
          });
          touched.add(join(directory, 'archive', name.slice(0, 2)));
        } catch (error) {
          if (!isDamage(error)) throw error;
          if (await isSound(archive.access, name, from))
            throw new Failure('storage.backupMediumFailing', 'what was written to the backup does not read back');
          file = there < 0 ? null : await soundCopy(archive.access, name, path, to);
          (file ? damaged : lost).push(name);
        }
      }
      if (file) {
        lines.push(JSON.stringify(file));
        bytesDone += file.bytes;
      }
      report(index + 1, names.length, bytesDone, bytesTotal);
    }
    for (const folder of touched) syncDirectory(folder);
    const objectsName = `objects-${createdAt}.jsonl`;
    await writeDurably(join(directory, objectsName), lines.length === 0 ? '' : `${lines.join('\n')}\n`);
    syncDirectory(directory);

    const body: Omit<BackupManifest, 'mac'> = {
      format: 1,
      siteId: keys.keyring.siteId,
      createdAt,
      database: await describe(directory, databaseName),
      keyring: await describe(directory, keyringName),
      auditHead: await describe(directory, headName),
      objects: await describe(directory, objectsName),
      objectCount: lines.length,
    };
    const manifest: BackupManifest = { ...body, mac: manifestMac(backupMacKeyOf(keys.dataKey), body) };
    await writeDurably(join(directory, manifestName), `${JSON.stringify(manifest, null, 1)}\n`);
    syncDirectory(directory);
    await removeEarlier(directory, manifest);
    return { manifest, damaged, lost };
  } catch (error) {
    throw storageFailureOf(error);
  }
}

/** What an earlier backup left of an object, when all of it authenticates. */
async function soundCopy(access: ArchiveAccess, name: string, path: string, full: string): Promise<BackupFile | null> {
  try {
    return { path, ...(await verifyFile(access, name, full)) };
  } catch (error) {
    if (isDamage(error)) return null;
    throw error;
  }
}

/** Tells an object that is damaged in the store from a medium of the backup that does not keep what it is given. */
async function isSound(access: ArchiveAccess, name: string, path: string): Promise<boolean> {
  return (await soundCopy(access, name, '', path)) !== null;
}

/** What only an earlier or an unfinished backup named. */
async function removeEarlier(directory: string, now: BackupManifest): Promise<void> {
  const kept = new Set([now.database.path, now.keyring.path, now.auditHead.path, now.objects.path]);
  for (const name of readdirSync(directory)) {
    const ours = /^(salus-\d+\.db(-wal|-shm)?|keyring-\d+\.json|audit-head-\d+\.json|objects-\d+\.jsonl)(\.new)?$/.test(
      name,
    );
    if (ours && !kept.has(name)) await rm(join(directory, name), { force: true });
  }
}
