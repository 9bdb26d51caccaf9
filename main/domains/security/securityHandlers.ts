import type { securityContract } from '../../../app/domains/security/securityContract.ts';
import type { SessionView } from '../../../app/domains/security/securitySchema.ts';
import type { CallContext, HandlersOf, Session } from '../../core.ts';
import { listAudit } from './auditQueries.ts';
import {
  createOperator,
  resetPassword,
  type SecurityParts,
  setOperatorDisabled,
  setOperatorRoles,
} from './operatorCommands.ts';
import { getOperatorRow, type OperatorRow, operatorFromRow, refuseDisabled, sessionViewOf } from './operatorRows.ts';
import { openPasswordTurns } from './passwordTurns.ts';
import { getSetting, putSetting } from './settingRows.ts';
import { setUpStore } from './setUpStore.ts';
import { recordSignIn, recover, settleAfterOpening, signIn } from './signIn.ts';

/** Sign-in, operators and the audit. Also settles what a store finds when it opens, and audits each session's end. */
export function makeSecurityHandlers(parts: SecurityParts): HandlersOf<typeof securityContract> {
  const { holder, sessions, unattended } = parts;
  const inPasswordTurn = openPasswordTurns();

  holder.onOpen((store) => {
    settleAfterOpening(holder, store);
    sessions.setIdleMinutes(Number(getSetting(store.reader, 'idleMinutes')));
  });

  sessions.onEnd((_connectionId, reason, session) => {
    // A token does not sign in and out; what it does is audited, and that it was revoked.
    if (session.grants) return;
    const author = { operatorId: session.operatorId, operatorName: session.operatorName };
    const subject = { type: 'operator', id: session.operatorId } as const;
    try {
      holder.current()?.gate.record(author, 'security.signOut', 'success', subject, { reason });
    } catch (error) {
      // A session ends whether or not there is room to write it down; this also runs from a timer.
      holder.platform.log.error('the end of a session could not be recorded', error);
    }
  });

  const viewOf = (session: Session, row: OperatorRow): SessionView => sessionViewOf(session, row, sessions.idleMinutes);

  function begin(context: CallContext, row: OperatorRow): SessionView {
    return viewOf(sessions.create(context.connectionId, operatorFromRow(row)), row);
  }

  const rowOf = (operatorId: string): OperatorRow => getOperatorRow(holder.store().reader, operatorId);

  return {
    session: (_input, { session }) => (session === null ? null : viewOf(session, rowOf(session.operatorId))),
    async setUp(input, context) {
      const { recoveryKey, operator } = await setUpStore(holder, input);
      const { operatorId, operatorName } = operator;
      return { recoveryKey, session: begin(context, recordSignIn(holder.store(), { operatorId, operatorName })) };
    },
    confirmRecoveryKey(_input, context) {
      const author = context.author();
      context
        .store()
        .gate.write(author, 'security.confirmRecoveryKey', (tx) =>
          putSetting(tx, author, 'recoveryKeyConfirmed', 'true'),
        );
      return null;
    },
    async renewRecoveryKey({ password }, context) {
      const author = context.author();
      await context.services().security.verifyPassword(author, password);
      const recoveryKey = holder.renewRecoveryKey();
      context.store().gate.write(author, 'security.renewRecoveryKey', (tx) => {
        putSetting(tx, author, 'recoveryKeyConfirmed', 'false');
        tx.subject({ type: 'store', id: tx.siteId });
      });
      return { recoveryKey };
    },
    unattended: async () => ({
      on: unattended.chosen(),
      places: await unattended.places(),
      start: unattended.state(),
    }),
    async turnOnUnattended({ password, kind, credentialFile }, context) {
      const author = context.author();
      await context.services().security.verifyPassword(author, password);
      return { left: await unattended.turnOn(author, kind, credentialFile) };
    },
    turnOffUnattended: async (_input, context) => ({ left: await unattended.turnOff(context.author()) }),
    async signIn({ operatorName, password }, context) {
      return begin(context, await signIn(holder, operatorName, password));
    },
    signOut({ reason }, context) {
      sessions.end(context.connectionId, reason);
      return null;
    },
    touch(_input, context) {
      sessions.touch(context.connectionId);
      return null;
    },
    recover: ({ recoveryKey, operatorName, newPassword }, context) =>
      inPasswordTurn(async () => {
        const row = await recover(holder, recoveryKey, operatorName, newPassword);
        // Whoever else sits at a window of this operator may be why a recovery was needed.
        sessions.endOperator(row.operator_id, 'passwordReset', context.connectionId);
        return begin(context, row);
      }),
    changePassword: ({ password, newPassword }, context) =>
      inPasswordTurn(async () => {
        const author = context.author();
        await context.services().security.verifyPassword(author, password);
        await holder.setPassword(author.operatorId, author.operatorName, newPassword, refuseDisabled);
        context
          .store()
          .gate.record(author, 'security.changePassword', 'success', { type: 'operator', id: author.operatorId });
        sessions.endOperator(author.operatorId, 'passwordReset', context.connectionId);
        return null;
      }),
    savePreferences({ language, theme }, context) {
      const author = context.author();
      context.store().gate.write(author, 'security.savePreferences', (tx) => {
        tx.run(
          'UPDATE operator SET language = coalesce(?, language), theme = coalesce(?, theme) WHERE operator_id = ?',
          language ?? null,
          theme ?? null,
          author.operatorId,
        );
        tx.subject({ type: 'operator', id: author.operatorId });
      });
      return viewOf(author, rowOf(author.operatorId));
    },
    saveSettings({ idleMinutes }, context) {
      const author = context.author();
      context.store().gate.write(author, 'security.saveSettings', (tx) => {
        putSetting(tx, author, 'idleMinutes', String(idleMinutes));
        tx.subject({ type: 'store', id: tx.siteId }, { idleMinutes });
        tx.topic('session');
      });
      sessions.setIdleMinutes(idleMinutes);
      return null;
    },
    listColleagues: (_input, context) =>
      context
        .store()
        .reader.all<OperatorRow>('SELECT * FROM operator WHERE disabled = 0 ORDER BY operator_name')
        .map(({ operator_name, full_name }) => ({ operatorName: operator_name, fullName: full_name })),
    listOperators: (_input, context) =>
      context.store().reader.all<OperatorRow>('SELECT * FROM operator ORDER BY operator_name').map(operatorFromRow),
    createOperator: (input, context) => createOperator(parts, context.author(), input),
    setOperatorRoles: ({ operatorId, roles }, context) => setOperatorRoles(parts, context.author(), operatorId, roles),
    // Disabling never waits for a turn: it cuts what is under way off.
    setOperatorDisabled: ({ operatorId, disabled, newPassword }, context) =>
      setOperatorDisabled(parts, context.author(), operatorId, disabled, newPassword),
    resetPassword: ({ operatorId, newPassword }, context) =>
      inPasswordTurn(async () => {
        await resetPassword(parts, context.author(), operatorId, newPassword);
        return null;
      }),
    listAudit: (filter, context) => listAudit(context.store().reader, filter),
    verifyAudit: () => holder.store().verifyAudit(),
  };
}
