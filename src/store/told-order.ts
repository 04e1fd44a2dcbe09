/** Somebody in such an order. */
export interface Told<T> {
  before: T | undefined;
  after: T | undefined;
}

/**
 * Everybody who is told things, whoever was told longest ago first. A chain rather than a set: with every change each
 * watcher of it goes to the end, and a set that is taken from and added to all the time is made anew again and again.
 */
export class ToldOrder<T extends Told<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first;
  }

  has(one: T): boolean {
    return one.before !== undefined || this.#first === one;
  }

  /** Somebody who is not in it yet. */
  add(one: T): void {
    this.#size++;
    this.#link(one);
  }

  /** Somebody who is in it has been told just now. */
  toEnd(one: T): void {
    if (this.#last === one) return;
    this.#unlink(one);
    this.#link(one);
  }

  /** Whether it was in it. */
  remove(one: T): boolean {
    if (!this.has(one)) return false;
    this.#size--;
    this.#unlink(one);
    return true;
  }

  #link(one: T): void {
    one.before = this.#last;
    one.after = undefined;
    if (this.#last) this.#last.after = one;
    else this.#first = one;
    this.#last = one;
  }

  #unlink(one: T): void {
    const { before, after } = one;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    one.before = one.after = undefined;
  }
}
