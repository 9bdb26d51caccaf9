import type { NewEntry, OwnEntry } from '../../../app/domains/exchange/scheduleSchema.ts';
import { parseTypedDate } from './findQuestion.ts';
import { aeTitlePattern } from './nodeForm.ts';

/** An entry as its form holds it: days as people type them, the time as HH:MM. */
export interface EntryForm {
  readonly lastName: string;
  readonly firstName: string;
  readonly patientId: string;
  readonly birthDate: string;
  readonly sex: NewEntry['sex'];
  readonly procedure: string;
  readonly modality: string;
  readonly stationAeTitle: string;
  readonly accessionNumber: string;
  readonly day: string;
  readonly time: string;
  readonly physician: string;
}

/** DICOM DA text as people type it, day first. */
export function typedDay(da: string): string {
  return /^\d{8}$/.test(da) ? `${da.slice(6)}/${da.slice(4, 6)}/${da.slice(0, 4)}` : '';
}

/** The day of a moment as DICOM DA text, in the local time zone; `plusDays` later. */
export function dayOf(ms: number, plusDays = 0): string {
  const date = new Date(ms);
  // Through the calendar, not by 24 hours: a day of the change of the clocks has 23 or 25.
  date.setDate(date.getDate() + plusDays);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
}

export function emptyEntry(day: string): EntryForm {
  return {
    lastName: '',
    firstName: '',
    patientId: '',
    birthDate: '',
    sex: '',
    procedure: '',
    modality: '',
    stationAeTitle: '',
    accessionNumber: '',
    day: typedDay(day),
    time: '',
    physician: '',
  };
}

export function formOfEntry(entry: OwnEntry): EntryForm {
  const [lastName = '', ...given] = entry.patientName.split('^');
  return {
    lastName,
    firstName: given.join('^'),
    patientId: entry.patientId,
    birthDate: typedDay(entry.birthDate),
    sex: entry.sex,
    procedure: entry.procedureDescription,
    modality: entry.modality,
    stationAeTitle: entry.stationAeTitle,
    accessionNumber: entry.accessionNumber,
    day: typedDay(entry.startDate),
    time: entry.startTime === '' ? '' : `${entry.startTime.slice(0, 2)}:${entry.startTime.slice(2, 4)}`,
    physician: entry.performingPhysician,
  };
}

const clock = /^([01]\d|2[0-3]):?[0-5]\d$/;

/** What the host would refuse, each with the key of its text under `nodeForm.bad`. */
export function errorsOfEntry(form: EntryForm): Partial<Record<keyof EntryForm, string>> {
  const errors: Partial<Record<keyof EntryForm, string>> = {};
  for (const field of ['lastName', 'patientId', 'modality', 'day'] as const)
    if (form[field].trim() === '') errors[field] = 'needed';
  for (const field of ['lastName', 'firstName', 'patientId', 'procedure', 'accessionNumber', 'physician'] as const)
    if (/[\\\p{Cc}]/u.test(form[field])) errors[field] = 'backslash';
  if (!errors.modality && !/^[A-Z0-9_ ]{1,16}$/.test(form.modality.trim().toUpperCase())) errors.modality = 'modality';
  if (!errors.day && parseTypedDate(form.day) === null) errors.day = 'date';
  if (parseTypedDate(form.birthDate) === null) errors.birthDate = 'date';
  if (form.time.trim() !== '' && !clock.test(form.time.trim())) errors.time = 'clock';
  if (form.stationAeTitle.trim() !== '' && !aeTitlePattern.test(form.stationAeTitle.trim()))
    errors.stationAeTitle = 'aeTitle';
  return errors;
}

/**
 * The form as the host takes it. Only for a form without errors. What the form does not show of the entry before stays:
 * the study number that a modality may already have taken over.
 */
export function savedEntry(form: EntryForm, before: OwnEntry | null): NewEntry {
  const given = form.firstName.trim();
  return {
    patientName: given === '' ? form.lastName.trim() : `${form.lastName.trim()}^${given}`,
    patientId: form.patientId.trim(),
    birthDate: parseTypedDate(form.birthDate) ?? '',
    sex: form.sex,
    accessionNumber: form.accessionNumber.trim(),
    requestedProcedureId: before?.requestedProcedureId ?? '',
    procedureDescription: form.procedure.trim(),
    studyUid: before?.studyUid ?? '',
    modality: form.modality.trim().toUpperCase(),
    stationAeTitle: form.stationAeTitle.trim(),
    startDate: parseTypedDate(form.day) ?? '',
    startTime: form.time.trim().replace(':', ''),
    performingPhysician: form.physician.trim(),
  };
}
