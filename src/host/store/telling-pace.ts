import type { Millis } from '../../base/env.ts';
import type { Schedule } from '../../store/journaled.ts';

export interface Turns {
  now(): Millis;
  /** Still in this turn of the loop, after all that it has brought. */
  last(run: () => void): void;
  next(run: () => void): void;
  after(delay: Millis, run: () => void): void;
}

const realTurns: Turns = {
  now: () => performance.now(),
  last: (run) => process.nextTick(run),
  next: (run) => void setImmediate(run),
  after: (delay, run) => void setTimeout(run, delay),
};

/** Handing changes to watchers in less than this delays nobody. */
const shortMs = 2;
/** What the rest is of the work: who reads the events needs about as long as who writes them, and has begun by then. */
const restShare = 0.6;
const restMaxMs = 60;

/**
 * When a store does what it has to do: in the next turn of the loop, or for who commits alone in the same one, but once
 * only, for others have their turns too. After it has told many watchers it rests, so that they can take in what they
 * were told; what is committed meanwhile they are told together.
 */
export class TellingPace {
  #toldMs: Millis = 0;
  #hasServedAlone = false;
  readonly #turns: Turns;

  constructor(turns: Turns = realTurns) {
    this.#turns = turns;
  }

  readonly schedule: Schedule = (run, phase) => {
    if (phase === 'alone' && !this.#hasServedAlone) return this.#serveAlone(run);
    const wait = phase === 'told' ? this.#rest() : 0;
    const due = phase === 'telling' ? () => this.#told(run) : run;
    if (wait < 1) this.#turns.next(due);
    else this.#turns.after(wait, due);
  };

  #serveAlone(run: () => void): void {
    this.#hasServedAlone = true;
    this.#turns.next(() => {
      this.#hasServedAlone = false;
    });
    this.#turns.last(run);
  }

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
