/** The routing rules over a real store: what arrives is archived and indexed, what is sent waits in the queue. */
import type { Delivery, NodeUse } from '../../app/domains/exchange/exchangeSchema.ts';
import {
  type NewRoutingRule,
  newRoutingRuleSchema,
  type RoutingRule,
  type StudyMatch,
} from '../../app/domains/exchange/routingSchema.ts';
import { systemAuthor } from '../../main/database/openWriteGate.ts';
import { openIndexBuilder, openOldIndex } from '../../main/database/rebuildIndex.ts';
import type { Deliveries, NodeRegistry } from '../../main/domains/exchange/exchangeParts.ts';
import { exchangeReplayer } from '../../main/domains/exchange/exchangeReplay.ts';
import { openNodeRegistry } from '../../main/domains/exchange/nodes/nodeRegistry.ts';
import { openReceiver } from '../../main/domains/exchange/receiving/receiver.ts';
import { openRouting, type Routing } from '../../main/domains/exchange/routing/routing.ts';
import { openDeliveries } from '../../main/domains/exchange/sending/deliveries.ts';
import { deliveryReplayer } from '../../main/domains/exchange/sending/deliveryReplay.ts';
import { imagingReplayer } from '../../main/domains/imaging/imagingReplay.ts';
import type { ArrivalOrigin, Arrived } from '../../main/domains/imaging/import/arrived.ts';
import { examineObject } from '../../main/domains/imaging/import/examineObject.ts';
import { endArrivals, indexInstances } from '../../main/domains/imaging/import/indexInstances.ts';
import { patientReplayer } from '../../main/domains/patients/patientReplay.ts';
import { reportReplayer } from '../../main/domains/reports/reportReplay.ts';
import { worklistReplayer } from '../../main/domains/worklist/worklistReplay.ts';
import { until } from '../integration/peers/receivingStation.ts';
import { openSignedStudies, type SignedStudies } from './signedStudies.ts';

export interface RoutingStation {
  readonly studies: SignedStudies;
  readonly nodes: NodeRegistry;
  readonly routing: Routing;
  readonly deliveries: Deliveries;
  addNode(aeTitle: string, use?: Partial<NodeUse>): string;
  setSending(nodeId: string, send: boolean): void;
  addRule(
    nodeId: string,
    given?: Partial<Omit<NewRoutingRule, 'match'>> & { match?: Partial<StudyMatch> },
  ): RoutingRule;
  rule(ruleId: string): RoutingRule;
  /** Files come in one arrival; it ends unless told otherwise. */
  arrive(
    files: readonly Uint8Array[],
    how?: Partial<ArrivalOrigin> & { jobId?: string; ends?: boolean },
  ): Promise<void>;
  end(jobId: string): void;
  /** A person's decision about study 1.2.1, which names two people. */
  settle(decision: 'keepApart' | 'onePerson' | 'reopen'): Promise<void>;
  /** Resolves once no rule has anything left to look at, but for what is held. */
  quiet(): Promise<void>;
  sent(): (Pick<Delivery, 'nodeName' | 'studyUid' | 'instances' | 'reportId'> & { sopUids: string[] | null })[];
  reopen(wrap?: (deliveries: Deliveries) => Deliveries): Promise<void>;
  rebuild(withOld: boolean): Promise<void>;
  close(): Promise<void>;
}

const noTls = { enabled: false, ca: '', certificate: '', serverName: '' };
const usualUse: NodeUse = {
  ...{ send: true, search: false, receive: true, proof: 'auto', transcode: true },
  ...{ kilobytesPerSecond: null, hours: null, receiveFrom: '' },
};

/** What a test waits for is looked at soon. */
const shortLooks = { soonMs: 10, everyMs: 200 };

