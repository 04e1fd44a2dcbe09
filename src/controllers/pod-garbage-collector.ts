import { isApiError } from '../api/error.ts';
import { pathOf } from '../api/kind.ts';
import { type Node, nodes as nodeKind } from '../api/kinds/node.ts';
import { isFinished, type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { type Key, keyOf, keyText, parseKey } from '../api/object.ts';
import type { Instant, Millis, Random } from '../base/env.ts';
import { compareText, timestamp } from '../base/text.ts';
import { type Action, act } from '../client/action.ts';
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
import { linkPath } from './node-health.ts';
import { byNode } from './node-lifecycle.ts';
import { podCondition } from './pod-condition.ts';
import { fencedIn, isGuarded } from './stateful-set-fencing.ts';
import { type Timing, timings } from './timing.ts';
import { isReadyNode } from './zone-limits.ts';

/** So many finished pods are kept. */
const finishedMax = 12_500;
const outOfServiceTaint = 'node.kubernetes.io/out-of-service';

/** The finished pods of all namespaces stand under one name. */
const finished: Index<Pod> = (pod) => (isFinished(pod) ? ['yes'] : []);

export type PodGarbage =
  | { readonly about: 'node'; readonly name: string; readonly node: Node | undefined; readonly pods: readonly Pod[] }
  | { readonly about: 'pod'; readonly pod: Pod }
  | { readonly about: 'finished'; readonly pods: readonly Pod[] };

/** Clears away pods that nobody else can: of nodes that are gone or out of service, of none at all, and old ones. */
export class PodGarbageCollector implements Controller<PodGarbage> {
  readonly name = 'pod-garbage-collector-controller';
  readonly #pods: Cache<Pod>;
  readonly #nodes: Cache<Node>;
  readonly #timing: Timing;
  readonly #finishedMax: number;
  /** Since when a name that pods stand on has no node. */
  readonly #absent = new Map<string, Instant>();

  constructor(pods: Cache<Pod>, nodes: Cache<Node>, timing: Timing = timings.upstream, keep: number = finishedMax) {
    this.#pods = pods.index('node', byNode).index('finished', finished);
    this.#nodes = nodes;
    this.#timing = timing;
    this.#finishedMax = keep;
  }

  sources(): readonly Source[] {
    return [
      source(this.#nodes, ({ metadata }) => [ofNode(metadata.name)]),
      source(this.#pods, (pod) => [
        ...this.#placeOf(pod),
        ...(isFinished(pod) ? [{ namespace: 'finished', name: '' }] : []),
      ]),
    ];
  }

  /** A node that is there and in service keeps its pods, and a pod that nobody deleted waits for one. */
  #placeOf(pod: Pod): readonly Key[] {
    const { nodeName } = pod.spec;
    const isLeaving = pod.metadata.deletionTimestamp !== undefined;
    if (!nodeName) return isLeaving ? [{ namespace: 'pod', name: keyText(keyOf(pod)) }] : [];
    const node = this.#nodes.get({ namespace: '', name: nodeName });
    return !node || (isLeaving && isOutOfService(node)) ? [ofNode(nodeName)] : [];
  }

  observe({ namespace: about, name }: Key): PodGarbage | undefined {
    if (about === 'finished') return { about, pods: this.#pods.by('finished', 'yes') };
    if (about === 'node') {
      return { about, name, node: this.#nodes.get({ namespace: '', name }), pods: this.#pods.by('node', name) };
    }
    const pod = this.#pods.get(parseKey(name));
    return pod ? { about: 'pod', pod } : undefined;
  }

  /** A node that the cache does not show may be new. */
  wants(observed: PodGarbage, now: Instant): readonly Question[] {
    if (observed.about !== 'node' || observed.node || observed.pods.length === 0) return [];
    if (this.#patience(observed.name, now) > 0) return [];
    const link = this.#timing.linkGraceMs !== undefined && observed.pods.some(isGuarded);
    return [{ path: pathOf(nodeKind, '', observed.name) }, ...(link ? [{ path: linkPath(observed.name) }] : [])];
  }

  plan(observed: PodGarbage, now: Instant, _random: Random, answers: readonly Answer[] = []): Plan {
    switch (observed.about) {
      case 'pod': {
        const { metadata } = observed.pod;
        const isLeft = metadata.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds !== 0;
        return isLeft && !observed.pod.spec.nodeName ? { actions: [removal(observed.pod)] } : nothing;
      }
      case 'finished':
        return this.#tooMany(observed.pods);
      case 'node':
        return observed.node ? outOfService(observed.node, observed.pods) : this.#orphaned(observed, now, answers);
    }
  }

  #patience(name: string, now: Instant): number {
    return (this.#absent.get(name) ?? now) + this.#timing.absentGraceMs - now;
  }

  #orphaned({ name, pods }: PodGarbage & { readonly about: 'node' }, now: Instant, answers: readonly Answer[]): Plan {
    if (pods.length === 0) {
      this.#absent.delete(name);
      return nothing;
    }
    this.#absent.set(name, this.#absent.get(name) ?? now);
    const left = this.#patience(name, now);
    if (left > 0) return { actions: [], again: left };
    const [answer, link] = answers;
    if (!answer || !('error' in answer) || !isApiError(answer.error, 'NotFound')) {
      this.#absent.delete(name);
      return { actions: [], again: this.#timing.absentGraceMs };
    }
    const held = this.#heldFor(name, link, now);
    const lost = pods.filter((pod) => !isForced(pod.metadata) && !(held > 0 && isGuarded(pod)));
    const again = held > 0 ? { again: held } : {};
    const marked = lost.filter((pod) => !isFinished(pod)).map((pod) => failed(pod, now));
    return { actions: [marked, lost.flatMap(removal)].filter((group) => group.length > 0), ...again };
  }

  /** An agent whose node was deleted may live, and so may its pods: those of stateful sets go when it has ended them. */
  #heldFor(name: string, link: Answer | undefined, now: Instant): Millis {
    if (!link) return 0;
    const silent = 'found' in link ? fencedIn(link.found) : undefined;
    if (silent !== undefined) return silent;
    const patient = timings.upstream.absentGraceMs;
    return Math.max(0, (this.#absent.get(name) ?? now) + patient - now);
  }

  #tooMany(pods: readonly Pod[]): Plan {
    const excess = pods.length - this.#finishedMax;
    if (excess <= 0) return nothing;
    const isEvicted = ({ status }: Pod) => status?.phase === 'Failed' && status.reason === 'Evicted';
    const oldest = pods.toSorted(
      (a, b) =>
        Number(isEvicted(b)) - Number(isEvicted(a)) ||
        compareText(a.metadata.creationTimestamp, b.metadata.creationTimestamp) ||
        compareText(a.metadata.name, b.metadata.name),
    );
    return { actions: [oldest.slice(0, excess).flatMap(removal)] };
  }
}

const ofNode = (name: string): Key => ({ namespace: 'node', name });

const isOutOfService = ({ spec }: Node): boolean => (spec.taints ?? []).some(({ key }) => key === outOfServiceTaint);

/** Somebody says that the machine is off for good: its pods that are to go are gone. */
function outOfService(node: Node, pods: readonly Pod[]): Plan {
  if (!isOutOfService(node) || isReadyNode(node)) return nothing;
  const leaving = pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined && !isForced(metadata));
  const marked = leaving.filter((pod) => !isFinished(pod)).map(ended);
  return { actions: [marked, leaving.flatMap(removal)].filter((group) => group.length > 0) };
}

/** What was asked to go at once, and is still there, is held by somebody else. */
const isForced = ({ deletionTimestamp, deletionGracePeriodSeconds }: Pod['metadata']): boolean =>
  deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0;

const removal = (pod: Pod): readonly Action[] => [
  act({ verb: 'delete', kind: podKind, key: keyOf(pod), uid: pod.metadata.uid, graceSeconds: 0 }),
];

const ended = (pod: Pod): Action =>
  act({
    verb: 'patch',
    type: 'strategic-merge',
    kind: podKind,
    key: keyOf(pod),
    patch: { status: { phase: 'Failed' } },
    subresource: 'status',
  });

function failed(pod: Pod, now: Instant): Action {
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: timestamp(now),
  };
  return podCondition(pod, condition, { phase: 'Failed' });
}
