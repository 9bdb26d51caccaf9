import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { until } from '../integration/peers/receivingStation.ts';
import { openRoutingStation, type RoutingStation } from './routingStation.ts';

/* Hazards: a rule that a person just changed lets something leave as it was before; what is held is told no more. */

let t: RoutingStation;
beforeEach(async () => {
  t = await openRoutingStation();
});
afterEach(() => t.close());

const slices = (study: string, count: number, facts: Parameters<typeof aSlice>[0] = {}) =>
  Array.from({ length: count }, () => aSlice({ study, ...facts }));
const goesTo = () => t.sent().map(({ nodeName, studyUid, instances }) => `${nodeName} ${studyUid} ${instances}`);

describe('a rule on arrival', () => {
  it('says what is held until it is not, whatever else leaves by the rule meanwhile', async () => {
    const { ruleId } = t.addRule(t.addNode('PACS'));
    await t.arrive([...slices('1.2.1', 1), ...slices('1.2.1', 1, { identifier: 'B', series: '1.2.1.2' })]);
    await t.arrive(slices('1.2.2', 1));
    await t.quiet();
    expect(goesTo()).toEqual(['PACS 1.2.2 1']);
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 1, lastTrouble: { code: 'imaging.identityConflict' } });
    let written = 0;
    const stop = t.studies.test.store.gate.onCommit(() => {
      written += 1;
    });
    // Half an hour of it costs nothing.
    for (let minute = 0; minute < 30; minute += 5) t.studies.test.clock.advance(5 * 60_000);
    await t.arrive(slices('1.2.3', 1));
    await t.quiet();
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 2, lastTrouble: { code: 'imaging.identityConflict' } });
    stop();
    expect(written).toBeLessThan(8);
    await t.settle('keepApart');
    await until(t.sent, (sent) => sent.length === 3);
    await t.quiet();
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 3, lastTrouble: null });
  });

  it('says that Salus failed over it, and tries again', async () => {
    const { ruleId } = t.addRule(t.addNode('PACS'));
    let isBroken = true;
    await t.reopen((deliveries) => ({
      ...deliveries,
      send(...given) {
        if (isBroken) throw new TypeError('a fault of ours');
        return deliveries.send(...given);
      },
    }));
    await t.arrive(slices('1.2.1', 1));
    await t.quiet();
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 0, lastTrouble: { code: 'jobs.failed' } });
    isBroken = false;
    t.studies.test.clock.advance(61_000);
    await until(t.sent, (sent) => sent.length === 1);
    await t.quiet();
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 1, lastTrouble: null });
  });

  it.each(['deidentify', 'otherNode', 'archive', 'off'] as const)(
    'that is changed while it is at work (%s) lets nothing leave as it was before',
    async (change) => {
      const node = t.addNode('A');
      const other = t.addNode('B');
      const rules = [t.addRule(node, { name: 'one' }), t.addRule(node, { name: 'two' })];
      const { author } = t.studies.test;
      const changed: string[] = [];
      const changeOther = (ruleId: string) => {
        const rule = rules.find((each) => each.ruleId !== ruleId);
        if (!rule || changed.length > 0) return;
        changed.push(rule.ruleId);
        const more = { deidentify: { deidentify: true }, otherNode: { nodeId: other }, off: { enabled: false } };
        if (change === 'archive') t.routing.archive(author, rule.ruleId);
        else
          t.routing.save(author, {
            ...{ ruleId: rule.ruleId, baseVersion: rule.version },
            rule: { ...rule, ...more[change] },
          });
      };
      // The other rule is saved right after the first has sent, while the study is still in hand.
      await t.reopen((deliveries) => ({
        ...deliveries,
        send(author, input, byRule) {
          const delivery = deliveries.send(author, input, byRule);
          if (byRule) changeOther(byRule.ruleId);
          return delivery;
        },
      }));
      await t.arrive(slices('1.2.1', 2));
      await t.quiet();
      expect(changed).toHaveLength(1);
      expect(goesTo()).toEqual(['A 1.2.1 2']);
      const { store } = t.studies.test;
      expect(store.reader.all('SELECT 1 FROM routing_progress')).toEqual([]);
      expect(store.reader.all('SELECT 1 FROM routing_state WHERE trouble_code IS NOT NULL')).toEqual([]);
      // And from then on as it is now.
      await t.arrive(slices('1.2.2', 1));
      await t.quiet();
      const { rows } = t.deliveries.list({ offset: 0, limit: 9, nodeId: null, studyUid: '1.2.2', states: [] });
      const went = rows.map(({ nodeName, deidentified }) => `${nodeName}${deidentified ? ' nameless' : ''}`);
      expect(went.sort()).toEqual(
        { deidentify: ['A', 'A nameless'], otherNode: ['A', 'B'], archive: ['A'], off: ['A'] }[change],
      );
    },
  );

  it('that is changed in the middle of its own request takes it back', async () => {
    const rule = t.addRule(t.addNode('A'));
    const { author } = t.studies.test;
    let saved = 0;
    await t.reopen((deliveries) => ({
      ...deliveries,
      send(...given) {
        saved += 1;
        if (saved === 1)
          t.routing.save(author, { ruleId: rule.ruleId, baseVersion: 1, rule: { ...rule, deidentify: true } });
        return deliveries.send(...given);
      },
    }));
    await t.arrive(slices('1.2.1', 1));
    await t.quiet();
    expect(t.sent()).toEqual([]);
    expect(t.studies.test.store.reader.all('SELECT 1 FROM routing_progress')).toEqual([]);
    expect(t.rule(rule.ruleId)).toMatchObject({ deliveries: 0, lastTrouble: null });
  });

  it('that de-identifies leaves what was de-identified before where it is, also when a person puts it back', async () => {
    const { ruleId } = t.addRule(t.addNode('OTHER_SITE'), { deidentify: true });
    const nameless = { identifier: 'B', series: '1.2.1.2', more: { '00120062': ['CS', 'YES'] } } as const;
    await t.arrive([...slices('1.2.1', 1), ...slices('1.2.1', 1, nameless)]);
    await t.quiet();
    await t.settle('keepApart');
    await until(t.sent, (sent) => sent.length === 1);
    await t.quiet();
    await t.settle('reopen');
    await t.settle('onePerson');
    await until(
      () => t.rule(ruleId).lastTrouble?.code,
      (code) => code === 'exchange.alreadyDeidentified',
    );
    await t.quiet();
    expect(goesTo()).toEqual(['OTHER_SITE 1.2.1 1']);
  });
});
