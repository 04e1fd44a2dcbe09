/** As many keys a chunk holds: a place in it fits into 16 bits, and to insert one shifts little. */
export const chunkMax = 1024;
/** So many letters of a key make its mark: what fits into 32 bits. */
const markLetters = 4;
const letterMax = 0xff;

/**
 * Some keys of a sorted set. Where a key belongs is found by its mark, the first letters behind what all keys here
 * begin with: marks lie side by side, while each text lies somewhere else in memory, which is slow to reach. The texts
 * themselves stay where they were put, because to shift references costs the collector of garbage.
 */
export class KeyChunk {
  readonly #keys: string[];
  /** Where the keys stand, in their order. */
  readonly #places = new Uint16Array(chunkMax + 1);
  /** Their marks, in their order. */
  readonly #marks = new Uint32Array(chunkMax + 1);
  /** What all keys begin with. */
  #shared: string;

  /** The keys have to be sorted, and no more than fit. `marks`: of these keys, behind the text `shared`. */
  constructor(sorted: string[], shared?: string, marks?: Uint32Array) {
    this.#keys = sorted;
    for (let index = 0; index < sorted.length; index++) this.#places[index] = index;
    // The smallest and the largest begin like all between them.
    this.#shared = sharedBeginning(sorted[0] ?? '', sorted.at(-1) ?? '');
    if (marks && this.#shared === shared) this.#marks.set(marks);
    else this.#markAll();
  }

  get size(): number {
    return this.#keys.length;
  }

  /** The key that stands there in order. */
  at(index: number): string {
    return this.#keys[this.#places[index] as number] as string;
  }

  /** How many keys are smaller. */
  lowerBound(key: string): number {
    if (!key.startsWith(this.#shared)) return key < this.#shared ? 0 : this.size;
    return this.#lowerBound(key, markOf(key, this.#shared.length));
  }

  /** False: it is here already. */
  add(key: string): boolean {
    if (!key.startsWith(this.#shared)) {
      this.#shared = sharedBeginning(this.#shared, key);
      this.#markAll();
    }
    const { size } = this;
    const mark = markOf(key, this.#shared.length);
    const index = this.#lowerBound(key, mark);
    // Another mark is another key: its text is not looked at.
    if (index < size && this.#marks[index] === mark && this.at(index) === key) return false;
    this.#places.copyWithin(index + 1, index, size);
    this.#places[index] = this.#keys.push(key) - 1;
    this.#marks.copyWithin(index + 1, index, size);
    this.#marks[index] = mark;
    return true;
  }

  /** False: it is not here. */
  delete(key: string): boolean {
    const index = this.lowerBound(key);
    const { size } = this;
    if (index === size || this.at(index) !== key) return false;
    const place = this.#places[index] as number;
    this.#places.copyWithin(index, index + 1, size);
    this.#marks.copyWithin(index, index + 1, size);
    // The last one comes to where there is room now.
    const last = this.#keys.pop() as string;
    if (place < this.#keys.length) {
      this.#keys[place] = last;
      this.#places[this.#places.indexOf(this.#keys.length)] = place;
    }
    return true;
  }

  #lowerBound(key: string, mark: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#marks[middle] as number;
      if (other < mark || (other === mark && this.at(middle) < key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** All of them, in order. */
  sorted(): string[] {
    return Array.from(this.#keys, (_, index) => this.at(index));
  }

  /** Two with half of the keys each. */
  halves(): readonly KeyChunk[] {
    const sorted = this.sorted();
    const middle = sorted.length >> 1;
    const part = (start: number, end: number) =>
      new KeyChunk(sorted.slice(start, end), this.#shared, this.#marks.subarray(start, end));
    return [part(0, middle), part(middle, sorted.length)];
  }

  #markAll(): void {
    const { length } = this.#shared;
    for (let index = 0; index < this.size; index++) this.#marks[index] = markOf(this.at(index), length);
  }
}

/**
 * Never larger than the mark of a larger key. Behind a letter that does not fit nothing counts: of such keys, and of
 * those that are alike so far, only the texts say which is smaller.
 */
function markOf(key: string, start: number): number {
  let mark = 0;
  let isWhole = true;
  for (let index = start; index < start + markLetters; index++) {
    const letter = isWhole && index < key.length ? key.charCodeAt(index) : 0;
    if (letter >= letterMax) isWhole = false;
    mark = (mark << 8) | Math.min(letter, letterMax);
  }
  return mark >>> 0;
}

function sharedBeginning(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one.charCodeAt(length) === other.charCodeAt(length)) length++;
  return one.slice(0, length);
}
