import { availableParallelism } from 'node:os';
import type { Millis } from '../../base/env.ts';
import { beforeLongWork } from '../long-work.ts';
import { Lookout } from './lookout.ts';

/** As many have their turn together; then it is for others, who bring what these committed to the disk meanwhile. */
const roundMax = 32;
/** Nobody is added to a round that lasts as long: the first of it wait for their answers already. */
const roundMs = 5;

/**
 * Work of one sort, done together for all connections that have it: a processor that reads, judges and writes for one
 * request after the other has lost what it needs for the one by the time it has done the rest, and whoever waits for
 * many answers is woken for each. A get costs a quarter less this way.
 */
class Round {
  readonly #now: () => Millis;
  readonly #due: (() => void)[] = [];

  constructor(now: () => Millis) {
    this.#now = now;
  }

  add(run: () => void, isAlone = false): void {
    if (this.#due.push(run) !== 1) return;
    // There is nobody to wait for.
    if (isAlone) process.nextTick(this.start);
    else setImmediate(this.start);
  }

  /** Does what is due. */
  readonly start = (): void => {
    const due = this.#due;
    const until = this.#now() + roundMs;
    let done = 0;
    try {
      while (done < Math.min(due.length, roundMax) && this.#now() < until) due[done++]?.();
    } finally {
      due.splice(0, done);
      if (due.length > 0) setImmediate(this.start);
    }
  };
}

/** What the connections of a server have to do: they ask what has arrived, and they write what was answered. */
export class Rounds {
  readonly #asking: Round;
  readonly #writing: Round;
  readonly #lookout: Lookout | undefined;
  readonly #ends: readonly (() => void)[];

  constructor(now: () => Millis) {
    this.#asking = new Round(now);
    this.#writing = new Round(now);
    this.#ends = [this.#asking, this.#writing].map(({ start }) => beforeLongWork(start));
    // With one processor the client would wait for it.
    this.#lookout = availableParallelism() > 1 ? new Lookout(now) : undefined;
  }

  ask(run: () => void): void {
    this.#asking.add(run, this.#lookout?.isExpecting ?? false);
    this.#lookout?.asked();
  }

  write(run: () => void): void {
    // There is nobody to wait for.
    if (this.#lookout?.answered()) run();
    else this.#writing.add(run);
  }

  /** What is due is still done. */
  close(): void {
    for (const end of this.#ends) end();
  }
}
