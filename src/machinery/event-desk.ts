import { ApiError } from '../api/error.ts';

/** Events written at once: those of thousands of pods that start together must not keep the pods waiting. */
const atOnceMax = 8;
/** Beyond so many that wait, further ones are lost. */
const waitingMax = 50_000;

/** Where recorders of one process write, one after another: what is told of the work never holds up the work. */
export class EventDesk {
  #waiting: (() => void)[] = [];
  #head = 0;
  #writing = 0;

  /** Writes when its turn comes. Rejects where too many wait. */
  async write<T>(send: () => Promise<T>): Promise<T> {
    if (this.#writing >= atOnceMax) await this.#turn();
    else this.#writing++;
    try {
      return await send();
    } finally {
      this.#next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length - this.#head >= waitingMax) {
      throw new ApiError('TooManyRequests', `${waitingMax} events wait to be written already`);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The place goes to who waits longest. */
  #next(): void {
    const next = this.#waiting[this.#head++];
    if (this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    if (next) next();
    else this.#writing--;
  }
}
