import { setTimeout as sleep } from 'node:timers/promises';
import { type Pod, pods } from '../src/api/kinds/pod.ts';
import { StopSource } from '../src/base/stop.ts';
import type { Client } from '../src/client/client.ts';
import { hostEnv } from '../src/host/env.ts';
import { Cache } from '../src/machinery/cache.ts';

const patienceMs = 120_000;

/** The pods of the default namespace, watched. */
export class WatchedPods {
  readonly #cache: Cache<Pod>;
  readonly #stop = new StopSource();
  readonly #running: Promise<void>;

  constructor(client: Client) {
    this.#cache = new Cache(hostEnv(), client, pods, { namespace: 'default' });
    this.#running = this.#cache.run(this.#stop);
  }

  /** When they first satisfy `enough`. */
  async until(enough: (all: readonly Pod[]) => boolean): Promise<number> {
    const reached = new Promise<number>((resolve) => {
      const look = () => this.#cache.synced && enough(this.#cache.list()) && resolve(performance.now());
      this.#cache.onProgress(look);
      look();
    });
    const given = sleep(patienceMs, undefined, { ref: false });
    const at = await Promise.race([reached, given]);
    if (at !== undefined) return at;
    throw new Error(
      `not within ${patienceMs} ms: ${this.list().map((pod) => `${pod.metadata.name} ${pod.status?.phase}`)}`,
    );
  }

  list(): readonly Pod[] {
    return this.#cache.list();
  }

  async end(): Promise<void> {
    this.#stop.stop();
    await this.#running;
  }
}

export function isReady({ status, metadata }: Pod): boolean {
  const ready = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  return ready && metadata.deletionTimestamp === undefined;
}
