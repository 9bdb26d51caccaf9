import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../app/shared/failure.ts';
import type { Deliveries } from '../../main/domains/exchange/exchangeParts.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { until } from '../integration/peers/receivingStation.ts';
import { openRoutingStation, type RoutingStation } from './routingStation.ts';

/* Hazards: a cut or a rebuilt index loses what a rule owes, or sends it again; a signed report does not leave, or leaves by a rule that must not have it. */

let t: RoutingStation;
beforeEach(async () => {
  t = await openRoutingStation();
});
afterEach(() => t.close());

const slices = (study: string, count: number) => Array.from({ length: count }, () => aSlice({ study }));
const goesTo = () => t.sent().map(({ nodeName, studyUid, instances }) => `${nodeName} ${studyUid} ${instances}`);

/** Lets so many requests through, and cuts before or after the commit of the next: nothing of what follows happens. */
function cutAt(requests: number, when: 'before' | 'after') {
  let done = 0;
  return (deliveries: Deliveries): Deliveries => ({
    ...deliveries,
    send(...given) {
      done += 1;
      const isCut = done > requests;
      if (isCut && when === 'before') throw new Failure('security.sealed', 'cut');
      const delivery = deliveries.send(...given);
      if (isCut) throw new Failure('security.sealed', 'cut');
      return delivery;
    },
  });
}

describe('a core that is cut off while rules are at work', () => {
  const soaks = process.env['SALUS_SOAK'] === '1';
  it.each([
    ...(soaks
      ? ([
          [0, 'before'],
          [0, 'after'],
          [1, 'before'],
        ] as const)
      : []),
    ...([
      [1, 'after'],
      [2, 'before'],
    ] as const),
  ])('after %i requests, %s the next commit, sends everything once', async (requests, when) => {
    for (const name of ['A', 'B']) t.addRule(t.addNode(name));
    await t.arrive(slices('1.2.1', 2), { jobId: 'a', ends: false });
    await t.arrive(slices('1.2.2', 1), { jobId: 'a', ends: false });
    await t.reopen(cutAt(requests, when));
    t.end('a');
    await until(t.sent, (sent) => sent.length >= requests + (when === 'after' ? 1 : 0));
    await t.reopen();
    await t.quiet();
    expect(goesTo().sort()).toEqual(['A 1.2.1 2', 'A 1.2.2 1', 'B 1.2.1 2', 'B 1.2.2 1']);
    expect(t.routing.list().map(({ deliveries }) => deliveries)).toEqual([2, 2]);
    // Nothing is left over that could be taken for something new.
    await t.arrive(slices('1.2.1', 1));
    await t.quiet();
    expect(goesTo().slice(4).sort()).toEqual(['A 1.2.1 1', 'B 1.2.1 1']);
  });

  it('that never came to look does so at its next start, however long after', async () => {
    t.addRule(t.addNode('A'));
    await t.routing.close();
    await t.arrive(slices('1.2.1', 2));
    t.studies.test.clock.advance(30 * 24 * 60 * 60_000);
    expect(t.sent()).toEqual([]);
    await t.reopen();
    await t.quiet();
    expect(goesTo()).toEqual(['A 1.2.1 2']);
  });
});

