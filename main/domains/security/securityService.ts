import type { Operator } from '../../../app/domains/security/securitySchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { OpenedStore } from '../../database/openStore.ts';
import type { Author } from '../../database/writeGate.ts';
import { keyringHasOperator } from '../../keyring/keyring.ts';
import { readKeyring } from '../../keyring/keyringFile.ts';
import { openSignInAttempts } from '../../keyring/signInAttempts.ts';
import { findOperatorRow, findOperatorRowByName, type OperatorRow, operatorFromRow } from './operatorRows.ts';
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
  findOperatorById(operatorId: string): Operator | undefined;
  listOperators(): Operator[];
  setting(name: SettingName): string;
}

export function openSecurityService(store: OpenedStore): SecurityService {
  const { platform, reader, gate, paths } = store;
  const attempts = openSignInAttempts({
    path: paths.signInState,
    nowMs: () => platform.clock.nowMs(),
    isKnown: (operatorName) => keyringHasOperator(readKeyring(platform.home).keyring, operatorName),
  });
  const fromRow = (row: OperatorRow | undefined): Operator | undefined => (row ? operatorFromRow(row) : undefined);
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
    findOperator: (operatorName) => fromRow(findOperatorRowByName(reader, operatorName)),
    findOperatorById: (operatorId) => fromRow(findOperatorRow(reader, operatorId)),
    listOperators: () => reader.all<OperatorRow>('SELECT * FROM operator ORDER BY operator_name').map(operatorFromRow),
    setting: (name) => getSetting(reader, name),
  };
}
