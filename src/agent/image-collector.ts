import type { Clock, Millis } from '../base/env.ts';
import type { Signals } from './eviction.ts';
import type { Runtime } from './runtime.ts';

/** Above the first share of the disk in use images go, until the second is reached. */
const highShare = 0.85;
const lowShare = 0.8;
/** Nobody's, and not needed again within so long. */
const unusedMinMs = 120_000;

/**
 * Takes images away that came here for this node's pods and that nobody uses any more. What a user has put into the
 * engine is the user's, and stays.
 */
export class ImageCollector {
  readonly #clock: Clock;
  readonly #runtimes: readonly Runtime[];
  /** By image: since when nobody has used it. */
  readonly #unusedSince = new Map<string, Millis>();

  constructor(clock: Clock, runtimes: readonly Runtime[]) {
    this.#clock = clock;
    this.#runtimes = runtimes;
  }

  /** To be called now and then: it also notes what is in use. */
  async look({ 'imagefs.available': space }: Signals): Promise<void> {
    const unused = await this.#unused();
    if (!space || used(space) < highShare) return;
    let toFree = (used(space) - lowShare) * space.capacity;
    for (const image of unused) {
      if (toFree <= 0) return;
      if (this.#clock.monotonic() - image.since < unusedMinMs) continue;
      await image.remove();
      toFree -= image.bytes;
    }
  }

  /** All that nobody uses, at once; answers whether there was any. */
  async reclaim(): Promise<boolean> {
    const unused = await this.#unused();
    for (const image of unused) await image.remove();
    return unused.length > 0;
  }

  /** Those that were used longest ago first. */
  async #unused() {
    const found = [];
    for (const runtime of this.#runtimes) {
      const own = new Set((await runtime.images.own?.()) ?? []);
      if (own.size === 0) continue;
      const held = new Set((await runtime.list()).containers.map(({ imageId }) => imageId));
      for (const { id, bytes } of await runtime.images.list()) {
        if (!own.has(id)) continue;
        if (held.has(id)) this.#unusedSince.delete(id);
        else {
          const since = this.#unusedSince.get(id) ?? this.#clock.monotonic();
          this.#unusedSince.set(id, since);
          // One that somebody else has begun to use meanwhile stays.
          found.push({ id, bytes, since, remove: () => runtime.images.remove(id).catch(() => {}) });
        }
      }
    }
    return found.sort((a, b) => a.since - b.since);
  }
}

const used = ({ available, capacity }: { readonly available: number; readonly capacity: number }): number =>
  capacity === 0 ? 0 : 1 - available / capacity;
