import type { Labels } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import type { Summary, UsageFigures } from './node-stats.ts';

/** /metrics/resource: what those who scale and those who look at tables ask a node for. */
export function resourceFigures({ node, pods }: Summary, now: Instant): string {
  const containers = pods.flatMap(({ podRef, containers: all }) =>
    all.map((one) => [{ container: one.name, namespace: podRef.namespace, pod: podRef.name }, one] as const),
  );
  const own = pods.map((one) => [{ namespace: one.podRef.namespace, pod: one.podRef.name }, one] as const);
  return [
    ...pair('node', [[{}, node] as const], now),
    ...pair('pod', own, now),
    ...pair('container', containers, now),
    '# TYPE resource_scrape_error gauge',
    'resource_scrape_error 0',
    '',
  ].join('\n');
}

function pair(prefix: string, rows: readonly (readonly [Labels, UsageFigures])[], now: Instant): readonly string[] {
  const line = (name: string, labels: Labels, value: number) => `${name}${labelText(labels)} ${value} ${now}`;
  const cpu = `${prefix}_cpu_usage_seconds_total`;
  const memory = `${prefix}_memory_working_set_bytes`;
  return [
    `# TYPE ${cpu} counter`,
    ...rows.map(([labels, used]) => line(cpu, labels, used.cpu.usageCoreNanoSeconds / 1e9)),
    `# TYPE ${memory} gauge`,
    ...rows.map(([labels, used]) => line(memory, labels, used.memory.workingSetBytes)),
  ];
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return parts.length > 0 ? `{${parts.join(',')}}` : '';
}
