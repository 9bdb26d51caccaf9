import { statfs } from 'node:fs/promises';
import { pauseAfterLook } from '../../../../app/domains/exchange/prefetchRules.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Services } from '../../../domainServices.ts';
import type { Finding } from '../exchangeParts.ts';
import { readReceiver } from '../receiving/receiverSettings.ts';
import { bringPrior } from './prefetchBring.ts';
import { lookForPriors, type Subject, subjectOf } from './prefetchLook.ts';
import { dropRuns, findRule, findRun, listChosen, putProgress, type RunRow, type Trouble } from './prefetchRows.ts';

export interface PrefetchParts {
  readonly store: OpenStore;
  services(): Services;
  readonly finding: Pick<Finding, 'find' | 'startFetch'>;
}

/** How soon a full disk is looked at again. */
const diskPauseMs = 10 * 60_000;
/** What a look that was cut off by a fault of ours waits before it is tried again. */
const faultPauseMs = 10 * 60_000;
/** Whose priors they are is not certain: that does not pass. */
const lastingCodes: readonly string[] = ['imaging.identityConflict', 'exchange.patientUnclear'];

/**
 * Goes on with one look from where it stands: asks the nodes, chooses, fetches what is not here one study after the
 * other. What fails with a node is tried again a few times with pauses, and then has failed, with the reason. Never throws.
 * When the signal comes everything stays as it is, for the next start.
 */
export async function goOnWithLook(parts: PrefetchParts, prefetchId: string, signal: AbortSignal): Promise<void> {
  const { store } = parts;
  try {
    await goOn(parts, prefetchId, signal);
  } catch (error) {
    if (signal.aborted) return;
    const failure = error instanceof Failure ? error : null;
    if (failure === null) store.platform.log.error('a look for priors went wrong', error, { prefetchId });
    const trouble = { code: failure?.code ?? 'jobs.failed', details: failure?.details ?? {} };
    store.gate.append(systemAuthor, (tx) => {
      const run = findRun(tx, prefetchId);
      if (!run) return;
      const isLasting = lastingCodes.includes(trouble.code) || run.attempts >= 5;
      const next = isLasting ? null : tx.nowMs + faultPauseMs;
      putProgress(tx, prefetchId, { state: isLasting ? 'failed' : 'waiting', next_attempt_at: next }, trouble);
    });
  }
}

async function goOn(parts: PrefetchParts, prefetchId: string, signal: AbortSignal): Promise<void> {
  const { store, services } = parts;
  const { gate, reader } = store;
  let run = findRun(reader, prefetchId);
  if (!run) return;
  const rule = findRule(reader, run.rule_id);
  const subject = subjectOf(store, services(), run);
  if (!subject || (run.state !== 'fetching' && (!rule || rule.archived || !rule.rule.enabled))) {
    // Called off, or the rule is out of use: nothing is looked for any more. What it chose already is still brought.
    gate.append(systemAuthor, (tx) => {
      dropRuns(tx, [prefetchId]);
    });
    return;
  }
  if (await isDiskFull(parts, prefetchId)) return;
  const troubles: Trouble[] = [];
  if (run.state !== 'fetching' && rule) {
    const failedAt = new Map(
      listChosen(reader, prefetchId)
        .filter(({ state }) => state === 'failed')
        .map(({ studyUid, nodeId }) => [studyUid, nodeId]),
    );
    const { attempts } = run;
    gate.append(systemAuthor, (tx) => {
      const entry = subject.entryVersion === null ? {} : { entry_version: subject.entryVersion };
      putProgress(tx, prefetchId, { state: 'searching', attempts: attempts + 1, ...entry });
    });
    const result = await lookForPriors(store, parts.finding, rule.rule, subject, failedAt, signal);
    if (result === null || signal.aborted) return;
    troubles.push(...result.troubles);
    const { otherPerson } = result;
    const found = result.chosen.length;
    const goesOn = gate.write(systemAuthor, 'exchange.prefetch', (tx) => {
      tx.subject(subjectOfAudit(run as RunRow), {
        ruleId: rule.ruleId,
        nodes: rule.rule.nodeIds.length,
        failedNodes: new Set(troubles.map(({ details }) => details['nodeId'])).size,
        found,
        otherPerson,
      });
      const cancelled = new Set(
        listChosen(tx, prefetchId).flatMap(({ state, studyUid }) => (state === 'cancelled' ? [studyUid] : [])),
      );
      tx.run('DELETE FROM prefetch_prior WHERE prefetch_id = ?', prefetchId);
      // Gone when the rule was taken out of use meanwhile: the look is in the audit all the same.
      if (!findRun(tx, prefetchId)) return false;
      const now = findRule(tx, rule.ruleId);
      if (!now || now.archived || !now.rule.enabled) {
        // Switched off while the nodes answered: nothing of it is brought.
        dropRuns(tx, [prefetchId]);
        return false;
      }
      if (now.version !== rule.version) {
        // Another rule by now: looked for anew by what it says.
        putProgress(tx, prefetchId, { state: 'waiting', next_attempt_at: tx.nowMs }, null);
        return false;
      }
      for (const [position, { studyUid, nodeId, isWhole }] of result.chosen.entries()) {
        // What a person cancelled is not brought behind their back.
        const state = isWhole ? 'here' : cancelled.has(studyUid) ? 'cancelled' : 'waiting';
        tx.run(
          'INSERT INTO prefetch_prior (prefetch_id, study_uid, node_id, position, state) VALUES (?, ?, ?, ?, ?)',
          ...[prefetchId, studyUid, nodeId, position, state],
        );
      }
      putProgress(
        tx,
        prefetchId,
        { state: 'fetching', found, fetched: countHere(tx, prefetchId), other_person: otherPerson },
        troubles.at(-1) ?? null,
      );
      return true;
    });
    if (!goesOn) return;
    if (result.chosen.every(({ isWhole }) => isWhole) && troubles.length === 0) {
      gate.append(systemAuthor, (tx) => putProgress(tx, prefetchId, { state: 'nothing', next_attempt_at: null }));
      return;
    }
  } else if (run.trouble_code !== null) {
    // Cut off after its look: a node that failed then has not been heard yet.
    troubles.push({ code: run.trouble_code, details: JSON.parse(run.trouble_details ?? '{}') as Trouble['details'] });
  }
  if (!(await bringAll(parts, prefetchId, subject, troubles, signal))) return;
  run = findRun(reader, prefetchId);
  if (run) settle(store, run, troubles);
}

