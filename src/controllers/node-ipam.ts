import { type Node, nodes as nodeKind } from '../api/kinds/node.ts';
import { type Key, keyOf } from '../api/object.ts';
import { assert } from '../base/env.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

/** A node gets so many bits less than an address has: 254 pods. */
const nodeBits = 24;

export interface IpamObserved {
  readonly node: Node;
  readonly taken: ReadonlySet<string>;
}

/** Gives every node a part of the pods' addresses. */
export class NodeIpamController implements Controller<IpamObserved> {
  readonly name = 'node-ipam-controller';
  readonly #nodes: Cache<Node>;
  readonly #base: number;
  readonly #count: number;
  /** Given out by us and not seen in the cache yet. */
  readonly #given = new Map<string, string>();

  constructor(nodes: Cache<Node>, range: string) {
    this.#nodes = nodes;
    const found = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(range);
    const [, a, b, c, d, bits] = (found ?? []).map(Number);
    assert(found && Number(bits) <= nodeBits, `${range} is no range that can be divided among nodes`);
    const address = ((Number(a) * 256 + Number(b)) * 256 + Number(c)) * 256 + Number(d);
    this.#count = 2 ** (nodeBits - Number(bits));
    this.#base = Math.floor(address / 256 / this.#count) * this.#count;
  }

  sources(): readonly Source[] {
    // Where one goes its part is free for those that found none.
    const waiting = () => this.#nodes.list().filter(({ spec }) => !spec.podCIDR);
    return [source(this.#nodes, (node) => (this.#nodes.get(keyOf(node)) ? [keyOf(node)] : waiting().map(keyOf)))];
  }

  observe(key: Key): IpamObserved | undefined {
    const node = this.#nodes.get(key);
    if (!node || node.spec.podCIDR) {
      this.#given.delete(key.name);
      return undefined;
    }
    const seen = this.#nodes.list().flatMap(({ spec }) => spec.podCIDRs ?? (spec.podCIDR ? [spec.podCIDR] : []));
    return { node, taken: new Set([...seen, ...this.#given.values()]) };
  }

  plan({ node, taken }: IpamObserved): Plan {
    const { name, uid, resourceVersion, deletionTimestamp } = node.metadata;
    if (deletionTimestamp !== undefined) return nothing;
    const range = this.#given.get(name) ?? this.#free(taken);
    if (range === undefined) {
      const message = `Node ${name} status is now: CIDRNotAvailable`;
      return { actions: [[{ verb: 'event', about: node, reason: 'CIDRNotAvailable', message }]] };
    }
    this.#given.set(name, range);
    const patch = { metadata: { uid, resourceVersion }, spec: { podCIDR: range, podCIDRs: [range] } };
    return { actions: [[act({ verb: 'patch', kind: nodeKind, key: keyOf(node), patch })]] };
  }

  #free(taken: ReadonlySet<string>): string | undefined {
    for (let at = 0; at < this.#count; at++) {
      const part = this.#base + at;
      const range = `${Math.floor(part / 65_536)}.${Math.floor(part / 256) % 256}.${part % 256}.0/${nodeBits}`;
      if (!taken.has(range)) return range;
    }
    return undefined;
  }
}
