import type { Json } from '../../base/json.ts';
import { StopSource } from '../../base/stop.ts';
import type { Store } from '../../store/store.ts';

/** What a mirror tells: the value of a key before and after. Neither is ever changed by whoever reads it. */
export type Mirrored = (key: string, next: Json | undefined, previous: Json | undefined) => void;

/**
 * Follows everything under a prefix, synchronously with each durable batch. Nothing happens before it is first asked
 * for: a server whose callers never need it pays nothing.
 */
export class Mirror {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #tell: Mirrored;
  readonly #values = new Map<string, Json>();
  readonly #stop = new StopSource();
  #opening: Promise<void> | undefined;
  #inStep = false;

  constructor(store: Store, prefix: string, tell: Mirrored) {
    this.#store = store;
    this.#prefix = prefix;
    this.#tell = tell;
  }

  /** Undefined when it is in step already. */
  ready(): Promise<void> | undefined {
    if (this.#inStep) return undefined;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { entries, revision } = await this.#store.list(this.#prefix);
    const there = new Set(entries.map(({ key }) => key));
    for (const key of [...this.#values.keys()]) if (!there.has(key)) this.#put(key, undefined);
    for (const { key, value } of entries) this.#put(key, value);
    this.#inStep = true;
    const take: Parameters<Store['watch']>[2]['take'] = (batch) => {
      for (const { type, entry } of batch) this.#put(entry.key, type === 'put' ? entry.value : undefined);
      return 'more';
    };
    // Whoever asks after the watch has ended begins anew.
    const closed = () => {
      this.#inStep = false;
    };
    this.#store.watch(this.#prefix, revision, { take, closed }, this.#stop);
  }

  #put(key: string, next: Json | undefined): void {
    const previous = this.#values.get(key);
    if (next === previous) return;
    if (next === undefined) this.#values.delete(key);
    else this.#values.set(key, next);
    this.#tell(key, next, previous);
  }
}

/** One wait for all that are not in step; undefined where there is nothing to wait for. */
export function allReady(mirrors: readonly Mirror[]): Promise<unknown> | undefined {
  const waits = mirrors.map((mirror) => mirror.ready()).filter((wait) => wait !== undefined);
  return waits.length > 0 ? Promise.all(waits) : undefined;
}
