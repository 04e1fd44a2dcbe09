import type { Clock, Millis } from '../base/env.ts';
import { nextTurn } from './slices.ts';

/** How long one request may work on end before it lets others have a turn. */
const restAfterMs = 5 as Millis;

/**
 * Work that cannot be cut inside is cut between its steps: a body of megabytes is read, judged and written in as many
 * turns. Ordinary requests never rest.
 */
export class Pace {
  readonly #clock: Clock;
  #worked: Millis = 0;

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

  /** Nothing where no rest is due: the usual case costs no promise. */
  rest(): Promise<void> | undefined {
    if (this.#worked < restAfterMs) return undefined;
    this.#worked = 0;
    return nextTurn(this.#clock);
  }
}
