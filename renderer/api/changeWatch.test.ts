import { QueryClient } from '@tanstack/react-query';
import { describe, expect, it, vi } from 'vitest';
import { invalidateTopics, makeGatherer, topicsAfter } from './changeWatch.ts';

describe('following commits', () => {
  it('takes the topics of the next commit, and everything after a gap', () => {
    expect(topicsAfter(4, { previous: 4, topics: ['jobs'] })).toEqual(['jobs']);
    expect(topicsAfter(4, { previous: 6, topics: ['jobs'] })).toBeNull();
    expect(topicsAfter(4, { previous: 0, topics: ['jobs'] })).toBeNull();
    expect(topicsAfter(null, { previous: 0, topics: [] })).toEqual([]);
  });

  it('gathers a burst of commits into one refetch after the first', () => {
    vi.useFakeTimers();
    const applied: (readonly string[] | null)[] = [];
    const gatherer = makeGatherer((topics) => applied.push(topics));
    gatherer.add(['worklist']);
    for (let commit = 0; commit < 50; commit += 1) gatherer.add(commit % 2 ? ['jobs'] : ['worklist']);
    expect(applied).toEqual([['worklist']]);
    vi.advanceTimersByTime(250);
    expect(applied).toHaveLength(2);
    expect(new Set(applied[1])).toEqual(new Set(['worklist', 'jobs']));
    gatherer.add(null);
    gatherer.add(['jobs']);
    vi.advanceTimersByTime(250);
    expect(applied).toHaveLength(3);
    expect(applied[2]).toBeNull();
    vi.advanceTimersByTime(1000);
    expect(applied).toHaveLength(3);
    gatherer.stop();
    vi.useRealTimers();
  });

  it('makes old what reads the topic and spares the rest and what asked to be spared', async () => {
    const client = new QueryClient();
    const put = (key: readonly unknown[], meta?: Record<string, unknown>) =>
      client.fetchQuery({ queryKey: key, queryFn: () => Promise.resolve(1), ...(meta ? { meta } : {}) });
    await put(['worklist.list', {}]);
    await put(['jobs.list', null]);
    await put(['imaging.openStudy', {}], { topics: false });
    const isOld = (key: readonly unknown[]) => client.getQueryState(key)?.isInvalidated;
    invalidateTopics(client, ['worklist', 'studies']);
    expect(isOld(['worklist.list', {}])).toBe(true);
    expect(isOld(['jobs.list', null])).toBe(false);
    expect(isOld(['imaging.openStudy', {}])).toBe(false);
    invalidateTopics(client, null);
    expect(isOld(['jobs.list', null])).toBe(true);
    expect(isOld(['imaging.openStudy', {}])).toBe(false);
    client.clear();
  });
});