describe('an index that was rebuilt', () => {
  /** Over the real import, which archives the order of arrival. */
  const importSlices = (study: string, count: number) =>
    t.studies.importSlices(...Array.from({ length: count }, () => ({ study })));

  it.each([true, false])('sends nothing again of what was sent (old index readable: %s)', async (withOld) => {
    const { ruleId } = t.addRule(t.addNode('A'));
    await importSlices('1.2.1', 1);
    await t.quiet();
    await importSlices('1.2.1', 1);
    await t.quiet();
    const before = goesTo();
    expect(before).toEqual(['A 1.2.1 1', 'A 1.2.1 1']);
    await t.rebuild(withOld);
    await t.quiet();
    expect(goesTo()).toEqual(before);
    const rule = t.rule(ruleId);
    expect(rule).toMatchObject({ deliveries: 2, enabled: true, name: 'rule', version: 1 });
    // What had come and was not looked at is not known without the old index: that is said.
    expect(rule.lastTrouble?.code ?? null).toBe(withOld ? null : 'exchange.routingStartedAnew');
    await importSlices('1.2.1', 1);
    await t.quiet();
    expect(goesTo()).toEqual([...before, 'A 1.2.1 1']);
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 3, lastTrouble: null });
    expect(await t.routing.tryMatch({ ...rule.match, sources: ['import'] })).toMatchObject({ matched: 1 });
  });

  it('sends nothing again of what was kept apart and is one person’s after all, however often it is rebuilt', async () => {
    const other = { study: '1.2.1', identifier: 'B', series: '1.2.1.2' };
    t.addRule(t.addNode('A'));
    await importSlices('1.2.1', 1);
    await t.quiet();
    await t.studies.importSlices(other);
    await t.settle('keepApart');
    // It comes aside, where the other one is.
    await t.studies.importSlices(other);
    await t.quiet();
    expect(goesTo()).toEqual(['A 1.2.1 1']);
    await t.settle('reopen');
    await t.routing.close();
    await t.settle('onePerson');
    // What was put back and not looked at yet still goes, once.
    await t.rebuild(true);
    await until(t.sent, (sent) => sent.length === 2);
    await t.quiet();
    const before = goesTo();
    expect(before).toEqual(['A 1.2.1 1', 'A 1.2.1 2']);
    for (let round = 0; round < 2; round += 1) {
      await t.rebuild(true);
      await t.quiet();
      expect(goesTo()).toEqual(before);
    }
  });

  it('knows how studies came, what was fetched too', async () => {
    const found = async (source: 'fetch' | 'import') =>
      (await t.routing.tryMatch({ modalities: [], bodyParts: [], sources: [source], callingAes: [] })).studyUids;
    await importSlices('1.2.1', 1);
    await importSlices('1.2.2', 1);
    // By a C-MOVE of ours, which only the index knows.
    t.studies.test.store.gate.append(t.studies.test.author, (tx) => {
      tx.run(
        `UPDATE study_origin SET channel = 'fetch' WHERE study_row = (SELECT study_row FROM study WHERE study_uid = '1.2.1')`,
      );
    });
    await t.rebuild(true);
    expect([await found('fetch'), await found('import')]).toEqual([['1.2.1'], ['1.2.2']]);
    await t.rebuild(false);
    expect((await t.routing.tryMatch({ modalities: [], bodyParts: [], sources: [], callingAes: [] })).matched).toBe(2);
  });

  it('goes on with what was still to be looked at, and with what was held', async () => {
    const node = t.addNode('A');
    t.addRule(node);
    const other = t.addRule(t.addNode('B'), { name: 'other' });
    await importSlices('1.2.1', 1);
    await t.quiet();
    t.setSending(node, false);
    await importSlices('1.2.1', 1);
    await t.quiet();
    await t.routing.close();
    await importSlices('1.2.2', 1);
    await t.rebuild(true);
    await t.quiet();
    expect(goesTo().sort()).toEqual(['A 1.2.1 1', 'B 1.2.1 1', 'B 1.2.1 1', 'B 1.2.2 1']);
    expect(t.rule(other.ruleId)).toMatchObject({ deliveries: 3 });
    t.setSending(node, true);
    await until(t.sent, (sent) => sent.length === 6);
    expect(goesTo().slice(4).sort()).toEqual(['A 1.2.1 1', 'A 1.2.2 1']);
  });
});

