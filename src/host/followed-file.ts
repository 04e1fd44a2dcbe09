import { readFileSync, type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
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
  readonly #timer: NodeJS.Timeout;
  /** Of the file as it was before it was last read, so that no change falls between a read and a look. */
  #mark: string;
  #looking = false;
  now: T;

  constructor(env: Env, reading: FileReading<T>) {
    this.#env = env;
    this.#reading = reading;
    this.#mark = markOf(statSync(reading.path));
    this.now = reading.read(readFileSync(reading.path, 'utf8'), undefined);
    this.#timer = setInterval(() => void this.#look(), lookMs).unref();
  }

  follow(take: (value: T) => void): void {
    this.#takers.push(take);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const mark = await stat(this.#reading.path).then(markOf, () => 'missing');
    this.#looking = false;
    if (mark === this.#mark) return;
    this.#mark = mark;
    this.#again();
  }

  #again(): void {
    const { path, read, figure } = this.#reading;
    const { log, metrics } = this.#env;
    const count = (status: string) => figure !== undefined && metrics.count(figure, { status });
    try {
      this.now = read(readFileSync(path, 'utf8'), this.now);
    } catch (error) {
      count('failure');
      log.error('a file cannot be used, what it said before holds', { path, error: String(error) });
      return;
    }
    count('success');
    log.info('a file was read anew', { path });
    for (const take of this.#takers) {
      try {
        take(this.now);
      } catch (error) {
        log.error('what a file says now could not be used everywhere', { path, error: String(error) });
      }
    }
  }
}

function markOf({ mtimeMs, ino, size }: Stats): string {
  return `${ino} ${mtimeMs} ${size}`;
}
