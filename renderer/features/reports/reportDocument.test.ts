import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ReportInline, ReportParagraph } from '../../../app/domains/reports/reportSchema.ts';
import { fromEditor, toEditor } from './reportDocument.ts';

const inline: fc.Arbitrary<ReportInline> = fc.oneof(
  fc.record({ kind: fc.constant('text' as const), text: fc.string({ minLength: 1 }) }),
  fc.record({ kind: fc.constant('text' as const), text: fc.string({ minLength: 1 }), bold: fc.constant(true) }),
  fc.record({
    kind: fc.constant('measurement' as const),
    annotationId: fc.uuid(),
    annotationVersion: fc.integer({ min: 1, max: 99 }),
    text: fc.string(),
  }),
  fc.record({
    kind: fc.constant('keyImage' as const),
    sopUid: fc.constant('1.2.3'),
    frame: fc.integer({ min: 1, max: 9 }),
    text: fc.string(),
  }),
);
const content = fc.array(inline, { minLength: 1, maxLength: 6 });
const paragraph: fc.Arbitrary<ReportParagraph> = fc.oneof(
  fc.record({ content }),
  fc.record({ list: fc.constant(true), content }),
);

test('what is written in the editor is what is saved, and back, for any text, chip and list', () => {
  fc.assert(
    fc.property(fc.array(paragraph, { maxLength: 8 }), (paragraphs) => {
      expect(fromEditor(toEditor(paragraphs))).toEqual(paragraphs);
    }),
    { seed: 20261120, numRuns: 300 },
  );
});

test('blank lines between paragraphs are kept, the one the editor adds at the end is not', () => {
  const paragraphs: ReportParagraph[] = [
    { content: [{ kind: 'text', text: 'a' }] },
    { content: [] },
    { content: [{ kind: 'text', text: 'b' }] },
  ];
  expect(fromEditor(toEditor([...paragraphs, { content: [] }]))).toEqual(paragraphs);
});

test('a line break in the editor begins a paragraph, so that the lines stay apart on paper', () => {
  const text = (word: string) => ({ type: 'text', text: word });
  const block = { type: 'paragraph', content: [text('first'), { type: 'hardBreak' }, text('second')] };
  expect(fromEditor({ type: 'doc', content: [block] })).toEqual([
    { content: [{ kind: 'text', text: 'first' }] },
    { content: [{ kind: 'text', text: 'second' }] },
  ]);
});
