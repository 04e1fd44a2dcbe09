import type { Millis } from '../../base/env.ts';

/** A client that asks again once it is answered does so within this, on a machine of average speed. */
const lookMs: Millis = 0.5;
/** As many answers at most go by after looks in vain: what those cost is nothing then. */
const restMax = 64;

/**
 * Where a client sends one request after another, a server that sleeps between them has to be woken for each, and has
 * lost by then what its processor knew of the code: together that costs as much as the work itself. After the answer to
 * a client alone the loop looks for the next request for a moment before it may sleep. Looks in vain make looks rare.
 */
export class Lookout {
  readonly #now: () => Millis;
  readonly #schedule: (run: () => void) => void;
  #isLooking = false;
  #hasTurned = false;
  #until: Millis = 0;
  /** Since the last answer. */
  #asked = 0;
  #rest = 0;
  #nextRest = 1;

  constructor(now: () => Millis, schedule: (run: () => void) => void = setImmediate) {
    this.#now = now;
    this.#schedule = schedule;
  }

  /** Whether who asks now is a client alone, in a turn after that of its answer: one that sends ahead has its rounds. */
  get isExpecting(): boolean {
    return this.#isLooking && this.#hasTurned;
  }

  asked(): void {
    this.#asked++;
  }

  /** Whether who is answered is alone: nobody else has asked since the answer before. */
  answered(): boolean {
    const isAlone = this.#asked === 1;
    this.#asked = 0;
    // Where others wait too, the loop does not sleep, and threads that sync and clients have use for the processor.
    if (isAlone) this.#begin();
    return isAlone;
  }

  #begin(): void {
    this.#until = this.#now() + lookMs;
    this.#hasTurned = false;
    if (this.#isLooking) {
      // It was found and answered before the loop came here again.
      this.#nextRest = 1;
    } else if (this.#rest > 0) {
      this.#rest--;
    } else {
      this.#isLooking = true;
      this.#schedule(this.#look);
    }
  }

  readonly #look = (): void => {
    this.#hasTurned = true;
    const isFound = this.#asked > 0;
    if (!isFound && this.#now() < this.#until) return this.#schedule(this.#look);
    this.#isLooking = false;
    this.#rest = isFound ? 0 : this.#nextRest;
    this.#nextRest = isFound ? 1 : Math.min(restMax, this.#nextRest * 2);
  };
}
