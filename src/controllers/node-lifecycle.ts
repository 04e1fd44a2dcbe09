import type { Lease } from '../api/kinds/lease.ts';
import { type Node, nodes as nodeKind } from '../api/kinds/node.ts';
import { type Condition, conditionOf, type Pod } from '../api/kinds/pod.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Instant, Millis, Random } from '../base/env.ts';
import { equalJson, type Json } from '../base/json.ts';
import { parseTime, timestamp } from '../base/text.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Cache, Index } from '../machinery/cache.ts';
import {
  type Answer,
  type Controller,
  nothing,
  type Plan,
  type Question,
  type Source,
  source,
} from '../machinery/controller.ts';
import { NodeHealth, silenced } from './node-health.ts';
import { type GivingUp, isGivenUp, taintPatch, taintsOf } from './node-taints.ts';
import { podCondition } from './pod-condition.ts';
import { TaintEviction } from './taint-eviction.ts';
import { type Timing, timings } from './timing.ts';
import { isAllSilent, isReadyNode, ZoneLimits } from './zone-limits.ts';

const leaseNamespace = 'kube-node-lease';

export const byNode: Index<Pod> = (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []);
const byReadiness: Index<Node> = (node) => [isReadyNode(node) ? 'ready' : 'silent'];

const nodeKey = (name: string): Key => ({ namespace: '', name });
const isDrivingOut = ({ effect }: { readonly effect: string }): boolean => effect === 'NoExecute';

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
  readonly #health: NodeHealth;
  readonly #limits: ZoneLimits;
  readonly #taints = new TaintEviction();
  /** The nodes that were told of, as they were last seen. */
  readonly #registered = new Map<string, Node>();

  constructor(
    caches: { readonly nodes: Cache<Node>; readonly leases: Cache<Lease>; readonly pods: Cache<Pod> },
    timing: Timing = timings.upstream,
  ) {
    this.#nodes = caches.nodes.index('readiness', byReadiness);
    this.#leases = caches.leases;
    this.#pods = caches.pods.index('node', byNode);
    this.#timing = timing;
    this.#health = new NodeHealth(timing);
    this.#limits = new ZoneLimits(timing);
  }

  sources(): readonly Source[] {
    return [
      // How many are silent decides what becomes of each of them.
      source(this.#nodes, (node) => {
        const others = isReadyNode(node) ? [] : this.#nodes.by('readiness', 'silent');
        return [keyOf(node), ...others.map(keyOf)];
      }),
      source(this.#leases, ({ metadata }) =>
        metadata.namespace === leaseNamespace ? [{ namespace: '', name: metadata.name }] : [],
      ),
      source(this.#pods, ({ spec: { nodeName } }) => (nodeName && !this.#isWell(nodeName) ? [nodeKey(nodeName)] : [])),
    ];
  }

  /** Nothing is to be done with pods of such a node, however many come and go there. */
  #isWell(name: string): boolean {
    const node = this.#nodes.get(nodeKey(name));
    return node !== undefined && isReadyNode(node) && !(node.spec.taints ?? []).some(isDrivingOut);
  }

  observe({ name }: Key): NodeObserved {
    const node = this.#nodes.get({ namespace: '', name });
    const lease = this.#leases.get({ namespace: leaseNamespace, name });
    return { name, node, lease, pods: this.#pods.by('node', name) };
  }

  wants({ node, lease }: NodeObserved, now: Instant): readonly Question[] {
    return node ? this.#health.wants(node, lease, now) : [];
  }

  plan(
    { name, node, lease, pods }: NodeObserved,
    now: Instant,
    _random: Random,
    answers: readonly Answer[] = [],
  ): Plan {
    if (!node) return this.#removed(name);
    const { left, isLinked } = this.#health.look(node, lease, { now, answers });
    const conditions = left > 0 ? (node.status?.conditions ?? []) : silenced(node, lease, now);
    const ready = conditions.find((condition) => condition.type === 'Ready');
    const turn = this.#turn(node, ready, now);
    const taints = taintsOf(node, conditions, { now, givingUp: turn.givingUp });
    const maxSeconds = isLinked ? this.#timing.evictionMaxSeconds : undefined;
    const eviction = this.#taints.evict(node, pods, { taints, now, maxSeconds });
    const groups = [
      this.#told(node, ready),
      taintPatch(node, taints),
      statusOf(node, conditions),
      unreadied(pods, ready, now),
      eviction.actions,
    ];
    const again = [left > 0 ? [left] : [], eviction.again, turn.again].flat();
    return {
      actions: groups.filter((group) => group.length > 0),
      ...(again.length > 0 ? { again: Math.min(...again) } : {}),
    };
  }

  /** Whether pods may be driven out of it now. */
  #turn(
    node: Node,
    ready: Condition | undefined,
    now: Instant,
  ): { readonly givingUp: GivingUp; readonly again: readonly Millis[] } {
    if (!ready || ready.status === 'True') return { givingUp: 'yes', again: [] };
    const judged: Node = { ...node, status: { ...node.status, conditions: [ready] } };
    const others = this.#nodes.list().filter(({ metadata }) => metadata.name !== node.metadata.name);
    const all = [...others, judged];
    if (isAllSilent(all)) return { givingUp: 'lift', again: [] };
    if (isGivenUp(node)) return { givingUp: 'yes', again: [] };
    const settled = parseTime(ready.lastTransitionTime ?? '') + this.#timing.settleMs - now;
    if (settled > 0) return { givingUp: 'keep', again: [settled] };
    const wait = this.#limits.turn(judged, all, now);
    if (wait <= 0) return { givingUp: 'yes', again: [] };
    return { givingUp: 'keep', again: wait === Number.POSITIVE_INFINITY ? [] : [wait] };
  }

  /** What is worth telling about the node itself. */
  #told(node: Node, ready: Condition | undefined): readonly Notice[] {
    const { name, uid } = node.metadata;
    const isNew = this.#registered.get(name)?.metadata.uid !== uid;
    this.#registered.set(name, node);
    const registered = `Node ${name} event: Registered Node ${name} in Controller`;
    const silent = ready !== undefined && ready.status !== 'True' && isReadyNode(node);
    return [
      ...(isNew ? [notice(node, 'RegisteredNode', registered)] : []),
      ...(silent ? [notice(node, 'NodeNotReady', `Node ${name} status is now: NodeNotReady`)] : []),
    ];
  }

  #removed(name: string): Plan {
    const node = this.#registered.get(name);
    this.#registered.delete(name);
    this.#health.forget(name);
    if (!node) return nothing;
    return { actions: [[notice(node, 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`)]] };
  }
}

const notice = (about: Node, reason: string, message: string): Notice => ({ verb: 'event', about, reason, message });

function statusOf(node: Node, conditions: readonly Condition[]): readonly Action[] {
  const before = node.status?.conditions ?? [];
  const changed = conditions.filter((condition) => !before.some((old) => equalJson(old, condition)));
  if (changed.length === 0) return [];
  const patch = { status: { conditions: changed as unknown as Json } };
  return [
    act({ verb: 'patch', type: 'strategic-merge', kind: nodeKind, key: keyOf(node), patch, subresource: 'status' }),
  ];
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
