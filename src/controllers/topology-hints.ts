import type { Endpoint } from '../api/kinds/endpoint-slice.ts';
import type { Node } from '../api/kinds/node.ts';
import type { Service } from '../api/kinds/service.ts';
import type { Labels } from '../api/object.ts';
import { quantityMillis } from '../api/quantity.ts';
import { compareText } from '../base/text.ts';
import { isReadyNode } from './zone-limits.ts';

const modeAnnotations = ['service.kubernetes.io/topology-mode', 'service.kubernetes.io/topology-aware-hints'];
const zoneLabel = 'topology.kubernetes.io/zone';
const controlPlaneLabels = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
/** So much more than its share an endpoint may get before no zone is preferred at all. */
const overloadMax = 0.2;

/** Whether the endpoints of a Service are shared out to zones by what the zones have of processors. */
export function isAuto({ metadata }: Service): boolean {
  const mode = modeAnnotations.map((name) => metadata.annotations?.[name]).find((value) => value !== undefined);
  return mode === 'Auto' || mode === 'auto';
}

/** The share of each zone, or why there is none. */
export type ZoneShares = ReadonlyMap<string, number> | { readonly why: string };

export function zoneShares(nodes: readonly Node[]): ZoneShares {
  const millis = new Map<string, number>();
  for (const node of nodes) {
    const labels: Labels = node.metadata.labels ?? {};
    if (controlPlaneLabels.some((name) => name in labels) || !isReadyNode(node)) continue;
    const cpu = quantityMillis(node.status?.allocatable?.['cpu'] ?? '0');
    const zone = labels[zoneLabel];
    if (!zone || cpu === 0) {
      return { why: 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes' };
    }
    millis.set(zone, (millis.get(zone) ?? 0) + cpu);
  }
  if (millis.size < 2) return { why: 'Nodes only ready in one zone' };
  const total = [...millis.values()].reduce((sum, value) => sum + value, 0);
  return new Map([...millis].map(([zone, value]) => [zone, value / total]));
}

/** By identity of the endpoint: the zone that it serves. Or why none of them serves one zone alone. */
export type Sharing = ReadonlyMap<string, string> | { readonly why: string };

export function shareOut(
  endpoints: readonly Endpoint[],
  shares: ZoneShares,
  identity: (endpoint: Endpoint) => string,
): Sharing {
  if ('why' in shares) return shares;
  const ready = endpoints.filter(({ conditions }) => conditions?.ready === true);
  const count = ready.length;
  const counts = `(${count} endpoints, ${shares.size} zones)`;
  if (shares.size > count) return { why: `Insufficient number of endpoints ${counts}` };
  const least = [...shares.values()].map((share) => Math.ceil((share * count) / (1 + overloadMax)));
  if (least.reduce((sum, value) => sum + value, 0) > count) {
    const what = 'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold';
    return { why: `${what} ${counts}` };
  }
  if (ready.some(({ zone }) => !zone)) return { why: 'One or more endpoints do not have a zone specified' };
  const sorted = ready.toSorted((a, b) => compareText(identity(a), identity(b)));
  const zoneOf = new Map(sorted.map((endpoint) => [identity(endpoint), endpoint.zone as string]));
  balance(zoneOf, shares);
  return zoneOf;
}

/** Endpoints serve their own zone, but for those that a zone has too many of and another one lacks. */
function balance(zoneOf: Map<string, string>, shares: ReadonlyMap<string, number>): void {
  const excess = new Map([...shares].map(([zone, share]) => [zone, -share * zoneOf.size]));
  for (const zone of zoneOf.values()) excess.set(zone, (excess.get(zone) ?? 0) + 1);
  for (;;) {
    const zones = [...excess].sort((a, b) => b[1] - a[1] || compareText(a[0], b[0]));
    const [giver, given] = zones[0] as [string, number];
    const [taker, taken] = zones.at(-1) as [string, number];
    if (given <= 0.5 || -taken <= 0.5) return;
    const moved = [...zoneOf].findLast(([, zone]) => zone === giver);
    if (!moved) return;
    zoneOf.set(moved[0], taker);
    excess.set(giver, given - 1);
    excess.set(taker, taken + 1);
  }
}
