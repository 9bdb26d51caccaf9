import type { Language, Operator } from '../../../app/domains/security/securitySchema.ts';
import type { StoreHolder } from '../../database/storeHolder.ts';
import { getOperatorRow, insertOperator, operatorFromRow } from './operatorRows.ts';
import { putSetting } from './settingRows.ts';

export interface FirstOperator {
  readonly operatorName: string;
  readonly fullName: string;
  readonly password: string;
  readonly language: Language;
  readonly siteName: string;
}

/**
 * First run: makes the store, its keys and the first operator, who is administrator and radiologist. The recovery key is
 * given once and kept nowhere.
 *
 * @throws Failure('security.alreadySetUp')
 */
export async function setUpStore(
  holder: StoreHolder,
  { operatorName, fullName, password, language, siteName }: FirstOperator,
): Promise<{ recoveryKey: string; operator: Operator }> {
  const { recoveryKey, operatorId, store } = await holder.setUp({
    operatorName,
    password,
    siteName,
    initialise(tx, newOperatorId) {
      const author = { operatorId: newOperatorId, operatorName };
      insertOperator(tx, author, newOperatorId, {
        operatorName,
        fullName,
        roles: ['administrator', 'radiologist'],
        disabled: false,
        language,
        createdAt: tx.nowMs,
      });
      putSetting(tx, author, 'siteName', siteName);
    },
  });
  return { recoveryKey, operator: operatorFromRow(getOperatorRow(store.reader, operatorId)) };
}
