import { describe, expect, it } from 'vitest';
import { foldMarks, foldText } from './foldText.ts';

describe('folding text', () => {
  it.each([
    ['Éloïse-Anne^LEFÈVRE', 'eloise anne lefevre'],
    ['Øster­gård', 'oster gard'],
    ['Straße Œuvre Łódź', 'strasse oeuvre lodz'],
    ['  İstanbul\tIĞDIR ', 'istanbul igdir'],
    ['Ｆｕｌｌ　ｗｉｄｔｈ', 'full width'],
    ['山田^太郎', '山田 太郎'],
    ['', ''],
    ['^^^', ''],
  ])('%s becomes %s', (text, folded) => {
    expect(foldText(text)).toBe(folded);
  });

  it('keeps what counts in an identifier', () => {
    expect(foldMarks('A-12/34.É')).toBe('a-12/34.e');
  });
});
