import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface GroupFigures {
  readonly cpuNanosTotal: number;
  readonly memoryBytes: number;
  readonly processes?: number;
}

const root = '/sys/fs/cgroup';

/** What a control group of this machine has used, in either version of the kernel's files; nothing where it is not. */
export async function groupFigures(group: string): Promise<GroupFigures | undefined> {
  return (await second(group)) ?? first(group);
}

async function second(group: string): Promise<GroupFigures | undefined> {
  const folder = join(root, group);
  const [cpu, memory] = await Promise.all([textOf(join(folder, 'cpu.stat')), textOf(join(folder, 'memory.current'))]);
  if (cpu === undefined || memory === undefined) return undefined;
  const stat = (await textOf(join(folder, 'memory.stat'))) ?? '';
  return {
    cpuNanosTotal: figure(cpu, 'usage_usec') * 1_000,
    memoryBytes: Math.max(0, Number(memory) - figure(stat, 'inactive_file')),
    ...counted(await textOf(join(folder, 'pids.current'))),
  };
}

async function first(group: string): Promise<GroupFigures | undefined> {
  const memory = join(root, 'memory', group);
  const [cpu, used] = await Promise.all([
    textOf(join(root, 'cpuacct', group, 'cpuacct.usage')),
    textOf(join(memory, 'memory.usage_in_bytes')),
  ]);
  if (cpu === undefined || used === undefined) return undefined;
  const stat = (await textOf(join(memory, 'memory.stat'))) ?? '';
  return {
    cpuNanosTotal: Number(cpu),
    // What the kernel can take back at once is not counted.
    memoryBytes: Math.max(0, Number(used) - figure(stat, 'total_inactive_file')),
    ...counted(await textOf(join(root, 'pids', group, 'pids.current'))),
  };
}

const counted = (text: string | undefined): Pick<GroupFigures, 'processes'> =>
  text === undefined ? {} : { processes: Number(text) };

const figure = (text: string, name: string): number => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1] ?? 0);

const textOf = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined);
