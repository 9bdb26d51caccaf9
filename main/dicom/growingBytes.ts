/**
 * Bytes that come in parts, in one buffer that doubles when it is full: however small the parts are, what is held is at
 * most twice what came. A list of parts would cost a hundred bytes and more for a part of one byte.
 */
export class GrowingBytes {
  #buffer = Buffer.allocUnsafeSlow(0);
  length = 0;

  append(part: Uint8Array): void {
    const wanted = this.length + part.length;
    if (wanted > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.length));
      this.#buffer = larger;
    }
    this.#buffer.set(part, this.length);
    this.length = wanted;
  }

  /** All that came so far; a view that stays as it is. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }
}
