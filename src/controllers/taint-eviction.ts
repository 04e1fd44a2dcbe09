import type { Node, Taint } from '../api/kinds/node.ts';
import { type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { toleratedBy } from '../api/node-matching.ts';
import { keyOf } from '../api/object.ts';
import type { Instant, Millis } from '../base/env.ts';
import { parseTime, timestamp } from '../base/text.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import { notReadyTaint, unreachableTaint } from './node-taints.ts';
import { podCondition } from './pod-condition.ts';

/** What admission gives every pod that says nothing itself: only this one is cut short by quick timing. */
const defaultTolerationSeconds = 300;

export interface Eviction {
  readonly actions: readonly (Action | Notice)[];
  readonly again: readonly Millis[];
}
export interface EvictionSetting {
  readonly taints: readonly Taint[];
  readonly now: Instant;
  /** To how many seconds a toleration that nobody asked for is cut. */
  readonly maxSeconds: number | undefined;
}

/** Drives pods out of nodes whose taints they do not bear, once their patience is over. */
export class TaintEviction {
  /** Pods that will have to go once their toleration has run out. */
  readonly #doomed = new Set<string>();
  /** When a taint that does not say so itself was first seen. */
  readonly #taintSeen = new Map<string, Instant>();

  evict(node: Node, pods: readonly Pod[], setting: EvictionSetting): Eviction {
    const { now } = setting;
    const strict = setting.taints
      .filter(({ effect }) => effect === 'NoExecute')
      .map((taint) => this.#dated(node, taint, now));
    const actions: (Action | Notice)[] = [];
    const again: Millis[] = [];
    // Almost all nodes almost always.
    if (strict.length === 0 && this.#doomed.size === 0) return { actions, again };
    for (const pod of pods) {
      const { uid, namespace, name, deletionTimestamp } = pod.metadata;
      if (deletionTimestamp !== undefined) continue;
      const left = Math.min(...strict.map((taint) => bearsFor(pod, taint, setting)));
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
}

/** How much longer a pod may stay: the shortest of the tolerations that match counts. */
function bearsFor(pod: Pod, taint: Taint, { now, maxSeconds }: EvictionSetting): Millis {
  const matching = (pod.spec.tolerations ?? []).filter((toleration) => toleratedBy([toleration], taint));
  if (matching.length === 0) return 0;
  const seconds = matching.flatMap(({ tolerationSeconds }) =>
    tolerationSeconds === undefined ? [] : [tolerationSeconds],
  );
  if (seconds.length === 0) return Number.POSITIVE_INFINITY;
  const own = taint.key === notReadyTaint || taint.key === unreachableTaint;
  const limit = own ? (maxSeconds ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  const patience = Math.min(
    ...seconds.map((value) => (value === defaultTolerationSeconds ? Math.min(value, limit) : value)),
  );
  return (taint.timeAdded ? parseTime(taint.timeAdded) : now) + Math.max(0, patience) * 1000 - now;
}

function evicted(pod: Pod, now: Instant): readonly (Action | Notice)[] {
  const lastTransitionTime = timestamp(now);
  const message = 'Taint manager: deleting due to NoExecute taint';
  const reason = 'DeletionByTaintManager';
  const condition = { type: 'DisruptionTarget', status: 'True', reason, message, lastTransitionTime };
  const told = `Marking for deletion Pod ${pod.metadata.namespace}/${pod.metadata.name}`;
  return [
    podCondition(pod, condition),
    act({ verb: 'delete', kind: podKind, key: keyOf(pod), uid: pod.metadata.uid }),
    { verb: 'event', about: pod, reason: 'TaintManagerEviction', message: told },
  ];
}
