import type { NewPrefetchRule, PrefetchRule, PrefetchRun } from '../../../../app/domains/exchange/prefetchSchema.ts';
import type { Reader, Statement, Transaction } from '../../../database/writeGate.ts';

/** A rule at one version, as it is archived. */
export interface PrefetchRulePayload {
  readonly rule: NewPrefetchRule;
  readonly archived: boolean;
}

/** A rule with when it was last written: it means what arrives after that. */
export interface KnownRule {
  readonly ruleId: string;
  readonly version: number;
  readonly rule: NewPrefetchRule;
  readonly archived: boolean;
  readonly changedAt: number;
}

export type Origin = Pick<Statement, 'version' | 'at' | 'hlc' | 'siteId'> & { readonly author: string | null };

interface RuleRow {
  readonly rule_id: string;
  readonly version: number;
  readonly rule: string;
  readonly archived: number;
  readonly changed_at: number;
}

const fromRuleRow = (row: RuleRow): KnownRule => ({
  ruleId: row.rule_id,
  version: row.version,
  rule: JSON.parse(row.rule) as NewPrefetchRule,
  archived: row.archived === 1,
  changedAt: row.changed_at,
});

export function listRules(reader: Reader): KnownRule[] {
  return reader
    .all<RuleRow>('SELECT rule_id, version, rule, archived, changed_at FROM prefetch_rule WHERE archived = 0')
    .map(fromRuleRow)
    .sort((left, right) => left.rule.name.localeCompare(right.rule.name) || (left.ruleId < right.ruleId ? -1 : 1));
}

/** Also an archived one. */
export function findRule(reader: Reader, ruleId: string): KnownRule | undefined {
  const row = reader.get<RuleRow>(
    'SELECT rule_id, version, rule, archived, changed_at FROM prefetch_rule WHERE rule_id = ?',
    ruleId,
  );
  return row && fromRuleRow(row);
}

/** Writes a version of a rule; an older one than is there changes nothing. */
export function putRule(
  tx: Transaction,
  ruleId: string,
  { rule, archived }: PrefetchRulePayload,
  origin: Origin,
): void {
  tx.run(
    `INSERT INTO prefetch_rule (rule_id, version, rule, archived, changed_at, hlc, author, site_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (rule_id) DO UPDATE SET version = excluded.version, rule = excluded.rule, archived = excluded.archived,
       changed_at = excluded.changed_at, hlc = excluded.hlc, author = excluded.author, site_id = excluded.site_id
     WHERE excluded.version >= prefetch_rule.version`,
    ruleId,
    origin.version,
    JSON.stringify(rule),
    archived ? 1 : 0,
    origin.at,
    origin.hlc,
    origin.author,
    origin.siteId,
  );
}

/** Row of table prefetch_run. */
export interface RunRow {
  readonly prefetch_id: string;
  readonly rule_id: string;
  readonly study_uid: string;
  readonly entry_id: string | null;
  readonly entry_version: number | null;
  readonly state: PrefetchRun['state'];
  readonly created_at: number;
  readonly attempts: number;
  readonly next_attempt_at: number | null;
  readonly found: number;
  readonly fetched: number;
  readonly other_person: number;
  readonly trouble_code: string | null;
  readonly trouble_details: string | null;
  readonly trouble_at: number | null;
}

const runColumns = `prefetch_id, rule_id, study_uid, entry_id, entry_version, state, created_at, attempts, next_attempt_at, found,
  fetched, other_person, trouble_code, trouble_details, trouble_at`;

export function findRun(reader: Reader, prefetchId: string): RunRow | undefined {
  return reader.get<RunRow>(`SELECT ${runColumns} FROM prefetch_run WHERE prefetch_id = ?`, prefetchId);
}

/** The look of a rule for one study, if there was one. */
export function findRunOf(reader: Reader, ruleId: string, studyUid: string): RunRow | undefined {
  return reader.get<RunRow>(
    `SELECT ${runColumns} FROM prefetch_run WHERE rule_id = ? AND study_uid = ?`,
    ruleId,
    studyUid,
  );
}

/** Looks that are due, the longest overdue first. */
export function listDue(reader: Reader, nowMs: number, most: number): string[] {
  return reader
    .all<{ prefetch_id: string }>(
      `SELECT prefetch_id FROM prefetch_run WHERE next_attempt_at IS NOT NULL AND next_attempt_at <= ?
       ORDER BY next_attempt_at LIMIT ?`,
      nowMs,
      most,
    )
    .map(({ prefetch_id }) => prefetch_id);
}

const oldMs = 90 * 86_400_000;
const droppedAtOnce = 1_000;

/** Looks that ended so long ago that nobody asks for them, some of them at a time. */
export function listOldRuns(reader: Reader, nowMs: number): string[] {
  return reader
    .all<{ prefetch_id: string }>(
      'SELECT prefetch_id FROM prefetch_run WHERE created_at < ? AND next_attempt_at IS NULL ORDER BY created_at LIMIT ?',
      nowMs - oldMs,
      droppedAtOnce,
    )
    .map(({ prefetch_id }) => prefetch_id);
}

