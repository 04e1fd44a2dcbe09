import { equalJson } from '../../base/json.ts';
import type { ServicePort, ServiceSpec } from './service.ts';

type Spec = ServiceSpec & {
  readonly allocateLoadBalancerNodePorts?: boolean;
  readonly loadBalancerClass?: string;
};

const usesAddress = ({ type }: Spec): boolean => type !== 'ExternalName';
const usesNodePorts = ({ type }: Spec): boolean => type === 'NodePort' || type === 'LoadBalancer';
const usesHealthPort = (spec: Spec): boolean => spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
const isReachable = (spec: Spec): boolean =>
  usesNodePorts(spec) || (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);

/**
 * The spec that an update means: what was given out and is left out is kept; what has no meaning for the new type is
 * given up, unless it was changed in the same write: then the rules have to say no.
 */
export function inheritedSpec(next: Spec, previous: Spec): Spec {
  return withoutMeaningless(withGiven(withOneAddress(next, previous), previous), previous);
}

/** Who writes only the older, single address means the first of the list as well. */
function withOneAddress(next: Spec, previous: Spec): Spec {
  const [before, after] = [previous.clusterIP ?? '', next.clusterIP ?? ''];
  const list = next.clusterIPs ?? [];
  if (before === after || (list.length > 0 && !equalJson(list, previous.clusterIPs ?? []))) return next;
  const { clusterIPs: _old, ...rest } = next;
  return after === '' ? rest : { ...rest, clusterIPs: [after] };
}

function withGiven(next: Spec, previous: Spec): Spec {
  let spec = next;
  if (usesAddress(previous) && usesAddress(next)) {
    if (!spec.clusterIP && previous.clusterIP !== undefined) spec = { ...spec, clusterIP: previous.clusterIP };
    if (!spec.clusterIPs?.length && spec.clusterIP === previous.clusterIP && previous.clusterIPs) {
      spec = { ...spec, clusterIPs: previous.clusterIPs };
    }
    if (!spec.ipFamilies && previous.ipFamilies) spec = { ...spec, ipFamilies: previous.ipFamilies };
    if (spec.ipFamilyPolicy === undefined && previous.ipFamilyPolicy !== undefined) {
      spec = { ...spec, ipFamilyPolicy: previous.ipFamilyPolicy };
    }
  }
  if (usesNodePorts(previous) && usesNodePorts(next) && spec.ports) {
    spec = { ...spec, ports: withNodePorts(spec.ports, previous.ports ?? []) };
  }
  if (usesHealthPort(previous) && usesHealthPort(next) && !spec.healthCheckNodePort && previous.healthCheckNodePort) {
    spec = { ...spec, healthCheckNodePort: previous.healthCheckNodePort };
  }
  return spec;
}

/** A port of the same name keeps its number, unless another port asks for it now. */
function withNodePorts(ports: readonly ServicePort[], before: readonly ServicePort[]): readonly ServicePort[] {
  const byName = new Map(before.map((port) => [port.name ?? '', port.nodePort ?? 0]));
  const used = new Set(ports.map((port) => port.nodePort ?? 0));
  return ports.map((port) => {
    const old = byName.get(port.name ?? '') ?? 0;
    if (port.nodePort || old === 0 || used.has(old)) return port;
    used.add(old);
    return { ...port, nodePort: old };
  });
}

type Key = keyof Spec;
function withoutMeaningless(next: Spec, previous: Spec): Spec {
  let spec = next;
  const drop = (isNeeded: (of: Spec) => boolean, ...keys: readonly Key[]) => {
    if (!isNeeded(previous) || isNeeded(next)) return;
    for (const key of keys) if (equalJson(next[key] ?? null, previous[key] ?? null)) spec = without(spec, key);
  };
  if (usesAddress(previous) && !usesAddress(next)) {
    const same = next.clusterIP === previous.clusterIP && equalJson(next.clusterIPs ?? [], previous.clusterIPs ?? []);
    if (same) spec = without(without(spec, 'clusterIP'), 'clusterIPs');
  }
  drop(usesAddress, 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy');
  if (usesNodePorts(previous) && !usesNodePorts(next) && haveSameNodePorts(next, previous)) {
    spec = { ...spec, ports: (spec.ports ?? []).map(({ nodePort: _number, ...port }) => port) };
  }
  drop(usesHealthPort, 'healthCheckNodePort');
  drop(({ type }) => type === 'LoadBalancer', 'allocateLoadBalancerNodePorts', 'loadBalancerClass');
  drop(isReachable, 'externalTrafficPolicy');
  return spec;
}

function haveSameNodePorts(next: Spec, previous: Spec): boolean {
  const numbers = (spec: Spec) => new Set((spec.ports ?? []).map(({ nodePort }) => nodePort).filter(Boolean));
  const [after, before] = [numbers(next), numbers(previous)];
  return after.size === before.size && [...after].every((number) => before.has(number));
}

function without(spec: Spec, key: Key): Spec {
  const { [key]: _dropped, ...rest } = spec;
  return rest as Spec;
}
