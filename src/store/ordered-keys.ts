/** Half of this is what a chunk is split into: large enough that few chunks are walked, small enough to splice. */
const chunkMax = 512;

/**
 * A sorted set of keys in code-unit order, kept in chunks: insertion shifts one chunk only, a key is found by two
 * binary searches, and a rank is the sum of a few hundred chunk lengths even for 100,000 keys.
 */
export class OrderedKeys {
  #chunks: string[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Replaces everything. The keys must be distinct; they need not be sorted. */
  fill(keys: readonly string[]): void {
    const sorted = [...keys].sort();
    this.#chunks = [];
    this.#size = sorted.length;
    const step = chunkMax / 2;
    for (let start = 0; start < sorted.length; start += step) this.#chunks.push(sorted.slice(start, start + step));
  }

  add(key: string): void {
    const chunkIndex = Math.max(0, this.#chunkOf(key));
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) {
      this.#chunks.push([key]);
      this.#size = 1;
      return;
    }
    const at = lowerBound(chunk, key);
    if (chunk[at] === key) return;
    chunk.splice(at, 0, key);
    this.#size++;
    if (chunk.length > chunkMax) this.#chunks.splice(chunkIndex + 1, 0, chunk.splice(chunkMax / 2));
  }

  delete(key: string): void {
    const chunkIndex = this.#chunkOf(key);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return;
    const at = lowerBound(chunk, key);
    if (chunk[at] !== key) return;
    chunk.splice(at, 1);
    this.#size--;
    if (chunk.length === 0) this.#chunks.splice(chunkIndex, 1);
    else this.#merge(chunkIndex);
  }

  /** How many keys are smaller than this one. */
  rank(key: string): number {
    const chunkIndex = this.#chunkOf(key);
    if (chunkIndex < 0) return 0;
    let count = 0;
    for (let index = 0; index < chunkIndex; index++) count += (this.#chunks[index] as string[]).length;
    return count + lowerBound(this.#chunks[chunkIndex] as string[], key);
  }

  /** Keys from `start` on (that one included, when it is there), in order. Do not change the set meanwhile. */
  *from(start: string): Generator<string, void> {
    let chunkIndex = Math.max(0, this.#chunkOf(start));
    let at = lowerBound(this.#chunks[chunkIndex] ?? [], start);
    for (; chunkIndex < this.#chunks.length; chunkIndex++, at = 0) {
      const chunk = this.#chunks[chunkIndex] as string[];
      for (; at < chunk.length; at++) yield chunk[at] as string;
    }
  }

  /** The last chunk whose first key is not greater than `key`; -1 when there is none. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#chunks[middle]?.[0] as string) <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Small neighbours become one, so that many deletions do not leave many tiny chunks behind. */
  #merge(chunkIndex: number): void {
    const chunk = this.#chunks[chunkIndex] as string[];
    const next = this.#chunks[chunkIndex + 1];
    if (next === undefined || chunk.length + next.length > chunkMax / 2) return;
    chunk.push(...next);
    this.#chunks.splice(chunkIndex + 1, 1);
  }
}

/** The first key that comes after everything that starts with `prefix`; undefined when nothing can. */
export function afterPrefix(prefix: string): string | undefined {
  for (let length = prefix.length; length > 0; length--) {
    const unit = prefix.charCodeAt(length - 1);
    if (unit < 0xffff) return prefix.slice(0, length - 1) + String.fromCharCode(unit + 1);
  }
  return undefined;
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
