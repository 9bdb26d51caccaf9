/** What an import worker is busy with, as its pool sees it while the worker itself can't answer. */
export interface WorkNote {
  /** Grows with each piece of work: the same number means the same piece. */
  readonly sequence: number;
  readonly itemId: number;
  /** 0: the item's own file; from 1 on: the entries of an archive, in their order. */
  readonly ordinal: number;
  readonly bytes: number;
}

const places = { sequence: 0, itemId: 1, ordinal: 2, kib: 3, count: 4 } as const;

export function makeWorkNote(): SharedArrayBuffer {
  return new SharedArrayBuffer(places.count * Int32Array.BYTES_PER_ELEMENT);
}

/**
 * For the worker: does work that blocks its thread (a read, a parse), noted in shared memory for as long as it takes.
 * Costs four stores; a message for each file would cost more than many a file.
 */
export function openWorkNote(shared: SharedArrayBuffer) {
  const cells = new Int32Array(shared);
  return <Result>(itemId: number, ordinal: number, bytes: number, work: () => Result): Result => {
    Atomics.store(cells, places.itemId, itemId);
    Atomics.store(cells, places.ordinal, ordinal);
    Atomics.store(cells, places.kib, Math.ceil(bytes / 1024));
    // Odd: at work.
    Atomics.add(cells, places.sequence, 1);
    try {
      return work();
    } finally {
      Atomics.add(cells, places.sequence, 1);
    }
  };
}

/** For the pool: what the worker is busy with, or null when it is between two pieces. */
export function readWorkNote(shared: SharedArrayBuffer): WorkNote | null {
  const cells = new Int32Array(shared);
  const sequence = Atomics.load(cells, places.sequence);
  const note: WorkNote = {
    sequence,
    itemId: Atomics.load(cells, places.itemId),
    ordinal: Atomics.load(cells, places.ordinal),
    bytes: Atomics.load(cells, places.kib) * 1024,
  };
  return sequence % 2 !== 0 && sequence === Atomics.load(cells, places.sequence) ? note : null;
}
