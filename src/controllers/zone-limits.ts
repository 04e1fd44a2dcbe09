import type { Node } from '../api/kinds/node.ts';
import { conditionOf } from '../api/kinds/pod.ts';
import type { Instant, Millis } from '../base/env.ts';
import type { Timing } from './timing.ts';

/** From this share of silent nodes on, a zone is rather cut off than dead. */
const unhealthyShare = 0.55;
const largeZone = 50;
const never: Millis = Number.POSITIVE_INFINITY;

export type ZoneState = 'normal' | 'partial' | 'full';

export const isReadyNode = (node: Node): boolean => conditionOf(node, 'Ready')?.status === 'True';

export function zoneOf({ metadata }: Node): string {
  const labels = metadata.labels ?? {};
  const place = (name: string) => labels[`topology.kubernetes.io/${name}`] ?? '';
  return `${place('region')}/${place('zone')}`;
}

export function stateOf(nodes: readonly Node[]): ZoneState {
  const ready = nodes.filter(isReadyNode).length;
  const silent = nodes.length - ready;
  if (ready === 0 && silent > 0) return 'full';
  return silent > 2 && silent / nodes.length >= unhealthyShare ? 'partial' : 'normal';
}

/** How fast nodes are given up, zone by zone: when many fall silent at once, it is rather the network than the nodes. */
export class ZoneLimits {
  readonly #timing: Timing;
  readonly #nextAt = new Map<string, number>();

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** How long to wait before this node may be given up; 0 takes the turn. Infinite: not as long as things are so. */
  turn(node: Node, all: readonly Node[], now: Instant): Millis {
    const zone = zoneOf(node);
    const rate = this.#rate(all.filter((other) => zoneOf(other) === zone));
    if (rate === 0) return never;
    const at = this.#nextAt.get(zone) ?? now;
    if (at > now) return at - now;
    this.#nextAt.set(zone, now + 1000 / rate);
    return 0;
  }

  #rate(nodes: readonly Node[]): number {
    if (stateOf(nodes) !== 'partial') return this.#timing.givenUpPerSecond;
    return nodes.length > largeZone ? this.#timing.givenUpPerSecondReduced : 0;
  }
}

/** Nobody is heard any more: then it is us who are cut off, and nobody is given up. */
export function isAllSilent(nodes: readonly Node[]): boolean {
  return nodes.length > 0 && !nodes.some(isReadyNode);
}
