import type { Node } from '../api/kinds/node.ts';
import { isFinished, isReady, type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { matchesNode, toleratedBy } from '../api/node-matching.ts';
import { byKey, controllerOf, type Key, keyOf } from '../api/object.ts';
import type { Instant, Millis, Random } from '../base/env.ts';
import { compareText } from '../base/text.ts';
import { act, type Notice } from '../client/action.ts';
import type { Cache, Index } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Refusal, type Source, source } from '../machinery/controller.ts';
import { isReadyNode } from './zone-limits.ts';

/** So long after a node has come pods are moved to it; after that the spread is what it is. */
const windowMs: Millis = 600_000;
/** A node that has just come may go again: pods are not moved for that. */
const settleMs: Millis = 10_000;
/** An eviction that the caches do not show by then came to nothing. */
const movedWithinMs: Millis = 10_000;
/** Owners whose pods move: what they lose they make again at once, under another name or on another node. */
const movable: ReadonlySet<string> = new Set(['ReplicaSet', 'StatefulSet', 'ReplicationController']);

const byOwner: Index<Pod> = (pod) => {
  const owner = controllerOf(pod);
  return owner && movable.has(owner.kind) ? [owner.uid] : [];
};

export interface SpreadObserved {
  readonly uid: string;
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
}

/**
 * When a node comes back or is added, moves pods to it from where an owner has two more of them: one pod of an owner at
 * a time, once all others are ready, and by eviction, so that disruption budgets hold. Where the pod goes the scheduler
 * decides, which spreads pods of one owner.
 */
export class Rebalancer implements Controller<SpreadObserved> {
  readonly name = 'rebalancer';
  readonly #pods: Cache<Pod>;
  readonly #nodes: Cache<Node>;
  /** When the last node came, by its own word: nothing is moved in a cluster that has just been looked at first. */
  #cameAt: Instant | undefined;
  #hasCome = false;
  /** By owner: the pod that was asked to go. */
  readonly #moving = new Map<string, { readonly uid: string; readonly at: Instant }>();
  /** The owners of which it was told that their pods are held, since the last node came. */
  readonly #held = new Set<string>();

  constructor(pods: Cache<Pod>, nodes: Cache<Node>) {
    this.#pods = pods.index('owner-of-movable', byOwner);
    this.#nodes = nodes;
  }

  sources(): readonly Source[] {
    const keyOfOwner = (uid: string): Key => ({ namespace: '', name: uid });
    const hasCome = (node: Node, before: Node | undefined) => isReadyNode(node) && !(before && isReadyNode(before));
    this.#nodes.onChange((node, before) => {
      // The first list is no coming.
      if (node && this.#nodes.synced && hasCome(node, before)) this.#hasCome = true;
    });
    return [
      source(this.#nodes, () => {
        if (!this.#hasCome) return [];
        const owners = new Set(this.#pods.list().flatMap(byOwner));
        return [...owners].map(keyOfOwner);
      }),
      source(this.#pods, (pod) => (this.#cameAt === undefined ? [] : byOwner(pod).map(keyOfOwner))),
    ];
  }

  observe({ name: uid }: Key): SpreadObserved | undefined {
    const pods = this.#pods.by('owner-of-movable', uid).filter((pod) => !isFinished(pod));
    return pods.length > 0 ? { uid, pods, nodes: this.#nodes.list() } : undefined;
  }

  plan({ uid, pods, nodes }: SpreadObserved, now: Instant, _random?: Random): Plan {
    if (this.#hasCome) {
      this.#hasCome = false;
      this.#cameAt = now;
      this.#held.clear();
    }
    const came = this.#cameAt;
    if (came === undefined || now > came + windowMs) return nothing;
    const settled = came + settleMs - now;
    if (settled > 0) return { actions: [], again: settled };
    const moving = this.#moving.get(uid);
    if (moving && now < moving.at + movedWithinMs && pods.some(({ metadata }) => metadata.uid === moving.uid)) {
      return { actions: [], again: moving.at + movedWithinMs - now };
    }
    this.#moving.delete(uid);
    const isAtRest = pods.every((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined);
    const move = isAtRest ? moveOf(pods, nodes) : undefined;
    if (!move) return nothing;
    this.#moving.set(uid, { uid: move.pod.metadata.uid, at: now });
    const evict = act({ verb: 'evict', kind: podKind, key: keyOf(move.pod), uid: move.pod.metadata.uid });
    return { actions: [[evict, moved(move, evict)]], again: movedWithinMs };
  }

  /** A budget that allows nothing at the moment is asked again later, by the loop. */
  refused({ uid, pods, nodes }: SpreadObserved, { error }: Refusal): Plan {
    this.#moving.delete(uid);
    const move = moveOf(pods, nodes);
    if (!move || this.#held.has(uid)) return nothing;
    this.#held.add(uid);
    const message = `${told(move)}, but it could not be evicted: ${error.message}`;
    return { actions: [[{ verb: 'event', about: move.pod, reason: 'RebalancingHeld', message }]] };
  }
}

interface Move {
  readonly pod: Pod;
  readonly from: string;
  readonly there: number;
  readonly to: string;
  readonly here: number;
}

/** From the node with most pods of the owner to the one with fewest, where that makes the spread more even. */
export function moveOf(pods: readonly Pod[], nodes: readonly Node[]): Move | undefined {
  const [first] = pods;
  if (!first) return undefined;
  const open = nodes.filter((node) => isOpen(first, node)).map(({ metadata }) => metadata.name);
  const counts = new Map(open.map((name) => [name, 0]));
  for (const { spec } of pods) {
    if (spec.nodeName !== undefined) counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1);
  }
  const most = [...counts].sort((a, b) => b[1] - a[1] || compareText(a[0], b[0]))[0];
  const least = open.map((name) => [name, counts.get(name) ?? 0] as const).sort((a, b) => a[1] - b[1])[0];
  if (!most || !least || most[1] - least[1] < 2) return undefined;
  const [pod] = pods.filter(({ spec }) => spec.nodeName === most[0]).toSorted(byKey);
  return pod && { pod, from: most[0], there: most[1], to: least[0], here: least[1] };
}

function isOpen({ spec }: Pod, node: Node): boolean {
  const strict = (node.spec.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule');
  const isTolerated = strict.every((taint) => toleratedBy(spec.tolerations, taint));
  return isReadyNode(node) && !node.spec.unschedulable && isTolerated && matchesNode(spec, node);
}

const told = ({ from, there, to, here }: Move): string =>
  `Node ${from} runs ${there} pods of its owner and ${to} only ${here}`;

const moved = (move: Move, after: ReturnType<typeof act>): Notice => ({
  verb: 'event',
  about: move.pod,
  reason: 'Rebalanced',
  message: `${told(move)}: evicted, so that the spread becomes even`,
  after,
});
