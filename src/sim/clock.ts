import type { Cancel, Clock, Instant, Millis } from '../base/env.ts';
import { Heap } from '../base/heap.ts';

/** Lets every promise that can go on without time go on: given by whoever has an event loop. */
export type Drain = () => Promise<void>;

interface Timer {
  readonly at: Millis;
  readonly order: number;
  fire: (() => void) | undefined;
}

/** Where virtual time begins: a whole second, so that timestamps are easy to read. */
const epoch = 1_800_000_000_000;

/** Virtual time. It moves only when nothing is left to do at the present instant; ties go by who asked first. */
export class SimClock implements Clock {
  /** How many timers fired: what a simulation has done so far. */
  fired = 0;
  #now: Millis = 0;
  #order = 0;
  readonly #timers = new Heap<Timer>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));

  now(): Instant {
    return (epoch + Math.floor(this.#now)) as Instant;
  }

  monotonic(): Millis {
    return this.#now;
  }

  after(delay: Millis, fire: () => void): Cancel {
    const timer: Timer = { at: this.#now + Math.max(0, delay), order: this.#order++, fire };
    this.#timers.push(timer);
    return () => {
      timer.fire = undefined;
    };
  }

  /** Fires the next timer at or before `until`. False: there is none, and it is `until` now. */
  step(until: Millis): boolean {
    for (;;) {
      const timer = this.#timers.peek();
      if (!timer || timer.at > until) {
        this.#now = Math.max(this.#now, until);
        return false;
      }
      this.#timers.pop();
      if (!timer.fire) continue;
      this.#now = timer.at;
      this.fired++;
      timer.fire();
      return true;
    }
  }

  /** Runs everything that is due within `duration`; promises settle before each timer. */
  async run(duration: Millis, drain: Drain, afterEach: () => void = () => {}): Promise<void> {
    const until = this.#now + duration;
    do {
      await drain();
      afterEach();
    } while (this.step(until));
    await drain();
    afterEach();
  }
}
