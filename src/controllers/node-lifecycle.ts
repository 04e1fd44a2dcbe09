import type { Lease } from '../api/kinds/lease.ts';
import { type Node, nodes as nodeKind, type Taint } from '../api/kinds/node.ts';
import {
  type Condition,
  conditionOf,
  isFinished,
  type Pod,
  pods as podKind,
  type Toleration,
} from '../api/kinds/pod.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Instant, Millis } from '../base/env.ts';
import { equalJson, type Json } from '../base/json.ts';
import { parseTime, timestamp } from '../base/text.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Cache, Index } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import { type Timing, timings } from './timing.ts';

const leaseNamespace = 'kube-node-lease';
export const notReadyTaint = 'node.kubernetes.io/not-ready';
export const unreachableTaint = 'node.kubernetes.io/unreachable';
/** The conditions that a silent node can no longer vouch for. */
const reported = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];
/** Each condition that keeps new pods away, by the taint that does it. */
const pressureTaints: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const unschedulableTaint = 'node.kubernetes.io/unschedulable';
const managed = new Set([notReadyTaint, unreachableTaint, unschedulableTaint, ...Object.values(pressureTaints)]);

export const byNode: Index<Pod> = (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []);

interface Eviction {
  readonly actions: readonly (Action | Notice)[];
  readonly again: readonly Millis[];
}
export interface NodeObserved {
  readonly name: string;
  readonly node: Node | undefined;
  readonly lease: Lease | undefined;
  readonly pods: readonly Pod[];
}

/** Says which nodes are silent, keeps pods away from them and evicts those that do not bear it. */
export class NodeLifecycleController implements Controller<NodeObserved> {
  readonly name = 'node-controller';
  readonly #nodes: Cache<Node>;
  readonly #leases: Cache<Lease>;
  readonly #pods: Cache<Pod>;
  readonly #timing: Timing;
  /** Since when a name that pods stand on has no node. */
  readonly #absent = new Map<string, Instant>();
  /** Pods that will have to go once their toleration has run out. */
  readonly #doomed = new Set<string>();
  /** When a taint that does not say so itself was first seen. */
  readonly #taintSeen = new Map<string, Instant>();

  constructor(
    caches: { readonly nodes: Cache<Node>; readonly leases: Cache<Lease>; readonly pods: Cache<Pod> },
    timing: Timing = timings.upstream,
  ) {
    this.#nodes = caches.nodes;
    this.#leases = caches.leases;
    this.#pods = caches.pods.index('node', byNode);
    this.#timing = timing;
  }

