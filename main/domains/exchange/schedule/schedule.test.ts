import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newEntrySchema } from '../../../../app/domains/exchange/scheduleSchema.ts';
import { openTestStore, type TestStore } from '../../../database/testStore.ts';
import { exchangeReplayer } from '../exchangeReplay.ts';
import { openSchedule, type Schedule } from './schedule.ts';

const entry = newEntrySchema.parse({
  ...{ patientName: 'MARTIN^Jo', patientId: 'P1', birthDate: '', sex: '', accessionNumber: '', studyUid: '' },
  ...{ requestedProcedureId: '', procedureDescription: '', performingPhysician: '' },
  ...{ modality: 'CT', stationAeTitle: '', startDate: '20261120', startTime: '0900' },
});

describe('the clinic’s own schedule', () => {
  let test: TestStore;
  let schedule: Schedule;
  beforeAll(async () => {
    test = await openTestStore();
    test.clock.set(new Date(2026, 10, 20, 12).getTime());
    schedule = openSchedule(test.store);
  });
  afterAll(() => test?.close());

  const ids = (dateFrom = '', dateTo = '') => schedule.list({ dateFrom, dateTo }).map(({ patientId }) => patientId);

  it('lists by day and time, and loses no edit to another', () => {
    const later = schedule.save(test.author, {
      entryId: null,
      baseVersion: null,
      entry: { ...entry, patientId: 'P2', startTime: '1130' },
    });
    const first = schedule.save(test.author, { entryId: null, baseVersion: null, entry });
    schedule.save(test.author, {
      entryId: null,
      baseVersion: null,
      entry: { ...entry, patientId: 'P3', startDate: '20261121' },
    });
    expect(ids()).toEqual(['P1', 'P2', 'P3']);
    expect(ids('20261121')).toEqual(['P3']);
    expect(ids('', '20261120')).toEqual(['P1', 'P2']);
    expect(first.studyUid).toMatch(/^2\.25\.\d{1,39}$/);
    expect(first.studyUid).not.toBe(later.studyUid);

    const { nodeId: _node, entryId, version, ...rest } = first;
    const moved = schedule.save(test.author, { entryId, baseVersion: version, entry: { ...rest, startTime: '1200' } });
    expect(moved).toMatchObject({ version: 2, studyUid: first.studyUid });
    expect(ids('', '20261120')).toEqual(['P2', 'P1']);
    const again = () => schedule.save(test.author, { entryId, baseVersion: version, entry });
    expect(again).toThrow(expect.objectContaining({ code: 'exchange.entryChanged' }));
    schedule.archive(test.author, entryId);
    expect(ids('', '20261120')).toEqual(['P2']);
    expect(() => schedule.archive(test.author, entryId)).toThrow(
      expect.objectContaining({ code: 'exchange.entryUnknown' }),
    );
    expect(again).toThrow(expect.objectContaining({ code: 'exchange.entryUnknown' }));
  });

  it('lists without a day what is from yesterday on, and drops of too many the oldest', () => {
    const insert = (count: number, startDate: string, prefix: string) =>
      test.store.gate.append(test.author, (tx) => {
        for (let n = 0; n < count; n += 1) {
          tx.run(
            `INSERT INTO scheduled_entry (entry_id, version, entry, start_date, archived, changed_at, hlc, author, site_id)
             VALUES (?, 1, ?, ?, 0, 1, 'h', NULL, 's')`,
            `${prefix}${n}`,
            JSON.stringify({ ...entry, patientId: prefix, startDate }),
            startDate,
          );
        }
      });
    test.clock.set(new Date(2041, 4, 2, 0, 30).getTime());
    insert(5001, '20390101', 'OLDEST');
    insert(1, '20400101', 'OLD');
    insert(1, '20410501', 'NIGHT');
    insert(1, '20410502', 'TODAY');
    insert(1, '20420101', 'NEXT');
    expect(ids()).toEqual(['NIGHT', 'TODAY', 'NEXT']);
    const open = ids('20380101');
    expect(open).toHaveLength(5000);
    expect(open.slice(-4)).toEqual(['OLD', 'NIGHT', 'TODAY', 'NEXT']);
    expect(ids('20400101', '20410501')).toEqual(['OLD', 'NIGHT']);
    expect(ids('', '20400101').at(-1)).toBe('OLD');
    expect(ids('20410502', '20410502')).toEqual(['TODAY']);
    test.clock.set(new Date(2026, 10, 20, 12).getTime());
  });

  it('is written again from its statements, the newest version last to count', () => {
    const replayer = exchangeReplayer();
    const entryId = '01890a5d-ac96-774b-bcce-b302099a8057';
    const statement = (version: number, patientId: string, archived = false) => ({
      ...{ type: 'scheduledEntry', id: entryId, version, hlc: `${version}`, siteId: 's', at: 1 },
      author: { operatorId: null, operatorName: null },
      payload: { entry: { ...entry, patientId, startDate: '20300101' }, archived },
    });
    test.store.gate.write(test.author, 'test.replay', (tx) => {
      for (const each of [statement(2, 'NEW'), statement(1, 'OLD')]) {
        replayer.replay(tx, { name: 'x', kind: 'statement', bytes: 0 } as never, new Uint8Array(), each as never);
      }
    });
    expect(ids('20300101', '20300101')).toEqual(['NEW']);
  });
});
