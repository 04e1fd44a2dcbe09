import type { Cancel, Clock, Millis } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';
import type { WorkFigures } from './work-figures.ts';

/** De-duplicating work queue: a key is never worked on twice at once, and one added while in work runs again after. */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #figures: WorkFigures | undefined;
  #ready: string[] = [];
  #head = 0;
  readonly #queued = new Set<string>();
  readonly #working = new Set<string>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, { readonly at: Millis; readonly cancel: Cancel }>();
  readonly #waiting: (() => void)[] = [];

  constructor(clock: Clock, figures?: WorkFigures) {
    this.#clock = clock;
    this.#figures = figures;
  }

  get size(): number {
    return this.#queued.size;
  }

  add(key: string): void {
    if (this.#working.has(key)) {
      this.#again.add(key);
      return;
    }
    if (this.#queued.has(key)) return;
    this.#queued.add(key);
    this.#figures?.added(key);
    this.#ready.push(key);
    this.#waiting.shift()?.();
  }

  /** The earlier of two times wins. */
  addAfter(key: string, delay: Millis): void {
    const at = this.#clock.monotonic() + delay;
    const pending = this.#timers.get(key);
    if (pending && pending.at <= at) return;
    pending?.cancel();
    const fire = () => {
      this.#timers.delete(key);
      this.add(key);
    };
    this.#timers.set(key, { at, cancel: this.#clock.after(delay, fire) });
  }

  /** The next key, or undefined once stopped. */
  async take(stop: Stop): Promise<string | undefined> {
    while (!stop.stopped) {
      if (this.#head < this.#ready.length) return this.#next();
      let forget = () => {};
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        forget = stop.onStop(resolve);
      });
      forget();
    }
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    return undefined;
  }

  #next(): string {
    const key = this.#ready[this.#head++] as string;
    if (this.#head > 1000 && this.#head * 2 > this.#ready.length) {
      this.#ready = this.#ready.slice(this.#head);
      this.#head = 0;
    }
    this.#queued.delete(key);
    this.#working.add(key);
    this.#figures?.taken(key);
    return key;
  }

  done(key: string): void {
    this.#working.delete(key);
    this.#figures?.done(key);
    if (this.#again.delete(key)) this.add(key);
  }
}
