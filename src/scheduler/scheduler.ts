import { byClaim } from '../api/claim-users.ts';
import { textOf } from '../api/kinds/defaulting.ts';
import type { Node } from '../api/kinds/node.ts';
import type { PersistentVolumeClaim } from '../api/kinds/persistent-volume-claim.ts';
import { conditionOf, isFinished, type Pod, pods as podKind } from '../api/kinds/pod.ts';
import type { Service } from '../api/kinds/service.ts';
import { type Key, keyOf, keyText } from '../api/object.ts';
import { claimRefOf } from '../api/volume-matching.ts';
import type { Instant, Millis, Random } from '../base/env.ts';
import { equalJson } from '../base/json.ts';
import { timestamp } from '../base/text.ts';
import { type Action, act } from '../client/action.ts';
import { byNamespace, type Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import type { SchedulerPlugin } from './plugin.ts';
import { nodeAffinity } from './plugins/node-affinity.ts';
import { nodeName } from './plugins/node-name.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { balance, resources } from './plugins/resources.ts';
import { spreading } from './plugins/spreading.ts';
import { taints } from './plugins/taints.ts';
import { unschedulable } from './plugins/unschedulable.ts';
import { VolumeBinding, type VolumeCaches } from './plugins/volume-binding.ts';
import { schedule } from './schedule.ts';
import { LiveSnapshot } from './snapshot.ts';

const backoffMinMs = 1_000;
const backoffMaxMs = 10_000;
/** How long a binding may stay unseen before it is sent again. */
const bindingSeenMs = 1_000;
const defaultName = 'default-scheduler';

/** A binding that was sent and that the cache does not show yet. */
interface Assumed {
  readonly node: string;
  readonly at: Instant;
}
/** A pod that found no place: looked at again when the world has changed and its back-off is over. */
interface Waiting {
  readonly key: Key;
  readonly pod: Pod;
  readonly attempts: number;
  readonly notBefore: Instant;
  /** Which world it was refused in. */
  readonly world: number;
}

export interface SchedulerCaches extends VolumeCaches {
  readonly pods: Cache<Pod>;
  readonly nodes: Cache<Node>;
  readonly services: Cache<Service>;
}

/** The order in which reasons are found is the order in which they are told. */
export const defaultPlugins = (
  servicesOf: (namespace: string) => readonly Service[],
  volumes: VolumeBinding,
): readonly SchedulerPlugin[] =>
  [
    unschedulable,
    nodeName,
    taints,
    nodeAffinity,
    nodePorts,
    resources,
    volumes,
    spreading(servicesOf),
    balance,
  ] as readonly SchedulerPlugin[];

/** Finds a node for every pod that has none. */
export class Scheduler implements Controller<Pod> {
  readonly name: string;
  readonly #caches: SchedulerCaches;
  readonly #plugins: readonly SchedulerPlugin[];
  readonly #volumes: VolumeBinding;
  readonly #snapshot = new LiveSnapshot();
  readonly #assumed = new Map<string, Assumed>();
  readonly #waiting = new Map<string, Waiting>();
  #world = 0;
  #wake = false;

  constructor(caches: SchedulerCaches, name: string = defaultName) {
    this.name = name;
    this.#caches = caches;
    caches.services.index('namespace', byNamespace);
    caches.pods.index('claim', byClaim);
    this.#volumes = new VolumeBinding(caches);
    this.#plugins = defaultPlugins((namespace) => caches.services.by('namespace', namespace), this.#volumes);
    // Registered before the loop's own listeners: what the loop then asks for is already true here.
    caches.pods.onChange((now, before) => this.#podChanged(now, before));
    caches.nodes.onChange((now, before) => this.#nodeChanged(now, before));
  }

  sources(): readonly Source[] {
    return [
      source(this.#caches.pods, (pod) => [...this.#pendingAt(keyOf(pod)), ...this.#woken()]),
      source(this.#caches.nodes, () => this.#woken()),
      source(this.#caches.claims, (claim) => this.#usersOf(claim)),
      source(this.#caches.volumes, (volume) => {
        const ref = claimRefOf(volume);
        const key = { namespace: textOf(ref?.namespace), name: textOf(ref?.name) };
        const claim = ref && this.#caches.claims.get(key);
        return claim ? this.#usersOf(claim) : [];
      }),
    ];
  }

  /** The pods that wait for a claim: what has become of it is a new world for them. */
  #usersOf(claim: PersistentVolumeClaim): readonly Key[] {
    const users = this.#caches.pods.by('claim', keyText(keyOf(claim))).filter((pod) => this.#isPending(pod));
    for (const { metadata } of users) this.#waiting.delete(metadata.uid);
    return users.map(keyOf);
  }

  /** Everyone who waits, once per change that may matter. */
  #woken(): readonly Key[] {
    if (!this.#wake) return [];
    this.#wake = false;
    return [...this.#waiting.values()].map(({ key }) => key);
  }

  /** As it is now: one that has just been given its node need not be looked at once more. */
  #pendingAt(key: Key): readonly Key[] {
    const pod = this.#caches.pods.get(key);
    return pod && this.#isPending(pod) ? [key] : [];
  }

  #isPending(pod: Pod): boolean {
    const { nodeName, schedulerName = defaultName, schedulingGates = [] } = pod.spec;
    const here = schedulerName === this.name && !nodeName && schedulingGates.length === 0;
    return here && !isFinished(pod) && pod.metadata.deletionTimestamp === undefined;
  }

  #podChanged(now: Pod | undefined, before: Pod | undefined): void {
    if (before && before.metadata.uid !== now?.metadata.uid) this.#podGone(before);
    if (!now) return;
    const { uid } = now.metadata;
    if (now.spec.nodeName || isFinished(now)) {
      this.#assumed.delete(uid);
      this.#waiting.delete(uid);
      if (before?.spec.nodeName && isFinished(now) && !isFinished(before)) this.#change();
    }
    this.#snapshot.setPod(now, this.#assumed.get(uid)?.node);
  }

  #podGone({ metadata, spec }: Pod): void {
    const freed = spec.nodeName !== undefined || this.#assumed.has(metadata.uid);
    this.#assumed.delete(metadata.uid);
    this.#waiting.delete(metadata.uid);
    this.#snapshot.dropPod(metadata.uid);
    if (freed) this.#change();
  }

  #nodeChanged(now: Node | undefined, before: Node | undefined): void {
    if (now) this.#snapshot.setNode(now);
    else if (before) this.#snapshot.dropNode(before.metadata.name);
    if (!equalJson(facts(now), facts(before))) this.#change();
  }

  #change(): void {
    this.#world++;
    this.#wake = this.#waiting.size > 0;
  }

  observe(key: Key): Pod | undefined {
    const pod = this.#caches.pods.get(key);
    return pod && this.#isPending(pod) ? pod : undefined;
  }

  plan(pod: Pod, now: Instant, random: Random): Plan {
    const { uid } = pod.metadata;
    const assumed = this.#assumed.get(uid);
    if (assumed) {
      const left = assumed.at + bindingSeenMs - now;
      if (left > 0) return { actions: [], again: left };
      this.#assumed.delete(uid);
      this.#snapshot.dropPod(uid);
    }
    const waiting = this.#waiting.get(uid);
    if (waiting && sameWish(waiting.pod, pod)) {
      if (waiting.world === this.#world) return nothing;
      if (waiting.notBefore > now) return { actions: [], again: waiting.notBefore - now };
    }
    const placement = schedule(pod, this.#snapshot, this.#plugins, random);
    if ('unschedulable' in placement) return this.#refuse(pod, placement.unschedulable, now);
    const node = this.#caches.nodes.get({ namespace: '', name: placement.node });
    const choices = node && this.#volumes.choices(pod, node);
    // The pod goes once its claims are bound: it is looked at again when they change.
    if (choices) return choices.length > 0 ? { actions: [choices] } : nothing;
    return this.#bind(pod, placement.node, now);
  }

  #bind(pod: Pod, node: string, now: Instant): Plan {
    const { uid, namespace, name } = pod.metadata;
    this.#waiting.delete(uid);
    this.#assumed.set(uid, { node, at: now });
    this.#snapshot.setPod(pod, node);
    const message = `Successfully assigned ${namespace}/${name} to ${node}`;
    return {
      actions: [
        [
          act({ verb: 'bind', kind: podKind, key: keyOf(pod), uid, node }),
          { verb: 'event', about: pod, reason: 'Scheduled', message },
        ],
      ],
    };
  }

  #refuse(pod: Pod, message: string, now: Instant): Plan {
    const attempts = (this.#waiting.get(pod.metadata.uid)?.attempts ?? 0) + 1;
    const backoff: Millis = Math.min(backoffMinMs * 2 ** (attempts - 1), backoffMaxMs);
    const notBefore = (now + backoff) as Instant;
    this.#waiting.set(pod.metadata.uid, { key: keyOf(pod), pod, attempts, notBefore, world: this.#world });
    return {
      actions: [
        [
          ...conditionPatch(pod, message, now),
          { verb: 'event', about: pod, type: 'Warning', reason: 'FailedScheduling', message },
        ],
      ],
    };
  }
}

/** What of a node can let a pod in: heartbeats cannot. */
const facts = (node: Node | undefined) =>
  node && [
    node.metadata.labels ?? {},
    node.spec.taints ?? [],
    node.spec.unschedulable ?? false,
    node.status?.allocatable ?? node.status?.capacity ?? {},
  ];

const sameWish = (a: Pod, b: Pod): boolean =>
  equalJson(a.spec, b.spec) && equalJson(a.metadata.labels ?? {}, b.metadata.labels ?? {});

function conditionPatch(pod: Pod, message: string, now: Instant): readonly Action[] {
  const before = conditionOf(pod, 'PodScheduled');
  const wanted = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
  if (before?.status === 'False' && before.reason === wanted.reason && before.message === message) return [];
  const lastTransitionTime =
    before?.status === 'False' ? (before.lastTransitionTime ?? timestamp(now)) : timestamp(now);
  const generation = pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation };
  const condition = { ...wanted, ...generation, lastProbeTime: null, lastTransitionTime };
  const patch = { status: { conditions: [condition] } };
  return [
    act({ verb: 'patch', type: 'strategic-merge', kind: podKind, key: keyOf(pod), patch, subresource: 'status' }),
  ];
}
