import { Stopped } from './env.ts';
import type { Stop } from './stop.ts';

/** Single-consumer channel: push is synchronous, iteration waits. Whoever pushes bounds what is pending by `size`. */
export class Channel<T> implements AsyncIterable<T> {
  #items: T[] = [];
  #head = 0;
  #wake: (() => void) | undefined;
  #closed = false;
  #error: unknown;
  #forget: (() => void) | undefined;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    if (this.#closed) return;
    this.#items.push(item);
    this.#wake?.();
  }

  /** What was pushed before is still delivered; then iteration ends, or throws `error`. */
  close(error?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#forget?.();
    this.#wake?.();
  }

  closeOn(stop: Stop): this {
    this.#forget = stop.onStop(() => this.close(new Stopped()));
    return this;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.#head < this.#items.length) yield this.#items[this.#head++] as T;
      this.#items = [];
      this.#head = 0;
      if (this.#closed) {
        if (this.#error !== undefined) throw this.#error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
