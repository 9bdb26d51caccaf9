import type { Replayer } from '../../../database/replay.ts';
import type { Reader, SqlValue, Transaction } from '../../../database/writeGate.ts';
import { type PrefetchRulePayload, putRule } from './prefetchRows.ts';

/**
 * Writes the rules again. The looks themselves no archived object tells of: they are taken over from the old index. Where that can't be read, studies of the last day are looked for once more, which brings
 * nothing that is here.
 */
export const prefetchReplayer: Replayer = {
  kinds: ['statement'],
  types: ['prefetchRule'],
  replay(tx, _object, _bytes, statement) {
    if (statement === null) return;
    const { id, version, at, hlc, siteId, author } = statement;
    const origin = { version, at, hlc, siteId, author: author.operatorName };
    putRule(tx, id, statement.payload as PrefetchRulePayload, origin);
  },
  takeOver(tx, old) {
    // An index of before this domain has no such table.
    if (!old.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'prefetch_run'")) return;
    takeOverRuns(tx, old);
  },
};

/** Not the looks of a rule that no archived object tells of. */
function takeOverRuns(tx: Transaction, old: Reader): void {
  for (const row of old.all<Record<string, SqlValue>>(
    `SELECT prefetch_id, rule_id, study_uid, entry_id, entry_version, state, created_at, attempts, next_attempt_at, found, fetched,
       other_person, trouble_code, trouble_details, trouble_at FROM prefetch_run`,
  )) {
    if (!tx.get('SELECT 1 FROM prefetch_rule WHERE rule_id = ?', row['rule_id'] ?? null)) continue;
    tx.run(
      `INSERT INTO prefetch_run (prefetch_id, rule_id, study_uid, entry_id, entry_version, state, created_at, attempts, next_attempt_at,
         found, fetched, other_person, trouble_code, trouble_details, trouble_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...Object.values(row),
    );
  }
  for (const row of old.all<Record<string, SqlValue>>(
    'SELECT prefetch_id, study_uid, node_id, position, job_id, state FROM prefetch_prior',
  )) {
    if (!tx.get('SELECT 1 FROM prefetch_run WHERE prefetch_id = ?', row['prefetch_id'] ?? null)) continue;
    tx.run(
      `INSERT INTO prefetch_prior (prefetch_id, study_uid, node_id, position, job_id, state) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      ...Object.values(row),
    );
  }
}
