import { Failure } from '../../../app/shared/failure.ts';
import type { OpenedStore } from '../../database/openStore.ts';
import { systemAuthor } from '../../database/openWriteGate.ts';
import type { Accept, StoreHolder } from '../../database/storeHolder.ts';
import { storePaths } from '../../database/storePaths.ts';
import { keyringHasOperator } from '../../keyring/keyring.ts';
import { keyringExists, readKeyring } from '../../keyring/keyringFile.ts';
import { openSignInAttempts, type SignInAttempts } from '../../keyring/signInAttempts.ts';
import {
  countOtherAdministrators,
  findOperatorRow,
  findOperatorRowByName,
  getOperatorRow,
  type OperatorRow,
  updateOperator,
} from './operatorRows.ts';

/** The attempts file of the store the holder serves now (a throw-away store has its own). */
function attemptsOf(holder: StoreHolder): SignInAttempts {
  const { platform } = holder;
  return openSignInAttempts({
    path: storePaths(platform.home).signInState,
    nowMs: () => platform.clock.nowMs(),
    isKnown: (operatorName) =>
      keyringExists(platform.home) && keyringHasOperator(readKeyring(platform.home).keyring, operatorName),
  });
}

/** An entry in the audit, or, while the store is sealed, a note that becomes one when it opens. */
function noteRefusal(
  holder: StoreHolder,
  attempts: SignInAttempts,
  action: string,
  operatorName: string,
  code: string,
): void {
  const store = holder.current();
  if (!store) {
    attempts.keepRefusal(operatorName, code);
    return;
  }
  const row = findOperatorRowByName(store.reader, operatorName);
  const author = row ? { operatorId: row.operator_id, operatorName: row.operator_name } : systemAuthor;
  store.gate.record(author, action, 'refused', row ? { type: 'operator', id: row.operator_id } : undefined, { code });
}

function refuseUnlessEnabled(store: OpenedStore, operatorId: string | null): void {
  const row = operatorId === null ? undefined : findOperatorRow(store.reader, operatorId);
  // A wrap without a row is what a cut-off `createOperator` leaves: nobody yet.
  if (!row) throw new Failure('security.wrongPassword', 'no such operator');
  if (row.disabled === 1) throw new Failure('security.operatorDisabled', 'this operator is disabled');
}

/** Writes down that an operator has proved who they are, and when. */
export function recordSignIn(
  store: OpenedStore,
  author: { readonly operatorId: string; readonly operatorName: string },
): OperatorRow {
  return store.gate.write(author, 'security.signIn', (tx) => {
    tx.run('UPDATE operator SET last_sign_in_at = ? WHERE operator_id = ?', tx.nowMs, author.operatorId);
    tx.subject({ type: 'operator', id: author.operatorId });
    tx.topic('operators');
    return findOperatorRow(tx, author.operatorId)!;
  });
}

/**
 * Proves who is there by name and password, opening the store where it is sealed. Every outcome is audited.
 *
 * @throws Failure('security.wrongPassword' | 'security.tooManyAttempts' | 'security.operatorDisabled' |
 *         'security.notSetUp' | 'storage.…')
 */
export async function signIn(holder: StoreHolder, operatorName: string, password: string): Promise<OperatorRow> {
  if (holder.phase === 'empty') throw new Failure('security.notSetUp', 'there is no store yet');
  const attempts = attemptsOf(holder);
  try {
    attempts.begin(operatorName);
    const { operatorId, store } = await holder.unlock(operatorName, password, refuseUnlessEnabled);
    attempts.succeeded(operatorName);
    return recordSignIn(store, {
      operatorId,
      operatorName: findOperatorRow(store.reader, operatorId)?.operator_name ?? operatorName,
    });
  } catch (error) {
    if (error instanceof Failure) {
      // The password was right when anything but it was refused: no guess to slow down.
      if (!['security.wrongPassword', 'security.tooManyAttempts'].includes(error.code))
        attempts.succeeded(operatorName);
      noteRefusal(holder, attempts, 'security.signIn', operatorName, error.code);
    }
    throw error;
  }
}

/**
 * The way back in with the recovery key: gives an operator a new password, and re-enables that operator when no other
 * enabled administrator is left who could.
 *
 * @throws Failure('security.wrongRecoveryKey' | 'security.operatorUnknown' | 'security.operatorDisabled')
 */
export async function recover(
  holder: StoreHolder,
  recoveryKey: string,
  operatorName: string,
  newPassword: string,
): Promise<OperatorRow> {
  if (holder.phase === 'empty') throw new Failure('security.notSetUp', 'there is no store yet');
  const attempts = attemptsOf(holder);
  try {
    const accept: Accept = ({ reader }) => {
      const row = findOperatorRowByName(reader, operatorName);
      if (!row) throw new Failure('security.operatorUnknown', 'no such operator');
      if (row.disabled === 1 && countOtherAdministrators(reader, row.operator_id) > 0) {
        throw new Failure('security.operatorDisabled', 'another administrator can enable this operator');
      }
    };
    const { store } = await holder.unlockWithRecoveryKey(recoveryKey, accept);
    const found = findOperatorRowByName(store.reader, operatorName)!;
    await holder.setPassword(found.operator_id, found.operator_name, newPassword, accept);
    const row = getOperatorRow(store.reader, found.operator_id);
    attempts.succeeded(operatorName);
    return store.gate.write(
      { operatorId: row.operator_id, operatorName: row.operator_name },
      'security.recover',
      (tx) => {
        if (row.disabled === 1) updateOperator(tx, systemAuthor, row, { disabled: false });
        tx.run('UPDATE operator SET last_sign_in_at = ? WHERE operator_id = ?', tx.nowMs, row.operator_id);
        tx.subject({ type: 'operator', id: row.operator_id });
        return findOperatorRow(tx, row.operator_id)!;
      },
    );
  } catch (error) {
    if (error instanceof Failure) noteRefusal(holder, attempts, 'security.recover', operatorName, error.code);
    throw error;
  }
}

/** What happened to sign-ins while the store was sealed goes into its audit; ways in that no enabled operator has go. */
export function settleAfterOpening(holder: StoreHolder, store: OpenedStore): void {
  const { refused, dropped } = attemptsOf(holder).takeRefusals();
  for (const { at, operatorName, code } of refused) {
    const row = operatorName === null ? undefined : findOperatorRowByName(store.reader, operatorName);
    const author = row ? { operatorId: row.operator_id, operatorName: row.operator_name } : systemAuthor;
    store.gate.record(
      author,
      'security.signIn',
      'refused',
      row ? { type: 'operator', id: row.operator_id } : undefined,
      {
        code,
        attemptedAt: at,
        whileSealed: true,
      },
    );
  }
  if (dropped > 0)
    store.gate.record(systemAuthor, 'security.signIn', 'refused', undefined, { whileSealed: true, more: dropped });

  const stray = holder
    .wrappedOperatorIds()
    .filter((operatorId) => findOperatorRow(store.reader, operatorId)?.disabled !== 0);
  if (stray.length > 0) {
    holder.removeOperators(stray);
    store.gate.record(systemAuthor, 'security.strayKeysRemoved', 'success', undefined, { keys: stray.length });
  }
}
