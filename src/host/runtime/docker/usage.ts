import type { Usage } from '../../../agent/runtime.ts';
import { type EngineClient, isEngineError } from './engine-client.ts';

interface Stats {
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
  readonly memory_stats?: { readonly usage?: number; readonly stats?: Readonly<Record<string, number>> };
}

/** Asked at once: an engine reads each from the kernel, and many at a time keep it from its work. */
const askedAtOnce = 8;

export async function usageOf(
  client: EngineClient,
  containers: readonly { readonly id: string; readonly engineId: string }[],
): Promise<readonly Usage[]> {
  const waiting = [...containers];
  const found: Usage[] = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const usage = await statsOf(client, next.engineId);
      if (usage) found.push({ id: next.id, ...usage });
    }
  };
  await Promise.all(Array.from({ length: askedAtOnce }, worker));
  return found;
}

async function statsOf(client: EngineClient, engineId: string): Promise<Omit<Usage, 'id'> | undefined> {
  try {
    const query = { stream: false, 'one-shot': true };
    const { cpu_stats: cpu, memory_stats: memory } = await client.json<Stats>('GET', `/containers/${engineId}/stats`, {
      query,
    });
    // What the kernel can take back at once is not counted: the working set, under the names of both cgroup versions.
    const idle = memory?.stats?.['total_inactive_file'] ?? memory?.stats?.['inactive_file'] ?? 0;
    const memoryBytes = Math.max(0, (memory?.usage ?? 0) - idle);
    return { cpuNanosTotal: cpu?.cpu_usage?.total_usage ?? 0, memoryBytes };
  } catch (error) {
    if (isEngineError(error, 404, 409)) return undefined;
    throw error;
  }
}
