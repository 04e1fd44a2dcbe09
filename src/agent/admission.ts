import { collide, hostPortsOf } from '../api/host-ports.ts';
import type { Node } from '../api/kinds/node.ts';
import type { Container, Pod } from '../api/kinds/pod.ts';
import { matchesNode, toleratedBy } from '../api/node-matching.ts';
import type { Labels } from '../api/object.ts';
import { type Amounts, amountsOf, plus, requestsOf } from '../api/pod-amounts.ts';
import { isCritical, isStatic } from './critical-pods.ts';
import { forbiddenSysctl, type SysctlNames } from './safe-sysctls.ts';

/** Why a node does not take a pod that it was given. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** What a node is asked to take a pod into. */
export interface Place {
  readonly os: string;
  readonly allocatable: Labels;
  /** As the cluster has it now. */
  readonly node: Node;
  /** What the node runs short of, by condition. */
  readonly pressures: ReadonlySet<string>;
  /** The pods that it has taken and that are not over. */
  readonly others: readonly Pod[];
  readonly unsafeSysctls: SysctlNames;
  /** Whether what runs the pod can hold it to a profile. */
  readonly appArmor: boolean;
  /** Whether what runs the pod can leave out the groups of its image. */
  readonly strictGroups: boolean;
}

const lackPrefix = 'OutOf';
const osLabel = 'kubernetes.io/os';
const memoryTaint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };
/** In the order in which they are told; what the node does not know by itself is nobody's to count here. */
const counted = ['cpu', 'memory', 'ephemeral-storage'];

type Judge = (pod: Pod, place: Place) => Refusal | undefined;
/** The first that objects is heard. */
const judges: readonly Judge[] = [pressed, sysctls, system, groups, room, affinity, ports, taints, profiles];

/**
 * Why a pod that is new on a node cannot run there, in upstream's words; nothing where it can. Whoever gave it to the
 * node may not have asked the scheduler, or both may have known too little.
 */
export function refusalOf(pod: Pod, place: Place): Refusal | undefined {
  for (const judge of judges) {
    const refusal = judge(pod, place);
    if (refusal) return refusal;
  }
  return undefined;
}

/**
 * Whom a pod that the node cannot be without may drive away for the room that it lacks: as few as can be, and rather
 * those that were promised least. Nothing where that would not help, or where it is not the room that is lacking.
 */
export function preempted(pod: Pod, place: Place): readonly Pod[] | undefined {
  if (!isCritical(pod)) return undefined;
  const mayStay = place.others.filter((other) => !yields(other, pod));
  const fits = (others: readonly Pod[]) => refusalOf(pod, { ...place, others }) === undefined;
  if (!fits(mayStay) || refusalOf(pod, place)?.reason.startsWith(lackPrefix) !== true) return undefined;
  const victims: Pod[] = [];
  const candidates = place.others.filter((other) => yields(other, pod)).sort(byPromise);
  let staying = mayStay;
  for (const candidate of candidates) {
    if (fits([...staying, candidate])) staying = [...staying, candidate];
    else victims.push(candidate);
  }
  return victims;
}

const yields = (other: Pod, pod: Pod): boolean =>
  !isCritical(other) || (other.spec.priority ?? 0) < (pod.spec.priority ?? 0);
const promises = ['Guaranteed', 'Burstable', 'BestEffort'];
/** Those that were promised most first. */
const byPromise = (a: Pod, b: Pod): number =>
  promises.indexOf(a.status?.qosClass ?? '') - promises.indexOf(b.status?.qosClass ?? '') ||
  (b.spec.priority ?? 0) - (a.spec.priority ?? 0);

function pressed(pod: Pod, { pressures }: Place): Refusal | undefined {
  if (pressures.size === 0 || isCritical(pod)) return undefined;
  const onlyMemory = pressures.size === 1 && pressures.has('MemoryPressure');
  const bears = pod.status?.qosClass !== 'BestEffort' || toleratedBy(pod.spec.tolerations, memoryTaint);
  if (onlyMemory && bears) return undefined;
  return { reason: 'Evicted', message: `The node had condition: [${[...pressures].sort().join(' ')}]. ` };
}

