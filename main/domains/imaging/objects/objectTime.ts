import type { JsonDataSet } from '../../../dicom/dicomJson.ts';

/** A moment as DICOM writes it. */
export interface ObjectTime {
  /** DA. */
  readonly date: string;
  /** TM, whole seconds. */
  readonly time: string;
  /** `+HHMM`, for Timezone Offset From UTC (0008,0201), or null where it must not be stated. */
  readonly offset: string | null;
}

/**
 * A moment for an object that copies the times of a study. Timezone Offset From UTC holds for every date and time of an
 * object (PS3.3 C.12.1.1.8), those that were copied included. So a study that states its offset gets all times in it;
 * else the clock's own zone is stated where it had the same offset on the day of the study, and nothing where summer
 * time lies between the two.
 *
 * @param study header of an instance of the study
 * @param timeZone IANA name of the zone that this machine's clock shows
 */
export function objectTime(nowMs: number, study: JsonDataSet, timeZone: string): ObjectTime {
  const stated = textOf(study, '00080201').trim();
  const statedMinutes = minutesOf(stated);
  if (statedMinutes !== null) return { ...written(nowMs, statedMinutes), offset: stated };
  const minutes = offsetAt(nowMs, timeZone);
  const offset = offsetOfStudy(study, timeZone, minutes) === minutes ? offsetText(minutes) : null;
  return { ...written(nowMs, minutes), offset };
}

function written(ms: number, offsetMinutes: number): { date: string; time: string } {
  const text = new Date(ms + offsetMinutes * 60_000).toISOString();
  return { date: text.slice(0, 10).replaceAll('-', ''), time: text.slice(11, 19).replaceAll(':', '') };
}

function offsetOfStudy(study: JsonDataSet, timeZone: string, guessMinutes: number): number {
  const day = /^(\d{4})(\d\d)(\d\d)$/.exec(textOf(study, '00080020'));
  if (day === null) return guessMinutes;
  const [hours = 12, minutes = 0] = (textOf(study, '00080030').match(/^\d\d|\d\d/g) ?? []).map(Number);
  const local = Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3]), hours, minutes);
  return offsetAt(local - guessMinutes * 60_000, timeZone);
}

/** Minutes that a zone's clock is ahead of UTC at a moment. */
function offsetAt(ms: number, timeZone: string): number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  const name = format.formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
  return minutesOf(name.replace('GMT', '').replace(':', '')) ?? 0;
}

/** Whole minutes of `+HHMM`; null for what is none. Seconds, as zones had before 1970, are left out. */
function minutesOf(text: string): number | null {
  const parts = /^([+-])(\d\d)(\d\d)/.exec(text);
  if (parts === null) return null;
  const minutes = Number(parts[2]) * 60 + Number(parts[3]);
  return parts[1] === '-' ? -minutes : minutes;
}

function offsetText(minutes: number): string {
  const whole = Math.abs(minutes);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(whole / 60))}${two(whole % 60)}`;
}

function textOf(dataset: JsonDataSet, tag: string): string {
  const value = dataset[tag]?.Value?.[0];
  return typeof value === 'string' ? value : '';
}
