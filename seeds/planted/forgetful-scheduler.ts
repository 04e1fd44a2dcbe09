import { type Node, nodes } from '../../src/api/kinds/node.ts';
import { type Pod, pods } from '../../src/api/kinds/pod.ts';
import { services } from '../../src/api/kinds/service.ts';
import { type Key, keyOf } from '../../src/api/object.ts';
import type { Instant, Random } from '../../src/base/env.ts';
import { act } from '../../src/client/action.ts';
import type { Cache } from '../../src/machinery/cache.ts';
import { type Controller, nothing, type Plan, source } from '../../src/machinery/controller.ts';
import { ControllerLoop } from '../../src/machinery/controller-loop.ts';
import { EventRecorder } from '../../src/machinery/events.ts';
import { schedule } from '../../src/scheduler/schedule.ts';
import { defaultPlugins } from '../../src/scheduler/scheduler.ts';
import { LiveSnapshot } from '../../src/scheduler/snapshot.ts';
import type { PartChoice } from '../../src/sim/cluster.ts';

/** A scheduler that believes its cache alone: what it has just placed does not count until the cache shows it. */
class ForgetfulScheduler implements Controller<Pod> {
  readonly name = 'forgetful-scheduler';
  readonly #pods: Cache<Pod>;
  readonly #nodes: Cache<Node>;

  constructor(podCache: Cache<Pod>, nodeCache: Cache<Node>) {
    this.#pods = podCache;
    this.#nodes = nodeCache;
  }

  sources() {
    return [source(this.#pods, (pod) => [keyOf(pod)])];
  }

  observe(key: Key): Pod | undefined {
    const pod = this.#pods.get(key);
    return pod?.spec.nodeName ? undefined : pod;
  }

  plan(pod: Pod, _now: Instant, random: Random): Plan {
    const snapshot = new LiveSnapshot();
    for (const node of this.#nodes.list()) snapshot.setNode(node);
    for (const placed of this.#pods.list()) if (placed.spec.nodeName) snapshot.setPod(placed);
    const placement = schedule(
      pod,
      snapshot,
      defaultPlugins(() => []),
      random,
    );
    if (!('node' in placement)) return nothing;
    const { uid } = pod.metadata;
    return { actions: [[act({ verb: 'bind', kind: pods, key: keyOf(pod), uid, node: placement.node })]] };
  }
}

export const forgetfulScheduler: Partial<PartChoice> = {
  scheduler: ({ env, client, caches }) => {
    caches.of(services);
    const events = new EventRecorder(env, client, 'forgetful-scheduler');
    const scheduler = new ForgetfulScheduler(caches.of(pods), caches.of(nodes));
    return [new ControllerLoop(env, client, scheduler, { workers: 64, events })];
  },
};