  sources(): readonly Source[] {
    return [
      source(this.#nodes, (node) => [keyOf(node)]),
      source(this.#leases, ({ metadata }) =>
        metadata.namespace === leaseNamespace ? [{ namespace: '', name: metadata.name }] : [],
      ),
      source(this.#pods, (pod) => (pod.spec.nodeName ? [{ namespace: '', name: pod.spec.nodeName }] : [])),
    ];
  }

  observe({ name }: Key): NodeObserved {
    const node = this.#nodes.get({ namespace: '', name });
    const lease = this.#leases.get({ namespace: leaseNamespace, name });
    return { name, node, lease, pods: this.#pods.by('node', name) };
  }

  plan({ name, node, lease, pods }: NodeObserved, now: Instant): Plan {
    if (!node) return this.#collect(name, pods, now);
    this.#absent.delete(name);
    const patience = conditionOf(node, 'Ready') || lease ? this.#timing.nodeGraceMs : this.#timing.nodeStartupGraceMs;
    const left = heard(node, lease) + patience - now;
    const conditions = left > 0 ? (node.status?.conditions ?? []) : silenced(node, lease, now);
    const ready = conditions.find((condition) => condition.type === 'Ready');
    const taints = taintsOf(node, conditions, now);
    const eviction = this.#evict(node, pods, { taints, now });
    const groups = [
      taintPatch(node, taints),
      statusOf(node, conditions),
      unreadied(pods, ready, now),
      eviction.actions,
    ];
    const again = [left > 0 ? [left] : [], eviction.again].flat();
    return {
      actions: groups.filter((group) => group.length > 0),
      ...(again.length > 0 ? { again: Math.min(...again) } : {}),
    };
  }

  /** A pod may be seen before the node it was bound to: its node is believed to be gone only after a while. */
  #collect(name: string, pods: readonly Pod[], now: Instant): Plan {
    if (pods.length === 0) {
      this.#absent.delete(name);
      return nothing;
    }
    const since = this.#absent.get(name) ?? now;
    this.#absent.set(name, since);
    const left = since + this.#timing.absentGraceMs - now;
    return left > 0 ? { actions: [], again: left } : { actions: [pods.map((pod) => remove(pod, 0))] };
  }

  #evict(
    node: Node,
    pods: readonly Pod[],
    { taints, now }: { readonly taints: readonly Taint[]; readonly now: Instant },
  ): Eviction {
    const strict = taints.filter(({ effect }) => effect === 'NoExecute').map((taint) => this.#dated(node, taint, now));
    const actions: (Action | Notice)[] = [];
    const again: Millis[] = [];
    for (const pod of pods) {
      const { uid, namespace, name, deletionTimestamp } = pod.metadata;
      if (deletionTimestamp !== undefined || isFinished(pod)) continue;
      const left = Math.min(...strict.map((taint) => this.#bearsFor(pod, taint, now)));
      if (left <= 0) {
        this.#doomed.delete(uid);
        actions.push(...evicted(pod, now));
      } else if (left !== Number.POSITIVE_INFINITY) {
        this.#doomed.add(uid);
        again.push(left);
      } else if (this.#doomed.delete(uid)) {
        const message = `Cancelling deletion of Pod ${namespace}/${name}`;
        actions.push({ verb: 'event', about: pod, reason: 'TaintManagerEviction', message });
      }
    }
    return { actions, again };
  }

  #dated(node: Node, taint: Taint, now: Instant): Taint {
    const id = `${node.metadata.uid}/${taint.key}`;
    if (taint.timeAdded) {
      this.#taintSeen.delete(id);
      return taint;
    }
    const since = this.#taintSeen.get(id) ?? now;
    this.#taintSeen.set(id, since);
    return { ...taint, timeAdded: timestamp(since) };
  }

  /** How much longer a pod may stay: the shortest of the tolerations that match counts. */
  #bearsFor(pod: Pod, taint: Taint, now: Instant): Millis {
    const matching = (pod.spec.tolerations ?? []).filter((toleration) => bears(toleration, taint));
    if (matching.length === 0) return 0;
    const seconds = matching.flatMap(({ tolerationSeconds }) =>
      tolerationSeconds === undefined ? [] : [tolerationSeconds],
    );
    if (seconds.length === 0) return Number.POSITIVE_INFINITY;
    const own = taint.key === notReadyTaint || taint.key === unreachableTaint;
    const limit = own ? (this.#timing.evictionMaxSeconds ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
    const patience = Math.min(
      ...seconds.map((value) => (value === defaultTolerationSeconds ? Math.min(value, limit) : value)),
    );
    return (taint.timeAdded ? parseTime(taint.timeAdded) : now) + Math.max(0, patience) * 1000 - now;
  }
}

/** What admission gives every pod that says nothing itself: only this one is cut short by quick timing. */
const defaultTolerationSeconds = 300;

const remove = (pod: Pod, graceSeconds?: number): Action =>
  act({
    verb: 'delete',
    kind: podKind,
    key: keyOf(pod),
    uid: pod.metadata.uid,
    ...(graceSeconds === undefined ? {} : { graceSeconds }),
  });

function evicted(pod: Pod, now: Instant): readonly (Action | Notice)[] {
  const lastTransitionTime = timestamp(now);
  const message = 'Taint manager: deleting due to NoExecute taint';
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message,
    lastTransitionTime,
  };
  const told = `Marking for deletion Pod ${pod.metadata.namespace}/${pod.metadata.name}`;
  return [
    podCondition(pod, condition),
    remove(pod),
    { verb: 'event', about: pod, reason: 'TaintManagerEviction', message: told },
  ];
}

function bears(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  return (
    toleration.operator === 'Exists' || (Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? ''))
  );
}

/** The last sign of life: a renewed lease or a status heartbeat. */
function heard(node: Node, lease: Lease | undefined): number {
  const times = [
    lease?.spec?.renewTime,
    conditionOf(node, 'Ready')?.lastHeartbeatTime,
    node.metadata.creationTimestamp,
  ];
  return Math.max(...times.flatMap((time) => (time ? [parseTime(time)] : [])), 0);
}

function silenced(node: Node, lease: Lease | undefined, now: Instant): readonly Condition[] {
  const before = node.status?.conditions ?? [];
  const never = conditionOf(node, 'Ready') === undefined && lease === undefined;
  const unknown = (type: string, old: Condition | undefined): Condition => ({
    type,
    status: 'Unknown',
    reason: never || !old ? 'NodeStatusNeverUpdated' : 'NodeStatusUnknown',
    message: never || !old ? 'Kubelet never posted node status.' : 'Kubelet stopped posting node status.',
    lastHeartbeatTime: old?.lastHeartbeatTime ?? node.metadata.creationTimestamp,
    lastTransitionTime: timestamp(now),
  });
  const others = before.filter(({ type }) => !reported.includes(type));
  const silent = reported.map((type) => {
    const old = before.find((condition) => condition.type === type);
    return old?.status === 'Unknown' ? old : unknown(type, old);
  });
  return [...others, ...silent];
}

function statusOf(node: Node, conditions: readonly Condition[]): readonly Action[] {
  const before = node.status?.conditions ?? [];
  const changed = conditions.filter((condition) => !before.some((old) => equalJson(old, condition)));
  if (changed.length === 0) return [];
  const patch = { status: { conditions: changed as unknown as Json } };
  return [
    act({ verb: 'patch', type: 'strategic-merge', kind: nodeKind, key: keyOf(node), patch, subresource: 'status' }),
  ];
}

/** The taints that the conditions call for, beside those that others have put there. */
function taintsOf(node: Node, conditions: readonly Condition[], now: Instant): readonly Taint[] {
  const before = node.spec.taints ?? [];
  // A node that has said nothing yet keeps the taint that it was registered with.
  if (!conditions.some((condition) => condition.type === 'Ready')) return before;
  const status = (type: string) => conditions.find((condition) => condition.type === type)?.status;
  const ready = status('Ready');
  const key = ready === 'True' ? undefined : ready === 'False' ? notReadyTaint : unreachableTaint;
  const wanted: Taint[] = [];
  if (key) wanted.push({ key, effect: 'NoSchedule' });
  for (const [type, taint] of Object.entries(pressureTaints))
    if (status(type) === 'True') wanted.push({ key: taint, effect: 'NoSchedule' });
  if (node.spec.unschedulable) wanted.push({ key: unschedulableTaint, effect: 'NoSchedule' });
  if (key) wanted.push({ key, effect: 'NoExecute' });
  const same = (a: Taint, b: Taint) => a.key === b.key && a.effect === b.effect;
  const kept = before.filter((taint) => !managed.has(taint.key) || wanted.some((other) => same(taint, other)));
  const missing = wanted.filter((taint) => !before.some((other) => same(taint, other)));
  return [...kept, ...missing.map((taint) => ({ ...taint, timeAdded: timestamp(now) }))];
}

/** Guarded by revision: taints are a list that others write too. */
function taintPatch(node: Node, taints: readonly Taint[]): readonly Action[] {
  if (equalJson(node.spec.taints ?? [], taints)) return [];
  const { uid, resourceVersion } = node.metadata;
  const patch = {
    metadata: { uid, resourceVersion },
    spec: { taints: taints.length > 0 ? (taints as unknown as Json) : null },
  };
  return [act({ verb: 'patch', kind: nodeKind, key: keyOf(node), patch })];
}

/** Pods of a node that is not ready are not ready either: services stop sending to them. */
function unreadied(pods: readonly Pod[], ready: Condition | undefined, now: Instant): readonly (Action | Notice)[] {
  if (!ready || ready.status === 'True') return [];
  const affected = pods.filter((pod) => conditionOf(pod, 'Ready')?.status === 'True');
  return affected.flatMap((pod): readonly (Action | Notice)[] => [
    podCondition(pod, { type: 'Ready', status: 'False', lastTransitionTime: timestamp(now) }),
    { verb: 'event', about: pod, type: 'Warning', reason: 'NodeNotReady', message: 'Node is not ready' },
  ]);
}

function podCondition(pod: Pod, condition: { readonly [key: string]: Json }): Action {
  const generation = pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation };
  const patch = { status: { conditions: [{ ...condition, ...generation }] } };
  return act({ verb: 'patch', type: 'strategic-merge', kind: podKind, key: keyOf(pod), patch, subresource: 'status' });
}
