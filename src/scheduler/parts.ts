import { nodes } from '../api/kinds/node.ts';
import { pods } from '../api/kinds/pod.ts';
import { services } from '../api/kinds/service.ts';
import { type Component, type Env, forkEnv } from '../base/env.ts';
import type { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { ControllerLoop } from '../machinery/controller-loop.ts';
import { EventRecorder } from '../machinery/events.ts';
import { Scheduler } from './scheduler.ts';

/** Bindings under way at once. */
const workers = 64;

/** The scheduler in its loop, with caches of its own: run them all. */
export function schedulerParts(env: Env, client: Client): readonly Component[] {
  const own = forkEnv(env, 'scheduler');
  const caches = {
    pods: new Cache(own, client, pods),
    nodes: new Cache(own, client, nodes),
    services: new Cache(own, client, services),
  };
  const scheduler = new Scheduler(caches);
  const events = new EventRecorder(own, client, scheduler.name);
  return [...Object.values(caches), new ControllerLoop(own, client, scheduler, { workers, events })];
}
