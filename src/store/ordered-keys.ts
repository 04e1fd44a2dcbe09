import { chunkMax, KeyChunk } from './key-chunk.ts';

/** So many new keys are given their places at a time, in order: for one alone the processor has to fetch all it needs. */
const newMax = 256;

/**
 * A sorted set of keys in code-unit order, kept in chunks: insertion concerns one chunk only, a key is found by two
 * binary searches, and a rank is the sum of a hundred or two chunk lengths even for 100,000 keys. New keys wait for
 * their places until there are some, or until somebody asks for the order.
 */
export class OrderedKeys {
  #chunks: KeyChunk[] = [];
  /** The smallest key of each chunk. */
  #firsts: string[] = [];
  #new: string[] = [];
  #size = 0;

  get size(): number {
    this.#settle();
    return this.#size;
  }

  /** Replaces everything. The keys must be distinct; they need not be sorted. */
  fill(keys: readonly string[]): void {
    this.#new = [];
    this.#size = keys.length;
    this.#chunks = chunksOf([...keys].sort());
    this.#firsts = this.#chunks.map((chunk) => chunk.at(0));
  }

  add(key: string): void {
    if (this.#new.push(key) === newMax) this.#settle();
  }

  delete(key: string): void {
    this.#settle();
    const chunkIndex = this.#chunkOf(key);
    const chunk = this.#chunks[chunkIndex];
    if (!chunk?.delete(key)) return;
    this.#size--;
    if (chunk.size === 0) return this.#replace(chunkIndex, 1, []);
    this.#firsts[chunkIndex] = chunk.at(0);
    // Small neighbours become one, so that many deletions do not leave many tiny chunks behind.
    const next = this.#chunks[chunkIndex + 1];
    if (!next || chunk.size + next.size > chunkMax / 2) return;
    this.#replace(chunkIndex, 2, [new KeyChunk([...chunk.sorted(), ...next.sorted()])]);
  }

  /** How many keys are smaller than this one. */
  rank(key: string): number {
    this.#settle();
    const chunkIndex = this.#chunkOf(key);
    if (chunkIndex < 0) return 0;
    let count = 0;
    for (let index = 0; index < chunkIndex; index++) count += (this.#chunks[index] as KeyChunk).size;
    return count + (this.#chunks[chunkIndex] as KeyChunk).lowerBound(key);
  }

  /** Keys from `start` on (that one included, when it is there), in order. Do not change the set meanwhile. */
  *from(start: string): Generator<string, void> {
    this.#settle();
    let chunkIndex = Math.max(0, this.#chunkOf(start));
    let at = this.#chunks[chunkIndex]?.lowerBound(start) ?? 0;
    for (; chunkIndex < this.#chunks.length; chunkIndex++, at = 0) {
      const chunk = this.#chunks[chunkIndex] as KeyChunk;
      for (; at < chunk.size; at++) yield chunk.at(at);
    }
  }

  #settle(): void {
    if (this.#new.length === 0) return;
    const keys = this.#new;
    this.#new = [];
    for (const key of keys.sort()) this.#place(key);
  }

  #place(key: string): void {
    const chunkIndex = Math.max(0, this.#chunkOf(key));
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return this.fill([key]);
    if (!chunk.add(key)) return;
    this.#size++;
    if (chunk.size > chunkMax) this.#replace(chunkIndex, 1, chunk.halves());
    else if (key < (this.#firsts[chunkIndex] as string)) this.#firsts[chunkIndex] = key;
  }

  /** The last chunk whose first key is not greater than `key`; -1 when there is none. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#firsts[middle] as string) <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #replace(index: number, count: number, chunks: readonly KeyChunk[]): void {
    this.#chunks.splice(index, count, ...chunks);
    this.#firsts.splice(index, count, ...chunks.map((chunk) => chunk.at(0)));
  }
}

/** Half full, so that there is room for more. */
function chunksOf(sorted: readonly string[]): KeyChunk[] {
  const half = chunkMax / 2;
  const count = Math.ceil(sorted.length / half);
  return Array.from({ length: count }, (_, index) => new KeyChunk(sorted.slice(index * half, (index + 1) * half)));
}

/** The first key that comes after everything that starts with `prefix`; undefined when nothing can. */
export function afterPrefix(prefix: string): string | undefined {
  for (let length = prefix.length; length > 0; length--) {
    const unit = prefix.charCodeAt(length - 1);
    if (unit < 0xffff) return prefix.slice(0, length - 1) + String.fromCharCode(unit + 1);
  }
  return undefined;
}
