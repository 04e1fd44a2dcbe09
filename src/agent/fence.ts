import { ApiError } from '../api/error.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { controllerOf, keyOf } from '../api/object.ts';
import type { Cancel, Env, Millis } from '../base/env.ts';
import type { Client } from '../client/client.ts';
import type { Runtime } from './runtime.ts';

/** So long an agent that does not reach the server lets pods run of which there must never be two. */
export const silenceMaxMs: Millis = 3_000;
/** After so long at the latest they have ended: what the server is told, by which it knows when to replace them. */
export const fencedAfterMs: Millis = silenceMaxMs + 1_000;

/** Of a stateful set's pod there is one of each name, or data are lost. */
export const isGuarded = (pod: Pod): boolean => controllerOf(pod)?.kind === 'StatefulSet';

/** A guarded pod, and the engine that it is given to. */
export interface Guarded {
  readonly pod: Pod;
  readonly runtime: Runtime;
}
export interface FenceParts {
  readonly env: Env;
  readonly client: Client;
  guarded(): readonly Guarded[];
  /** Runs them, or ends them. */
  again(uid: string): void;
}

/**
 * Ends guarded pods when the server cannot be reached, so that others may run in their place. Where the engine can
 * count down by itself, that also happens when the agent has died. Time is monotonic, and counts from when an answered
 * question was asked: the server heard it no sooner.
 */
export class Fence {
  readonly #parts: FenceParts;
  readonly #startedAt: Millis;
  #askedAt = Number.NEGATIVE_INFINITY;
  #cancel: Cancel;

  constructor(parts: FenceParts) {
    const { clock } = parts.env;
    this.#parts = parts;
    this.#startedAt = clock.monotonic();
    this.#cancel = clock.after(silenceMaxMs, () => this.#shut());
  }

  /** Whether what is guarded has to end. An agent that has just started has not been silent yet. */
  get isShut(): boolean {
    const since = Math.max(this.#askedAt, this.#startedAt);
    return this.#parts.env.clock.monotonic() >= since + silenceMaxMs;
  }

  /** How long what is guarded may run on: the server counts from the last sign of life, whoever gave it. */
  get #leftMs(): Millis {
    return Math.max(0, this.#askedAt + silenceMaxMs - this.#parts.env.clock.monotonic());
  }

  /** The server has answered what was asked then. */
  heard(askedAt: Millis): void {
    const wasShut = this.isShut;
    this.#askedAt = Math.max(this.#askedAt, askedAt);
    const leftMs = this.#leftMs;
    if (leftMs === 0) return;
    this.#cancel();
    this.#cancel = this.#parts.env.clock.after(leftMs, () => this.#shut());
    for (const { pod, runtime } of this.#parts.guarded()) {
      this.#hold(pod, runtime);
      if (wasShut) this.#parts.again(pod.metadata.uid);
    }
  }

  /** Asked before each start: whether the pod still is the one that may run. Throws where it is not. */
  async permit(pod: Pod, runtime: Runtime): Promise<void> {
    const { uid } = pod.metadata;
    const live = await this.#parts.client.get(pods, keyOf(pod));
    if (live.metadata.uid !== uid || live.metadata.deletionTimestamp !== undefined) {
      throw new ApiError('Conflict', `pod ${pod.metadata.name} is not the one that is to run any more`);
    }
    if (this.#leftMs === 0) throw new ApiError('ServiceUnavailable', 'the server has not been reached for too long');
    await runtime.holdFor?.(uid, this.#leftMs);
  }

  end(): void {
    this.#cancel();
  }

  #hold(pod: Pod, runtime: Runtime): void {
    const held = runtime.holdFor?.(pod.metadata.uid, this.#leftMs);
    held?.catch((error: unknown) => {
      const fields = { pod: pod.metadata.name, error: String(error) };
      this.#parts.env.log.debug('a pod could not be held, and ends', fields);
    });
  }

  #shut(): void {
    for (const { pod } of this.#parts.guarded()) {
      const { namespace, name, uid } = pod.metadata;
      this.#parts.env.log.info('the server cannot be reached: a pod ends, as another may take its place', {
        pod: `${namespace}/${name}`,
      });
      this.#parts.again(uid);
    }
  }
}
