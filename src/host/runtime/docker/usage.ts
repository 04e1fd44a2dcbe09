import { readFile } from 'node:fs/promises';
import type { Usage } from '../../../agent/runtime.ts';
import { type GroupFigures, groupFigures } from '../../cgroup-figures.ts';
import { type EngineClient, isEngineError } from './engine-client.ts';

interface Stats {
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
  readonly pids_stats?: { readonly current?: number };
  readonly memory_stats?: { readonly usage?: number; readonly stats?: Readonly<Record<string, number>> };
}

/** Asked at once: an engine reads each from the kernel, and many at a time keep it from its work. */
const askedAtOnce = 8;

export interface Used {
  readonly id: string;
  readonly engineId: string;
  readonly pid?: number;
}

/** `local`: the engine's control groups are this machine's, where reading them costs the engine nothing. */
export async function usageOf(
  client: EngineClient,
  containers: readonly Used[],
  local: boolean,
): Promise<readonly Usage[]> {
  const waiting = [...containers];
  const found: Usage[] = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const usage = (local && (await groupOf(next))) || (await statsOf(client, next.engineId));
      if (usage) found.push({ id: next.id, ...usage });
    }
  };
  await Promise.all(Array.from({ length: askedAtOnce }, worker));
  return found;
}

/** An engine of another space of processes has other numbers for them: only a group that bears its id is believed. */
async function groupOf({ engineId, pid }: Used): Promise<GroupFigures | undefined> {
  const groups = pid === undefined ? '' : await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  const group = groups.split('\n').find((line) => line.includes(engineId));
  return group === undefined ? undefined : groupFigures(group.slice(group.indexOf(':/') + 2));
}

async function statsOf(client: EngineClient, engineId: string): Promise<Omit<Usage, 'id'> | undefined> {
  try {
    const query = { stream: false, 'one-shot': true };
    const stats = await client.json<Stats>('GET', `/containers/${engineId}/stats`, { query });
    const { cpu_stats: cpu, memory_stats: memory, pids_stats: processes } = stats;
    // What the kernel can take back at once is not counted: the working set, under the names of both cgroup versions.
    const idle = memory?.stats?.['total_inactive_file'] ?? memory?.stats?.['inactive_file'] ?? 0;
    const memoryBytes = Math.max(0, (memory?.usage ?? 0) - idle);
    const many = processes?.current;
    const counted = many === undefined ? {} : { processes: many };
    return { cpuNanosTotal: cpu?.cpu_usage?.total_usage ?? 0, memoryBytes, ...counted };
  } catch (error) {
    if (isEngineError(error, 404, 409)) return undefined;
    throw error;
  }
}
