import { type Part, partOf, partsOf, textOf, textsOf } from '../api/kinds/defaulting.ts';
import type { NetworkPolicy } from '../api/kinds/network-policy.ts';
import { keyOf, keyText, type Labels } from '../api/object.ts';
import { type LabelSelector, matcherOf } from '../api/selector.ts';
import { compareText } from '../base/text.ts';
import type { Protocol } from './dataplane.ts';

/** A pod as policies see it. */
export interface PolicyPod {
  readonly namespace: string;
  readonly labels: Labels;
  readonly ips: readonly string[];
  readonly ports: readonly { readonly name: string; readonly protocol: Protocol; readonly port: number }[];
  /** Whether the table is for a node that has it. */
  readonly here: boolean;
}

export type Side = 'ingress' | 'egress';

export interface Block {
  readonly range: string;
  readonly except: readonly string[];
}

/** One thing that is allowed: to or from whom, and where. */
export interface Allowance {
  /** Absent: whoever it is. */
  readonly peers?: { readonly ips: readonly string[]; readonly blocks: readonly Block[] };
  /** Only for these pods of the policy, which have a port of that name. Absent: for all. */
  readonly pods?: readonly string[];
  /** Absent: every protocol. */
  readonly protocol?: Protocol;
  /** Absent: every port. */
  readonly ports?: { readonly first: number; readonly last: number };
}

/** What one policy allows on one side. */
export interface PolicySide {
  readonly id: string;
  readonly side: Side;
  readonly allows: readonly Allowance[];
}

/** An address that is let alone only by what its policies allow. */
export interface IsolatedPod {
  readonly ip: string;
  readonly side: Side;
  /** Ids of policies. */
  readonly policies: readonly string[];
}

export interface PolicyTable {
  readonly sides: readonly PolicySide[];
  readonly pods: readonly IsolatedPod[];
  /** Addresses of all pods of the node: what else is heard there is the node itself. */
  readonly addresses: readonly string[];
}

export interface PolicyWorld {
  readonly pods: readonly PolicyPod[];
  /** Labels of namespaces, by name. */
  readonly namespaces: ReadonlyMap<string, Labels>;
}

/** What policies mean for the pods of a node. Pure, and the same order for the same objects. */
export function policyTable(policies: readonly NetworkPolicy[], world: PolicyWorld): PolicyTable {
  const sides: PolicySide[] = [];
  const isolated = new Map<string, { readonly ip: string; readonly side: Side; readonly policies: string[] }>();
  const sorted = policies
    .map((policy) => ({ policy, id: keyText(keyOf(policy)) }))
    .sort((a, b) => compareText(a.id, b.id));
  for (const { policy, id } of sorted) {
    const spec = partOf(policy.spec);
    const namespace = policy.metadata.namespace ?? '';
    const selects = matcherOf((spec.podSelector ?? {}) as LabelSelector);
    const own = world.pods.filter((pod) => pod.here && pod.namespace === namespace && selects(pod.labels));
    if (own.length === 0) continue;
    for (const side of sidesOf(spec)) {
      sides.push({ id, side, allows: allowances(partsOf(spec[side]), side, { world, namespace, own }) });
      for (const ip of own.flatMap(({ ips }) => ips)) {
        const known = isolated.get(`${side} ${ip}`);
        if (known) known.policies.push(id);
        else isolated.set(`${side} ${ip}`, { ip, side, policies: [id] });
      }
    }
  }
  const pods = [...isolated.values()].sort((a, b) => compareText(a.side, b.side) || compareText(a.ip, b.ip));
  const addresses = sides.length > 0 ? addressesOf(world.pods.filter(({ here }) => here)) : [];
  return { sides, pods, addresses };
}

function sidesOf(spec: Part): readonly Side[] {
  const types = textsOf(spec.policyTypes);
  // The server fills the types in; an object from elsewhere means the same without them.
  if (types.length === 0) return partsOf(spec.egress).length > 0 ? ['ingress', 'egress'] : ['ingress'];
  return (['ingress', 'egress'] as const).filter((side) => types.includes(side === 'ingress' ? 'Ingress' : 'Egress'));
}

