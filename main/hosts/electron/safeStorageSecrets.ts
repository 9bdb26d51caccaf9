import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type * as Electron from 'electron';
import { Failure } from '../../../app/shared/failure.ts';
import { writeFileDurably } from '../../archive/durableFile.ts';
import type { Log, SecretStore } from '../../platform/platform.ts';

/** The part of electron's module that is used here. */
export type SafeStorage = Pick<
  Electron.SafeStorage,
  'isAsyncEncryptionAvailable' | 'encryptStringAsync' | 'decryptStringAsync' | 'getSelectedStorageBackend'
>;

/** Backends of Linux that keep their own key behind the person's login; the others lie about it or are not ready. */
const sealedBackends = new Set(['gnome_libsecret', 'kwallet', 'kwallet5', 'kwallet6']);

/**
 * The keychain of macOS, DPAPI of Windows and the keyrings of Linux, as Electron reaches them: they keep the key, the
 * secret lies encrypted under it in the store's folder. A copy of the folder elsewhere has no use of it. Only once the
 * application is ready.
 */
export function openSafeStorage(
  safeStorage: SafeStorage,
  home: string,
  log: Log,
  platform: NodeJS.Platform = process.platform,
): SecretStore {
  const file = path.join(home, 'unattended.safe');

  async function problem() {
    // basic_text encrypts under a word that stands in Chromium's source: as good as plain text.
    if (platform === 'linux' && !sealedBackends.has(safeStorage.getSelectedStorageBackend())) return 'plainText';
    return (await safeStorage.isAsyncEncryptionAvailable()) ? null : 'notAnswering';
  }

  async function refuseUnusable(): Promise<void> {
    const found = await problem();
    if (found !== null) throw new Failure('security.unattendedPlaceUnavailable', `safeStorage: ${found}`);
  }

  async function encrypt(secret: string): Promise<void> {
    let sealed: Buffer;
    try {
      sealed = await safeStorage.encryptStringAsync(secret);
    } catch {
      // Chromium's reason names what the system said, in its words; the code is what a person can act upon.
      throw new Failure('security.unattendedPlaceUnavailable', 'safeStorage did not encrypt');
    }
    try {
      writeFileDurably(file, sealed);
    } catch (error) {
      throw unusableFile('written', error);
    }
  }

  function unusableFile(what: string, error: unknown): Failure {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return new Failure('security.unattendedPlaceUnavailable', `the encrypted key cannot be ${what} (${code})`);
  }

  return {
    kind: 'safeStorage',
    problem,
    async read() {
      let sealed: Buffer;
      try {
        sealed = readFileSync(file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw unusableFile('read', error);
      }
      await refuseUnusable();
      let opened: Electron.DecryptStringAsyncReturnValue;
      try {
        opened = await safeStorage.decryptStringAsync(sealed);
      } catch {
        throw new Failure('security.unattendedSecretWrong', 'the keychain does not open the key that lies here');
      }
      // The keychain's own key was changed; the earlier one will not be kept for ever.
      if (opened.shouldReEncrypt) {
        try {
          await encrypt(opened.result);
        } catch (error) {
          // It was read all the same; the next start tries again.
          log.error('the key of unattended operation could not be encrypted anew', error);
        }
      }
      return opened.result;
    },
    keep: {
      async write(_name, secret) {
        await refuseUnusable();
        await encrypt(secret);
      },
      async remove() {
        try {
          // The second is what a write that was cut off leaves.
          for (const path of [file, `${file}.new`]) rmSync(path, { force: true });
        } catch (error) {
          throw unusableFile('removed', error);
        }
      },
    },
  };
}
