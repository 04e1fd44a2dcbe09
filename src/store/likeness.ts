import type { Json } from '../base/json.ts';
import { hasLongText, sharing } from '../base/shared-json.ts';
import type { Entry } from './store.ts';

/** As many values are kept to compare with, and none that is longer. */
const recentMax = 256;
const recentBytesMax = 64 * 1024;
/** What is shorter is soon made anew, text and all: to look for what others have in common with it takes longer. */
const bytesMin = 1_000;

interface Known {
  /** About as long as the text is. */
  readonly bytes: number;
  /** What was there before under this key. */
  readonly previous: Json | undefined;
}

/**
 * What is written is mostly what was there before but for a few members, or what stands beside it under nearly the same
 * name, made of the same template: what is the same is held once, and its text is made once.
 */
export class Likeness {
  /** By the stem of their keys: the value that was written last. */
  readonly #recent = new Map<string, Json>();

  fitted(key: string, value: Json, { bytes, previous }: Known): Json {
    if (hasLongText(value)) return value;
    const own = previous === undefined ? value : sharing(previous, value, false);
    if (bytes < bytesMin) return own;
    const alike = this.#recent.get(stemOf(key));
    return alike === undefined || alike === previous ? own : sharing(alike, own, true);
  }

  remember({ key, value }: Entry, bytes: number): void {
    if (bytes < bytesMin || bytes > recentBytesMax) return;
    const stem = stemOf(key);
    this.#recent.delete(stem);
    this.#recent.set(stem, value);
    if (this.#recent.size > recentMax) this.#recent.delete(this.#recent.keys().next().value as string);
  }
}

/** Names that one template made differ behind their last hyphen. */
const stemOf = (key: string): string => key.slice(0, Math.max(key.lastIndexOf('-'), key.lastIndexOf('/')) + 1);
