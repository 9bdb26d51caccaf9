import { describe, expect, it } from 'vitest';
import { newEntrySchema, type OwnEntry } from '../../../app/domains/exchange/scheduleSchema.ts';
import { dayOf, emptyEntry, errorsOfEntry, formOfEntry, savedEntry } from './scheduleForm.ts';

const form = { ...emptyEntry('20261120'), lastName: 'Dupont', firstName: 'Jean', patientId: 'P1', modality: 'ct' };
const saved = savedEntry({ ...form, time: '09:30', birthDate: '5/4/1960', sex: 'M' }, null);
const entry: OwnEntry = { ...saved, studyUid: '2.25.7', nodeId: null, entryId: '', version: 3, startTime: '0930' };

describe('an entry of the schedule', () => {
  it('is what the host takes', () => {
    expect(errorsOfEntry(form)).toEqual({});
    expect(newEntrySchema.parse(saved)).toEqual(saved);
    expect(saved).toMatchObject({
      patientName: 'Dupont^Jean',
      birthDate: '19600405',
      startDate: '20261120',
      modality: 'CT',
    });
    expect(saved.startTime).toBe('0930');
  });

  it('survives being opened and saved, its study number above all', () => {
    expect(savedEntry(formOfEntry(entry), entry)).toEqual({ ...saved, studyUid: '2.25.7' });
  });

  it('says what is missing or wrong', () => {
    expect(errorsOfEntry({ ...emptyEntry(''), time: '9 h', birthDate: '31/02/1960' })).toEqual({
      lastName: 'needed',
      patientId: 'needed',
      modality: 'needed',
      day: 'needed',
      time: 'clock',
      birthDate: 'date',
    });
    expect(errorsOfEntry({ ...form, patientId: 'A\\B' })).toEqual({ patientId: 'backslash' });
  });

  it('knows the next day also where the clocks change', () => {
    expect(dayOf(new Date(2026, 9, 24, 23, 30).getTime(), 1)).toBe('20261025');
    expect(dayOf(new Date(2026, 11, 31, 12).getTime(), 1)).toBe('20270101');
    expect(dayOf(new Date(2026, 2, 1, 0, 30).getTime(), -1)).toBe('20260228');
  });
});
