import { Channel } from './channel.ts';
import type { Stop } from './stop.ts';

export interface Hint {
  readonly id: string;
}

/** Hints beyond this many are dropped: whoever does not take them looks at the whole list anyway. */
const pendingMax = 1_000;

/** Tells all who listen that something may have changed, and loses hints rather than wait for a slow listener. */
export class Hints {
  readonly #listeners = new Set<Channel<Hint>>();

  give(id: string): void {
    for (const listener of this.#listeners) if (listener.size < pendingMax) listener.push({ id });
  }

  async *listen(stop: Stop): AsyncGenerator<Hint> {
    const listener = new Channel<Hint>();
    const forget = stop.onStop(() => listener.close());
    this.#listeners.add(listener);
    try {
      yield* listener;
    } finally {
      this.#listeners.delete(listener);
      forget();
    }
  }

  /** Ends what was listening until now. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
  }
}
