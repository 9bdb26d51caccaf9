import type { RoutingRule } from '../../../../app/domains/exchange/routingSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Reader } from '../../../database/writeGate.ts';
import type { Services } from '../../../domainServices.ts';
import type { Deliveries, NodeRegistry } from '../exchangeParts.ts';
import {
  countDelivery,
  type HeldSubject,
  isStanding,
  type KnownRoutingRule,
  noteProgress,
  progressOf,
} from './routingRows.ts';

export interface RoutingParts {
  readonly store: OpenStore;
  readonly services: () => Services;
  readonly nodes: NodeRegistry;
  readonly deliveries: Deliveries;
}

/** Rows of table instance, the first and the last of them. */
export type RowRange = readonly [first: number, last: number];

interface Wanted {
  readonly studyRow: number;
  readonly studyUid: string;
  readonly ranges: readonly RowRange[];
  /** They are all of the study, so that nothing needs to be listed. */
  readonly isWhole: boolean;
  /** What the rule deals with, be it that study or a report on it. */
  readonly subject: HeldSubject;
  /** Series in which nothing is to go. */
  readonly notSeries: readonly string[];
}

interface FoundInstance {
  readonly row: number;
  readonly sopUid: string;
  readonly bytes: number;
}

/** Of what is not all of a study each delivery lists its instances: so many, that its statement stays small. */
const mostListed = 1_000;

/**
 * Puts instances of a study into the queue of a rule's node: each delivery commits together with how far the rule has
 * come, so that a cut in between neither loses nor repeats one.
 *
 * @throws Failure('exchange.ruleChanged') when the rule is not any more as it was read, and what `Deliveries.send` throws
 */
export async function askForStudy(parts: RoutingParts, rule: KnownRoutingRule, wanted: Wanted): Promise<void> {
  const { store } = parts;
  const { studyUid, studyRow, ranges, isWhole, notSeries } = wanted;
  const end = Math.max(0, ...ranges.map(([, last]) => last));
  const before = progressOf(store.reader, rule.ruleId, studyUid);
  if (before >= end) return;
  // Without the person only images go, as the rule's form says: a dose report beside them is no trouble to be told each time.
  const onlyImages = rule.rule.deidentify ? 1 : 0;
  if (isWhole && before === 0 && onlyImages === 0) {
    const size = store.reader.get<{ instances: number; bytes: number }>(
      'SELECT instance_count AS instances, bytes FROM study WHERE study_row = ?',
      studyRow,
    );
    ask(parts, rule, wanted, { sopUids: null, lastInstanceRow: end, ...(size ?? { instances: 0, bytes: 0 }) }, end);
    return;
  }
  let after = before;
  for (;;) {
    const found = await store.readLater<FoundInstance>(
      `SELECT i.instance_row AS row, i.sop_uid AS sopUid, i.bytes ${inRangesSql}
       AND i.is_image >= ? AND s.series_uid NOT IN (SELECT value FROM json_each(?))
       ORDER BY i.instance_row LIMIT ?`,
      rangesAfter(ranges, after),
      studyRow,
      onlyImages,
      JSON.stringify(notSeries),
      mostListed,
    );
    const last = found.at(-1);
    if (last === undefined) return;
    const isEnd = found.length < mostListed;
    after = last.row;
    const what = {
      sopUids: found.map(({ sopUid }) => sopUid),
      lastInstanceRow: last.row,
      instances: found.length,
      bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
    };
    ask(parts, rule, wanted, what, isEnd ? end : after);
    if (isEnd) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Instances of a study by ranges of their rows, in this order of the tables: else all of the study is gone through for each. */
const inRangesSql = `FROM json_each(?) r CROSS JOIN instance i ON i.instance_row BETWEEN r.value ->> 0 AND r.value ->> 1
  CROSS JOIN series s ON s.series_row = i.series_row WHERE s.study_row = ?`;

function rangesAfter(ranges: readonly RowRange[], after: number): string {
  const left = ranges.filter(([, last]) => last > after);
  return JSON.stringify(left.map(([first, last]) => [Math.max(first, after + 1), last]));
}

/** How many instances of a study lie in ranges of rows: what was set aside left a gap. */
export async function countInRanges(
  { store }: RoutingParts,
  studyRow: number,
  ranges: readonly RowRange[],
): Promise<number> {
  const sql = `SELECT count(*) AS n ${inRangesSql}`;
  const [counted] = await store.readLater<{ n: number }>(sql, rangesAfter(ranges, 0), studyRow);
  return counted?.n ?? 0;
}

/** Asked right before something leaves, and once more with its commit: what a person just saved holds from now on. */
function requireStanding(reader: Reader, rule: KnownRoutingRule): void {
  if (!isStanding(reader, rule)) throw new Failure('exchange.ruleChanged', 'the rule was saved or put away meanwhile');
}

type What = NonNullable<NonNullable<Parameters<Deliveries['send']>[2]>['what']>;

function ask(
  { deliveries, store }: RoutingParts,
  rule: KnownRoutingRule,
  { studyUid, subject }: Wanted,
  what: What,
  reached: number,
): void {
  const { nodeId, name, deidentify } = rule.rule;
  requireStanding(store.reader, rule);
  deliveries.send(
    systemAuthor,
    { nodeId, studyUid, seriesUids: [], reportId: null, deidentify },
    {
      ruleId: rule.ruleId,
      ruleName: name,
      what,
      within(tx) {
        requireStanding(tx, rule);
        noteProgress(tx, rule.ruleId, studyUid, reached);
        countDelivery(tx, rule.ruleId, subject);
      },
    },
  );
}

/**
 * Puts the objects of a signed report into the queue of a rule's node, once.
 *
 * @throws Failure('exchange.ruleChanged') when the rule is not any more as it was read, and what `Deliveries.send` throws
 */
export function askForReport(
  { deliveries, store }: RoutingParts,
  rule: KnownRoutingRule,
  report: { readonly reportId: string; readonly studyUid: string },
): void {
  const { nodeId, name } = rule.rule;
  const { reportId, studyUid } = report;
  requireStanding(store.reader, rule);
  if (progressOf(store.reader, rule.ruleId, reportId) > 0) return;
  deliveries.send(
    systemAuthor,
    { nodeId, studyUid, seriesUids: [], reportId, deidentify: false },
    {
      ruleId: rule.ruleId,
      ruleName: name,
      what: null,
      within(tx) {
        requireStanding(tx, rule);
        noteProgress(tx, rule.ruleId, reportId, 1);
        countDelivery(tx, rule.ruleId, { studyRow: null, reportId });
      },
    },
  );
}

/** A report names the patient on its page. The form refuses such a rule; whoever wrote it otherwise is refused here. */
export function namesPatient({ deidentify, content }: Pick<RoutingRule, 'deidentify' | 'content'>): boolean {
  return deidentify && content !== 'study';
}

/** The series of a study in which there is what was made here: reports, and selections of marked images. */
export function listOwnSeries({ services, store }: RoutingParts, studyUid: string): string[] {
  const reports = store.reader.all<{ report_id: string }>('SELECT report_id FROM report WHERE study_uid = ?', studyUid);
  return services().imaging.listObjectSeries(
    studyUid,
    reports.map(({ report_id }) => report_id),
  );
}
