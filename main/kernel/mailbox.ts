/**
 * A place for the newest state between a producer that may be fast and a consumer that may be slow: what was put but
 * not yet taken is merged, so a consumer that took one item while three thousand were put finds one more, not 2,999.
 */
export class Mailbox<Item> implements AsyncIterable<Item> {
  readonly #merge: (waiting: Item, next: Item) => Item;
  #waiting: { item: Item } | undefined;
  #isClosed = false;
  #wake: (() => void) | undefined;

  /** @param merge joins an item that nobody took yet with the next one; by default the next one replaces it. */
  constructor(merge: (waiting: Item, next: Item) => Item = (_waiting, next) => next) {
    this.#merge = merge;
  }

  put(item: Item): void {
    if (this.#isClosed) return;
    this.#waiting = { item: this.#waiting ? this.#merge(this.#waiting.item, item) : item };
    this.#wake?.();
  }

  /** No more items; what waits is still taken. */
  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  /** For one consumer. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, void> {
    for (;;) {
      if (this.#waiting) {
        const { item } = this.#waiting;
        this.#waiting = undefined;
        yield item;
      } else if (this.#isClosed) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    }
  }
}
