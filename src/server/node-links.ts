import { ApiError } from '../api/error.ts';
import type { ApiRequest, ApiResponse } from '../api/wire.ts';
import type { Clock, Millis } from '../base/env.ts';

const pathForm = /^\/mini-k8s\/nodes\/([^/]+)\/link$/;
/** Nobody has so many nodes; without a limit, whoever may write here could fill the memory. */
const linksMax = 100_000;

/**
 * When each agent was last heard of. It says each second that it lives, and that is kept in memory only: the store is
 * written when a node falls silent, not when it speaks. PUT says so, GET answers how long ago it did.
 */
export class NodeLinks {
  readonly #clock: Clock;
  readonly #heard = new Map<string, Millis>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  answer({ path, method }: ApiRequest): ApiResponse | undefined {
    const name = pathForm.exec(path)?.[1];
    if (name === undefined) return undefined;
    const node = decodeURIComponent(name);
    const now = this.#clock.monotonic();
    if (method === 'PUT') {
      if (this.#heard.size >= linksMax) this.#heard.clear();
      this.#heard.set(node, now);
      return { status: 200, body: { object: {} } };
    }
    const heard = this.#heard.get(node);
    if (heard === undefined) throw new ApiError('NotFound', `node ${node} has no link to this server`);
    return { status: 200, body: { object: { ageMs: now - heard } } };
  }
}
