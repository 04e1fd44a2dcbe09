import { type Stats, unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Env, Millis } from '../base/env.ts';
import type { Followed } from '../base/followed.ts';

/** Asked by its name each time, so that a link which leads elsewhere from now on is noticed too. */
const lookMs: Millis = 1_000;

export interface FileReading<T> {
  readonly path: string;
  /** What the file means. Throws where it is not understood: then what was there before stays. */
  read(text: string, before: T | undefined): T;
  /** `apiserver_NAME_automatic_reloads_total` counts how often it was read anew. */
  readonly name: string;
}

/** A file that is read anew when it changes. */
export class FollowedFile<T> implements Followed<T> {
  readonly #env: Env;
  readonly #reading: FileReading<T>;
  readonly #takers: ((value: T) => void)[] = [];
  readonly #look = ({ mtimeMs, ino, size }: Stats, before: Stats) => {
    if (mtimeMs !== before.mtimeMs || ino !== before.ino || size !== before.size) void this.#again();
  };
  now: T;

  constructor(env: Env, reading: FileReading<T>, text: string) {
    this.#env = env;
    this.#reading = reading;
    this.now = reading.read(text, undefined);
    watchFile(reading.path, { interval: lookMs, persistent: false }, this.#look);
  }

  follow(take: (value: T) => void): void {
    this.#takers.push(take);
  }

  close(): void {
    unwatchFile(this.#reading.path, this.#look);
  }

  async #again(): Promise<void> {
    const { path, read, name } = this.#reading;
    const { log, metrics } = this.#env;
    try {
      const value = read(await readFile(path, 'utf8'), this.now);
      this.now = value;
      for (const take of this.#takers) take(value);
      metrics.count(`apiserver_${name}_automatic_reloads_total`, { status: 'success' });
      log.info('a file was read anew', { path });
    } catch (error) {
      metrics.count(`apiserver_${name}_automatic_reloads_total`, { status: 'failure' });
      log.error('a file cannot be used, what it said before holds', { path, error: String(error) });
    }
  }
}
