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
/** How much longer than the work the rest is: who reads the events needs about as long as who writes them. */
const restShare = 1.5;
const restMaxMs = 25;

/**
 * When a batch is written: in the next turn of the loop, unless the one before it kept many watchers busy. Then whoever
 * commits at the same time as others waits a little, so that one write to each watcher carries the events of all of
 * them, and everybody else has a turn. Whoever commits alone never waits, and neither does anybody where few watch.
 */
export class CommitPace {
  #writingMs = 0;
  #count = 0;
  #restUntil = 0;
  readonly #turns: Turns;

  constructor(turns: Turns = realTurns) {
    this.#turns = turns;
  }

  readonly schedule: Schedule = (run) => {
    const wait = this.#restUntil - this.#turns.now();
    if (wait < 1) this.#turns.next(() => this.#run(run));
    else this.#turns.after(wait, () => this.#run(run));
  };

  /** How long the disk took for how many: that is no reason to rest. */
  wrote(milliseconds: number, count: number): void {
    this.#writingMs = milliseconds;
    this.#count = count;
  }

  #run(run: () => void): void {
    this.#writingMs = 0;
    this.#count = 0;
    const begun = this.#turns.now();
    run();
    const ended = this.#turns.now();
    const toldMs = ended - begun - this.#writingMs;
    if (this.#count > 1 && toldMs > shortMs) this.#restUntil = ended + Math.min(toldMs * restShare, restMaxMs);
  }
}
