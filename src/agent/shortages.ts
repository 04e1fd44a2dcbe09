import type { Millis } from '../base/env.ts';
import { conditionOfSignal, type Shortage, type Signals, signalNames } from './eviction.ts';
import type { Amount, EvictionSettings, Threshold } from './eviction-settings.ts';

export interface Shortages {
  /** What the node is to be told to run short of. */
  readonly conditions: ReadonlySet<string>;
  /** Anything at all, also what is borne for a while. */
  readonly any: boolean;
  /** What can be borne no longer, the most urgent first. */
  readonly urgent: readonly Shortage[];
}

/** Remembers how long what has been short, and what is not over before a little more can be had. */
export class ShortageMemory {
  readonly #settings: Pick<EvictionSettings, 'thresholds' | 'transitionMs'>;
  readonly #crossedAt = new Map<Threshold, Millis>();
  /** By condition: when it was last seen. */
  readonly #seenAt = new Map<string, Millis>();

  constructor(settings: Pick<EvictionSettings, 'thresholds' | 'transitionMs'>) {
    this.#settings = settings;
  }

  look(signals: Signals, now: Millis): Shortages {
    const found: Shortage[] = [];
    const urgent: Shortage[] = [];
    for (const threshold of this.#settings.thresholds) {
      const shortage = shortageOf(threshold, signals, this.#crossedAt.has(threshold));
      if (!shortage) {
        this.#crossedAt.delete(threshold);
        continue;
      }
      found.push(shortage);
      const since = this.#crossedAt.get(threshold) ?? now;
      this.#crossedAt.set(threshold, since);
      if (now - since >= (threshold.patienceMs ?? 0)) urgent.push(shortage);
    }
    return { conditions: this.#conditions(found, now), any: found.length > 0, urgent: urgent.sort(byUrgency) };
  }

  #conditions(found: readonly Shortage[], now: Millis): ReadonlySet<string> {
    for (const { signal } of found) this.#seenAt.set(conditionOfSignal(signal), now);
    for (const [condition, at] of this.#seenAt) {
      if (now - at > this.#settings.transitionMs) this.#seenAt.delete(condition);
    }
    return new Set(this.#seenAt.keys());
  }
}

/** Those without patience before those with: a pod that goes at once frees sooner. */
const byUrgency = (a: Shortage, b: Shortage): number =>
  signalNames.indexOf(a.signal) - signalNames.indexOf(b.signal) || Number(a.isSoft) - Number(b.isSoft);

function shortageOf(threshold: Threshold, signals: Signals, isKnown: boolean): Shortage | undefined {
  const { signal, below, patienceMs, reclaim } = threshold;
  const seen = signals[signal];
  if (!seen) return undefined;
  const limit = bytesOf(below, seen.capacity);
  const enough = isKnown && reclaim ? limit + bytesOf(reclaim, seen.capacity) : limit;
  if (seen.available >= enough) return undefined;
  return { signal, limit, available: seen.available, isSoft: patienceMs !== undefined };
}

const bytesOf = (amount: Amount, capacity: number): number =>
  'amount' in amount ? amount.amount : Math.floor((capacity * amount.percent) / 100);