/** @returns false when it does not go on now: the store closes, or the disk is full */
async function bringAll(
  parts: PrefetchParts,
  prefetchId: string,
  { sought }: Subject,
  troubles: Trouble[],
  signal: AbortSignal,
): Promise<boolean> {
  const { gate, reader } = parts.store;
  for (const prior of listChosen(reader, prefetchId)) {
    if (prior.state !== 'waiting') continue;
    if (prior.jobId === null && (await isDiskFull(parts, prefetchId))) return false;
    const brought = await bringPrior(parts, prefetchId, prior, sought, signal);
    if (brought === null) return false;
    const { state, trouble } = brought;
    if (trouble && state !== 'here') troubles.push(trouble);
    gate.append(systemAuthor, (tx) => {
      tx.run(
        'UPDATE prefetch_prior SET state = ? WHERE prefetch_id = ? AND study_uid = ?',
        state,
        prefetchId,
        prior.studyUid,
      );
      const other = (findRun(tx, prefetchId)?.other_person ?? 0) + (state === 'otherPerson' ? 1 : 0);
      const change = { fetched: countHere(tx, prefetchId), other_person: other };
      putProgress(tx, prefetchId, change, ...(trouble ? [trouble] : []));
    });
  }
  return true;
}

/** Codes of one study that is not tried again: a person's word, and another person's images. */
const finalCodes: readonly string[] = ['exchange.prefetchCancelled', 'exchange.otherPerson'];

function settle({ gate }: OpenStore, run: RunRow, troubles: readonly Trouble[]): void {
  const passing = troubles.filter(({ code }) => !finalCodes.includes(code));
  gate.append(systemAuthor, (tx) => {
    const last = troubles.at(-1) ?? null;
    const pauseMs = passing.length > 0 ? pauseAfterLook(run.attempts) : null;
    const state = troubles.length === 0 ? 'done' : pauseMs === null ? 'failed' : 'waiting';
    putProgress(tx, run.prefetch_id, { state, next_attempt_at: pauseMs === null ? null : tx.nowMs + pauseMs }, last);
  });
}

function countHere(reader: Pick<OpenStore['reader'], 'get' | 'all'>, prefetchId: string): number {
  return listChosen(reader, prefetchId).filter(({ state }) => state === 'here').length;
}

const subjectOfAudit = ({ entry_id, study_uid }: RunRow) =>
  entry_id === null ? ({ type: 'study', id: study_uid } as const) : ({ type: 'scheduledEntry', id: entry_id } as const);

/** Nothing is brought by itself while the disk has less room than what others send here must leave. Says so and waits. */
async function isDiskFull({ store }: PrefetchParts, prefetchId: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(store.archive.access.directory);
  if (bavail * bsize >= readReceiver(store.reader).settings.leastFreeMib * 1024 ** 2) return false;
  store.gate.append(systemAuthor, (tx) => {
    putProgress(tx, prefetchId, { next_attempt_at: tx.nowMs + diskPauseMs }, { code: 'storage.diskFull', details: {} });
  });
  return true;
}
