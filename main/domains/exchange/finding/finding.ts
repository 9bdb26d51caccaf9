import type { FindEvent, ScheduledStep } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { ScheduleEvent } from '../../../../app/domains/exchange/scheduleSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import type { Services } from '../../../domainServices.ts';
import type { Finding, NodeRegistry, Receiver } from '../exchangeParts.ts';
import { askAll } from './askAll.ts';
import { askedPeerOf } from './askedPeer.ts';
import { defineFetchJob } from './fetchJob.ts';
import type { AskedPeer, Learned } from './finderMessages.ts';
import { openFinderThread } from './finderThread.ts';
import { requireBound } from './findKeys.ts';
import type { FoundRow } from './foundRows.ts';
import { countHere } from './hereCounts.ts';

/**
 * Opens searching and fetching over a store: a thread that asks peers, and the job kind `fetch`.
 *
 * @param retryMs pauses of a fetch that brings nothing more, ms
 */
export function openFinding(
  store: OpenStore,
  services: () => Services,
  nodes: NodeRegistry,
  receiver: Receiver,
  retryMs?: readonly number[],
): Finding {
  const { reader, platform } = store;
  const thread = openFinderThread(platform.log);
  const fetching = defineFetchJob({ store, services, nodes, receiver, thread, ...(retryMs ? { retryMs } : {}) });

  /** A node as it is searched. @throws Failure('exchange.nodeNotFor' | 'exchange.nodeUnknown') */
  function searched(nodeId: string): AskedPeer {
    const known = nodes.get(nodeId);
    if (!known.node.use.search) throw new Failure('exchange.nodeNotFor', 'this node is not searched');
    return askedPeerOf(known, reader);
  }

  /** What was found is worth more than what was learned by it: a full disk spoils no search. */
  function learn(nodeId: string, learned: Learned): void {
    try {
      for (const [name, state] of Object.entries(learned)) nodes.learn(nodeId, name, state);
    } catch (error) {
      platform.log.error('what a node can do could not be noted', error);
    }
  }

  return {
    find(question, signal) {
      const { query, limit, nodeIds } = question;
      requireBound(query, platform.clock.nowMs());
      return askAll<FindEvent>(
        nodeIds,
        async (nodeId, say, stop) => {
          const wish = { nodeId, peer: searched(nodeId), query, limit };
          const onRows = (rows: readonly FoundRow[], more: () => void) =>
            say({ type: 'found', rows: rows.map((row) => ({ ...row, hereCount: countHere(reader, row) })) }, more);
          const end = await thread.find(wish, onRows, stop);
          learn(nodeId, end.learned);
          return end;
        },
        signal,
      );
    },
    findSchedule({ query, limit, nodeIds }, signal) {
      return askAll<ScheduleEvent>(
        nodeIds,
        async (nodeId, say, stop) => {
          const peer = searched(nodeId);
          if (peer.kind !== 'dimse') throw new Failure('exchange.nodeNotFor', 'only DIMSE has modality worklists');
          const onRows = (rows: readonly ScheduledStep[], more: () => void) =>
            say({ type: 'scheduled', rows: [...rows] }, more);
          const end = await thread.findSchedule({ nodeId, peer: peer.dimse, query, limit }, onRows, stop);
          learn(nodeId, end.learned);
          return end;
        },
        signal,
      );
    },
    startFetch(author, input) {
      const { node } = nodes.get(input.nodeId);
      if (!node.use.search) throw new Failure('exchange.nodeNotFor', 'nothing is fetched from this node');
      return store.jobs.start('fetch', author, input, {
        action: 'exchange.fetch',
        subject: { type: 'study', id: input.studyUid },
      });
    },
    async close() {
      await Promise.all([thread.close(), fetching.close()]);
    },
  };
}
