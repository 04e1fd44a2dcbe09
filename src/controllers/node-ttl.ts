import { type Node, nodes as nodeKind } from '../api/kinds/node.ts';
import { type Key, keyOf } from '../api/object.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

const annotation = 'node.alpha.kubernetes.io/ttl';
/** How long kubelets may keep Secrets and ConfigMaps: the more nodes ask, the longer. */
const steps = [
  { sizeMax: 100, seconds: 0 },
  { sizeMax: 500, seconds: 15 },
  { sizeMax: 1000, seconds: 30 },
  { sizeMax: 2000, seconds: 60 },
  { sizeMax: Number.POSITIVE_INFINITY, seconds: 300 },
] as const;
/** A cluster that shrinks goes back a step only once it is so much smaller, so that it does not swing. */
const shrinkShare = 0.9;

export interface TtlObserved {
  readonly node: Node;
  readonly size: number;
}

/** Tells each node how long it may keep what it has read. */
export class NodeTtlController implements Controller<TtlObserved> {
  readonly name = 'ttl-controller';
  readonly #nodes: Cache<Node>;
  #step = 0;

  constructor(nodes: Cache<Node>) {
    this.#nodes = nodes;
  }

  sources(): readonly Source[] {
    return [source(this.#nodes, (node) => [keyOf(node)])];
  }

  observe(key: Key): TtlObserved | undefined {
    const node = this.#nodes.get(key);
    return node && { node, size: this.#nodes.list().length };
  }

  plan({ node, size }: TtlObserved): Plan {
    while (size > (steps[this.#step]?.sizeMax ?? size)) this.#step++;
    while (this.#step > 0 && size < (steps[this.#step - 1]?.sizeMax ?? 0) * shrinkShare) this.#step--;
    const wanted = String(steps[this.#step]?.seconds ?? 0);
    if (node.metadata.deletionTimestamp || node.metadata.annotations?.[annotation] === wanted) return nothing;
    const patch = { metadata: { annotations: { [annotation]: wanted } } };
    return { actions: [[act({ verb: 'patch', kind: nodeKind, key: keyOf(node), patch })]] };
  }
}
