/** Cancellation of our own rather than AbortSignal: synchronous, in order, no hidden timer, no leaked listener. */
export interface Stop {
  readonly stopped: boolean;
  /** Runs at once when already stopped. Answers how to forget the listener. */
  onStop(run: () => void): () => void;
}

export class StopSource implements Stop {
  stopped = false;
  readonly #listeners = new Set<() => void>();

  /** A source that also stops when `parent` does. */
  static under(parent: Stop): StopSource {
    const child = new StopSource();
    const forget = parent.onStop(() => child.stop());
    child.onStop(forget);
    return child;
  }

  onStop(run: () => void): () => void {
    if (this.stopped) {
      run();
      return () => {};
    }
    // A wrapper of its own, so that the same function given twice is told twice.
    const listener = () => run();
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    for (const run of this.#listeners) run();
    this.#listeners.clear();
  }
}

/** For calls that nobody will ever stop. */
export const never: Stop = { stopped: false, onStop: () => () => {} };