describe('a rule on signature', () => {
  it('sends the objects of each report that is signed, once, an addendum too, and of no earlier one', async () => {
    await t.studies.importSlices({ study: '1.2.1' }, { study: '1.2.2' });
    const early = await t.studies.sign('1.2.2');
    await until(
      () => t.studies.services.imaging.hasReportObjects(early),
      (isThere) => isThere,
    );
    t.addRule(t.addNode('A'), { trigger: 'sign', content: 'report' });
    t.addRule(t.addNode('OFF'), { trigger: 'sign', content: 'report', enabled: false });
    t.addRule(t.addNode('MR'), { trigger: 'sign', content: 'report', match: { modalities: ['MR'] } });
    const report = await t.studies.sign('1.2.1');
    await until(t.sent, (sent) => sent.length === 1);
    expect(t.sent()).toMatchObject([{ nodeName: 'A', studyUid: '1.2.1', instances: 1, reportId: report.reportId }]);
    const addendum = await t.studies.sign('1.2.1', { addendumTo: report.reportId });
    await until(t.sent, (sent) => sent.length === 2);
    expect(t.sent()[1]).toMatchObject({ nodeName: 'A', instances: 1, reportId: addendum.reportId });
    await t.reopen();
    await t.quiet();
    await t.rebuild(true);
    await t.quiet();
    expect(t.sent()).toHaveLength(2);
  });

  it('sends the study without what was made here, or with it, and then only what is new', async () => {
    await t.studies.importSlices({ study: '1.2.1' }, { study: '1.2.1' });
    t.addRule(t.addNode('IMAGES'), { trigger: 'sign', content: 'study' });
    t.addRule(t.addNode('NAMELESS'), { trigger: 'sign', content: 'study', deidentify: true });
    t.addRule(t.addNode('BOTH'), { trigger: 'sign', content: 'studyAndReport' });
    const report = await t.studies.sign('1.2.1');
    await until(t.sent, (sent) => sent.length === 3);
    await t.quiet();
    expect(goesTo().sort()).toEqual(['BOTH 1.2.1 3', 'IMAGES 1.2.1 2', 'NAMELESS 1.2.1 2']);
    const listed = t.sent().flatMap(({ sopUids }) => sopUids ?? []);
    const own = t.studies.services.imaging.findReportObjects(report);
    expect(listed.filter((sopUid) => own.includes(sopUid))).toEqual([]);
    await t.studies.importSlices({ study: '1.2.1' });
    await t.studies.sign('1.2.1', { addendumTo: report.reportId });
    await until(t.sent, (sent) => sent.length === 6);
    await t.quiet();
    expect(goesTo().slice(3).sort()).toEqual(['BOTH 1.2.1 2', 'IMAGES 1.2.1 1', 'NAMELESS 1.2.1 1']);
  });

  it('never sends a report without the identity, however the rule came here', async () => {
    const node = t.addNode('A');
    const rule = { ...t.addRule(node, { trigger: 'sign', content: 'report' }), deidentify: true };
    const { ruleId, version } = rule;
    expect(() => t.routing.save(t.studies.test.author, { ruleId, baseVersion: version, rule })).toThrow(
      expect.objectContaining({ code: 'exchange.reportNamesPatient' }),
    );
    t.studies.test.store.gate.append(t.studies.test.author, (tx) => {
      tx.run("UPDATE routing_rule SET rule = json_set(rule, '$.deidentify', json('true'))");
    });
    await t.studies.importSlices({ study: '1.2.1' });
    await t.studies.sign('1.2.1');
    await until(
      () => t.rule(ruleId).lastTrouble?.code,
      (code) => code === 'exchange.reportNamesPatient',
    );
    expect(t.sent()).toEqual([]);
  });

  it('leaves what arrives to the rules on arrival: objects made here go by none of them', async () => {
    t.addRule(t.addNode('A'));
    await t.studies.importSlices({ study: '1.2.1' });
    await t.quiet();
    const report = await t.studies.sign('1.2.1');
    await until(
      () => t.studies.services.imaging.hasReportObjects(report),
      (isThere) => isThere,
    );
    await t.quiet();
    expect(goesTo()).toEqual(['A 1.2.1 1']);
    // Its own objects come back from an archive: no news.
    await t.studies.importSlices({ study: '1.2.1' });
    await t.quiet();
    expect(goesTo()).toEqual(['A 1.2.1 1', 'A 1.2.1 1']);
  });
});
