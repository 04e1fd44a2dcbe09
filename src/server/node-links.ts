import { ApiError } from '../api/error.ts';
import { type ApiRequest, type ApiResponse, queryValue } from '../api/wire.ts';
import type { Clock, Millis } from '../base/env.ts';

const pathForm = /^\/mini-k8s\/nodes\/([^/]+)\/link$/;
/** Nobody has so many nodes; without a limit, whoever may write here could fill the memory. */
const linksMax = 100_000;

interface Heard {
  readonly at: Millis;
  /** After so long a silence its agent has ended the pods of which there must never be two, by its own word. */
  readonly fencedAfterMs?: Millis;
}

/**
 * When each agent was last heard of. It says each second that it lives, and that is kept in memory only: the store is
 * written when a node falls silent, not when it speaks. PUT says so, GET answers how long ago it did.
 */
export class NodeLinks {
  readonly #clock: Clock;
  readonly #heard = new Map<string, Heard>();

  constructor(clock: Clock) {
    this.#clock = clock;
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
    if (heard === undefined) throw new ApiError('NotFound', `node ${node} has no link to this server`);
    const { at, ...more } = heard;
    return { status: 200, body: { object: { ageMs: now - at, ...more } } };
  }
}
