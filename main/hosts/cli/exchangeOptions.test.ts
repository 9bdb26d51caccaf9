import { describe, expect, it } from 'vitest';
import { cliUsage, readCliArguments } from './cliArguments.ts';
import { fillPersonalOptions, optionDates, optionNumber, optionText } from './exchangeOptions.ts';

const options = (...given: string[]) => readCliArguments(given).exchange;

describe('the options of what talks to other systems', () => {
  it('reads days and ranges of days', () => {
    const dates = (text: string) => optionDates(options('find', 'x', `--date=${text}`));
    expect(dates('20260131')).toEqual({ studyDateFrom: '20260131', studyDateTo: '20260131' });
    expect(dates('2026-01-31')).toEqual({ studyDateFrom: '20260131', studyDateTo: '20260131' });
    expect(dates('20260101-20260131')).toEqual({ studyDateFrom: '20260101', studyDateTo: '20260131' });
    expect(dates('2026-01-01..2026-01-31')).toEqual({ studyDateFrom: '20260101', studyDateTo: '20260131' });
    expect(dates('20260101-')).toEqual({ studyDateFrom: '20260101', studyDateTo: '' });
    expect(dates('-20260131')).toEqual({ studyDateFrom: '', studyDateTo: '20260131' });
    for (const text of ['-', 'yesterday', '2026', '20260101-20260131-']) {
      expect(() => dates(text), text).toThrow(/--date/);
    }
  });

  it('asks for what names a patient where it was given as -, and for nothing else', async () => {
    const asked: string[][] = [];
    const fill = (...given: string[]) =>
      fillPersonalOptions(options('find', 'x', ...given), async (questions) => {
        asked.push([...questions]);
        return questions.map((_, at) => `answer ${at}`);
      });
    expect(await fill('--id', '-', '--name', '-', '--modality', 'CT')).toEqual({
      name: 'answer 0',
      id: 'answer 1',
      modality: 'CT',
    });
    expect(await fill('--accession', '-')).toEqual({ accession: 'answer 0' });
    expect(await fill('--name', 'DUPONT*')).toEqual({ name: 'DUPONT*' });
    expect(asked).toEqual([['Patient name: ', 'Patient id: '], ['Accession number: ']]);
    expect(cliUsage).toMatch(/list of processes[\s\S]*--name, --id or --accession as -/);
  });

  it('takes each only where it means something', () => {
    expect(optionText(options('find', 'x', '--name', ' DUPONT* '), 'name')).toBe('DUPONT*');
    expect(optionNumber(options('find', 'x', '--limit', '20'), 'limit', 1, 5000)).toBe(20);
    for (const limit of ['0', '1.5', 'many', '6000']) {
      expect(() => optionNumber(options('find', 'x', '--limit', limit), 'limit', 1, 5000)).toThrow(/whole number/);
    }
    expect(() => options('studies', '--name', 'x')).toThrow('salus studies has no option --name.');
    expect(() => options('fetch', 'x', 'y', '--wait')).toThrow('--wait');
    expect(options('studies')).toEqual({});
  });
});
