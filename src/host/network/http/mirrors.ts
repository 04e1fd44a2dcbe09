import type { Env } from '../../../base/env.ts';
import type { Mirror } from '../../../network/http-table.ts';
import type { BackendPlaces } from './backend-places.ts';
import { limits } from './limits.ts';
import type { ForwardedRequest, Try, TryEvents } from './sides.ts';

/** Copies of one request, for backends whose answers nobody reads and whose failures nobody hears of. */
export class Mirrors {
  readonly #tries: Copy[];

  constructor(
    world: { readonly env: Env; readonly places: BackendPlaces },
    mirrors: readonly Mirror[],
    request: ForwardedRequest,
  ) {
    this.#tries = mirrors.flatMap(({ pool, numerator, denominator }) => {
      if (request.upgrade !== '' || world.env.random.float() * denominator >= numerator) return [];
      const [backend] = world.places.order(pool, '');
      if (!backend) return [];
      const copy = new Copy();
      copy.try = world.places.ask({ backend, protocol: pool.protocol, fresh: false }, request, copy);
      return [copy];
    });
  }

  write(payload: Buffer): void {
    for (const copy of this.#tries) copy.write(payload);
  }

  end(): void {
    for (const copy of this.#tries) copy.try?.end();
  }
}

class Copy implements TryEvents {
  try: Try | undefined;
  #waiting = 0;

  /** A mirror that is slow does not slow the request: it loses its copy. */
  write(payload: Buffer): void {
    if (!this.try || this.try.write(payload)) return;
    this.#waiting += payload.length;
    if (this.#waiting <= limits.mirrorBytesMax) return;
    this.try.cancel();
    this.try = undefined;
  }

  backendDrained(): void {
    this.#waiting = 0;
  }

  failed(): void {
    this.try = undefined;
  }

  upgraded(): void {
    this.try = undefined;
  }

  answerHead(): void {}
  answerBody(): void {}
  answerSettled(): void {}
  answerEnd(): void {
    this.try = undefined;
  }
}
