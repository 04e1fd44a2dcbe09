import type { Agent } from '../agent/agent.ts';
import { NodeApi } from '../agent/node-api.ts';
import type { Transport } from '../api/wire.ts';
import { type Env, forkEnv } from '../base/env.ts';

/** The agents of this process, as the API server reaches them: by a call. */
export class LocalDoors {
  readonly #env: () => Env;
  readonly #apis = new Map<string, Transport>();

  /** The world is asked for when the first agent comes: doors are there before it. */
  constructor(env: () => Env) {
    this.#env = env;
  }

  add(node: string, agent: Agent): void {
    this.#apis.set(node, new NodeApi({ env: forkEnv(this.#env(), `doors/${node}`), node, door: agent }).handle);
  }

  readonly find = (node: string): Transport | undefined => this.#apis.get(node);
}
