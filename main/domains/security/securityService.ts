import type { Operator } from '../../../app/domains/security/securitySchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { OpenedStore } from '../../database/openStore.ts';
import type { Author } from '../../database/writeGate.ts';
import { keyringHasOperator } from '../../keyring/keyring.ts';
import { readKeyring } from '../../keyring/keyringFile.ts';
import { openSignInAttempts } from '../../keyring/signInAttempts.ts';
import { findOperatorRowByName, operatorFromRow } from './operatorRows.ts';
import { getSetting, type SettingName } from './settingRows.ts';

/** What other domains may ask about operators. */
export interface SecurityService {
  /**
   * Proves that the signed-in person is the one who knows the password, with the same growing delay as sign-in. Writes
   * an audit entry when it is wrong.
   *
   * @throws Failure('security.wrongPassword' | 'security.tooManyAttempts')
   */
  verifyPassword(author: Author, password: string): Promise<void>;
  findOperator(operatorName: string): Operator | undefined;
  setting(name: SettingName): string;
}

export function openSecurityService(store: OpenedStore): SecurityService {
  const { platform, reader, gate, paths } = store;
  const attempts = openSignInAttempts({
    path: paths.signInState,
    nowMs: () => platform.clock.nowMs(),
    isKnown: (operatorName) => keyringHasOperator(readKeyring(platform.home).keyring, operatorName),
  });
  return {
    async verifyPassword(author, password) {
      const operatorName = author.operatorName ?? '';
      try {
        attempts.begin(operatorName);
        const { operatorId } = await store.checkPassword(operatorName, password);
        if (operatorId !== author.operatorId)
          throw new Failure('security.wrongPassword', 'another operator of that name');
        attempts.succeeded(operatorName);
      } catch (error) {
        if (error instanceof Failure)
          gate.record(author, 'security.verifyPassword', 'refused', undefined, { code: error.code });
        throw error;
      }
    },
    findOperator(operatorName) {
      const row = findOperatorRowByName(reader, operatorName);
      return row && operatorFromRow(row);
    },
    setting: (name) => getSetting(reader, name),
  };
}
