import { closeSync, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { credentialName } from '../../app/domains/security/unattendedSteps.ts';
import { Failure } from '../../app/shared/failure.ts';
import { isInside } from './insideFolder.ts';
import type { SecretStore } from './platform.ts';

/** The secret is one short line. */
const mostBytes = 4096;

/**
 * The credential that systemd hands to a service (systemd.exec(5), LoadCredentialEncrypted=): a file in a folder that
 * only the service may read and that is gone when it stops. The environment names the folder and holds no secret.
 *
 * @param home folder of the store: a credential that lies in it would open every copy of it
 */
export function openCredentialDirectory(home: string, directory = process.env['CREDENTIALS_DIRECTORY']): SecretStore {
  return {
    kind: 'credential',
    problem: async () => null,
    async read() {
      if (!directory) return null;
      let descriptor: number;
      try {
        const path = realpathSync(join(directory, credentialName));
        if (isInside(path, realpathSync(home)))
          throw new Failure('security.unattendedBesideStore', 'the credential lies in the folder of the store');
        descriptor = openSync(path, 'r');
      } catch (error) {
        if (error instanceof Failure) throw error;
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw new Failure('security.unattendedPlaceUnavailable', 'the credential cannot be read');
      }
      try {
        const status = fstatSync(descriptor);
        if (!status.isFile() || status.size > mostBytes)
          throw new Failure('security.unattendedSecretWrong', 'the credential is no unlock key');
        // The group's bits are an access list's mask where systemd grants the service's user; others' mean anybody.
        if (process.platform !== 'win32' && (status.mode & 0o007) !== 0)
          throw new Failure('security.unattendedSecretOpen', 'every account of the machine can read the credential');
        return readFileSync(descriptor, 'utf8');
      } finally {
        closeSync(descriptor);
      }
    },
    keep: null,
  };
}
