import { expect, it } from 'vitest';
import { modalityText } from './modalityText.ts';

it.each([
  [['CT'], 'CT'],
  [['SEG', 'CT'], 'CT SEG'],
  [['CT', 'RTPLAN', 'RTSTRUCT'], 'CT +2'],
  [['RWV', 'SEG', 'SR', 'PT'], 'PT +3'],
  [['RTSTRUCT'], 'RTSTRUCT'],
  [[], ''],
])('modalities %j read as "%s"', (modalities, expected) => {
  expect(modalityText(modalities)).toBe(expected);
});