interface Setting {
  readonly world: PolicyWorld;
  readonly namespace: string;
  readonly own: readonly PolicyPod[];
}

function allowances(rules: readonly Part[], side: Side, setting: Setting): readonly Allowance[] {
  return rules.flatMap((rule) => {
    const found = peersOf(partsOf(side === 'ingress' ? rule.from : rule.to), setting);
    const ports = partsOf(rule.ports);
    if (ports.length === 0) return [withPeers(found, {})];
    return ports.flatMap((port) => {
      if (typeof port.port === 'string')
        return side === 'ingress' ? named(port, found, setting) : toNamed(port, found, setting);
      return [withPeers(found, { protocol: protocolOf(port), ...portsOf(port) })];
    });
  });
}

interface Peers {
  readonly pods: readonly PolicyPod[];
  readonly blocks: readonly Block[];
}

/** Undefined: whoever it is. */
function peersOf(given: readonly Part[], { world, namespace }: Setting): Peers | undefined {
  if (given.length === 0) return undefined;
  const pods = new Set<PolicyPod>();
  const blocks: Block[] = [];
  for (const peer of given) {
    if (peer.ipBlock !== undefined) {
      const block = partOf(peer.ipBlock);
      blocks.push({ range: textOf(block.cidr), except: textsOf(block.except) });
      continue;
    }
    const isPod = matcherOf((peer.podSelector ?? {}) as LabelSelector);
    const isNamespace =
      peer.namespaceSelector === undefined
        ? undefined
        : matcherOf(partOf(peer.namespaceSelector) as unknown as LabelSelector);
    for (const pod of world.pods) {
      const isIn = isNamespace ? isNamespace(world.namespaces.get(pod.namespace) ?? {}) : pod.namespace === namespace;
      if (isIn && isPod(pod.labels)) pods.add(pod);
    }
  }
  return { pods: [...pods], blocks };
}

function withPeers(found: Peers | undefined, more: Omit<Allowance, 'peers'>): Allowance {
  if (!found) return more;
  return { peers: { ips: addressesOf(found.pods), blocks: found.blocks }, ...more };
}

const addressesOf = (pods: readonly PolicyPod[]): readonly string[] =>
  [...new Set(pods.flatMap(({ ips }) => ips))].sort(compareText);

const protocolOf = (port: Part): Protocol => (textOf(port.protocol) || 'TCP') as Protocol;

function portsOf({ port, endPort }: Part): Pick<Allowance, 'ports'> {
  if (typeof port !== 'number') return {};
  return { ports: { first: port, last: typeof endPort === 'number' ? endPort : port } };
}

/** A name of a port is looked up in whoever is spoken to: here in the pods of the policy itself. */
function named(port: Part, found: Peers | undefined, { own }: Setting): readonly Allowance[] {
  const protocol = protocolOf(port);
  return byNumber(own, port, protocol).map(([number, pods]) =>
    withPeers(found, { pods: addressesOf(pods), protocol, ports: { first: number, last: number } }),
  );
}

/** And here in those who are spoken to. A block has no names. */
function toNamed(port: Part, found: Peers | undefined, { world }: Setting): readonly Allowance[] {
  const protocol = protocolOf(port);
  return byNumber(found?.pods ?? world.pods, port, protocol).map(([number, pods]) =>
    withPeers({ pods, blocks: [] }, { protocol, ports: { first: number, last: number } }),
  );
}

function byNumber(pods: readonly PolicyPod[], port: Part, protocol: Protocol): readonly [number, PolicyPod[]][] {
  const found = new Map<number, PolicyPod[]>();
  for (const pod of pods) {
    const number = pod.ports.find((one) => one.name === port.port && one.protocol === protocol)?.port;
    if (number === undefined) continue;
    const known = found.get(number);
    if (known) known.push(pod);
    else found.set(number, [pod]);
  }
  return [...found].sort(([a], [b]) => a - b);
}
