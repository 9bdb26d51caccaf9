import { describe, expect, it } from 'vitest';
import { activate, createReadingStore, fillPanes } from './readingStore.ts';

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
  it('take the series of another study that carries the same UID', () => {
    const other = { studyUid: '2', seriesUid: 'a' };
    expect(fillPanes([ref('a'), null, null, null], [ref('a'), other], 2)).toEqual([ref('a'), other, null, null]);
  });
});

describe('the viewport under the hand', () => {
  it('is told to the room when it is another one, not with every turn of the wheel', () => {
    const store = createReadingStore(series('CT', 'a'));
    let told = 0;
    store.subscribe(() => {
      told += 1;
    });
    for (let turn = 0; turn < 100; turn += 1) activate(store, { activePane: 0 });
    expect(told).toBe(0);
    activate(store, { activePane: 1 });
    activate(store, { activePlane: 2 });
    expect([told, store.getState().activePane, store.getState().activePlane]).toEqual([2, 1, 2]);
  });
});
