import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemAuthor } from '../../main/database/openWriteGate.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { until } from '../integration/peers/receivingStation.ts';
import { openRoutingStation, type RoutingStation } from './routingStation.ts';

/* Hazards: a study goes where it must not, comes back and goes again for ever, is torn in two, or stays here unseen. */

let t: RoutingStation;
beforeEach(async () => {
  t = await openRoutingStation();
});
afterEach(() => t.close());

let numbers = 0;
/** Slices of a study; the UIDs of each call are new. */
function slices(study: string, count: number, facts: Parameters<typeof aSlice>[0] = {}): Buffer[] {
  return Array.from({ length: count }, () => {
    numbers += 1;
    return aSlice({ study, sop: `${study}.9.${numbers}`, number: numbers, ...facts });
  });
}
const goesTo = () => t.sent().map(({ nodeName, studyUid, instances }) => `${nodeName} ${studyUid} ${instances}`);
const instancesOf = (nodeName: string) =>
  t
    .sent()
    .filter((delivery) => delivery.nodeName === nodeName)
    .map(({ studyUid, instances }) => [studyUid, instances]);

describe('a rule on arrival', () => {
  it('sends a study once it has come whole, once, and then only what is new', async () => {
    const pacs = t.addNode('PACS');
    const { ruleId } = t.addRule(pacs);
    await t.arrive(slices('1.2.1', 3), { jobId: 'a', ends: false });
    await t.arrive(slices('1.2.2', 2));
    await t.quiet();
    expect(t.sent()).toMatchObject([{ studyUid: '1.2.2', instances: 2, sopUids: null }]);
    await t.arrive(slices('1.2.1', 1), { jobId: 'a', ends: false });
    t.end('a');
    await t.quiet();
    expect(instancesOf('PACS')).toEqual([
      ['1.2.2', 2],
      ['1.2.1', 4],
    ]);
    const late = slices('1.2.1', 2);
    await t.arrive(late);
    await t.quiet();
    expect(t.sent().at(-1)).toMatchObject({ studyUid: '1.2.1', instances: 2 });
    expect(t.sent().at(-1)?.sopUids).toHaveLength(2);
    // The same again is no news.
    await t.arrive(late);
    await t.quiet();
    expect(t.sent()).toHaveLength(3);
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 3, lastTrouble: null });
    expect(t.rule(ruleId).lastAt).not.toBeNull();
    const entries = t.studies.test.store.reader.all<{ detail: string }>(
      "SELECT detail FROM audit_entry WHERE action = 'exchange.route' AND subject_type = 'delivery'",
    );
    expect(entries.map(({ detail }) => JSON.parse(detail))).toMatchObject(
      t.sent().map(({ studyUid, instances }) => ({ ruleId, nodeId: pacs, studyUid, instances })),
    );
  });

  it('begins with what comes after it was switched on; what is on its way then goes whole', async () => {
    const pacs = t.addNode('PACS');
    await t.arrive(slices('1.2.1', 2));
    await t.arrive(slices('1.2.2', 2), { jobId: 'a', ends: false });
    const rule = t.addRule(pacs, { enabled: false });
    await t.arrive(slices('1.2.3', 2));
    await t.quiet();
    expect(t.sent()).toEqual([]);
    const { ruleId } = rule;
    const enabled = t.routing.save(t.studies.test.author, { ruleId, baseVersion: 1, rule: { ...rule, enabled: true } });
    await t.arrive(slices('1.2.2', 1), { jobId: 'a', ends: false });
    t.end('a');
    await t.arrive(slices('1.2.3', 1));
    await t.quiet();
    expect(instancesOf('PACS')).toEqual([
      ['1.2.2', 3],
      ['1.2.3', 1],
    ]);
    // Another name changes nothing; off and on again begins anew.
    const renamed = t.routing.save(t.studies.test.author, {
      ruleId,
      baseVersion: enabled.version,
      rule: { ...enabled, name: 'other' },
    });
    expect(renamed).toMatchObject({ name: 'other', deliveries: 2, version: 3 });
    expect(() =>
      t.routing.save(t.studies.test.author, { ruleId, baseVersion: 1, rule: { ...enabled, name: 'third' } }),
    ).toThrow(expect.objectContaining({ code: 'exchange.ruleChanged' }));
    t.routing.archive(t.studies.test.author, ruleId);
    await t.arrive(slices('1.2.4', 1));
    await t.quiet();
    expect(t.sent()).toHaveLength(2);
    expect(t.routing.list()).toEqual([]);
    expect(() => t.routing.archive(t.studies.test.author, ruleId)).toThrow(
      expect.objectContaining({ code: 'exchange.ruleUnknown' }),
    );
  });

  it('means modality, body part, source and calling AE, of a study that comes in several ways each by itself', async () => {
    t.addRule(t.addNode('MR_ONLY'), { match: { modalities: ['MR'] } });
    t.addRule(t.addNode('CHEST'), { match: { modalities: ['CT'], bodyParts: ['CHEST'] } });
    t.addRule(t.addNode('BY_AE'), { match: { callingAes: ['CT_*'] } });
    t.addRule(t.addNode('BY_FILE'), { match: { sources: ['import', 'watch'] } });
    const chest = { more: { '00180015': ['CS', 'CHEST'] } } as const;
    const fromCt = slices('1.2.1', 2, chest);
    await t.arrive(fromCt, { callingAe: 'CT_ROOM_1' });
    await t.arrive(slices('1.2.1', 1), { callingAe: 'WORKSTATION' });
    await t.arrive(slices('1.2.1', 1), { channel: 'import', callingAe: '' });
    await t.quiet();
    const total = (nodeName: string) => instancesOf(nodeName).reduce((sum, [, count]) => sum + Number(count), 0);
    expect(['MR_ONLY', 'CHEST', 'BY_AE', 'BY_FILE'].map(total)).toEqual([0, 4, 2, 1]);
    const trial = (match: object) =>
      t.routing.tryMatch({ ...{ modalities: [], bodyParts: [], sources: [], callingAes: [] }, ...match });
    await t.arrive(slices('1.2.2', 1), { callingAe: 'OTHER' });
    expect(await trial({})).toEqual({ looked: 2, matched: 2, studyUids: ['1.2.2', '1.2.1'] });
    expect(await trial({ callingAes: ['WORK*'] })).toEqual({ looked: 2, matched: 1, studyUids: ['1.2.1'] });
    expect(await trial({ sources: ['stow'] })).toMatchObject({ matched: 0 });
    expect(await trial({ modalities: ['CT'], sources: ['import'] })).toMatchObject({ studyUids: ['1.2.1'] });
  });

  it('knows what was fetched, also where it comes over an association of its own, and what lay in a watched folder', async () => {
    const pacs = t.addNode('PACS');
    const { test, services } = t.studies;
    test.store.gate.append(systemAuthor, (tx) => {
      tx.run(
        `INSERT INTO job (job_id, kind, state, operator_name, input, created_at) VALUES ('f', 'fetch', 'running', '', ?, 1)`,
        JSON.stringify({ nodeId: pacs, studyUid: '1.2.1', seriesUids: [] }),
      );
    });
    const from = { callingAe: 'PACS', nodeId: pacs };
    await t.arrive(slices('1.2.1', 1), from);
    await t.arrive(slices('1.2.2', 1), from);
    const file = join(test.home, 'watched.dcm');
    writeFileSync(file, aSlice({ study: '1.2.3' }));
    await test.store.jobs.finished(services.imaging.importPaths(test.author, [file], true));
    const found = async (source: 'fetch' | 'dimse' | 'watch' | 'import') =>
      (await t.routing.tryMatch({ modalities: [], bodyParts: [], sources: [source], callingAes: [] })).studyUids;
    expect([await found('fetch'), await found('dimse')]).toEqual([['1.2.1'], ['1.2.2']]);
    expect([await found('watch'), await found('import')]).toEqual([['1.2.3'], []]);
  });

  it('never sends back: not the result to the program that made it, nor what another site sent', async () => {
    const ai = t.addNode('AI');
    const pacs = t.addNode('PACS');
    t.addRule(ai, { match: { modalities: ['CT'] } });
    t.addRule(pacs);
    await t.arrive(slices('1.2.1', 3));
    await t.quiet();
    // The result, into the same study; by the node, under its title from elsewhere, and by a fetch from it.
    await t.arrive(slices('1.2.1', 1), { callingAe: 'AI', nodeId: ai });
    await t.arrive(slices('1.2.1', 1), { callingAe: 'AI' });
    await t.arrive(slices('1.2.1', 1), { channel: 'fetch', callingAe: 'OTHER', nodeId: ai });
    await t.quiet();
    expect(instancesOf('AI')).toEqual([['1.2.1', 3]]);
    expect(instancesOf('PACS').reduce((sum, [, count]) => sum + Number(count), 0)).toBe(6);
    // Named letter by letter it is wanted.
    t.addRule(ai, { name: 'back', match: { callingAes: ['AI'] } });
    await t.arrive(slices('1.2.5', 1), { callingAe: 'AI', nodeId: ai });
    await t.quiet();
    expect(instancesOf('AI').at(-1)).toEqual(['1.2.5', 1]);
  });

  it('that de-identifies never takes what was de-identified before, so that two sites never send for ever', async () => {
    const site = t.addNode('OTHER_SITE');
    const plain = t.addNode('PLAIN');
    const { ruleId } = t.addRule(site, { deidentify: true });
    t.addRule(plain);
    const nameless = { more: { '00120062': ['CS', 'YES'] }, name: 'x', identifier: 'y' } as const;
    await t.arrive(slices('1.2.1', 2, nameless), { callingAe: 'THIRD' });
    await t.quiet();
    expect(instancesOf('OTHER_SITE')).toEqual([]);
    expect(instancesOf('PLAIN')).toEqual([['1.2.1', 2]]);
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 0, lastTrouble: { code: 'exchange.alreadyDeidentified' } });
    // Of a study of which it takes a part, it says that the rest stays.
    const mixed = [...slices('1.2.3', 1), ...slices('1.2.3', 1, { more: nameless.more })];
    await t.arrive(mixed, { callingAe: 'THIRD' });
    await t.quiet();
    expect(instancesOf('OTHER_SITE')).toEqual([['1.2.3', 1]]);
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 1, lastTrouble: { code: 'exchange.alreadyDeidentified' } });
    await t.arrive(slices('1.2.2', 1));
    await t.quiet();
    expect(instancesOf('OTHER_SITE').at(-1)).toEqual(['1.2.2', 1]);
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 2, lastTrouble: null });
    const asked = t.deliveries.list({ offset: 0, limit: 9, nodeId: site, studyUid: null, states: [] });
    expect(asked.rows.map(({ deidentified }) => deidentified)).toEqual([true, true]);
  });

  it('that de-identifies asks for images alone: what is no image stays, and is no trouble each time', async () => {
    const { ruleId } = t.addRule(t.addNode('OTHER_SITE'), { deidentify: true });
    const [image, dose] = [slices('1.2.1', 1), slices('1.2.1', 1, { more: { '7FE00010': null } })];
    await t.arrive([...image, ...dose]);
    await t.quiet();
    expect(instancesOf('OTHER_SITE')).toEqual([['1.2.1', 1]]);
    await t.arrive(slices('1.2.2', 1, { more: { '7FE00010': null } }));
    await t.arrive(slices('1.2.1', 1));
    await t.quiet();
    expect(instancesOf('OTHER_SITE')).toEqual([
      ['1.2.1', 1],
      ['1.2.1', 1],
    ]);
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 2, lastTrouble: null });
  });

  it('holds a study that names two people, says so, and sends what a person says belongs to it once that is settled', async () => {
    const ai = t.addNode('AI');
    const { ruleId } = t.addRule(t.addNode('PACS'));
    t.addRule(ai, { name: 'to AI' });
    const other = { identifier: 'B', series: '1.2.1.2' };
    await t.arrive(slices('1.2.1', 2));
    await t.quiet();
    expect(goesTo()).toEqual(['PACS 1.2.1 2', 'AI 1.2.1 2']);
    await t.arrive([...slices('1.2.1', 1), ...slices('1.2.1', 1, other)], { callingAe: 'AI', nodeId: ai });
    await t.quiet();
    expect(t.sent()).toHaveLength(2);
    expect(t.rule(ruleId)).toMatchObject({ lastTrouble: { code: 'imaging.identityConflict' } });
    await t.reopen();
    await t.settle('keepApart');
    await until(t.sent, (sent) => sent.length === 3);
    expect(goesTo()[2]).toBe('PACS 1.2.1 1');
    expect(t.rule(ruleId)).toMatchObject({ deliveries: 2, lastTrouble: null });
    await t.quiet();
    // It was one person after all: the rest goes too, and not back to where it came from.
    await t.settle('reopen');
    await t.settle('onePerson');
    await until(t.sent, (sent) => sent.length === 4);
    await t.quiet();
    expect(goesTo().slice(3)).toEqual(['PACS 1.2.1 1']);
    expect(new Set(t.sent().flatMap(({ sopUids }) => sopUids ?? [])).size).toBe(2);
  });

  it('keeps an instance that came with other bytes here', async () => {
    t.addRule(t.addNode('PACS'));
    await t.arrive([aSlice({ study: '1.2.1', sop: '1.2.1.1', value: 1 })]);
    await t.quiet();
    await t.arrive([aSlice({ study: '1.2.1', sop: '1.2.1.1', value: 2 })]);
    await t.quiet();
    expect(instancesOf('PACS')).toEqual([['1.2.1', 1]]);
  });

  it('says at once that its node is put away or not for sending, and goes on where it can', async () => {
    const gone = t.addNode('GONE');
    const closed = t.addNode('CLOSED');
    const [toGone, toClosed] = [t.addRule(gone), t.addRule(closed)];
    t.nodes.archive(t.studies.test.author, gone);
    t.setSending(closed, false);
    const troubles = () => [toGone, toClosed].map(({ ruleId }) => t.rule(ruleId).lastTrouble?.code);
    expect(troubles()).toEqual(['exchange.nodeUnknown', 'exchange.nodeNotFor']);
    await t.arrive(slices('1.2.1', 2));
    await t.quiet();
    expect(t.sent()).toEqual([]);
    expect(troubles()).toEqual(['exchange.nodeUnknown', 'exchange.nodeNotFor']);
    t.setSending(closed, true);
    await until(t.sent, (sent) => sent.length === 1);
    expect(troubles()).toEqual(['exchange.nodeUnknown', undefined]);
    expect(() => t.addRule(gone)).toThrow(expect.objectContaining({ code: 'exchange.nodeUnknown' }));
    const { ruleId, version } = toGone;
    const save = (rule: typeof toGone) => t.routing.save(t.studies.test.author, { ruleId, baseVersion: version, rule });
    expect(() => save({ ...toGone, name: 'renamed' })).toThrow(
      expect.objectContaining({ code: 'exchange.nodeUnknown' }),
    );
    expect(save({ ...toGone, enabled: false })).toMatchObject({ enabled: false, version: version + 1 });
    t.setSending(closed, false);
    expect(() => t.addRule(closed)).toThrow(expect.objectContaining({ code: 'exchange.nodeNotFor' }));
  });

  it('asks for very many in parts, which commit one by one', async () => {
    const ai = t.addNode('AI');
    t.addRule(ai);
    await t.arrive(slices('1.2.1', 1), { jobId: 'a', ends: false });
    const many = 2_500;
    t.studies.test.store.gate.append(systemAuthor, (tx) => {
      tx.run(
        `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
         INSERT INTO instance (sop_uid, series_row, sop_class_uid, transfer_syntax_uid, instance_number, frames, rows, columns, is_image,
           position_mm, orientation, text_damaged, object_name, bytes, received_at, hlc, author, site_id)
         SELECT '1.2.1.7.' || n, series_row, sop_class_uid, transfer_syntax_uid, n, frames, rows, columns, is_image,
           position_mm, orientation, text_damaged, object_name, bytes, received_at, hlc, author, site_id FROM n, instance i`,
        many,
      );
      tx.run('UPDATE arrived_run SET last_row = last_row + ?', many);
      tx.run('UPDATE study SET instance_count = instance_count + ?', many);
    });
    await t.arrive(slices('1.2.1', 1), { jobId: 'b', callingAe: 'AI', nodeId: ai });
    t.end('a');
    await t.quiet();
    expect(instancesOf('AI').map(([, count]) => count)).toEqual([1000, 1000, 501]);
    expect(new Set(t.sent().flatMap(({ sopUids }) => sopUids)).size).toBe(many + 1);
  });
});