export async function openRoutingStation(): Promise<RoutingStation> {
  const studies = await openSignedStudies();
  const { test } = studies;
  let made = 0;
  let parts = openParts();

  function openParts(wrap: (deliveries: Deliveries) => Deliveries = (same) => same) {
    const { store } = test;
    const services = () => studies.services;
    const nodes = openNodeRegistry(store);
    const receiver = openReceiver(store, services, nodes);
    const deliveries = openDeliveries(store, services, nodes, receiver);
    const routing = openRouting(store, services, nodes, wrap(deliveries), shortLooks);
    routing.start();
    return { nodes, receiver, deliveries, routing };
  }

  async function closeParts(): Promise<void> {
    await parts.routing.close();
    await parts.deliveries.close();
    await parts.receiver.close();
  }

  const index = () => {
    const { patients, worklist } = studies.services;
    return { patients, worklist };
  };

  function end(jobId: string): void {
    test.store.gate.append(systemAuthor, (tx) => {
      endArrivals(tx, jobId, index(), 1000);
      tx.topic('studies');
    });
  }

  const station: RoutingStation = {
    studies,
    get nodes() {
      return parts.nodes;
    },
    get routing() {
      return parts.routing;
    },
    get deliveries() {
      return parts.deliveries;
    },
    addNode(aeTitle, use = {}) {
      return parts.nodes.save(test.author, {
        ...{ nodeId: null, baseVersion: null, name: aeTitle, secrets: {} },
        settings: { kind: 'dimse', host: '127.0.0.1', port: 104, aeTitle, callingAeTitle: '', tls: noTls },
        use: { ...usualUse, ...use },
      }).nodeId;
    },
    setSending(nodeId, send) {
      const { node } = parts.nodes.get(nodeId);
      const { name, settings, use, version } = node;
      parts.nodes.save(test.author, {
        ...{ nodeId, baseVersion: version, name, settings, secrets: {} },
        use: { ...use, send },
      });
    },
    addRule(nodeId, given = {}) {
      const rule = newRoutingRuleSchema.parse({
        ...{ name: 'rule', enabled: true, trigger: 'arrival', content: 'study', deidentify: false },
        ...given,
        ...{ nodeId, match: given.match ?? {} },
      });
      return parts.routing.save(test.author, { ruleId: null, baseVersion: null, rule });
    },
    rule(ruleId) {
      const found = parts.routing.list().find((rule) => rule.ruleId === ruleId);
      if (!found) throw new Error('no such rule');
      return found;
    },
    async arrive(files, { channel = 'dimse', callingAe = 'SCANNER', nodeId = null, jobId, ends = true } = {}) {
      made += 1;
      const job = jobId ?? `arrival-${made}`;
      const arrived: Arrived[] = [];
      for (const bytes of files) {
        const { name } = await test.store.archive.put('dicom', bytes);
        arrived.push({ ...examineObject(bytes), objectName: name, bytes: bytes.length });
      }
      const note = { source: callingAe, origin: { channel, callingAe, nodeId }, jobId: job };
      test.store.gate.append(systemAuthor, (tx) => {
        indexInstances(tx, systemAuthor, arrived, { ...note, receivedAt: tx.nowMs }, index());
      });
      if (ends) end(job);
    },
    end,
    async settle(decision) {
      const { conflicts } = studies.services.imaging;
      const [conflictId, studyUid] = ['study:1.2.1', '1.2.1'];
      const { stand } = await conflicts.getConflict(conflictId, studyUid);
      const input = { conflictId, studyUid, stand, decision, objectName: null, reason: 'as it is' };
      await conflicts.settleConflict(test.author, input);
    },
    async quiet() {
      const count = (sql: string) => test.store.reader.get<{ n: number }>(sql, test.clock.nowMs())?.n ?? 0;
      await until(
        () =>
          count(
            `SELECT count(*) AS n FROM arrived_run r WHERE held_until <= ?
               AND NOT EXISTS (SELECT 1 FROM study_arrival a WHERE a.study_row = r.study_row)`,
          ) + count('SELECT count(*) AS n FROM signed_due WHERE held_until <= ?'),
        (left) => left === 0,
        60_000,
      );
    },
    sent() {
      const { rows } = parts.deliveries.list({ offset: 0, limit: 500, nodeId: null, studyUid: null, states: [] });
      return rows
        .map(({ deliveryId, nodeName, studyUid, instances, reportId }) => {
          const scope = test.store.reader.get<{ scope: string }>(
            'SELECT scope FROM delivery WHERE delivery_id = ?',
            deliveryId,
          );
          const { sopUids } = JSON.parse(scope?.scope ?? '{}') as { sopUids: string[] | null };
          return { nodeName, studyUid, instances, reportId, sopUids };
        })
        .reverse();
    },
    async reopen(wrap) {
      await closeParts();
      await studies.reopen();
      parts = openParts(wrap);
    },
    async rebuild(withOld) {
      await closeParts();
      const get = () => studies.services;
      const replayers = [
        ...[patientReplayer(get), imagingReplayer(get), worklistReplayer(), reportReplayer(get)],
        ...[exchangeReplayer(), deliveryReplayer],
      ];
      const { platform, holder, home } = test;
      const builder = openIndexBuilder({ platform, keys: holder.keys(), archive: test.store.archive, replayers });
      await builder.catchUp(new AbortController().signal, () => undefined);
      if (builder.counts.damaged > 0) throw new Error('something could not be replayed');
      if (withOld) {
        const old = openOldIndex(home, holder.keys());
        builder.takeOver(old, []);
        old.close();
      }
      await holder.reopen(() => builder.swap());
      await studies.reopen();
      parts = openParts();
    },
    async close() {
      await closeParts();
      await studies.close();
    },
  };
  return station;
}
