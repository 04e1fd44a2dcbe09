import type { EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import { type Clock, type Millis, sleep } from '../base/env.ts';
import { never } from '../base/stop.ts';
import type { Cache } from '../machinery/cache.ts';

/** Longer than this nobody waits for the slices: whoever keeps them may be away. */
const limitMs: Millis = 500;
/** The slices say that the pod is left; the proxies hear it a moment later, and last connections are taken up. */
const settleMs: Millis = 100;

const readyPod = 'ready-pod';

/**
 * Holds the signal to end back until no Service sends anybody to the pod any more. Otherwise the two race,
 * and a connection of the last few milliseconds meets a program that has stopped listening.
 */
export class Departure {
  readonly #clock: Clock;
  readonly #slices: Cache<EndpointSlice>;
  readonly #waiting = new Map<string, { readonly done: Promise<void>; readonly left: () => void }>();

  constructor(clock: Clock, slices: Cache<EndpointSlice>) {
    this.#clock = clock;
    this.#slices = slices;
    slices.index(readyPod, (slice) =>
      (slice.endpoints ?? []).flatMap(({ conditions, targetRef }) =>
        conditions?.ready !== false && targetRef?.uid ? [targetRef.uid] : [],
      ),
    );
    slices.onChange(() => {
      for (const [uid, { left }] of this.#waiting) if (!this.#isRouted(uid)) left();
    });
  }

  /** Resolves when the pod is left, or when waiting on would be of no use. All containers of a pod wait together. */
  of(uid: string): Promise<void> {
    const waiting = this.#waiting.get(uid);
    if (waiting) return waiting.done;
    if (!this.#isRouted(uid)) return Promise.resolve();
    let left = () => {};
    const unrouted = new Promise<void>((resolve) => {
      const cancel = this.#clock.after(limitMs, resolve);
      left = () => {
        cancel();
        resolve();
      };
    });
    const done = unrouted.then(() => sleep(this.#clock, settleMs, never)).finally(() => this.#waiting.delete(uid));
    this.#waiting.set(uid, { done, left });
    return done;
  }

  #isRouted(uid: string): boolean {
    return this.#slices.by(readyPod, uid).length > 0;
  }
}
