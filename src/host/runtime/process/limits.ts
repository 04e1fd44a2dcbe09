import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { appliedResources, periodMicros } from '../../../agent/container-resources.ts';
import type { Applied, Resources } from '../../../agent/runtime.ts';
import type { ContainerGroups } from './control-group.ts';

const root = '/sys/fs/cgroup';
/** The second version's scale for the first one's shares. */
const sharesSpan = 262_142;
const weightSpan = 9_999;

/** Holds plain processes to what their containers may use, where the kernel lets us: as root on Linux. */
export class ProcessLimits {
  readonly #name: string;
  readonly #version: 1 | 2 | undefined;

  /** All groups of one node are below one of their own, named after its folder. */
  constructor(folder: string) {
    this.#name = `mini-k8s-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
    this.#version = versionHere();
  }

  get enforced(): boolean {
    return this.#version !== undefined;
  }

  /** Makes the groups of a container; nothing where it has no limit or none can be had. */
  make(id: string, resources: Resources): ContainerGroups | undefined {
    if (this.#version === undefined || !isLimited(resources)) return undefined;
    const folders = this.#version === 2 ? [this.#unified(id)] : [this.#of('cpu', id), this.#of('memory', id)];
    for (const folder of folders) mkdirSync(folder, { recursive: true });
    const memory = folders.at(-1) as string;
    const groups = { folders, killsFile: join(memory, this.#version === 2 ? 'memory.events' : 'memory.oom_control') };
    this.set(groups, resources);
    return groups;
  }

  set({ folders }: ContainerGroups, resources: Resources): void {
    const applied = appliedResources(resources);
    const [cpu = '', memory = cpu] = folders;
    for (const [file, value] of this.#version === 2 ? second(cpu, applied) : first(cpu, memory, applied)) {
      writeFileSync(file, value);
    }
  }

  /** The last pod is gone, perhaps. */
  tidy(): void {
    const folders =
      this.#version === 2 ? [join(root, this.#name)] : ['cpu', 'memory'].map((name) => join(root, name, this.#name));
    for (const folder of folders) {
      try {
        rmdirSync(folder);
      } catch {
        // Others are still in it, or it was never made.
      }
    }
  }

  #of(controller: string, id: string): string {
    return join(root, controller, this.#name, id);
  }

  #unified(id: string): string {
    const parent = join(root, this.#name);
    mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, 'cgroup.subtree_control'), '+cpu +memory');
    return join(parent, id);
  }
}

export const isLimited = ({ cpuMillis, memoryBytes }: Resources): boolean =>
  cpuMillis !== undefined || memoryBytes !== undefined;

function versionHere(): 1 | 2 | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  try {
    if (existsSync(join(root, 'cgroup.controllers'))) {
      const offered = readFileSync(join(root, 'cgroup.subtree_control'), 'utf8').split(/\s+/);
      return offered.includes('cpu') && offered.includes('memory') ? 2 : undefined;
    }
    return existsSync(join(root, 'cpu', 'cpu.shares')) && existsSync(join(root, 'memory')) ? 1 : undefined;
  } catch {
    return undefined;
  }
}

type Setting = readonly [file: string, value: string];

function first(
  cpu: string,
  memory: string,
  { cpuShares, cpuQuotaMicros = -1, memoryBytes = -1 }: Applied,
): readonly Setting[] {
  return [
    [join(cpu, 'cpu.shares'), String(cpuShares)],
    [join(cpu, 'cpu.cfs_period_us'), String(periodMicros)],
    [join(cpu, 'cpu.cfs_quota_us'), String(cpuQuotaMicros)],
    [join(memory, 'memory.limit_in_bytes'), String(memoryBytes)],
  ];
}

function second(folder: string, { cpuShares, cpuQuotaMicros, memoryBytes }: Applied): readonly Setting[] {
  const weight = 1 + Math.floor(((cpuShares - 2) * weightSpan) / sharesSpan);
  return [
    [join(folder, 'cpu.weight'), String(weight)],
    [join(folder, 'cpu.max'), `${cpuQuotaMicros ?? 'max'} ${periodMicros}`],
    [join(folder, 'memory.max'), String(memoryBytes ?? 'max')],
  ];
}
