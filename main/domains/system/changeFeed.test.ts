import { describe, expect, it } from 'vitest';
import type { Topic } from '../../../app/shared/operation.ts';
import { ChangeFeed } from './changeFeed.ts';

function watch(feed: ChangeFeed, canSee: (topic: Topic) => boolean = () => true) {
  const abort = new AbortController();
  return { items: feed.watch(abort.signal, canSee)[Symbol.asyncIterator](), abort };
}

describe('the change feed', () => {
  it('says at once where it stands, then merges what nobody took yet', async () => {
    const feed = new ChangeFeed();
    feed.publish(['studies']);
    const { items } = watch(feed);
    feed.publish(['jobs']);
    feed.publish([]);
    feed.publish(['jobs', 'imports']);
    expect((await items.next()).value).toEqual({ sequence: 1, previous: 1, topics: [] });
    expect((await items.next()).value).toEqual({ sequence: 3, previous: 1, topics: ['jobs', 'imports'] });
    feed.publish(['storage']);
    expect((await items.next()).value).toEqual({ sequence: 4, previous: 3, topics: ['storage'] });
  });

  it('hides topics from who may not see them at that moment, without a gap', async () => {
    const feed = new ChangeFeed();
    let signedIn = false;
    const { items } = watch(feed, (topic) => topic === 'session' || signedIn);
    await items.next();
    feed.publish(['studies']);
    feed.publish(['session']);
    expect((await items.next()).value).toEqual({ sequence: 2, previous: 0, topics: ['session'] });
    const next = items.next();
    feed.publish(['studies']);
    await Promise.resolve();
    signedIn = true;
    feed.publish(['studies']);
    expect((await next).value).toMatchObject({ previous: 2, topics: ['studies'] });
  });

  it('forgets a watcher that left, also one that never took anything', async () => {
    const feed = new ChangeFeed();
    const { items, abort } = watch(feed);
    expect(feed.watcherCount).toBe(1);
    abort.abort();
    expect(feed.watcherCount).toBe(0);
    await items.next();
    expect((await items.next()).done).toBe(true);
    const gone = new AbortController();
    gone.abort();
    feed.watch(gone.signal, () => true);
    expect(feed.watcherCount).toBe(0);
  });

  it('ends every watch when it closes', async () => {
    const feed = new ChangeFeed();
    const { items } = watch(feed);
    await items.next();
    const next = items.next();
    feed.close();
    expect((await next).done).toBe(true);
  });
});
