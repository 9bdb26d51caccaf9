import type { NewPrefetchRule, PrefetchRule, PrefetchRun } from '../../../../app/domains/exchange/prefetchSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Author, Transaction } from '../../../database/writeGate.ts';
import type { Services } from '../../../domainServices.ts';
import type { Finding, NodeRegistry } from '../exchangeParts.ts';
import type { Schedule } from '../schedule/schedule.ts';
import {
  describeRule,
  dropRuns,
  findRule,
  type KnownRule,
  listDue,
  listOldRuns,
  listRules,
  listRuns,
  type PrefetchRulePayload,
  putRule,
} from './prefetchRows.ts';
import { goOnWithLook } from './prefetchRun.ts';
import { openPrefetchTriggers } from './prefetchTriggers.ts';

/** Earlier studies of a patient, brought here before anyone asks for them. */
export interface Prefetch {
  list(): PrefetchRule[];
  /** @throws Failure('exchange.ruleChanged' | 'exchange.ruleUnknown' | 'exchange.nodeUnknown' | 'exchange.nodeNotFor') */
  save(
    author: Author,
    input: { ruleId: string | null; baseVersion: number | null; rule: NewPrefetchRule },
  ): PrefetchRule;
  /** @throws Failure('exchange.ruleUnknown') */
  archive(author: Author, ruleId: string): void;
  runs(question: { offset: number; limit: number; studyUid: string | null }): { total: number; rows: PrefetchRun[] };
  /** Takes up what was left; called once the services stand, on a core with background work. */
  start(): void;
  close(): Promise<void>;
}

/** Looks, and so fetches, at once. */
const mostAtOnce = 2;
/** The schedule and what is due are looked at this often, whatever else happens, ms. */
const usualTickMs = 30_000;
/** Looks that ended long ago are dropped this often, ms. */
const tidyMs = 60 * 60_000;
/** A study's first instances come in a burst: they are looked at together. */
const gatherMs = 250;

