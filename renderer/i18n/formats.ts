import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

/** DICOM DA text (PS3.5 section 6.2, YYYYMMDD) as numbers, or null when it is empty or no calendar date. */
export function parseDicomDate(text: string): { year: number; month: number; day: number } | null {
  const match = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(text.trim());
  if (!match) return null;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return { year, month, day };
}

/**
 * The age on a day as DICOM AS text (PS3.5 section 6.2) for `Formats.age`: days in the first month, months to the second
 * birthday, then years. '' when either date is unknown or the day lies before the birth.
 */
export function ageOnDay(birthDate: string, day: string): string {
  const [birth, at] = [parseDicomDate(birthDate), parseDicomDate(day)];
  if (!birth || !at) return '';
  const [from, to] = [Date.UTC(birth.year, birth.month - 1, birth.day), Date.UTC(at.year, at.month - 1, at.day)];
  if (to < from) return '';
  const months = (at.year - birth.year) * 12 + at.month - birth.month - (at.day < birth.day ? 1 : 0);
  if (months < 1) return `${Math.round((to - from) / 86_400_000)}D`;
  return months < 24 ? `${months}M` : `${Math.floor(months / 12)}Y`;
}

/** DICOM TM text (PS3.5 section 6.2, HHMMSS.FFFFFF, shortened from the right) as 'HH:MM', or '' when unreadable. */
export function formatDicomTime(text: string): string {
  const match = /^(\d{2}):?(\d{2})/.exec(text.trim());
  if (!match || Number(match[1]) > 23 || Number(match[2]) > 59) return '';
  return `${match[1]}:${match[2]}`;
}

type Translate = (key: string, values?: Record<string, unknown>) => string;

export interface Formats {
  /** DICOM DA text → '20/11/2026' (fr) or '20 Nov 2026' (en, where 04/05 would be misread); as received when it is no date. */
  date(da: string): string;
  /** Epoch ms → date and time to the minute. */
  dateTime(ms: number): string;
  /** Epoch ms → '14:03:22'. */
  clock(ms: number): string;
  /** DICOM TM text → '14:03'. */
  time(tm: string): string;
  number(value: number, digits?: number): string;
  /** Decimal units, as disks and file managers say: 48,2 Go. */
  bytes(value: number): string;
  /** Seconds → '3 min 20 s'. */
  duration(seconds: number): string;
  /** Whole years, or DICOM AS text such as '045Y', '006M'; '' when unknown. */
  age(value: number | string | null): string;
  /** DICOM sex code → one letter of the language; '' when absent. */
  sex(code: string): string;
}

/** Makes the formatters of one language. `t` reads the `components` namespace. */
export function makeFormats(language: string, t: Translate): Formats {
  const locale = language === 'fr' ? 'fr-FR' : 'en-GB';
  const dateStyle: Intl.DateTimeFormatOptions =
    language === 'fr'
      ? { day: '2-digit', month: '2-digit', year: 'numeric' }
      : { day: '2-digit', month: 'short', year: 'numeric' };
  const dicomDate = new Intl.DateTimeFormat(locale, { ...dateStyle, timeZone: 'UTC' });
  const dateTime = new Intl.DateTimeFormat(locale, { ...dateStyle, hour: '2-digit', minute: '2-digit' });
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const numbers = new Map<number | undefined, Intl.NumberFormat>();
  const number = (value: number, digits?: number): string => {
    let format = numbers.get(digits);
    if (!format) {
      format = new Intl.NumberFormat(
        locale,
        digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits },
      );
      numbers.set(digits, format);
    }
    return format.format(value);
  };
  return {
    date(da) {
      const parts = parseDicomDate(da);
      return parts ? dicomDate.format(Date.UTC(parts.year, parts.month - 1, parts.day)) : da;
    },
    dateTime: (ms) => dateTime.format(ms),
    clock: (ms) => clock.format(ms),
    time: formatDicomTime,
    number,
    bytes(value) {
      const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
      let unit = 0;
      let scaled = value;
      while (scaled >= 999.5 && unit < units.length - 1) {
        scaled /= 1000;
        unit += 1;
      }
      const digits = unit === 0 || scaled >= 99.95 ? 0 : 1;
      return `${number(scaled, digits)}\u00a0${t(`units.${units[unit]}`)}`;
    },
    duration(seconds) {
      const whole = Math.max(0, Math.round(seconds));
      const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
      if (hours > 0) return t('duration.hours', { hours, minutes });
      if (minutes > 0) return t('duration.minutes', { minutes, seconds: rest });
      return t('duration.seconds', { seconds: rest });
    },
    age(value) {
      if (value === null || value === '') return '';
      if (typeof value === 'number') return t('age.years', { count: value });
      const match = /^(\d{1,3})([DWMY])$/.exec(value.trim());
      if (!match) return value;
      const count = Number(match[1]);
      const unit = { D: 'days', W: 'weeks', M: 'months', Y: 'years' }[match[2] as 'D' | 'W' | 'M' | 'Y'];
      return t(`age.${unit}`, { count });
    },
    sex: (code) => (code === 'F' || code === 'M' || code === 'O' ? t(`sex.${code}`) : ''),
  };
}

/** The formatters of the window's language. */
export function useFormats(): Formats {
  const { t, i18n } = useTranslation('components');
  return useMemo(() => makeFormats(i18n.language, t as unknown as Translate), [i18n.language, t]);
}
