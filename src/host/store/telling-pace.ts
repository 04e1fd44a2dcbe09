import type { Millis } from '../../base/env.ts';
import type { Schedule } from '../../store/journaled.ts';

export interface Turns {
  now(): Millis;
  next(run: () => void): void;
  after(delay: Millis, run: () => void): void;
}

const realTurns: Turns = {
  now: () => performance.now(),
  next: (run) => void setImmediate(run),
  after: (delay, run) => void setTimeout(run, delay),
};

/** Handing changes to watchers in less than this delays nobody. */
const shortMs = 2;
/** What the rest is of the work: who reads the events needs about as long as who writes them, and has begun by then. */
const restShare = 0.6;
const restMaxMs = 60;

/**
 * When a store does what it has to do: in the next turn of the loop. After it has told many watchers it rests, so that
 * they can take in what they were told; what is committed meanwhile they are told together.
 */
export class TellingPace {
  #toldMs: Millis = 0;
  readonly #turns: Turns;

  constructor(turns: Turns = realTurns) {
    this.#turns = turns;
  }

  readonly schedule: Schedule = (run, phase) => {
    const wait = phase === 'told' ? this.#rest() : 0;
    const due = phase === 'telling' ? () => this.#told(run) : run;
    if (wait < 1) this.#turns.next(due);
    else this.#turns.after(wait, due);
  };

  #rest(): Millis {
    const toldMs = this.#toldMs;
    this.#toldMs = 0;
    return toldMs <= shortMs ? 0 : Math.min(toldMs * restShare, restMaxMs);
  }

  #told(run: () => void): void {
    const begun = this.#turns.now();
    run();
    this.#toldMs += this.#turns.now() - begun;
  }
}
