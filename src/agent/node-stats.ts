import type { Pod } from '../api/kinds/pod.ts';
import type { Clock, Instant, Millis } from '../base/env.ts';
import { timestamp } from '../base/text.ts';
import type { Signals } from './eviction.ts';
import type { MachineFigures, NodeDoor } from './node-door.ts';
import { parseContainerId } from './pod-view.ts';

export interface UsageFigures {
  readonly cpu: { readonly time: string; readonly usageNanoCores: number; readonly usageCoreNanoSeconds: number };
  readonly memory: {
    readonly time: string;
    readonly availableBytes?: number;
    readonly usageBytes: number;
    readonly workingSetBytes: number;
  };
}
export interface DiskFigures {
  readonly time: string;
  readonly availableBytes: number;
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly inodesFree?: number;
  readonly inodes?: number;
}
export interface PodFigures extends UsageFigures {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly startTime?: string;
  readonly containers: readonly ContainerFigures[];
}
export interface ContainerFigures extends UsageFigures {
  readonly name: string;
  readonly startTime?: string;
}
export interface Summary {
  readonly node: UsageFigures & {
    readonly nodeName: string;
    readonly fs?: DiskFigures;
    readonly runtime?: { readonly imageFs?: DiskFigures };
  };
  readonly pods: readonly PodFigures[];
}

interface Sample {
  readonly total: number;
  readonly at: Millis;
  readonly rate: number;
}
const samplesMax = 10_000;
/** Closer together, two samples say little about a rate. */
const rateOverMs = 1_000;

/** What the pods of a node use, as its summary tells it. Rates are between this asking and an earlier one. */
export class NodeStats {
  readonly #clock: Clock;
  readonly #node: string;
  readonly #door: NodeDoor;
  #samples = new Map<string, Sample>();

  constructor(clock: Clock, node: string, door: NodeDoor) {
    this.#clock = clock;
    this.#node = node;
    this.#door = door;
  }

  async summary(): Promise<Summary> {
    const usages = await this.#door.usage();
    const now = this.#clock.now();
    const seen = new Map<string, Sample>();
    const byPod = new Map<string, ContainerFigures[]>();
    for (const { id, cpuNanosTotal, memoryBytes } of usages) {
      const sample = this.#sample(id, cpuNanosTotal);
      if (seen.size < samplesMax) seen.set(id, sample);
      const { uid, name } = parseContainerId(id);
      const containers = byPod.get(uid) ?? [];
      containers.push({ name, ...figures(now, { rate: sample.rate, total: cpuNanosTotal, memoryBytes }) });
      byPod.set(uid, containers);
    }
    const machine = await this.#door.machine?.();
    const whole = machine && this.#sample(wholeMachine, machine.cpuNanosTotal);
    if (whole) seen.set(wholeMachine, whole);
    this.#samples = seen;
    const pods = this.#door.pods().flatMap((pod): PodFigures[] => {
      const { name, namespace = '', uid } = pod.metadata;
      const containers = byPod.get(uid);
      if (!containers) return [];
      const startTime = pod.status?.startTime;
      const started = startTime ? { startTime } : {};
      const all = containers.map((one) => ({ ...one, ...startOf(pod, one.name) }));
      return [{ podRef: { name, namespace, uid }, ...started, containers: all, ...sum(now, containers) }];
    });
    // The node is its whole machine, whoever uses it.
    const node = machine && whole ? machineFigures(now, machine, whole.rate) : sum(now, pods);
    return { node: { nodeName: this.#node, ...node }, pods };
  }

  #sample(id: string, total: number): Sample {
    const at = this.#clock.monotonic();
    const before = this.#samples.get(id);
    if (!before) return { total, at, rate: 0 };
    const elapsed = at - before.at;
    if (elapsed < rateOverMs) return before;
    return { total, at, rate: Math.max(0, Math.round(((total - before.total) / elapsed) * 1000)) };
  }
}

/** No container is called like this. */
const wholeMachine = '';

function machineFigures(
  now: Instant,
  { cpuNanosTotal, signals }: MachineFigures,
  rate: number,
): Omit<Summary['node'], 'nodeName'> {
  const memory = signals['memory.available'];
  const used = memory ? memory.capacity - memory.available : 0;
  const found = figures(now, { rate, total: cpuNanosTotal, memoryBytes: used });
  const disk = diskFigures(now, signals, 'nodefs');
  const images = diskFigures(now, signals, 'imagefs');
  return {
    cpu: found.cpu,
    memory: { ...found.memory, ...(memory ? { availableBytes: memory.available } : {}) },
    ...(disk ? { fs: disk } : {}),
    ...(images ? { runtime: { imageFs: images } } : {}),
  };
}

function startOf({ status }: Pod, name: string): { readonly startTime?: string } {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const startedAt = all.find((one) => one.name === name)?.state?.running?.startedAt;
  return startedAt ? { startTime: startedAt } : {};
}

function diskFigures(now: Instant, signals: Signals, disk: 'nodefs' | 'imagefs'): DiskFigures | undefined {
  const space = signals[`${disk}.available`];
  const inodes = signals[`${disk}.inodesFree`];
  if (!space) return undefined;
  return {
    time: timestamp(now),
    availableBytes: space.available,
    capacityBytes: space.capacity,
    usedBytes: space.capacity - space.available,
    ...(inodes ? { inodesFree: inodes.available, inodes: inodes.capacity } : {}),
  };
}

function figures(
  now: Instant,
  { rate, total, memoryBytes }: { readonly rate: number; readonly total: number; readonly memoryBytes: number },
): UsageFigures {
  const time = timestamp(now);
  return {
    cpu: { time, usageNanoCores: rate, usageCoreNanoSeconds: total },
    memory: { time, usageBytes: memoryBytes, workingSetBytes: memoryBytes },
  };
}

function sum(now: Instant, parts: readonly UsageFigures[]): UsageFigures {
  const add = (of: (part: UsageFigures) => number) => parts.reduce((total, part) => total + of(part), 0);
  return figures(now, {
    rate: add(({ cpu }) => cpu.usageNanoCores),
    total: add(({ cpu }) => cpu.usageCoreNanoSeconds),
    memoryBytes: add(({ memory }) => memory.workingSetBytes),
  });
}
