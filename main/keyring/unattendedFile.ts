import { closeSync, fsyncSync, openSync, realpathSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { Failure } from '../../app/shared/failure.ts';
import { syncDirectory } from '../archive/directorySync.ts';
import { isInside } from '../platform/insideFolder.ts';

/**
 * Writes the secret of unattended operation once, into a new file that only this account may read, for
 * `systemd-creds encrypt`. Never into the folder of the store, where each copy of it would carry its own key.
 *
 * @param file absolute
 * @throws Failure('system.invalidInput' | 'security.unattendedBesideStore' | 'security.unattendedFileExists' |
 *         'security.unattendedFileUnwritable')
 */
export function writeCredentialFile(home: string, file: string, secret: string): void {
  if (!isAbsolute(file)) throw new Failure('system.invalidInput', 'the credential file needs an absolute path');
  let folder: string;
  let descriptor: number;
  try {
    folder = realpathSync(dirname(file));
  } catch (error) {
    throw unwritable(error);
  }
  if (isInside(folder, realpathSync(home)))
    throw new Failure('security.unattendedBesideStore', 'the credential file would lie in the folder of the store');
  const path = join(folder, basename(file));
  try {
    descriptor = openSync(path, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new Failure('security.unattendedFileExists', 'there is a file of this name');
    throw unwritable(error);
  }
  try {
    writeSync(descriptor, `${secret}\n`);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(path, { force: true });
    throw unwritable(error);
  } finally {
    closeSync(descriptor);
  }
  syncDirectory(folder);
}

function unwritable(error: unknown): Failure {
  const { code = 'unknown' } = error as NodeJS.ErrnoException;
  return new Failure('security.unattendedFileUnwritable', `the credential file cannot be written (${code})`);
}
