import { type Node, nodes } from '../../src/api/kinds/node.ts';
import { persistentVolumes } from '../../src/api/kinds/persistent-volume.ts';
import { persistentVolumeClaims } from '../../src/api/kinds/persistent-volume-claim.ts';
import { type Pod, pods } from '../../src/api/kinds/pod.ts';
import { services } from '../../src/api/kinds/service.ts';
import { storageClasses } from '../../src/api/kinds/storage-class.ts';
import { type Key, keyOf } from '../../src/api/object.ts';
import type { Instant, Random } from '../../src/base/env.ts';
import { act } from '../../src/client/action.ts';
import type { Cache } from '../../src/machinery/cache.ts';
import { type Controller, nothing, type Plan, source } from '../../src/machinery/controller.ts';
import { ControllerLoop } from '../../src/machinery/controller-loop.ts';
import { EventRecorder } from '../../src/machinery/events.ts';
import { VolumeBinding } from '../../src/scheduler/plugins/volume-binding.ts';
import { schedule } from '../../src/scheduler/schedule.ts';
import { defaultPlugins } from '../../src/scheduler/scheduler.ts';
import { LiveSnapshot } from '../../src/scheduler/snapshot.ts';
import type { PartChoice } from '../../src/sim/cluster.ts';

/** A scheduler that believes its cache alone: what it has just placed does not count until the cache shows it. */
class ForgetfulScheduler implements Controller<Pod> {
  readonly name = 'forgetful-scheduler';
  readonly #pods: Cache<Pod>;
  readonly #nodes: Cache<Node>;
  readonly #volumes: VolumeBinding;

  constructor(podCache: Cache<Pod>, nodeCache: Cache<Node>, volumes: VolumeBinding) {
    this.#pods = podCache;
    this.#nodes = nodeCache;
    this.#volumes = volumes;
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
      defaultPlugins(() => [], this.#volumes),
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
    const volumes = new VolumeBinding({
      claims: caches.of(persistentVolumeClaims),
      volumes: caches.of(persistentVolumes),
      classes: caches.of(storageClasses),
    });
    const scheduler = new ForgetfulScheduler(caches.of(pods), caches.of(nodes), volumes);
    return [new ControllerLoop(env, client, scheduler, { workers: 64, events })];
  },
};
