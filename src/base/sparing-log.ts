import type { Clock, Env, Log, Millis } from './env.ts';

const linesPerSecond = 10;
const second: Millis = 1_000;

/** Tells so many lines a second and counts the rest: who is attacked must not have a disk filled as well. */
export class SparingLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #since: Millis;
  #told = 0;
  #leftOut = 0;

  constructor({ clock, log }: Env) {
    this.#clock = clock;
    this.#log = log;
    this.#since = clock.monotonic();
  }

  info(message: string, fields: object): void {
    const now = this.#clock.monotonic();
    if (now - this.#since >= second) {
      this.#since = now;
      this.#told = 0;
    }
    if (this.#told >= linesPerSecond) {
      this.#leftOut++;
      return;
    }
    this.#told++;
    this.#log.info(message, this.#leftOut > 0 ? { ...fields, leftOutBefore: this.#leftOut } : fields);
    this.#leftOut = 0;
  }
}
