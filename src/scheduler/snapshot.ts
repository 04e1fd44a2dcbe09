import { type HostPort, hostPortsOf } from '../api/host-ports.ts';
import type { Node } from '../api/kinds/node.ts';
import { isFinished, type Pod } from '../api/kinds/pod.ts';
import { type Amounts, amountsOf, plus, requestsOf } from '../api/pod-amounts.ts';
import { equalJson, type Json } from '../base/json.ts';
import { compareText } from '../base/text.ts';

/** A node and what stands on it. */
export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  readonly pods: ReadonlyMap<string, Pod>;
  readonly allocatable: Amounts;
  readonly requested: Amounts;
  readonly scored: { readonly cpu: number; readonly memory: number };
  readonly ports: readonly HostPort[];
  /** What was found out of it, for as long as nothing of it changes: most nodes stay as they are from pod to pod. */
  readonly memo: Map<string, unknown>;
  /** How many of its pods are like some other pod: kept up with each pod that comes and goes. */
  readonly counters: Map<string, Counter>;
}
export interface Counter {
  matches(pod: Pod): boolean;
  count: number;
}

export interface Snapshot {
  /** By name, so that equal worlds give equal answers. */
  readonly nodes: readonly NodeInfo[];
  node(name: string): NodeInfo | undefined;
}

interface Place {
  node: Node | undefined;
  readonly pods: Map<string, Pod>;
  readonly counters: Map<string, Counter>;
  info: NodeInfo | undefined;
  /** Where it stands among the nodes, once they are in order. */
  at: number;
}

/** The nodes with what is free on them, kept up to date change by change: only what changed is counted again. */
export class LiveSnapshot implements Snapshot {
  readonly #places = new Map<string, Place>();
  readonly #nodeOf = new Map<string, string>();
  /** In order of their names: made anew only when a node comes or goes. */
  #sorted: NodeInfo[] | undefined;
  /** What has changed of them since they were last asked for: of thousands of nodes one pod changes one. */
  readonly #changed = new Set<Place>();

  get nodes(): readonly NodeInfo[] {
    this.#sorted ??= this.#inOrder();
    for (const place of this.#changed) if (place.node) this.#sorted[place.at] = infoOf(place, place.node);
    this.#changed.clear();
    return this.#sorted;
  }

  node(name: string): NodeInfo | undefined {
    const place = this.#places.get(name);
    return place?.node && infoOf(place, place.node);
  }

  #inOrder(): NodeInfo[] {
    const sorted: NodeInfo[] = [];
    for (const name of [...this.#places.keys()].sort(compareText)) {
      const place = this.#places.get(name) as Place;
      if (place.node) place.at = sorted.push(infoOf(place, place.node)) - 1;
    }
    return sorted;
  }

  setNode(node: Node): void {
    const place = this.#place(node.metadata.name);
    if (!place.node) this.#sorted = undefined;
    place.node = node;
    if (place.info) {
      const { allocatable } =
        place.info.node.status === node.status ? place.info : { allocatable: allocatableOf(node) };
      place.info = { ...place.info, node, allocatable, memo: new Map() };
    }
    this.#changed.add(place);
  }

  dropNode(name: string): void {
    const place = this.#places.get(name);
    if (!place) return;
    place.node = undefined;
    this.#sorted = undefined;
    this.#touch(name, place);
  }

  /** A pod stands where it says, or on the node that is assumed for it. */
  setPod(pod: Pod, assumed?: string): void {
    const { uid } = pod.metadata;
    const at = isFinished(pod) ? undefined : (pod.spec.nodeName ?? assumed);
    const before = this.#nodeOf.get(uid);
    if (before !== undefined && before === at) {
      const place = this.#place(at);
      const old = place.pods.get(uid);
      place.pods.set(uid, pod);
      if (!old || !weighsAlike(old, pod)) this.#touch(at, place);
      if (old && !looksAlike(old, pod)) {
        tally(place, old, -1);
        tally(place, pod, 1);
      }
      return;
    }
    this.dropPod(uid);
    if (at === undefined) return;
    const place = this.#place(at);
    place.pods.set(uid, pod);
    tally(place, pod, 1);
    this.#nodeOf.set(uid, at);
    if (place.info) place.info = withPod(place.info, pod);
    this.#changed.add(place);
  }

  dropPod(uid: string): void {
    const at = this.#nodeOf.get(uid);
    if (at === undefined) return;
    this.#nodeOf.delete(uid);
    const place = this.#place(at);
    const old = place.pods.get(uid);
    if (old) tally(place, old, -1);
    place.pods.delete(uid);
    this.#touch(at, place);
  }

  #place(name: string): Place {
    const known = this.#places.get(name);
    if (known) return known;
    const place: Place = { node: undefined, pods: new Map(), counters: new Map(), info: undefined, at: -1 };
    this.#places.set(name, place);
    return place;
  }

  #touch(name: string, place: Place): void {
    place.info = undefined;
    if (place.node || place.pods.size > 0) this.#changed.add(place);
    else this.#places.delete(name);
  }
}

function tally({ counters }: Place, pod: Pod, change: 1 | -1): void {
  for (const counter of counters.values()) if (counter.matches(pod)) counter.count += change;
}

/** Whether others see the pod as they did before. */
const looksAlike = ({ metadata: a }: Pod, { metadata: b }: Pod): boolean =>
  a.deletionTimestamp === b.deletionTimestamp && (a.labels === b.labels || equalJson(a.labels ?? {}, b.labels ?? {}));

/** Whether it takes of its node what it took before. A pod's spec hardly ever changes, its status often does. */
const weighsAlike = (a: Pod, b: Pod): boolean =>
  a.spec === b.spec ||
  (equalJson(requestsOf(a) as unknown as Json, requestsOf(b) as unknown as Json) &&
    equalJson(hostPortsOf(a) as unknown as Json, hostPortsOf(b) as unknown as Json));

const allocatableOf = (node: Node): Amounts => amountsOf(node.status?.allocatable ?? node.status?.capacity);

const infoOf = (place: Place, node: Node): NodeInfo => {
  place.info ??= count(node, place);
  return place.info;
};

function count(node: Node, { pods, counters }: Place): NodeInfo {
  let info: NodeInfo = {
    name: node.metadata.name,
    node,
    pods,
    allocatable: allocatableOf(node),
    requested: {},
    scored: { cpu: 0, memory: 0 },
    ports: [],
    memo: new Map(),
    counters,
  };
  for (const pod of pods.values()) info = withPod(info, pod);
  return info;
}

function withPod(info: NodeInfo, pod: Pod): NodeInfo {
  const { real, scored } = requestsOf(pod);
  const ports = hostPortsOf(pod);
  return {
    ...info,
    requested: plus(info.requested, real),
    scored: { cpu: info.scored.cpu + scored.cpu, memory: info.scored.memory + scored.memory },
    ports: ports.length > 0 ? [...info.ports, ...ports] : info.ports,
    memo: new Map(),
  };
}
