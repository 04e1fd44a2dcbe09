import type { NodeLink } from '../api/node-link.ts';
import { type ApiRequest, type ApiResponse, queryValue } from '../api/wire.ts';
import type { Clock, Millis } from '../base/env.ts';

const pathStart = '/mini-k8s/';
const pathForm = /^\/mini-k8s\/nodes\/([^/]+)\/link$/;
/** Nobody has so many nodes; without a limit, whoever may write here could fill the memory. */
const linksMax = 100_000;

interface Heard {
  readonly at: Millis;
  readonly fencedAfterMs?: Millis;
}

/**
 * When each agent was last heard of. It says each second that it lives, and that is kept in memory only: the store is
 * written when a node falls silent, not when it speaks. PUT says so, GET answers how long ago it did. Of who has not
 * spoken since the server has started it is only known that this is longer ago than that.
 */
export class NodeLinks {
  readonly #clock: Clock;
  readonly #startedAt: Millis;
  readonly #heard = new Map<string, Heard>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  /** Whether it is about a sign of life, which waits for nothing: its node would be taken for dead. */
  owns({ path }: ApiRequest): boolean {
    return path.startsWith(pathStart) && pathForm.test(path);
  }

  answer({ path, method, query }: ApiRequest): ApiResponse | undefined {
    const name = pathForm.exec(path)?.[1];
    if (name === undefined) return undefined;
    const node = decodeURIComponent(name);
    const now = this.#clock.monotonic();
    if (method === 'PUT') {
      if (this.#heard.size >= linksMax) this.#heard.clear();
      const fencedAfterMs = Number(queryValue(query, 'fencedAfterMs') ?? Number.NaN);
      this.#heard.set(node, { at: now, ...(fencedAfterMs > 0 ? { fencedAfterMs } : {}) });
      return { status: 200, body: { object: {} } };
    }
    const heard = this.#heard.get(node);
    const { at, ...more } = heard ?? { at: this.#startedAt };
    const link: NodeLink = { heard: heard !== undefined, ageMs: now - at, ...more };
    return { status: 200, body: { object: { ...link } } };
  }
}
