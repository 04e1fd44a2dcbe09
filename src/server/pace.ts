import type { Clock, Millis } from '../base/env.ts';
import type { Steps } from '../base/steps.ts';
import { nextTurn, sliceMs } from './slices.ts';

/**
 * Long work on one request: a body of megabytes is read, judged and written in many turns. What cannot be cut inside
 * is cut between its steps. Ordinary requests never rest.
 */
export class Pace {
  readonly #clock: Clock;
  #worked: Millis = 0;
  #isLong = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One step. Only its own time counts, not that of others in between. */
  step<T>(work: () => T): T {
    const started = this.#clock.monotonic();
    try {
      return work();
    } finally {
      this.#worked += this.#clock.monotonic() - started;
    }
  }

  /** Work that can be cut inside. At once where it is short, or where time stands still as in a simulation. */
  run<T>(steps: Steps<T>): Promise<T> | T {
    let started = this.#clock.monotonic();
    try {
      for (;;) {
        const next = steps.next();
        if (next.done) return next.value;
        this.#isLong = true;
        const now = this.#clock.monotonic();
        this.#worked += now - started;
        started = now;
        const rest = this.rest();
        if (rest) return rest.then(() => this.run(steps));
      }
    } finally {
      this.#worked += this.#clock.monotonic() - started;
    }
  }

  /** Whether there was so much of it that it was cut: then what follows is long, too. */
  get isLong(): boolean {
    return this.#isLong;
  }

  /** Nothing where no rest is due: the usual case costs no promise. */
  rest(): Promise<void> | undefined {
    if (this.#worked < sliceMs) return undefined;
    this.#worked = 0;
    return nextTurn(this.#clock);
  }
}