/** @param tickMs how often what is due is looked at, ms */
export function openPrefetch(
  store: OpenStore,
  services: () => Services,
  nodes: Pick<NodeRegistry, 'get'>,
  finding: Pick<Finding, 'find' | 'startFetch'>,
  schedule: Pick<Schedule, 'list'>,
  tickMs = usualTickMs,
): Prefetch {
  const { gate, reader, newId, platform } = store;
  const triggers = openPrefetchTriggers(store, services, schedule);
  const active = new Map<string, Promise<void>>();
  /** Looks that could not even be put off, such as on a full disk, with when to try again, by `performance.now()`. */
  const resting = new Map<string, number>();
  let tidiedMs = Number.NEGATIVE_INFINITY;
  const stop = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  /** When it goes off, by `performance.now()`. */
  let dueAtMs = 0;
  let stopListening: () => void = () => undefined;
  /** Studies came, or more of one. */
  let hasArrivals = true;
  /** The own worklist, or a rule, changed; else it is looked at by the clock. */
  let hasPlans = true;
  let plansSeenMs = 0;

  function append(tx: Transaction, author: Author, ruleId: string, version: number, payload: PrefetchRulePayload) {
    tx.statement({ type: 'prefetchRule', id: ruleId, version, payload });
    const { hlc, siteId, nowMs } = tx;
    putRule(tx, ruleId, payload, { version, at: nowMs, hlc, siteId, author: author.operatorName });
    if (payload.archived || !payload.rule.enabled) {
      // What waits for its look is not looked for; what a look chose is still brought.
      tx.run("DELETE FROM prefetch_run WHERE rule_id = ? AND state = 'waiting'", ruleId);
    }
    tx.subject({ type: 'rule', id: ruleId }, { version, kind: 'prefetch', archived: payload.archived });
    tx.topic('rules');
  }

  function known(tx: Transaction, ruleId: string): KnownRule {
    const rule = findRule(tx, ruleId);
    if (!rule || rule.archived) throw new Failure('exchange.ruleUnknown', 'no such rule');
    return rule;
  }

  /** @throws Failure('exchange.nodeUnknown' | 'exchange.nodeNotFor') */
  function checkNode(nodeId: string): void {
    const { node } = nodes.get(nodeId);
    if (!node.use.search) throw new Failure('exchange.nodeNotFor', 'this node is not searched');
  }

  /** Looks after so long, or sooner if that was said before. */
  function wake(inMs: number): void {
    if (stop.signal.aborted) return;
    const atMs = performance.now() + inMs;
    if (timer !== null && dueAtMs <= atMs) return;
    if (timer !== null) clearTimeout(timer);
    dueAtMs = atMs;
    timer = setTimeout(tick, inMs).unref();
  }

  function tick(): void {
    timer = null;
    if (stop.signal.aborted) return;
    let isMore = false;
    try {
      if (hasArrivals) hasArrivals = isMore = triggers.noticeArrivals();
      if (hasPlans || performance.now() - plansSeenMs >= tickMs) {
        triggers.noticePlanned();
        plansSeenMs = performance.now();
        hasPlans = false;
      }
      for (const [prefetchId, atMs] of resting) if (atMs <= performance.now()) resting.delete(prefetchId);
      // Those that run are due too, and may be in front, as may those that rest.
      for (const prefetchId of listDue(reader, platform.clock.nowMs(), 2 * mostAtOnce + resting.size)) {
        if (active.size < mostAtOnce && !active.has(prefetchId) && !resting.has(prefetchId)) begin(prefetchId);
      }
      tidy();
    } catch (error) {
      // Such as a full disk: nothing is lost, for what is due is found in the index again.
      platform.log.error('what is to be prefetched could not be looked at', error);
      hasArrivals = true;
      hasPlans = true;
    }
    wake(isMore ? 0 : tickMs);
  }

  function begin(prefetchId: string): void {
    const run = goOnWithLook({ store, services, finding }, prefetchId, stop.signal).then(
      () => {
        active.delete(prefetchId);
        wake(0);
      },
      (error: unknown) => {
        active.delete(prefetchId);
        if (stop.signal.aborted) return;
        platform.log.error('a look for priors could not be ended', error, { prefetchId });
        // It is as due as before: at once again it would go round for as long as the fault lasts.
        resting.set(prefetchId, performance.now() + tickMs);
        wake(tickMs);
      },
    );
    active.set(prefetchId, run);
  }

  /** Looks of long ago tell nobody anything. */
  function tidy(): void {
    if (performance.now() - tidiedMs < tidyMs) return;
    tidiedMs = performance.now();
    const old = listOldRuns(reader, platform.clock.nowMs());
    if (old.length > 0) gate.append(systemAuthor, (tx) => dropRuns(tx, old));
  }

  return {
    list: () => listRules(reader).map((rule) => describeRule(reader, rule)),
    save(author, input) {
      const ruleId = input.ruleId ?? newId();
      gate.write(author, 'exchange.savePrefetchRule', (tx) => {
        const before = input.ruleId === null ? undefined : known(tx, ruleId);
        const version = before?.version ?? 0;
        if (version !== (input.baseVersion ?? 0))
          throw new Failure('exchange.ruleChanged', 'a newer version was saved meanwhile', { version });
        const nodeIds = [...new Set(input.rule.nodeIds)];
        for (const nodeId of nodeIds) checkNode(nodeId);
        append(tx, author, ruleId, version + 1, { rule: { ...input.rule, nodeIds }, archived: false });
      });
      hasPlans = true;
      return describeRule(reader, findRule(reader, ruleId) as KnownRule);
    },
    archive(author, ruleId) {
      gate.write(author, 'exchange.archivePrefetchRule', (tx) => {
        const { version, rule } = known(tx, ruleId);
        append(tx, author, ruleId, version + 1, { rule, archived: true });
      });
    },
    runs: (question) => listRuns(reader, question),
    start() {
      stopListening = gate.onCommit((_sequence, topics) => {
        if (topics.includes('studies')) hasArrivals = true;
        // The own entries say only this when they change.
        else if (topics.includes('worklist')) hasPlans = true;
        if ((['studies', 'worklist', 'rules'] as const).some((topic) => topics.includes(topic)))
          wake(Math.min(gatherMs, tickMs));
      });
      wake(0);
    },
    async close() {
      stop.abort();
      stopListening();
      if (timer !== null) clearTimeout(timer);
      await Promise.all(active.values());
    },
  };
}
