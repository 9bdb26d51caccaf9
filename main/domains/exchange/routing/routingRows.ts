import type { NewRoutingRule, RoutingRule } from '../../../../app/domains/exchange/routingSchema.ts';
import type { Reader, Statement, Transaction } from '../../../database/writeGate.ts';

/** From when on a rule means what comes. */
export interface RuleSince {
  /** What was written after this stamp … */
  readonly hlc: string;
  /** … and what these arrivals, under way at that time, had brought before: a study is not torn in two. */
  readonly jobs: readonly string[];
}

/** A rule at one version, as it is archived. */
export interface RoutingRulePayload {
  readonly rule: NewRoutingRule;
  readonly archived: boolean;
  readonly since: RuleSince;
}

export interface KnownRoutingRule extends RoutingRulePayload {
  readonly ruleId: string;
  readonly version: number;
}

/** Why the last that a rule means is not on its way. */
export interface RoutingTrouble {
  readonly code: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

interface RuleRow {
  readonly rule_id: string;
  readonly version: number;
  readonly rule: string;
  readonly archived: number;
  readonly since_hlc: string;
  readonly since_jobs: string;
}

interface StateRow {
  readonly deliveries: number;
  readonly last_at: number | null;
  readonly trouble_code: string | null;
  readonly trouble_details: string | null;
  readonly trouble_at: number | null;
}

const fromRuleRow = (row: RuleRow): KnownRoutingRule => ({
  ruleId: row.rule_id,
  version: row.version,
  rule: JSON.parse(row.rule) as NewRoutingRule,
  archived: row.archived === 1,
  since: { hlc: row.since_hlc, jobs: JSON.parse(row.since_jobs) as string[] },
});

/** Those that do something, for one trigger. */
export function listEnabledRules(reader: Reader, trigger: NewRoutingRule['trigger']): KnownRoutingRule[] {
  return reader
    .all<RuleRow>(
      `SELECT rule_id, version, rule, archived, since_hlc, since_jobs FROM routing_rule
       WHERE archived = 0 AND enabled = 1 ORDER BY rule_id`,
    )
    .map(fromRuleRow)
    .filter(({ rule }) => rule.trigger === trigger);
}

/** Whether a rule still is as it was read: by a version that holds no more nothing leaves. */
export function isStanding(reader: Reader, { ruleId, version }: KnownRoutingRule): boolean {
  const now = findRoutingRule(reader, ruleId);
  return now?.version === version && !now.archived && now.rule.enabled;
}

/** Whether these still are all the rules of a trigger, each as it was read. */
export function areAllRules(
  reader: Reader,
  trigger: NewRoutingRule['trigger'],
  rules: readonly KnownRoutingRule[],
): boolean {
  const told = (list: readonly KnownRoutingRule[]) => list.map(({ ruleId, version }) => `${ruleId} ${version}`).join();
  return told(listEnabledRules(reader, trigger)) === told(rules);
}

/** Also an archived one. */
export function findRoutingRule(reader: Reader, ruleId: string): KnownRoutingRule | undefined {
  const row = reader.get<RuleRow>(
    'SELECT rule_id, version, rule, archived, since_hlc, since_jobs FROM routing_rule WHERE rule_id = ?',
    ruleId,
  );
  return row && fromRuleRow(row);
}

/** Every rule in use, by name, as it is shown. */
export function listRoutingRules(reader: Reader): RoutingRule[] {
  return reader
    .all<RuleRow & Partial<StateRow>>(
      `SELECT r.rule_id, r.version, r.rule, r.archived, r.since_hlc, r.since_jobs, s.deliveries, s.last_at, s.trouble_code,
         s.trouble_details, s.trouble_at
       FROM routing_rule r LEFT JOIN routing_state s ON s.rule_id = r.rule_id WHERE r.archived = 0`,
    )
    .map((row) => ({
      ...fromRuleRow(row).rule,
      ruleId: row.rule_id,
      version: row.version,
      deliveries: row.deliveries ?? 0,
      lastAt: row.last_at ?? null,
      lastTrouble: row.trouble_code
        ? {
            code: row.trouble_code,
            details: JSON.parse(row.trouble_details ?? '{}') as RoutingTrouble['details'],
            at: row.trouble_at ?? 0,
          }
        : null,
    }))
    .sort((left, right) => left.name.localeCompare(right.name) || (left.ruleId < right.ruleId ? -1 : 1));
}

/** Writes a version of a rule; an older one than is there changes nothing. */
export function putRoutingRule(
  tx: Transaction,
  ruleId: string,
  { rule, archived, since }: RoutingRulePayload,
  origin: Pick<Statement, 'version' | 'at' | 'hlc' | 'siteId'> & { readonly author: string | null },
): void {
  tx.run(
    `INSERT INTO routing_rule (rule_id, version, node_id, rule, enabled, archived, since_hlc, since_jobs, changed_at, hlc, author, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (rule_id) DO UPDATE SET version = excluded.version, node_id = excluded.node_id, rule = excluded.rule,
       enabled = excluded.enabled, archived = excluded.archived, since_hlc = excluded.since_hlc,
       since_jobs = excluded.since_jobs, changed_at = excluded.changed_at, hlc = excluded.hlc, author = excluded.author,
       site_id = excluded.site_id
     WHERE excluded.version >= routing_rule.version`,
    ruleId,
    origin.version,
    rule.nodeId,
    JSON.stringify(rule),
    rule.enabled ? 1 : 0,
    archived ? 1 : 0,
    since.hlc,
    JSON.stringify(since.jobs),
    origin.at,
    origin.hlc,
    origin.author,
    origin.siteId,
  );
}

/**
 * Arrivals under way that brought something no rule has looked at; from one to the next by the index, however much each
 * has brought. One that was cut off long ago and of which nothing is left is no news to any rule.
 */
export function listOpenArrivals(reader: Reader): string[] {
  return reader
    .all<{ job_id: string }>(
      `WITH RECURSIVE a (job_id) AS (SELECT (SELECT min(job_id) FROM study_arrival)
         UNION ALL SELECT (SELECT min(n.job_id) FROM study_arrival n WHERE n.job_id > a.job_id) FROM a WHERE a.job_id IS NOT NULL)
       SELECT job_id FROM a WHERE job_id IS NOT NULL AND EXISTS (SELECT 1 FROM arrived_run r WHERE r.job_id = a.job_id)`,
    )
    .map(({ job_id }) => job_id);
}

/** One more delivery was asked for: what was in its way is out of it, unless something else waits for this rule. */
export function countDelivery(tx: Transaction, ruleId: string, subject: HeldSubject): void {
  tx.run(
    `INSERT INTO routing_state (rule_id, deliveries, last_at) VALUES (?, 1, ?)
     ON CONFLICT (rule_id) DO UPDATE SET deliveries = deliveries + 1, last_at = excluded.last_at`,
    ruleId,
    tx.nowMs,
  );
  if (troubleOf(tx, ruleId) !== null && !isHolding(tx, ruleId, subject)) noteTrouble(tx, ruleId, null);
  tx.topic('rules');
}

/** What a rule deals with: a study that came, or a report that was signed. */
export interface HeldSubject {
  readonly studyRow: number | null;
  readonly reportId: string | null;
}

/** The code of what was last in a rule's way. */
export function troubleOf(reader: Reader, ruleId: string): string | null {
  return (
    reader.get<{ trouble_code: string | null }>('SELECT trouble_code FROM routing_state WHERE rule_id = ?', ruleId)
      ?.trouble_code ?? null
  );
}

/** Whether something waits for a rule, besides this. */
export function isHolding(reader: Reader, ruleId: string, except: HeldSubject): boolean {
  return (
    reader.get(
      `SELECT 1 FROM arrived_run WHERE held_code IS NOT NULL AND study_row IS NOT ?
         AND EXISTS (SELECT 1 FROM json_each(held_rules) WHERE value = ?)
       UNION ALL SELECT 1 FROM signed_due WHERE held_code IS NOT NULL AND report_id IS NOT ?
         AND EXISTS (SELECT 1 FROM json_each(held_rules) WHERE value = ?) LIMIT 1`,
      except.studyRow,
      ruleId,
      except.reportId,
      ruleId,
    ) !== undefined
  );
}

/** Notes what is in a rule's way, or that nothing is; says so only where that is new. */
export function noteTrouble(tx: Transaction, ruleId: string, trouble: RoutingTrouble | null): void {
  const details = trouble === null ? null : JSON.stringify(trouble.details);
  const code = trouble?.code ?? null;
  const { changes } = tx.run(
    `INSERT INTO routing_state (rule_id, trouble_code, trouble_details, trouble_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (rule_id) DO UPDATE SET trouble_code = excluded.trouble_code, trouble_details = excluded.trouble_details,
       trouble_at = excluded.trouble_at
     WHERE trouble_code IS NOT excluded.trouble_code OR trouble_details IS NOT excluded.trouble_details`,
    ruleId,
    code,
    details,
    trouble === null ? null : tx.nowMs,
  );
  if (changes > 0) tx.topic('rules');
}

/** Up to which row of table instance a rule has asked for all of a study (by UID), or that it has dealt with a report (by id). */
export function progressOf(reader: Reader, ruleId: string, subject: string): number {
  return (
    reader.get<{ last_row: number }>(
      'SELECT last_row FROM routing_progress WHERE rule_id = ? AND subject = ?',
      ruleId,
      subject,
    )?.last_row ?? 0
  );
}

export function noteProgress(tx: Transaction, ruleId: string, subject: string, lastRow: number): void {
  tx.run(
    `INSERT INTO routing_progress (rule_id, subject, last_row) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET last_row = max(last_row, excluded.last_row)`,
    ruleId,
    subject,
    lastRow,
  );
}
