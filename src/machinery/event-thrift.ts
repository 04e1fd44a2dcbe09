import type { Clock, Millis } from '../base/env.ts';
import type { Notice } from '../client/action.ts';

const similarMax = 10;
const similarWithinMs: Millis = 600_000;
const burstMax = 25;
const refillMs: Millis = 300_000;
const knownMax = 4096;
const combinedPrefix = '(combined from similar events): ';

interface Similar {
  messages: Set<string>;
  lastAt: Millis;
}
interface Purse {
  coins: number;
  filledAt: Millis;
}

/** A notice as it is to be recorded: what shares an identity shares an Event, whose count rises. */
export interface Thrifty {
  readonly notice: Notice;
  readonly identity: string;
}

/**
 * Keeps one object from filling the store with what happens to it: many notices that differ only in their message
 * share one Event, and who is told of too often is told of no more for a while.
 */
export class EventThrift {
  readonly #clock: Clock;
  readonly #similar = new Map<string, Similar>();
  readonly #purses = new Map<string, Purse>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: this one is not worth an Event. */
  take(notice: Notice): Thrifty | undefined {
    const { about, type = 'Normal', reason, message } = notice;
    const object = [about.kind, about.metadata.uid].join('\u0000');
    const kind = [object, type, reason].join('\u0000');
    const combined = this.#isOneOfMany(kind, message);
    if (!this.#pay(object)) return undefined;
    if (!combined) return { notice, identity: [kind, message].join('\u0000') };
    return { notice: { ...notice, message: combinedPrefix + message }, identity: kind };
  }

  #isOneOfMany(kind: string, message: string): boolean {
    const now = this.#clock.monotonic();
    const known = this.#similar.get(kind);
    const isOld = known === undefined || now - known.lastAt > similarWithinMs;
    const similar = isOld ? { messages: new Set<string>(), lastAt: now } : known;
    if (isOld) this.#similar.set(kind, similar);
    similar.messages.add(message);
    similar.lastAt = now;
    if (this.#similar.size > knownMax) this.#similar.clear();
    if (similar.messages.size < similarMax) return false;
    const [oldest] = similar.messages;
    if (oldest !== undefined) similar.messages.delete(oldest);
    return true;
  }

  #pay(object: string): boolean {
    const now = this.#clock.monotonic();
    if (this.#purses.size > knownMax) this.#purses.clear();
    const purse = this.#purses.get(object) ?? { coins: burstMax, filledAt: now };
    this.#purses.set(object, purse);
    purse.coins = Math.min(burstMax, purse.coins + (now - purse.filledAt) / refillMs);
    purse.filledAt = now;
    if (purse.coins < 1) return false;
    purse.coins -= 1;
    return true;
  }
}
