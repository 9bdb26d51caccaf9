import { describe, expect, it } from 'vitest';
import { createReadingStore, fillPanes } from './readingStore.ts';

const ref = (seriesUid: string) => ({ studyUid: '1', seriesUid });
const series = (modality: string, ...uids: string[]) => uids.map((uid) => ({ ...ref(uid), modality }));

describe('how a study is hung', () => {
  it('shows the first series alone', () => {
    expect(createReadingStore(series('CT', 'a', 'b')).getState()).toMatchObject({
      layout: '1x1',
      panes: [ref('a'), null, null, null],
    });
    expect(createReadingStore([]).getState()).toMatchObject({ layout: '1x1', panes: [null, null, null, null] });
  });
  it('shows the views of a mammography together', () => {
    expect(createReadingStore(series('MG', 'a', 'b', 'c', 'd')).getState()).toMatchObject({
      layout: '2x2',
      panes: ['a', 'b', 'c', 'd'].map(ref),
    });
    expect(createReadingStore(series('MG', 'a', 'b')).getState().layout).toBe('1x2');
    expect(createReadingStore(series('MG', 'a')).getState().layout).toBe('1x1');
  });
});

describe('empty places', () => {
  it('take what is shown nowhere, in order, and leave what is there', () => {
    expect(fillPanes([ref('b'), null, null, null], ['a', 'b', 'c'].map(ref), 4)).toEqual([
      ref('b'),
      ref('a'),
      ref('c'),
      null,
    ]);
    expect(fillPanes([ref('a'), null, ref('b'), null], ['a', 'b'].map(ref), 2)).toEqual([
      ref('a'),
      null,
      ref('b'),
      null,
    ]);
  });
});
