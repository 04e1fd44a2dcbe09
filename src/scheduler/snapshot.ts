import type { Node } from '../api/kinds/node.ts';
import { isFinished, type Pod } from '../api/kinds/pod.ts';
import { compareText } from '../base/text.ts';
import { type Amounts, amountsOf, plus, requestsOf } from './requests.ts';

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

/** A node and what stands on it. */
export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  readonly pods: ReadonlyMap<string, Pod>;
  readonly allocatable: Amounts;
  readonly requested: Amounts;
  readonly scored: { readonly cpu: number; readonly memory: number };
  readonly ports: readonly HostPort[];
}

export interface Snapshot {
  /** By name, so that equal worlds give equal answers. */
  readonly nodes: readonly NodeInfo[];
  node(name: string): NodeInfo | undefined;
}

interface Place {
  node: Node | undefined;
  readonly pods: Map<string, Pod>;
  info: NodeInfo | undefined;
}

/** The nodes with what is free on them, kept up to date change by change: only what changed is counted again. */
export class LiveSnapshot implements Snapshot {
  readonly #places = new Map<string, Place>();
  readonly #nodeOf = new Map<string, string>();
  #sorted: readonly NodeInfo[] | undefined;

  get nodes(): readonly NodeInfo[] {
    this.#sorted ??= [...this.#places.keys()].sort(compareText).flatMap((name) => this.node(name) ?? []);
    return this.#sorted;
  }

  node(name: string): NodeInfo | undefined {
    const place = this.#places.get(name);
    if (!place?.node) return undefined;
    place.info ??= count(place.node, place.pods);
    return place.info;
  }

  setNode(node: Node): void {
    const place = this.#place(node.metadata.name);
    place.node = node;
    if (place.info) {
      const { allocatable } =
        place.info.node.status === node.status ? place.info : { allocatable: allocatableOf(node) };
      place.info = { ...place.info, node, allocatable };
    }
    this.#sorted = undefined;
  }

  dropNode(name: string): void {
    const place = this.#places.get(name);
    if (!place) return;
    place.node = undefined;
    this.#touch(name, place);
  }

  /** A pod stands where it says, or on the node that is assumed for it. */
  setPod(pod: Pod, assumed?: string): void {
    const { uid } = pod.metadata;
    const at = isFinished(pod) ? undefined : (pod.spec.nodeName ?? assumed);
    const before = this.#nodeOf.get(uid);
    if (before !== undefined && before === at) {
      const place = this.#place(at);
      const same = place.pods.get(uid)?.spec === pod.spec;
      place.pods.set(uid, pod);
      if (!same) this.#touch(at, place);
      return;
    }
    this.dropPod(uid);
    if (at === undefined) return;
    const place = this.#place(at);
    place.pods.set(uid, pod);
    this.#nodeOf.set(uid, at);
    if (place.info) place.info = withPod(place.info, pod, place.pods);
    this.#sorted = undefined;
  }

  dropPod(uid: string): void {
    const at = this.#nodeOf.get(uid);
    if (at === undefined) return;
    this.#nodeOf.delete(uid);
    const place = this.#place(at);
    place.pods.delete(uid);
    this.#touch(at, place);
  }

  #place(name: string): Place {
    const known = this.#places.get(name);
    if (known) return known;
    const place: Place = { node: undefined, pods: new Map(), info: undefined };
    this.#places.set(name, place);
    return place;
  }

  #touch(name: string, place: Place): void {
    place.info = undefined;
    this.#sorted = undefined;
    if (!place.node && place.pods.size === 0) this.#places.delete(name);
  }
}

const allocatableOf = (node: Node): Amounts => amountsOf(node.status?.allocatable ?? node.status?.capacity);

function count(node: Node, pods: ReadonlyMap<string, Pod>): NodeInfo {
  let info: NodeInfo = {
    name: node.metadata.name,
    node,
    pods,
    allocatable: allocatableOf(node),
    requested: {},
    scored: { cpu: 0, memory: 0 },
    ports: [],
  };
  for (const pod of pods.values()) info = withPod(info, pod, pods);
  return info;
}

function withPod(info: NodeInfo, pod: Pod, pods: ReadonlyMap<string, Pod>): NodeInfo {
  const { real, scored } = requestsOf(pod);
  const ports = hostPortsOf(pod);
  return {
    ...info,
    pods,
    requested: plus(info.requested, real),
    scored: { cpu: info.scored.cpu + scored.cpu, memory: info.scored.memory + scored.memory },
    ports: ports.length > 0 ? [...info.ports, ...ports] : info.ports,
  };
}

export function hostPortsOf(pod: Pod): readonly HostPort[] {
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  return [...sidecars, ...pod.spec.containers].flatMap((container) =>
    (container.ports ?? []).flatMap(({ hostPort, hostIP, protocol }) =>
      hostPort ? [{ ip: hostIP || '0.0.0.0', protocol: protocol ?? 'TCP', port: hostPort }] : [],
    ),
  );
}
