import type { Pieces } from '../api/wire.ts';
import type { Clock } from '../base/env.ts';
import { encodeInto } from '../base/json.ts';
import { Pace } from './pace.ts';

/** A long text, made a little at a time while it is written out: others have their turn in between. */
export class TextPieces implements Pieces {
  readonly #texts: Iterator<string>;
  readonly #pace: Pace;
  /** What is made and not written yet. */
  #text: string;
  #bytes = 0;
  #told: (bytes: number) => void = () => {};

  constructor(clock: Clock, texts: Iterator<string>, begun = '') {
    this.#pace = new Pace(clock);
    this.#texts = texts;
    this.#text = begun;
  }

  async fill(room: Uint8Array): Promise<number> {
    await this.#pace.rest();
    const count = this.#pace.step(() => this.#filled(room));
    this.#bytes += count;
    if (count === 0) this.#told(this.#bytes);
    return count;
  }

  onEnd(told: (bytes: number) => void): void {
    this.#told = told;
  }

  #filled(room: Uint8Array): number {
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
    }
  }
}
