/** Bytes as they arrive, taken out in the sizes that a protocol asks for. Copies only where a piece spans two chunks. */
export class ByteQueue {
  #chunks: Uint8Array[] = [];
  #first = 0;
  length = 0;

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.length += bytes.length;
  }

  /** The byte at an index, which must be there. */
  at(index: number): number {
    let rest = index + this.#first;
    for (const chunk of this.#chunks) {
      if (rest < chunk.length) return chunk[rest] as number;
      rest -= chunk.length;
    }
    throw new Error(`there is no byte ${index} of ${this.length}`);
  }

  /** The next `count` bytes, which must be there. */
  take(count: number): Uint8Array {
    if (count > this.length) throw new Error(`${count} bytes were asked for, and there are ${this.length}`);
    const one = this.takeSome(count);
    if (one.length === count) return one;
    const whole = new Uint8Array(count);
    whole.set(one);
    for (let filled = one.length; filled < count; ) {
      const more = this.takeSome(count - filled);
      whole.set(more, filled);
      filled += more.length;
    }
    return whole;
  }

  /** What can be had without a copy: at most `max` bytes, and at least one where there is one. */
  takeSome(max: number): Uint8Array {
    const chunk = this.#chunks[0];
    if (!chunk || max <= 0) return new Uint8Array(0);
    const end = Math.min(chunk.length, this.#first + max);
    const piece = chunk.subarray(this.#first, end);
    this.length -= piece.length;
    this.#first = end;
    if (end === chunk.length) {
      this.#chunks.shift();
      this.#first = 0;
    }
    return piece;
  }
}
