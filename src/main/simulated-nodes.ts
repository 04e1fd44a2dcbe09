import type { Agent } from '../agent/agent.ts';
import type { AgentFleet } from '../agent/fleet.ts';
import type { Node } from '../api/kinds/node.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { Service } from '../api/kinds/service.ts';
import { type Component, type Env, forkEnv, Stopped } from '../base/env.ts';
import { type Stop, StopSource } from '../base/stop.ts';
import type { Client } from '../client/client.ts';
import type { Cache } from '../machinery/cache.ts';
import { EventDesk } from '../machinery/event-desk.ts';
import { SimRuntime } from '../sim/runtime.ts';
import type { LocalDoors } from './doors.ts';
import { agentOf } from './node.ts';
import { nodeRange } from './settings.ts';

/** Gives every Node object, whoever made it, an agent whose containers only pretend to run. */
export class SimulatedNodes implements Component {
  readonly name = 'simulated-nodes';
  readonly #parts: SimulatedParts;
  readonly #running = new Map<string, StopSource>();
  readonly #desk = new EventDesk();
  #next = 0;
  #stop: Stop | undefined;

  constructor(parts: SimulatedParts) {
    this.#parts = parts;
    parts.nodes.onChange((now, before) => {
      if (now && !before) this.#start(now);
      if (!now && before) this.#end(before.metadata.name);
    });
  }

  run(stop: Stop): Promise<void> {
    this.#stop = stop;
    for (const node of this.#parts.nodes.list()) this.#start(node);
    return new Promise((resolve) => stop.onStop(resolve));
  }

  #start(node: Node): void {
    const { name } = node.metadata;
    if (!this.#stop || this.#running.has(name)) return;
    const stop = StopSource.under(this.#stop);
    this.#running.set(name, stop);
    const env = forkEnv(this.#parts.env, name);
    const range = nodeRange(this.#parts.podRange, this.#next++);
    const runtime = new SimRuntime(env, {
      addressPrefix: range.split('.').slice(0, 3).join('.'),
      startDelayMs: 0,
      pullDelayMs: 0,
      succeedsAfter: (spec) => (runsOn(agent.pod(spec.sandbox), spec.name) ? undefined : 0),
    });
    const hostIp = `192.168.${(this.#next >> 8) & 255}.${this.#next & 255}`;
    const agent: Agent = agentOf(
      { ...this.#parts, desk: this.#desk },
      env,
      { default: runtime },
      { name, hostIp, pretends: true, told: node.status ?? {} },
    );
    this.#parts.doors.add(name, agent);
    agent.run(stop).catch((error: unknown) => {
      if (!(error instanceof Stopped))
        this.#parts.env.log.error('a simulated node broke', { node: name, error: String(error) });
    });
  }

  #end(name: string): void {
    this.#running.get(name)?.stop();
    this.#running.delete(name);
  }
}

/** What is to run to its end succeeds at once; everything else runs until it is stopped. */
function runsOn(pod: Pod | undefined, container: string): boolean {
  const init = pod?.spec.initContainers?.find(({ name }) => name === container);
  return (init ? init.restartPolicy : (pod?.spec.restartPolicy ?? 'Always')) === 'Always';
}

export interface SimulatedParts {
  readonly env: Env;
  readonly client: Client;
  readonly fleet: AgentFleet;
  readonly services: Cache<Service>;
  readonly nodes: Cache<Node>;
  readonly doors: LocalDoors;
  readonly podRange: string;
}
