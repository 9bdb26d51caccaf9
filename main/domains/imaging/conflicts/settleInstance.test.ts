import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Conflict, ConflictDecision } from '../../../../app/domains/imaging/conflictSchema.ts';
import { imagingAssets } from '../imagingAssets.ts';
import { openTestImaging, type TestImaging } from '../testImaging.ts';
import type { SliceFacts } from '../testObjects.ts';
import { conflictAssets } from './conflictAssets.ts';

let t: TestImaging;
beforeEach(async () => {
  t = await openTestImaging();
});
afterEach(() => t.close());

const slice: SliceFacts = { study: '1.1', series: '1.1.1', sop: '1.1.1.1', number: 1, value: 100 };
const ref = { conflictId: 'instance:1.1.1.1', studyUid: '1.1' };
const get = () => t.imaging.conflicts.getConflict(ref.conflictId, ref.studyUid);
const settle = (conflict: Conflict, decision: ConflictDecision, objectName: string | null = null) =>
  t.imaging.conflicts.settleConflict(t.test.author, {
    ...ref,
    stand: conflict.stand,
    decision,
    objectName,
    reason: 'compared with the console',
  });
const other = (conflict: Conflict) => conflict.versions.find(({ isShown }) => !isShown)?.objectName ?? '';
const lines = (state: 'open' | 'settled' | null) =>
  t.imaging.conflicts.listConflicts({ state, studyUid: null, offset: 0, limit: 10 });
