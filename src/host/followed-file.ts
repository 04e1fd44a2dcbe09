import { readFileSync, type Stats, unwatchFile, watchFile } from 'node:fs';
import type { Env, Millis } from '../base/env.ts';
import type { Followed } from '../base/followed.ts';

/** Asked by its name each time, so that a link which leads elsewhere from now on is noticed too. */
const lookMs: Millis = 1_000;

export interface FileReading<T> {
  readonly path: string;
  /** What the file means. Throws where it is not understood: then what was there before stays. */
  read(text: string, before: T | undefined): T;
  /** Counts how often it was read anew. */
  readonly figure?: string;
}

/** A file that is read anew when it changes. */
export class FollowedFile<T> implements Followed<T> {
  readonly #env: Env;
  readonly #reading: FileReading<T>;
  readonly #takers: ((value: T) => void)[] = [];
  readonly #look = ({ mtimeMs, ino, size }: Stats, before: Stats) => {
    if (mtimeMs !== before.mtimeMs || ino !== before.ino || size !== before.size) this.#again();
  };
  now: T;

  constructor(env: Env, reading: FileReading<T>) {
    this.#env = env;
    this.#reading = reading;
    this.now = reading.read(readFileSync(reading.path, 'utf8'), undefined);
    watchFile(reading.path, { interval: lookMs, persistent: false }, this.#look);
  }

  follow(take: (value: T) => void): void {
    this.#takers.push(take);
  }

  close(): void {
    unwatchFile(this.#reading.path, this.#look);
  }

  #again(): void {
    const { path, read, figure } = this.#reading;
    const { log, metrics } = this.#env;
    const count = (status: string) => figure !== undefined && metrics.count(figure, { status });
    try {
      const value = read(readFileSync(path, 'utf8'), this.now);
      this.now = value;
      for (const take of this.#takers) take(value);
      count('success');
      log.info('a file was read anew', { path });
    } catch (error) {
      count('failure');
      log.error('a file cannot be used, what it said before holds', { path, error: String(error) });
    }
  }
}
