import type { Pod } from '../api/kinds/pod.ts';
import { quantityBytes } from '../api/quantity.ts';
import { isCritical } from './critical-pods.ts';

/** What a node can run short of, and how much of it is left. What a machine does not tell is missing. */
export type SignalName =
  | 'memory.available'
  | 'nodefs.available'
  | 'nodefs.inodesFree'
  | 'imagefs.available'
  | 'imagefs.inodesFree'
  | 'pid.available';
export type Signals = Readonly<Partial<Record<SignalName, { readonly available: number; readonly capacity: number }>>>;

export interface Shortage {
  readonly signal: SignalName;
  readonly limit: number;
  readonly available: number;
  /** It was borne for a while: pods that go because of it get time to end. */
  readonly isSoft: boolean;
}
export interface PodUse {
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly processes: number;
  /** By container: memory alone is known of each. */
  readonly containers: ReadonlyMap<string, number>;
}
export interface Choice {
  readonly pod: Pod;
  readonly message: string;
}

interface Kind {
  readonly condition: 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';
  readonly resource: string;
  /** What its pods are measured by. */
  use(of: PodUse): number;
}
const memory: Kind = { condition: 'MemoryPressure', resource: 'memory', use: (of) => of.memoryBytes };
const disk: Kind = { condition: 'DiskPressure', resource: 'ephemeral-storage', use: (of) => of.diskBytes };
const inodes: Kind = { ...disk, resource: 'inodes' };
/** In the order in which they are looked after. */
const kinds: Readonly<Record<SignalName, Kind>> = {
  'memory.available': memory,
  'nodefs.available': disk,
  'nodefs.inodesFree': inodes,
  'imagefs.available': disk,
  'imagefs.inodesFree': inodes,
  'pid.available': { condition: 'PIDPressure', resource: 'pids', use: (of) => of.processes },
};
export const signalNames = Object.keys(kinds) as readonly SignalName[];

export const conditionOfSignal = (signal: SignalName): Kind['condition'] => kinds[signal].condition;

/**
 * Who has to go: first those who use more than they asked for, then those of less priority, then those who use most
 * beyond what they asked for.
 */
export function chosen(
  shortage: Shortage,
  pods: readonly Pod[],
  useOf: (pod: Pod) => PodUse | undefined,
): Choice | undefined {
  const { use, resource } = kinds[shortage.signal];
  const ranked = pods
    .filter((pod) => !isCritical(pod))
    .flatMap((pod) => {
      const used = useOf(pod);
      return used ? [{ pod, beyond: use(used) - requested(pod, resource) }] : [];
    })
    .sort(
      (a, b) =>
        Number(b.beyond > 0) - Number(a.beyond > 0) ||
        (a.pod.spec.priority ?? 0) - (b.pod.spec.priority ?? 0) ||
        b.beyond - a.beyond,
    );
  const [first] = ranked;
  return first && { pod: first.pod, message: messageOf(shortage, first.pod, useOf(first.pod)) };
}

function requested({ spec }: Pod, resource: string): number {
  // Nobody asks for files or processes by number.
  if (resource !== 'memory' && resource !== 'ephemeral-storage') return 0;
  return spec.containers.reduce((sum, { resources }) => sum + quantityBytes(resources?.requests?.[resource] ?? '0'), 0);
}

function messageOf({ signal, limit, available }: Shortage, pod: Pod, use: PodUse | undefined): string {
  const { resource } = kinds[signal];
  const told = resource === 'memory' || resource === 'ephemeral-storage' ? binaryText : String;
  const about = `Threshold quantity: ${told(limit)}, available: ${told(available)}. `;
  const larger = pod.spec.containers.flatMap(({ name, resources }) => {
    const used = resource === 'memory' ? use?.containers.get(name) : undefined;
    const request = quantityBytes(resources?.requests?.['memory'] ?? '0');
    if (used === undefined || used <= request) return [];
    const asked = request === 0 ? '0' : binaryText(request);
    return [`Container ${name} was using ${binaryText(used)}, request is ${asked}, has larger consumption of memory. `];
  });
  return `The node was low on resource: ${resource}. ${about}${larger.join('')}`;
}

/** As quantities are written: in the largest unit that says it exactly. */
export function binaryText(bytes: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti'];
  let [amount, unit] = [bytes, 0];
  while (amount > 0 && amount % 1024 === 0 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${amount}${units[unit]}`;
}
