import type { Pieces } from '../api/wire.ts';
import type { Clock } from '../base/env.ts';
import { encodeInto } from '../base/json.ts';
import { Pace } from './pace.ts';
import { sliceMs } from './slices.ts';

/** A long text, made a little at a time while it is written out: others have their turn in between. */
export class TextPieces implements Pieces {
  readonly #texts: Iterator<string>;
  readonly #clock: Clock;
  readonly #pace: Pace;
  /** What is made and not written yet. */
  #text: string;
  #bytes = 0;
  #told: (bytes: number) => void = () => {};

  constructor(clock: Clock, texts: Iterator<string>, begun = '') {
    this.#clock = clock;
    this.#pace = new Pace(clock);
    this.#texts = texts;
    this.#text = begun;
  }

  async fill(room: Uint8Array): Promise<number> {
    let count: number | undefined;
    while (count === undefined) {
      await this.#pace.rest();
      count = this.#pace.step(() => this.#filled(room));
    }
    this.#bytes += count;
    if (count === 0) this.#told(this.#bytes);
    return count;
  }

  onEnd(told: (bytes: number) => void): void {
    this.#told = told;
  }

  /** Undefined where nothing was made in the time for it, and there is more. */
  #filled(room: Uint8Array): number | undefined {
    const until = this.#clock.monotonic() + sliceMs;
    for (let size = 0; ; ) {
      const { read, written } = encodeInto(this.#text, room.subarray(size));
      size += written;
      if (read < this.#text.length) {
        this.#text = this.#text.slice(read);
        return size;
      }
      const next = this.#texts.next();
      this.#text = next.done ? '' : next.value;
      if (next.done) return size;
      if (this.#clock.monotonic() >= until) return size || undefined;
    }
  }
}
