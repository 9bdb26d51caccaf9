import { Failure } from '../../../../app/shared/failure.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Transaction } from '../../../database/writeGate.ts';
import type { RoutingParts } from './askForStudy.ts';
import {
  type HeldSubject,
  isHolding,
  isStanding,
  type KnownRoutingRule,
  noteTrouble,
  type RoutingTrouble,
  troubleOf,
} from './routingRows.ts';

/** What came of a rule that means something: `done` with it, `changed` meanwhile, or held for a reason. */
export type RuleEnd = 'done' | 'changed' | { readonly ruleId: string; readonly code: string };

/** What is held is looked at again after so long … */
const heldMs = 60_000;
/** … or this, where its end is seen at once: a node that is changed and a conflict that is settled say so. */
const toldMs = 60 * 60_000;

const isTold = (code: string) => code === 'imaging.identityConflict' || code.startsWith('exchange.node');

/** Notes what is in the way. Waiting is of no use where a node was put away or a study is gone. */
export function endOf(parts: RoutingParts, rule: KnownRoutingRule, error: unknown): RuleEnd {
  const { ruleId } = rule;
  const { platform, reader } = parts.store;
  // A store that closes: the next start looks again.
  if (error instanceof Failure && error.code === 'security.sealed') throw error;
  // What a version that holds no more could not do is nobody's trouble.
  if (!isStanding(reader, rule)) return 'changed';
  if (!(error instanceof Failure)) platform.log.error('a routing rule failed', error, { ruleId });
  const trouble = error instanceof Failure ? { code: error.code, details: error.details } : fault;
  note(parts, rule, trouble);
  const isForGood = ['exchange.nodeUnknown', 'exchange.nothingToSend', 'imaging.studyUnknown'].includes(trouble.code);
  return isForGood ? 'done' : { ruleId, code: trouble.code };
}

const fault: RoutingTrouble = { code: 'jobs.failed', details: {} };

/** A fault of ours, before any rule could be asked: each of them waits. */
export function endOfAll(parts: RoutingParts, rules: readonly KnownRoutingRule[]): RuleEnd[] {
  for (const rule of rules) note(parts, rule, fault);
  return rules.map(({ ruleId }) => ({ ruleId, code: fault.code }));
}

/** Nothing is written where nothing is new. */
export function note({ store }: RoutingParts, { ruleId }: KnownRoutingRule, trouble: RoutingTrouble): void {
  const known = store.reader.get<{ details: string }>(
    'SELECT trouble_details AS details FROM routing_state WHERE rule_id = ? AND trouble_code = ?',
    ruleId,
    trouble.code,
  );
  if (known?.details === JSON.stringify(trouble.details)) return;
  store.gate.append(systemAuthor, (tx) => noteTrouble(tx, ruleId, trouble));
}

/** Writes who waits for a study or a report, and why. Returns false where nobody does: then it is dealt with. */
export function hold(tx: Transaction, subject: HeldSubject, ends: readonly RuleEnd[]): boolean {
  const value = subject.studyRow ?? subject.reportId;
  const isStudy = subject.studyRow !== null;
  const held = ends.filter((end) => typeof end === 'object');
  const before = tx.all<{ code: string; rules: string }>(
    isStudy
      ? 'SELECT DISTINCT held_code AS code, held_rules AS rules FROM arrived_run WHERE study_row = ? AND held_code IS NOT NULL'
      : 'SELECT held_code AS code, held_rules AS rules FROM signed_due WHERE report_id = ? AND held_code IS NOT NULL',
    value,
  );
  for (const { code, rules } of before) {
    for (const ruleId of JSON.parse(rules) as string[]) {
      const isFree = !held.some((end) => end.ruleId === ruleId) && troubleOf(tx, ruleId) === code;
      if (isFree && !isHolding(tx, ruleId, subject)) noteTrouble(tx, ruleId, null);
    }
  }
  // What nobody tells the end of decides when it is looked at again.
  const code = (held.find((end) => !isTold(end.code)) ?? held[0])?.code;
  if (code === undefined) return false;
  tx.run(
    isStudy
      ? 'UPDATE arrived_run SET held_until = ?, held_code = ?, held_rules = ? WHERE study_row = ?'
      : 'UPDATE signed_due SET held_until = ?, held_code = ?, held_rules = ? WHERE report_id = ?',
    tx.nowMs + (isTold(code) ? toldMs : heldMs),
    code,
    JSON.stringify(held.map(({ ruleId }) => ruleId)),
    value,
  );
  return true;
}

/** What is held, all of it or over a node, is looked at again. */
export function lookAgain(tx: Transaction, codes: string): void {
  tx.run('UPDATE arrived_run SET held_until = 0 WHERE held_code IS NOT NULL AND held_code LIKE ?', codes);
  tx.run('UPDATE signed_due SET held_until = 0 WHERE held_code IS NOT NULL AND held_code LIKE ?', codes);
}
