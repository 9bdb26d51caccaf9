import { describe, expect, it } from 'vitest';
import { togetherBy } from './studyLines.ts';

const line = (studyUid: string) => ({
  studyUid,
  modalities: ['CT'],
  description: '',
  studyDate: '',
  patientName: studyUid,
});

describe('the lines of several studies', () => {
  it('are one question, each study once, and one that is not here is nothing', async () => {
    const asked: (readonly string[])[] = [];
    const one = togetherBy(async (studyUids) => {
      asked.push(studyUids);
      return studyUids.filter((uid) => uid !== 'gone').map(line);
    });
    const lines = await Promise.all([one('1'), one('2'), one('1'), one('gone')]);
    expect(asked).toEqual([['1', '2', 'gone']]);
    expect(lines.map((each) => each?.patientName)).toEqual(['1', '2', '1', undefined]);
    await one('3');
    expect(asked[1]).toEqual(['3']);
  });

  it('are asked for in questions that the host takes, and a refusal is everybody’s', async () => {
    const sizes: number[] = [];
    const many = togetherBy(async (studyUids) => {
      sizes.push(studyUids.length);
      return studyUids.map(line);
    });
    const answers = await Promise.all(Array.from({ length: 501 }, (_, index) => many(String(index))));
    expect(sizes.toSorted((a, b) => a - b)).toEqual([1, 500]);
    expect(answers.every((each, index) => each?.studyUid === String(index))).toBe(true);
    const failing = togetherBy(() => Promise.reject(new Error('no')));
    const both = await Promise.allSettled([failing('1'), failing('2')]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