/** Removes looks and what they chose. That a study came as a prior is kept elsewhere. */
export function dropRuns(tx: Transaction, prefetchIds: readonly string[]): void {
  const list = JSON.stringify(prefetchIds);
  tx.run('DELETE FROM prefetch_prior WHERE prefetch_id IN (SELECT value FROM json_each(?))', list);
  tx.run('DELETE FROM prefetch_run WHERE prefetch_id IN (SELECT value FROM json_each(?))', list);
  tx.topic('rules');
}

/** Newest first; of one study, or all. */
export function listRuns(
  reader: Reader,
  { offset, limit, studyUid }: { readonly offset: number; readonly limit: number; readonly studyUid: string | null },
): { total: number; rows: PrefetchRun[] } {
  const counted =
    studyUid === null
      ? reader.get<{ n: number }>('SELECT count(*) AS n FROM prefetch_run')
      : reader.get<{ n: number }>('SELECT count(*) AS n FROM prefetch_run WHERE study_uid = ?', studyUid);
  const rows =
    studyUid === null
      ? reader.all<RunRow>(
          `SELECT ${runColumns} FROM prefetch_run ORDER BY created_at DESC, prefetch_id DESC LIMIT ? OFFSET ?`,
          limit,
          offset,
        )
      : reader.all<RunRow>(
          `SELECT ${runColumns} FROM prefetch_run WHERE study_uid = ? ORDER BY created_at DESC, prefetch_id DESC LIMIT ? OFFSET ?`,
          studyUid,
          limit,
          offset,
        );
  const nameOf = (ruleId: string) => findRule(reader, ruleId)?.rule.name ?? '';
  return { total: counted?.n ?? 0, rows: rows.map((row) => fromRunRow(row, nameOf(row.rule_id))) };
}

function fromRunRow(row: RunRow, ruleName: string): PrefetchRun {
  return {
    prefetchId: row.prefetch_id,
    ruleId: row.rule_id,
    ruleName,
    studyUid: row.entry_id === null ? row.study_uid : null,
    entryId: row.entry_id,
    state: row.state,
    at: row.created_at,
    found: row.found,
    fetched: row.fetched,
    otherPerson: row.other_person,
    lastTrouble: troubleOfRow(row),
    nextAttemptAt: row.next_attempt_at,
  };
}

function troubleOfRow(row: RunRow): PrefetchRun['lastTrouble'] {
  if (row.trouble_code === null) return null;
  const details = JSON.parse(row.trouble_details ?? '{}') as Record<string, string | number | boolean>;
  return { code: row.trouble_code, details, at: row.trouble_at ?? row.created_at };
}

/** A rule as people see it, with what its newest look came to. */
export function describeRule(reader: Reader, { ruleId, version, rule }: KnownRule): PrefetchRule {
  const newest = reader.get<RunRow>(
    `SELECT ${runColumns} FROM prefetch_run WHERE rule_id = ? ORDER BY created_at DESC, prefetch_id DESC LIMIT 1`,
    ruleId,
  );
  return {
    ...rule,
    ruleId,
    version,
    lastAt: newest?.created_at ?? null,
    lastTrouble: newest ? troubleOfRow(newest) : null,
  };
}

/** One study that a look chose. */
export interface ChosenPrior {
  readonly studyUid: string;
  readonly nodeId: string;
  readonly state: 'waiting' | 'here' | 'failed' | 'cancelled' | 'otherPerson';
  readonly jobId: string | null;
}

export function listChosen(reader: Reader, prefetchId: string): ChosenPrior[] {
  return reader
    .all<{ study_uid: string; node_id: string; state: ChosenPrior['state']; job_id: string | null }>(
      'SELECT study_uid, node_id, state, job_id FROM prefetch_prior WHERE prefetch_id = ? ORDER BY position',
      prefetchId,
    )
    .map((row) => ({ studyUid: row.study_uid, nodeId: row.node_id, state: row.state, jobId: row.job_id }));
}

export interface Trouble {
  readonly code: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

type Progress = Pick<
  RunRow,
  'state' | 'attempts' | 'next_attempt_at' | 'found' | 'fetched' | 'other_person' | 'entry_version'
>;

/** Writes where a look stands. `trouble` left out keeps the last one; null: nothing is wrong any more. */
export function putProgress(
  tx: Transaction,
  prefetchId: string,
  change: Partial<Progress>,
  trouble?: Trouble | null,
): void {
  const before = findRun(tx, prefetchId);
  if (!before) return;
  const row = { ...before, ...change };
  const kept = [before.trouble_code, before.trouble_details, before.trouble_at];
  const told = trouble ? [trouble.code, JSON.stringify(trouble.details), tx.nowMs] : [null, null, null];
  tx.run(
    `UPDATE prefetch_run SET state = ?, attempts = ?, next_attempt_at = ?, found = ?, fetched = ?, other_person = ?, entry_version = ?,
       trouble_code = ?, trouble_details = ?, trouble_at = ? WHERE prefetch_id = ?`,
    row.state,
    row.attempts,
    row.next_attempt_at,
    row.found,
    row.fetched,
    row.other_person,
    row.entry_version,
    ...(trouble === undefined ? kept : told),
    prefetchId,
  );
  tx.topic('rules');
}