const valueShown = async () => {
  const path = '/dicomweb/studies/1.1/series/1.1.1/instances/1.1.1.1/frames/1';
  const headers = { accept: 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1' };
  const answer = await imagingAssets(new Request(`http://host${path}`, { headers }), t.context());
  return Buffer.from(await answer.arrayBuffer()).readUInt16LE(0);
};
const metadata = async () => {
  const answer = await imagingAssets(new Request('http://host/dicomweb/studies/1.1/metadata'), t.context());
  return (await answer.json()) as Record<string, { Value?: unknown[] }>[];
};

describe('one instance with two contents', () => {
  it('is listed with both sides, from whom and when each came, and in what they differ', async () => {
    await t.importSlices(slice, { ...slice, value: 140, more: { '00081030': ['LO', 'Thorax again'] } });
    expect(lines('open')).toMatchObject({ total: 1, rows: [{ ...ref, kind: 'instance', sides: 2, state: 'open' }] });
    const conflict = await get();
    expect(
      conflict.versions.map(({ isShown, source, refusal, mayShow }) => [isShown, source, refusal, mayShow]),
    ).toEqual([
      [true, 'import', null, true],
      [false, 'import', null, true],
    ]);
    expect(conflict.decisions).toEqual({ keep: null, take: null });
    const compared = await t.imaging.conflicts.compareConflict(ref.conflictId, ref.studyUid, other(conflict));
    expect(compared.differences).toEqual([
      { path: '00081030', keyword: 'StudyDescription', vr: 'LO', shown: 'Thorax', other: 'Thorax again' },
    ]);
    expect(compared.pixels).toMatchObject({ state: 'different', differing: 64, compared: 64, greatest: 40 });
    for (const { objectName } of conflict.versions) {
      const path = `/conflicts/${encodeURIComponent(ref.conflictId)}/1.1/${objectName}/frames/1/rendered?window=100,50`;
      const picture = await conflictAssets(new Request(`http://host${path}`), t.context());
      expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/png']);
    }
  });

  it('is settled by keeping what is here, until a third content comes', async () => {
    await t.importSlices(slice, { ...slice, value: 140 });
    const settled = await settle(await get(), 'keep');
    expect(settled).toMatchObject({ state: 'settled', settlements: [{ version: 1, decision: 'keep' }] });
    expect(t.imaging.getStudyDetail('1.1').study).toMatchObject({ conflictCount: 0, instanceCount: 1 });
    expect(t.services.worklist.counts('').conflicts).toBe(0);
    // The same again is no news; another one is.
    await t.importSlices({ ...slice, value: 140 });
    expect(lines('open').total).toBe(0);
    await t.importSlices({ ...slice, value: 180 });
    expect(await get()).toMatchObject({ state: 'open', sides: 3 });
    expect(t.imaging.getStudyDetail('1.1').study.conflictCount).toBe(2);
    expect(await valueShown()).toBe(100);
  });

  it('is settled by taking the other: pixels, header, geometry and counts are the other’s', async () => {
    const more = { '00200032': ['DS', '1\\2\\3'], '00200037': ['DS', '1\\0\\0\\0\\1\\0'] } as const;
    await t.importSlices(slice, { ...slice, number: 7, value: 140, more });
    expect(await valueShown()).toBe(100);
    const settled = await settle(await get(), 'take', other(await get()));
    expect(settled.versions.map(({ isShown }) => isShown)).toEqual([true, false]);
    expect(await valueShown()).toBe(140);
    const [header] = await metadata();
    expect(header?.['00200013']?.Value).toEqual([7]);
    expect(header?.['00200032']?.Value).toEqual([1, 2, 3]);
    const { study, series } = t.imaging.getStudyDetail('1.1');
    expect(study).toMatchObject({ revision: 1, conflictCount: 0, instanceCount: 1, frameCount: 1 });
    expect(series[0]?.representative).toEqual({ sopUid: '1.1.1.1', frame: 1, version: 1 });
    const [place] = t.imaging.listPlaces({ studyUid: '1.1' });
    expect([place?.objectName, place?.bytes]).toEqual([settled.versions[0]?.objectName, settled.versions[0]?.bytes]);
    expect(study.bytes).toBe(place?.bytes);
    // And back again: both contents are still here.
    const reopened = await settle(await get(), 'reopen');
    expect(reopened.state).toBe('open');
    expect(await valueShown()).toBe(140);
    await settle(reopened, 'take', other(reopened));
    expect(await valueShown()).toBe(100);
    expect(lines('settled').total).toBe(1);
  });

  it('is settled alike when it was received before this index kept what a version says of itself', async () => {
    await t.importSlices(slice, { ...slice, value: 140 });
    t.test.store.gate.append(t.test.author, (tx) =>
      tx.run("UPDATE instance_conflict SET header = '', json = NULL, source = ''"),
    );
    const conflict = await get();
    expect(conflict.versions[1]).toMatchObject({ source: '', refusal: null, mayShow: true });
    await settle(conflict, 'take', other(conflict));
    expect(await valueShown()).toBe(140);
  });

  it('refuses a decision about something else than was seen', async () => {
    await t.importSlices(slice, { ...slice, value: 140 });
    const seen = await get();
    await t.importSlices({ ...slice, value: 180 });
    await expect(settle(seen, 'keep')).rejects.toMatchObject({ code: 'imaging.conflictChanged' });
    await settle(await get(), 'keep');
    await expect(settle(await get(), 'take', seen.versions[1]?.objectName)).rejects.toMatchObject({
      code: 'imaging.conflictChanged',
    });
    await expect(t.imaging.conflicts.getConflict(ref.conflictId, '9.9')).rejects.toMatchObject({
      code: 'imaging.conflictUnknown',
    });
  });

  it('never takes a content that claims another series, or is of another kind', async () => {
    await t.importSlices(
      slice,
      { ...slice, series: '1.1.2', value: 140 },
      { ...slice, value: 150, more: { '00080060': ['CS', 'MR'] } },
    );
    const conflict = await get();
    const refusals = conflict.versions.slice(1).map(({ refusal }) => refusal);
    expect(refusals.sort()).toEqual(['imaging.conflictClaimsOther', 'imaging.conflictOtherKind']);
    for (const { objectName, refusal } of conflict.versions.slice(1))
      await expect(settle(conflict, 'take', objectName)).rejects.toMatchObject({ code: refusal });
    expect(await valueShown()).toBe(100);
  });

  it('is not taken while what is shown is on its way to another system, sent or still to be sent', async () => {
    await t.importSlices(slice, { ...slice, value: 140 });
    const { gate } = t.test.store;
    gate.append(t.test.author, (tx) => {
      tx.run(
        `INSERT INTO delivery (delivery_id, node_id, study_uid, scope, created_at, created_by, state, last_instance_row, since, version, hlc, site_id)
         VALUES ('d', 'n', '1.1', '{"seriesUids":[],"sopUids":null}', 1, '', 'queued', 1000, 1, 1, 'h', 's')`,
      );
    });
    expect((await get()).decisions).toEqual({ keep: null, take: 'imaging.conflictOnItsWay' });
    gate.append(t.test.author, (tx) => {
      tx.run("UPDATE delivery SET filled = 1, state = 'sent' WHERE delivery_id = 'd'");
      tx.run(
        `INSERT INTO delivery_instance (delivery_id, position, sop_uid, series_uid, sop_class_uid, state)
         VALUES ('d', 0, '1.1.1.1', '1.1.1', '1.2', 'sent')`,
      );
    });
    const waiting = await get();
    expect(waiting.decisions.take).toBe('imaging.conflictOnItsWay');
    await expect(settle(waiting, 'take', other(waiting))).rejects.toMatchObject({ code: 'imaging.conflictOnItsWay' });
    gate.append(t.test.author, (tx) => {
      tx.run("UPDATE delivery_instance SET state = 'proven' WHERE delivery_id = 'd'");
      tx.run("UPDATE delivery SET state = 'proven', ended_at = 2 WHERE delivery_id = 'd'");
    });
    expect((await get()).decisions.take).toBeNull();
  });

  it('refuses a drawing made on the picture that was there before', async () => {
    await t.importSlices(slice, { ...slice, value: 140 });
    await settle(await get(), 'take', other(await get()));
    const mark = { studyUid: '1.1', seriesUid: '1.1.1', sopUid: '1.1.1.1', frame: 1, window: null, marked: true };
    expect(() => t.imaging.setKeyImage(t.test.author, { ...mark, revision: 0 })).toThrowError(
      expect.objectContaining({ code: 'imaging.studyChanged' }),
    );
    expect(t.imaging.setKeyImage(t.test.author, { ...mark, revision: 1 })).toHaveLength(1);
    // What somebody marked does not change under the mark.
    const reopened = await settle(await get(), 'reopen');
    expect(reopened.decisions.take).toBe('imaging.conflictUsed');
    await expect(settle(reopened, 'take', other(reopened))).rejects.toMatchObject({ code: 'imaging.conflictUsed' });
  });
});
