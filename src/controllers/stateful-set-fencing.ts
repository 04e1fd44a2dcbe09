import type { Node } from '../api/kinds/node.ts';
import { type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { type NodeLink, promisedFence } from '../api/node-link.ts';
import { controllerOf, type Key, keyOf } from '../api/object.ts';
import type { Instant, Millis, Random } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import {
  type Answer,
  type Controller,
  nothing,
  type Plan,
  type Question,
  type Source,
  source,
} from '../machinery/controller.ts';
import { linkPath } from './node-health.ts';
import { byNode } from './node-lifecycle.ts';
import { isReadyNode } from './zone-limits.ts';

/** For clocks that do not go quite alike, on top of what the agent says it needs. */
const marginMs: Millis = 1_000;
const askAgainMs: Millis = 1_000;

export interface FencedObserved {
  readonly pod: Pod;
  readonly node: Node | undefined;
}

/**
 * Removes pods of stateful sets that are to go from a silent node, once it is sure that they have ended there: its
 * agent has said that it ends them itself when it cannot reach the server, and the time for that is over. On every
 * other node they stay until it is back, or until somebody says that it is out of service.
 */
export class StatefulSetFencing implements Controller<FencedObserved> {
  readonly name = 'stateful-set-fencing';
  readonly #pods: Cache<Pod>;
  readonly #nodes: Cache<Node>;

  constructor(pods: Cache<Pod>, nodes: Cache<Node>) {
    this.#pods = pods.index('node', byNode);
    this.#nodes = nodes;
  }

  sources(): readonly Source[] {
    return [
      source(this.#pods, (pod) => (isHeldUp(pod) ? [keyOf(pod)] : [])),
      source(this.#nodes, (node) =>
        isReadyNode(node) ? [] : this.#pods.by('node', node.metadata.name).filter(isHeldUp).map(keyOf),
      ),
    ];
  }

  observe(key: Key): FencedObserved | undefined {
    const pod = this.#pods.get(key);
    if (!pod || !isHeldUp(pod)) return undefined;
    return { pod, node: this.#nodes.get({ namespace: '', name: pod.spec.nodeName ?? '' }) };
  }

  wants({ node }: FencedObserved): readonly Question[] {
    return node && !isReadyNode(node) ? [{ path: linkPath(node.metadata.name) }] : [];
  }

  plan({ pod, node }: FencedObserved, _now: Instant, _random: Random, [answer]: readonly Answer[]): Plan {
    if (!node || !answer) return nothing;
    if ('error' in answer) return { actions: [], again: askAgainMs };
    const left = fencedIn(answer.found, node);
    if (left === undefined) return nothing;
    const { ageMs } = answer.found as unknown as NodeLink;
    if (left > 0) return { actions: [], again: Math.max(left, askAgainMs) };
    const seconds = Math.round(ageMs / 1_000);
    const { name } = node.metadata;
    const remove = act({ verb: 'delete', kind: podKind, key: keyOf(pod), uid: pod.metadata.uid, graceSeconds: 0 });
    const message = `Node ${name} has been silent for ${seconds} s, so its agent has ended this pod: another may run`;
    return { actions: [[remove, { verb: 'event', about: pod, reason: 'Fenced', message, after: remove }]] };
  }
}

/**
 * In how much time the pods of a node have ended, by what its link tells; undefined where nobody ends them. Of a node
 * that has not spoken since the server has started, its own word counts, and the time from that start.
 */
export function fencedIn(found: Json, node?: Node): Millis | undefined {
  const { heard, ageMs, fencedAfterMs } = found as unknown as NodeLink;
  const after = heard ? fencedAfterMs : node && promisedFence(node);
  return after === undefined ? undefined : Math.max(0, after + marginMs - ageMs);
}

/** Of which there must never be two. */
export const isGuarded = (pod: Pod): boolean => controllerOf(pod)?.kind === 'StatefulSet';

/** It is to go, and whoever runs it has not said yet that it has ended. */
const isHeldUp = (pod: Pod): boolean =>
  isGuarded(pod) &&
  pod.metadata.deletionTimestamp !== undefined &&
  pod.metadata.deletionGracePeriodSeconds !== 0 &&
  Boolean(pod.spec.nodeName);
