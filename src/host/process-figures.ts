import { readdirSync, readFileSync } from 'node:fs';
import type { Registry } from './metrics.ts';

const pageBytes = 4096;
const startedAt = Math.round(performance.timeOrigin) / 1000;

/** A registry that also shows this process itself, by the names that dashboards know, whenever it is asked. */
export function withProcessFigures(registry: Registry): Registry {
  return {
    ...registry,
    render: () => {
      const { user, system } = process.cpuUsage();
      registry.gauge('process_cpu_seconds_total', (user + system) / 1e6);
      registry.gauge('process_resident_memory_bytes', process.memoryUsage.rss());
      registry.gauge('process_start_time_seconds', startedAt);
      for (const [name, value] of filesAndPages()) registry.gauge(name, value);
      return registry.render();
    },
  };
}

/** What only Linux tells of a process. */
function filesAndPages(): readonly (readonly [string, number])[] {
  try {
    const [pages = '0'] = readFileSync('/proc/self/statm', 'utf8').split(' ');
    const max = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return [
      ['process_open_fds', readdirSync('/proc/self/fd').length],
      ...(max === undefined ? [] : [['process_max_fds', Number(max)] as const]),
      ['process_virtual_memory_bytes', Number(pages) * pageBytes],
    ];
  } catch {
    return [];
  }
}