function sysctls(pod: Pod, { unsafeSysctls }: Place): Refusal | undefined {
  const why = forbiddenSysctl(pod, unsafeSysctls);
  return why === undefined ? undefined : { reason: 'SysctlForbidden', message: `forbidden sysctl: ${why}` };
}

function system(pod: Pod, { os, node }: Place): Refusal | undefined {
  const labelled = node.metadata.labels?.[osLabel] ?? os;
  const wanted = pod.spec.nodeSelector?.[osLabel];
  if (wanted !== undefined && wanted !== labelled) {
    const message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
    return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message };
  }
  const own = (pod.spec as { readonly os?: { readonly name?: string } }).os?.name;
  if (own === undefined || own === os) return undefined;
  return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
}

function groups({ spec }: Pod, { strictGroups }: Place): Refusal | undefined {
  if (strictGroups || spec.securityContext?.['supplementalGroupsPolicy'] !== 'Strict') return undefined;
  const message = 'SupplementalGroupsPolicy=Strict is not supported in this node';
  return { reason: 'SupplementalGroupsPolicyNotSupported', message };
}

function room(pod: Pod, { allocatable, others }: Place): Refusal | undefined {
  const podsMax = Number(allocatable['pods'] ?? Number.POSITIVE_INFINITY);
  if (others.length + 1 > podsMax) return lacking('pods', 1, { used: others.length, capacity: podsMax });
  const wanted = requestsOf(pod).real;
  const capacities = amountsOf(allocatable);
  const used = others.reduce<Amounts>((sum, other) => plus(sum, requestsOf(other).real), {});
  for (const resource of counted) {
    const [amount, taken, capacity] = [wanted[resource] ?? 0, used[resource] ?? 0, capacities[resource]];
    if (amount > 0 && capacity !== undefined && amount > capacity - taken) {
      return lacking(resource, amount, { used: taken, capacity });
    }
  }
  return undefined;
}

function lacking(
  resource: string,
  requested: number,
  { used, capacity }: { readonly used: number; readonly capacity: number },
): Refusal {
  const amounts = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `${lackPrefix}${resource}`, message: `Node didn't have enough resource: ${resource}, ${amounts}` };
}

function affinity(pod: Pod, { node }: Place): Refusal | undefined {
  if (matchesNode(pod.spec, node)) return undefined;
  return failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
}

function ports(pod: Pod, { others }: Place): Refusal | undefined {
  const wanted = hostPortsOf(pod);
  if (wanted.length === 0) return undefined;
  const taken = others.flatMap(hostPortsOf);
  if (!wanted.some((port) => taken.some((other) => collide(port, other)))) return undefined;
  return failed('NodePorts', "node(s) didn't have free ports for the requested pod ports");
}

function taints(pod: Pod, { node }: Place): Refusal | undefined {
  if (isStatic(pod)) return undefined;
  const strict = (node.spec.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  if (strict.every((taint) => toleratedBy(pod.spec.tolerations, taint))) return undefined;
  return failed('TaintToleration', "node(s) had taints that the pod didn't tolerate");
}

const failed = (reason: string, why: string): Refusal => ({
  reason,
  message: `Predicate ${reason} failed: ${why}`,
});

function profiles({ spec }: Pod, { appArmor }: Place): Refusal | undefined {
  if (appArmor) return undefined;
  const all: readonly Pick<Container, 'securityContext'>[] = [
    spec as Pick<Container, 'securityContext'>,
    ...(spec.initContainers ?? []),
    ...spec.containers,
  ];
  const asks = all.some(({ securityContext }) => {
    const profile = securityContext?.['appArmorProfile'] as { readonly type?: string } | undefined;
    return profile !== undefined && profile.type !== 'Unconfined';
  });
  if (!asks) return undefined;
  return { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' };
}
