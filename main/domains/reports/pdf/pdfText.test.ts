import { describe, expect, it } from 'vitest';
import { dicomDateText, momentText } from './pdfText.ts';

describe('dates on a report', () => {
  it('are written as the window writes them, in English with the month in letters', () => {
    expect(dicomDateText('20260405', 'fr', '?')).toBe('05/04/2026');
    expect(dicomDateText('20260405', 'en', '?')).toBe('05 Apr 2026');
    expect(dicomDateText('1941.02.15', 'en', '?')).toBe('15 Feb 1941');
  });

  it('that are none are printed as received', () => {
    expect(dicomDateText('', 'en', 'not given')).toBe('not given');
    for (const text of ['20230229', '20241301', 'ANONYMOUS']) expect(dicomDateText(text, 'en', '?')).toBe(text);
  });

  it('of a signature say the hour and the offset of the place', () => {
    const at = Date.UTC(2026, 3, 4, 23, 30, 5);
    expect(momentText(at, 'fr', 'Europe/Paris')).toBe('05/04/2026 01:30:05 UTC+02:00');
    expect(momentText(at, 'en', 'Europe/Paris')).toBe('05 Apr 2026 01:30:05 UTC+02:00');
  });
});
