import { afterEach, describe, expect, test } from 'vitest';
import { testPlatform } from '../../../database/testStore.ts';
import { openPdfPress, type PdfPress } from './pdfPress.ts';
import type { ReportPdfInput } from './reportPdfInput.ts';

const input: Omit<ReportPdfInput, 'fonts'> = {
  language: 'en',
  draft: true,
  siteName: '',
  title: 'Report',
  reportId: 'r',
  documentId: 'd',
  version: 1,
  patient: { displayName: 'X', identifier: '1', issuer: '', birthDate: '', sex: '' },
  study: {
    description: '',
    modalities: ['CT'],
    date: '',
    time: '',
    accessionNumber: '',
    referringPhysician: '',
    studyUid: '1.2',
  },
  addendumTo: null,
  sections: [
    {
      key: 'findings',
      title: 'Findings',
      required: true,
      paragraphs: Array.from({ length: 400 }, () => ({
        content: [{ kind: 'text', text: 'A line of a long report.' }],
      })),
    },
  ],
  keyImages: [],
  author: 'a',
  signature: null,
  timeZone: 'UTC',
};

describe('the PDF press', () => {
  let press: PdfPress;
  const failed = expect.objectContaining({ code: 'reports.pdfFailed' });
  const open = () => {
    press = openPdfPress(testPlatform('/nowhere', Date.now, []));
  };
  afterEach(() => press.stop());

  test('leaves nobody waiting when it is stopped at work', async () => {
    open();
    const first = await press.print({ ...input, sections: [] });
    expect(Buffer.from(first.subarray(0, 5)).toString()).toBe('%PDF-');
    const waiting = [press.print(input), press.print(input)].map((print) => print.catch((error: unknown) => error));
    await new Promise((resolve) => setImmediate(resolve));
    await press.stop();
    expect(await Promise.all(waiting)).toEqual([failed, failed]);
  });

  test('starts nothing for who asked before it was stopped and comes too late', async () => {
    open();
    const early = press.print(input).catch((error: unknown) => error);
    await press.stop();
    expect(await early).toEqual(failed);
    await expect(press.print(input)).rejects.toEqual(failed);
  });
});
