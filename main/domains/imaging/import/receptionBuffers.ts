/** Memory for objects that are coming in, shared by all of them. */
export interface ReceptionBuffers {
  /** At least `size` bytes, whatever lay there before; null when the budget is used up. */
  take(size: number): Buffer | null;
  give(buffer: Buffer): void;
}

const stepBytes = 256 * 1024;

/**
 * Buffers within a budget. Those given back are kept for the next objects: a new one for each costs page faults and
 * drives the garbage collector.
 *
 * @param budgetBytes all that are taken, and those kept
 */
export function openReceptionBuffers(budgetBytes: number): ReceptionBuffers {
  const free: Buffer[] = [];
  let held = 0;
  return {
    take(size) {
      const index = free.findIndex((buffer) => buffer.length >= size);
      if (index >= 0) return free.splice(index, 1)[0] as Buffer;
      const wanted = Math.ceil(size / stepBytes) * stepBytes;
      // Smaller ones make room for a larger one.
      while (held + wanted > budgetBytes && free.length > 0) held -= (free.shift() as Buffer).length;
      if (held + wanted > budgetBytes) return null;
      held += wanted;
      return Buffer.allocUnsafeSlow(wanted);
    },
    give(buffer) {
      free.push(buffer);
      free.sort((left, right) => left.length - right.length);
    },
  };
}
