import { describe, expect, it } from 'vitest';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { objectTime } from './objectTime.ts';

const study = (date: string, time: string, offset?: string): JsonDataSet => ({
  '00080020': { vr: 'DA', Value: [date] },
  '00080030': { vr: 'TM', Value: [time] },
  ...(offset === undefined ? {} : { '00080201': { vr: 'SH', Value: [offset] } }),
});
const julyEvening = Date.UTC(2026, 6, 1, 22, 30, 5);

describe('the time of an object', () => {
  it('is local, with the offset that the study had too', () => {
    expect(objectTime(julyEvening, study('20260630', '101500'), 'Europe/Paris')).toEqual({
      date: '20260702',
      time: '003005',
      offset: '+0200',
    });
    expect(objectTime(julyEvening, study('20260630', '10'), 'America/St_Johns')).toMatchObject({ offset: '-0230' });
    expect(objectTime(julyEvening, study('20260630', '10'), 'UTC')).toMatchObject({ time: '223005', offset: '+0000' });
  });

  it('states no offset where summer time lies between: the copied times would be wrong by an hour', () => {
    expect(objectTime(julyEvening, study('20260115', '101500'), 'Europe/Paris')).toEqual({
      date: '20260702',
      time: '003005',
      offset: null,
    });
    // The clocks go back at 03:00 on the 25th of October.
    expect(objectTime(julyEvening, study('20261025', '0130'), 'Europe/Paris').offset).toBe('+0200');
    expect(objectTime(julyEvening, study('20261025', '0400'), 'Europe/Paris').offset).toBeNull();
  });

  it('is in the offset that the study states, whatever this machine is set to', () => {
    expect(objectTime(julyEvening, study('20260115', '101500', '-0500'), 'Europe/Paris')).toEqual({
      date: '20260701',
      time: '173005',
      offset: '-0500',
    });
  });

  it('needs no date of the study, and no sound one', () => {
    for (const source of [{}, study('', ''), study('19', 'x'), study('20260701', 'noon', 'Paris')]) {
      expect(objectTime(julyEvening, source, 'Europe/Paris')).toMatchObject({ date: '20260702', offset: '+0200' });
    }
  });
});
