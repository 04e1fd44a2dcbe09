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
/** As long as those who were answered together may take to come again together: fewer writes then carry more. */
const gatherShare = 0.25;
const gatherMaxMs = 10;

/**
 * When a batch is written: in the next turn of the loop. And when those who committed it together are answered, where
 * it kept many watchers busy: a while after the last of them was told. Writers that wait for their answers make no more
 * changes than watchers can take in, and a change that was made is told at once. Whoever commits alone never waits.
 */
export class CommitPace {
  #count = 0;
  #toldMs = 0;
  #begun = 0;
  #openAt = 0;
  readonly #turns: Turns;

  constructor(turns: Turns = realTurns) {
    this.#turns = turns;
  }

  readonly schedule: Schedule = (run, isTold = false) => {
    const wait = isTold ? this.#rest() : this.#openAt - this.#turns.now();
    if (wait < 1) this.#turns.next(() => this.#run(run));
    else this.#turns.after(wait, () => this.#run(run));
  };

  /** So many are on the disk: from now on it takes to tell about them. */
  wrote(count: number): void {
    this.#count = count;
    this.#toldMs = 0;
    this.#begun = this.#turns.now();
  }

  #rest(): Millis {
    const now = this.#turns.now();
    const toldMs = this.#toldMs + now - this.#begun;
    if (this.#count <= 1 || toldMs <= shortMs) return 0;
    const rest = Math.min(toldMs * restShare, restMaxMs);
    this.#openAt = now + rest + Math.min(toldMs * gatherShare, gatherMaxMs);
    return rest;
  }

  #run(run: () => void): void {
    this.#begun = this.#turns.now();
    run();
    this.#toldMs += this.#turns.now() - this.#begun;
  }
}
