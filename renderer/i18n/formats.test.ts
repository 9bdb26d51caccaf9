import i18next from 'i18next';
import { describe, expect, it } from 'vitest';
import en from '../../resources/locales/en/components.json' with { type: 'json' };
import fr from '../../resources/locales/fr/components.json' with { type: 'json' };
import { ageOnDay, formatDicomTime, makeFormats, parseDicomDate } from './formats.ts';

async function formatsIn(language: 'en' | 'fr') {
  const instance = i18next.createInstance();
  await instance.init({ lng: language, defaultNS: 'c', resources: { en: { c: en }, fr: { c: fr } } as never });
  return makeFormats(language, instance.t as unknown as (key: string) => string);
}
const plain = (text: string) => text.replace(/[\u202f\u00a0]/g, ' ');

describe('DICOM dates and times', () => {
  it('are dates of the calendar or nothing', () => {
    expect(parseDicomDate('20240229')).toEqual({ year: 2024, month: 2, day: 29 });
    expect(parseDicomDate('1998.01.31')).toEqual({ year: 1998, month: 1, day: 31 });
    for (const bad of ['20230229', '20241301', '2024', '', 'ANONYMOUS']) expect(parseDicomDate(bad)).toBeNull();
  });

  it('are shown without doubt about day and month, whatever the time zone of the machine', async () => {
    expect((await formatsIn('fr')).date('20240405')).toBe('05/04/2024');
    expect((await formatsIn('en')).date('20240405')).toBe('05 Apr 2024');
  });

  it('that are none are shown as received', async () => {
    expect((await formatsIn('fr')).date('20230229')).toBe('20230229');
  });

  it('keep hours and minutes of a time of any precision', () => {
    expect(formatDicomTime('142201.123456')).toBe('14:22');
    expect(formatDicomTime('0901')).toBe('09:01');
    for (const bad of ['', '9', '2561', '1299']) expect(formatDicomTime(bad)).toBe('');
  });
});

describe('an age on a day', () => {
  it('is counted in what a small child is counted in, and turns on the birthday', () => {
    expect(ageOnDay('20260101', '20260101')).toBe('0D');
    expect(ageOnDay('20260115', '20260214')).toBe('30D');
    expect(ageOnDay('20260115', '20260215')).toBe('1M');
    expect(ageOnDay('20240301', '20260228')).toBe('23M');
    expect(ageOnDay('20240301', '20260301')).toBe('2Y');
    expect(ageOnDay('19480229', '20261012')).toBe('78Y');
    expect(ageOnDay('19600601', '20260531')).toBe('65Y');
  });

  it('is not guessed', () => {
    const unknown = [
      ['', '20260101'],
      ['19600101', ''],
      ['20270101', '20260101'],
      ['1960', '20260101'],
    ] as const;
    for (const [birth, day] of unknown) expect(ageOnDay(birth, day)).toBe('');
  });

  it('is written in the language', async () => {
    expect((await formatsIn('fr')).age(ageOnDay('20260115', '20260315'))).toBe('2 mois');
  });
});

describe('figures', () => {
  it('have their unit and the decimal sign of the language', async () => {
    const [french, english] = [await formatsIn('fr'), await formatsIn('en')];
    expect(plain(french.bytes(48_200_000_000))).toBe('48,2 Go');
    expect(plain(english.bytes(48_200_000_000))).toBe('48.2 GB');
    expect(plain(french.bytes(999_600))).toBe('1,0 Mo');
    expect(plain(french.bytes(0))).toBe('0 o');
    expect(plain(french.number(1204))).toBe('1 204');
  });

  it('of time grow from seconds to hours', async () => {
    const french = await formatsIn('fr');
    expect(french.duration(59.4)).toBe('59 s');
    expect(french.duration(200)).toBe('3 min 20 s');
    expect(french.duration(3725)).toBe('1 h 2 min');
    expect(french.duration(-3)).toBe('0 s');
  });

  it('of age read DICOM AS and whole years, and say nothing when unknown', async () => {
    const [french, english] = [await formatsIn('fr'), await formatsIn('en')];
    expect(french.age('045Y')).toBe('45 ans');
    expect(french.age('001Y')).toBe('1 an');
    expect(french.age('006M')).toBe('6 mois');
    expect(english.age('003W')).toBe('3 weeks');
    expect(english.age(1)).toBe('1 year');
    expect(french.age(null)).toBe('');
    expect(french.age('??')).toBe('??');
  });

  it('of sex are letters of the language', async () => {
    expect((await formatsIn('fr')).sex('M')).toBe('H');
    expect((await formatsIn('en')).sex('M')).toBe('M');
    expect((await formatsIn('en')).sex('')).toBe('');
  });
});
