import type { ChangeEvent } from '../../../app/domains/system/systemContract.ts';
import type { Topic } from '../../../app/shared/operation.ts';
import { Mailbox } from '../../kernel/mailbox.ts';

interface Waiting {
  readonly sequence: number;
  readonly topics: ReadonlySet<Topic>;
}

/** Tells every watching window which facts changed. One per core; outlives the stores it opens. */
export class ChangeFeed {
  #sequence = 0;
  readonly #watchers = new Set<Mailbox<Waiting>>();

  publish(topics: readonly Topic[]): void {
    if (topics.length === 0) return;
    this.#sequence += 1;
    const news: Waiting = { sequence: this.#sequence, topics: new Set(topics) };
    for (const watcher of this.#watchers) watcher.put(news);
  }

  /**
   * One event at once (where the feed stands), then one for what changed since the last one was taken.
   *
   * @param canSee asked for each event when it is delivered: somebody may have signed in or out meanwhile.
   */
  watch(signal: AbortSignal, canSee: (topic: Topic) => boolean): AsyncIterable<ChangeEvent> {
    const mailbox = new Mailbox<Waiting>((waiting, next) => ({
      sequence: next.sequence,
      topics: new Set([...waiting.topics, ...next.topics]),
    }));
    const start = this.#sequence;
    if (signal.aborted) mailbox.close();
    else this.#watchers.add(mailbox);
    signal.addEventListener(
      'abort',
      () => {
        this.#watchers.delete(mailbox);
        mailbox.close();
      },
      { once: true },
    );
    return deliver(mailbox, start, canSee);
  }

  /** Ends every watch. */
  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers.clear();
  }

  /** How many windows watch now. */
  get watcherCount(): number {
    return this.#watchers.size;
  }
}

async function* deliver(
  mailbox: Mailbox<Waiting>,
  start: number,
  canSee: (topic: Topic) => boolean,
): AsyncGenerator<ChangeEvent, void, void> {
  let previous = start;
  yield { sequence: start, previous, topics: [] };
  for await (const news of mailbox) {
    const topics = [...news.topics].filter(canSee);
    if (topics.length === 0) continue;
    yield { sequence: news.sequence, previous, topics };
    previous = news.sequence;
  }
}
