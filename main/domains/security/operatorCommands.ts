import type { Role } from '../../../app/domains/security/securityRules.ts';
import type { Language, Operator } from '../../../app/domains/security/securitySchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { Session } from '../../core.ts';
import type { StoreHolder } from '../../database/storeHolder.ts';
import {
  countOtherAdministrators,
  findOperatorRowByName,
  getOperatorRow,
  insertOperator,
  operatorFromRow,
  refuseDisabled,
  updateOperator,
} from './operatorRows.ts';
import type { SessionRegistry } from './sessionRegistry.ts';
import type { UnattendedOperation } from './unattendedOperation.ts';

export interface SecurityParts {
  readonly holder: StoreHolder;
  readonly sessions: SessionRegistry;
  readonly unattended: UnattendedOperation;
}

/*
 * Two places say who may enter: the keyring (whose password opens the store) and table `operator` (who is enabled, with
 * which roles). They change in the order that a cut between the two leaves too few ways in, never too many: a wrap comes
 * before the row that allows it and goes after the row that forbids it; `settleAfterOpening` removes strays.
 */

export interface NewOperator {
  readonly operatorName: string;
  readonly fullName: string;
  readonly roles: readonly Role[];
  readonly password: string;
  /** What their window speaks until they choose; English when nobody says. */
  readonly language?: Language;
}

/** @throws Failure('security.operatorNameTaken') */
export async function createOperator(
  { holder }: SecurityParts,
  author: Session,
  input: NewOperator,
): Promise<Operator> {
  const store = holder.store();
  const { operatorName, fullName, password } = input;
  const roles = [...new Set(input.roles)];
  if (findOperatorRowByName(store.reader, operatorName))
    throw new Failure('security.operatorNameTaken', 'this name is in use');
  const operatorId = store.newId();
  await holder.setPassword(operatorId, operatorName, password);
  try {
    store.gate.write(author, 'security.createOperator', (tx) => {
      insertOperator(tx, author, operatorId, {
        operatorName,
        fullName,
        roles,
        disabled: false,
        language: input.language ?? 'en',
        createdAt: tx.nowMs,
      });
    });
  } catch (error) {
    holder.removeOperators([operatorId]);
    throw error;
  }
  return operatorFromRow(getOperatorRow(store.reader, operatorId));
}

/** @throws Failure('security.lastAdministrator' | 'security.operatorUnknown') */
export function setOperatorRoles(
  { holder, sessions }: SecurityParts,
  author: Session,
  operatorId: string,
  wanted: readonly Role[],
): Operator {
  const { gate, reader } = holder.store();
  const roles = [...new Set(wanted)];
  gate.write(author, 'security.setOperatorRoles', (tx) => {
    const row = getOperatorRow(tx, operatorId);
    if (row.disabled === 0 && !roles.includes('administrator') && countOtherAdministrators(tx, operatorId) === 0) {
      throw new Failure('security.lastAdministrator', 'the last administrator keeps the role');
    }
    updateOperator(tx, author, row, { roles });
  });
  sessions.changeRoles(operatorId, roles);
  return operatorFromRow(getOperatorRow(reader, operatorId));
}

/**
 * Disabling takes the operator's wrapped key away and ends their sessions at once. Enabling needs a new password, since
 * there is no wrapped key left.
 *
 * @throws Failure('security.lastAdministrator' | 'security.operatorUnknown' | 'system.invalidInput')
 */
export async function setOperatorDisabled(
  { holder, sessions }: SecurityParts,
  author: Session,
  operatorId: string,
  disabled: boolean,
  newPassword: string | undefined,
): Promise<Operator> {
  const { gate, reader } = holder.store();
  const before = getOperatorRow(reader, operatorId);
  if (disabled) {
    gate.write(author, 'security.setOperatorDisabled', (tx) => {
      if (countOtherAdministrators(tx, operatorId) === 0) {
        throw new Failure('security.lastAdministrator', 'the last administrator cannot be disabled');
      }
      updateOperator(tx, author, getOperatorRow(tx, operatorId), { disabled: true });
    });
    holder.removeOperators([operatorId]);
    sessions.endOperator(operatorId, 'disabled');
  } else if (before.disabled === 1) {
    if (newPassword === undefined)
      throw new Failure('system.invalidInput', 'enabling an operator needs a new password');
    await holder.setPassword(operatorId, before.operator_name, newPassword);
    gate.write(author, 'security.setOperatorDisabled', (tx) => {
      updateOperator(tx, author, getOperatorRow(tx, operatorId), { disabled: false });
    });
  }
  return operatorFromRow(getOperatorRow(reader, operatorId));
}

/** @throws Failure('security.operatorUnknown' | 'security.operatorDisabled') */
export async function resetPassword(
  { holder, sessions }: SecurityParts,
  author: Session,
  operatorId: string,
  newPassword: string,
): Promise<void> {
  const { gate, reader } = holder.store();
  const row = getOperatorRow(reader, operatorId);
  if (row.disabled === 1) throw new Failure('security.operatorDisabled', 'enable the operator instead');
  await holder.setPassword(operatorId, row.operator_name, newPassword, refuseDisabled);
  gate.record(author, 'security.resetPassword', 'success', { type: 'operator', id: operatorId });
  if (operatorId !== author.operatorId) sessions.endOperator(operatorId, 'passwordReset');
}
