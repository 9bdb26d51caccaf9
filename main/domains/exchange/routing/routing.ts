import {
  matchesOrigin,
  matchesStudy,
  meansTheSame,
  type StudyOrigin,
} from '../../../../app/domains/exchange/routingRules.ts';
import type { NewRoutingRule, RoutingRule, StudyMatch } from '../../../../app/domains/exchange/routingSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Author, Transaction } from '../../../database/writeGate.ts';
import type { Services } from '../../../domainServices.ts';
import type { Deliveries, NodeRegistry } from '../exchangeParts.ts';
import { namesPatient } from './askForStudy.ts';
import { lookAgain } from './heldSubjects.ts';
import { openRoutingLook, type RoutingTimes } from './routingLook.ts';
import {
  findRoutingRule,
  listOpenArrivals,
  listRoutingRules,
  noteTrouble,
  putRoutingRule,
  type RoutingRulePayload,
} from './routingRows.ts';

/** Where studies and reports go by themselves. */
export interface Routing {
  list(): RoutingRule[];
  /** @throws Failure('exchange.ruleChanged' | 'exchange.ruleUnknown' | 'exchange.nodeUnknown' | 'exchange.nodeNotFor') */
  save(author: Author, input: { ruleId: string | null; baseVersion: number | null; rule: NewRoutingRule }): RoutingRule;
  /** @throws Failure('exchange.ruleUnknown') */
  archive(author: Author, ruleId: string): void;
  /** Which of the newest 500 studies a rule would mean. */
  tryMatch(match: StudyMatch): Promise<{ looked: number; matched: number; studyUids: string[] }>;
  /** Takes up what was left; called once the services stand, on a core with background work. */
  start(): void;
  close(): Promise<void>;
}

const mostTried = 500;
const mostTold = 20;

interface TriedStudy {
  readonly study_uid: string;
  readonly modalities: string;
  readonly body_parts: string;
  readonly origins: string;
}

/** Opens the routing rules of a store. Nothing is looked at before `start`. */
export function openRouting(
  store: OpenStore,
  services: () => Services,
  nodes: NodeRegistry,
  deliveries: Deliveries,
  times?: RoutingTimes,
): Routing {
  const { reader, gate } = store;
  const look = openRoutingLook({ store, services, nodes, deliveries }, times);
  nodes.onChange(lookAtNode);

  function requireNode(nodeId: string): void {
    if (!nodes.get(nodeId).node.use.send) throw new Failure('exchange.nodeNotFor', 'nothing is sent to this node');
  }

  /** A node that was put away, or is not for sending any more, is seen in the rules at once, not with the next study. */
  function lookAtNode(nodeId: string): void {
    const own = listRoutingRules(reader).filter((rule) => rule.nodeId === nodeId);
    if (own.length === 0) return;
    try {
      const code = nodeTrouble(nodeId);
      gate.append(systemAuthor, (tx) => {
        for (const { ruleId, lastTrouble } of own) {
          const isOfNode = lastTrouble?.code.startsWith('exchange.node') === true;
          if (code !== null || isOfNode) noteTrouble(tx, ruleId, code === null ? null : { code, details: {} });
        }
        lookAgain(tx, 'exchange.node%');
      });
      look.wake();
    } catch (error) {
      // What the person saved is saved; the next study that matches says it too.
      store.platform.log.error('the rules of a changed node could not be looked at', error);
    }
  }

  function nodeTrouble(nodeId: string): string | null {
    try {
      requireNode(nodeId);
      return null;
    } catch (error) {
      if (error instanceof Failure) return error.code;
      throw error;
    }
  }

  function append(tx: Transaction, author: Author, ruleId: string, version: number, payload: RoutingRulePayload): void {
    tx.statement({ type: 'routingRule', id: ruleId, version, payload });
    const { hlc, siteId } = tx;
    putRoutingRule(tx, ruleId, payload, { version, at: tx.nowMs, hlc, siteId, author: author.operatorName });
    const { nodeId, enabled, trigger, deidentify } = payload.rule;
    tx.subject(
      { type: 'rule', id: ruleId },
      { version, kind: 'routing', nodeId, trigger, enabled, deidentify, archived: payload.archived },
    );
    tx.topic('rules');
  }

  function save(author: Author, input: Parameters<Routing['save']>[1]): RoutingRule {
    const { rule } = input;
    const ruleId = input.ruleId ?? store.newId();
    const stays = input.ruleId !== null && findRoutingRule(reader, ruleId)?.rule.nodeId === rule.nodeId;
    // A rule whose node was put away can still be switched off.
    if (rule.enabled || !stays) requireNode(rule.nodeId);
    if (namesPatient(rule)) throw new Failure('exchange.reportNamesPatient', 'a report names the patient');
    if (rule.trigger === 'arrival' && rule.content !== 'study')
      throw new Failure('exchange.nothingToSend', 'what arrives has no report');
    gate.write(author, 'exchange.saveRoutingRule', (tx) => {
      const before = input.ruleId === null ? undefined : findRoutingRule(tx, ruleId);
      if (input.ruleId !== null && (!before || before.archived))
        throw new Failure('exchange.ruleUnknown', 'no such rule');
      const version = before?.version ?? 0;
      if (version !== (input.baseVersion ?? 0))
        throw new Failure('exchange.ruleChanged', 'a newer version was saved meanwhile', { version });
      const goesOn = before?.rule.enabled === true && rule.enabled && meansTheSame(before.rule, rule);
      const since = goesOn ? before.since : { hlc: tx.hlc, jobs: listOpenArrivals(tx) };
      append(tx, author, ruleId, version + 1, { rule, archived: false, since });
      lookAgain(tx, '%');
      if (goesOn) return;
      tx.run('DELETE FROM routing_progress WHERE rule_id = ?', ruleId);
      noteTrouble(tx, ruleId, null);
    });
    look.wake();
    return listRoutingRules(reader).find((saved) => saved.ruleId === ruleId) as RoutingRule;
  }

  return {
    list: () => listRoutingRules(reader),
    save,
    archive(author, ruleId) {
      gate.write(author, 'exchange.archiveRoutingRule', (tx) => {
        const before = findRoutingRule(tx, ruleId);
        if (!before || before.archived) throw new Failure('exchange.ruleUnknown', 'no such rule');
        const { rule, since, version } = before;
        append(tx, author, ruleId, version + 1, { rule, archived: true, since });
        lookAgain(tx, '%');
        tx.run('DELETE FROM routing_progress WHERE rule_id = ?', ruleId);
      });
      look.wake();
    },
    async tryMatch(match) {
      const studies = await store.readLater<TriedStudy>(
        `SELECT s.study_uid, s.modalities, s.body_parts,
           (SELECT json_group_array(json_object('channel', o.channel, 'callingAe', o.calling_ae, 'nodeId', o.node_id))
            FROM study_origin o WHERE o.study_row = s.study_row) AS origins
         FROM study s ORDER BY s.study_row DESC LIMIT ?`,
        mostTried,
      );
      const matched = studies.filter(
        ({ modalities, body_parts, origins }) =>
          matchesStudy(match, { modalities: modalities.split('\\'), bodyParts: body_parts.split('\\') }) &&
          (JSON.parse(origins) as StudyOrigin[]).some((origin) => matchesOrigin(match, origin)),
      );
      return {
        looked: studies.length,
        matched: matched.length,
        studyUids: matched.slice(0, mostTold).map(({ study_uid }) => study_uid),
      };
    },
    start: () => look.start(),
    close: () => look.close(),
  };
}
