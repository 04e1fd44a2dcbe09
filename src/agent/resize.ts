import type { Container, Pod } from '../api/kinds/pod.ts';
import type { Labels } from '../api/object.ts';
import { parseQuantity } from '../api/quantity.ts';
import { equalJson } from '../base/json.ts';

/** What this node gives a pod, which may be less than the pod has come to ask for. */
export interface Allocation {
  /** The pod as if it had asked for what it gets. */
  readonly pod: Pod;
  readonly pending?: { readonly reason: 'Infeasible' | 'Deferred'; readonly message: string };
}
export interface Room {
  readonly allocatable: Labels;
  /** All other pods of the node that are not over. */
  readonly others: readonly Pod[];
}

const counted = ['cpu', 'memory'] as const;

/** A pod that is resized gets what it asks for where there is room, and keeps what it has where there is none. */
export function allocation(pod: Pod, room: () => Room): Allocation {
  const changed = pod.spec.containers.some((container) => isChanged(pod, container));
  if (!changed) return { pod };
  const pending = lacking(pod, room());
  return pending ? { pod: asBefore(pod), pending } : { pod };
}

function isChanged(pod: Pod, { name, resources }: Container): boolean {
  const had = heldBy(pod, name);
  const same = (field: 'limits' | 'requests') => equalJson(had?.[field] ?? {}, resources?.[field] ?? {});
  return had !== undefined && !(same('limits') && same('requests'));
}

/** What the node said last that the container has. */
function heldBy({ status }: Pod, name: string): Container['resources'] | undefined {
  const told = status?.containerStatuses?.find((one) => one.name === name);
  return told?.state?.running && told.resources ? told.resources : undefined;
}

function lacking(pod: Pod, { allocatable, others }: Room): Allocation['pending'] {
  for (const name of counted) {
    const capacity = amount(allocatable[name]);
    const wanted = requested(pod, name);
    const told = (sum: bigint) =>
      `Node didn't have enough ${name === 'cpu' ? 'capacity: cpu' : 'capacity: memory'}, ` +
      `requested: ${inUnits(name, sum)}, capacity: ${inUnits(name, capacity)}`;
    if (wanted > capacity) return { reason: 'Infeasible', message: told(wanted) };
    const used = others.reduce((sum, other) => sum + requested(other, name), 0n);
    if (used + wanted > capacity) {
      const message = `Node didn't have enough resource: ${name}, requested: ${inUnits(name, wanted)}, used: ${inUnits(name, used)}, capacity: ${inUnits(name, capacity)}`;
      return { reason: 'Deferred', message };
    }
  }
  return undefined;
}

function asBefore(pod: Pod): Pod {
  const containers = pod.spec.containers.map((container) => {
    const resources = heldBy(pod, container.name);
    return resources ? { ...container, resources } : container;
  });
  return { ...pod, spec: { ...pod.spec, containers } };
}

const requested = (pod: Pod, name: string): bigint =>
  pod.spec.containers.reduce((sum, { resources }) => sum + amount(resources?.requests?.[name]), 0n);
const amount = (text: string | undefined): bigint => (text === undefined ? 0n : parseQuantity(text).nanos);
const inUnits = (name: string, nanos: bigint): string =>
  String(name === 'cpu' ? nanos / 1_000_000n : nanos / 1_000_000_000n);
