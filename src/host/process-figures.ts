import type { Registry } from './metrics.ts';

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
      return registry.render();
    },
  };
}
