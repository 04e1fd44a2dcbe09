import type { Node } from '../api/kinds/node.ts';
import { isFinished, type Pod } from '../api/kinds/pod.ts';
import { quantityBytes, quantityMillis } from '../api/quantity.ts';
import type { Change } from '../store/store.ts';
import { afterOf, type Checker, folderOf, podsFolder, Violation, valueOf } from './checker.ts';

type Amounts = Record<string, number>;
const nodesFolder = '/core/nodes/';

/** A pod is bound once, and what stands on a node never asks for more than the node can give. */
export class PlacementChecker implements Checker {
  readonly name = 'placement';
  readonly #allocatable = new Map<string, Amounts>();
  readonly #used = new Map<string, Amounts>();
  readonly #boundTo = new Map<string, string>();

  commit(change: Change): void {
    const folder = folderOf(change.entry.key);
    if (folder === nodesFolder) this.#node(afterOf<Node>(change));
    if (folder === podsFolder) this.#pod(valueOf<Pod>(change.previous), afterOf<Pod>(change));
  }

  #node(node: Node | undefined): void {
    if (node?.status?.allocatable) this.#allocatable.set(node.metadata.name, amountsOf(node.status.allocatable));
  }

  #pod(before: Pod | undefined, after: Pod | undefined): void {
    const from = standsOn(before);
    const to = standsOn(after);
    if (from !== undefined && before) this.#count(from, before, -1);
    if (to === undefined || !after) return;
    this.#count(to, after, 1);
    const { uid, name } = after.metadata;
    const bound = this.#boundTo.get(uid);
    if (bound !== undefined && bound !== to) throw new Violation(this.name, `${name} moved from ${bound} to ${to}`);
    this.#boundTo.set(uid, to);
    if (from === to) return;
    const limits = this.#allocatable.get(to) ?? {};
    for (const [resource, amount] of Object.entries(this.#used.get(to) ?? {})) {
      const limit = limits[resource] ?? 0;
      if (amount > limit)
        throw new Violation(this.name, `${to} carries ${amount} of ${limit} ${resource} with ${name}`);
    }
  }

  #count(node: string, pod: Pod, sign: 1 | -1): void {
    const used = this.#used.get(node) ?? {};
    for (const [resource, amount] of Object.entries(requestsOf(pod))) {
      used[resource] = (used[resource] ?? 0) + sign * amount;
    }
    this.#used.set(node, used);
  }
}

const standsOn = (pod: Pod | undefined): string | undefined =>
  pod && !isFinished(pod) ? pod.spec.nodeName || undefined : undefined;

/** Counted on its own, not with the scheduler's arithmetic: a mistake there must not hide itself here. */
function requestsOf(pod: Pod): Amounts {
  const sum: Amounts = { pods: 1 };
  for (const container of pod.spec.containers) {
    for (const [resource, amount] of Object.entries(amountsOf(container.resources?.requests ?? {}))) {
      sum[resource] = (sum[resource] ?? 0) + amount;
    }
  }
  return sum;
}

function amountsOf(quantities: Readonly<Record<string, string | number>>): Amounts {
  const amounts: Amounts = {};
  for (const [resource, text] of Object.entries(quantities)) {
    amounts[resource] = resource === 'cpu' ? quantityMillis(String(text)) : quantityBytes(String(text));
  }
  return amounts;
}
