import type { Labels } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import { parseTime } from '../base/text.ts';
import type { ContainerFigures, PodFigures, Summary, UsageFigures } from './node-stats.ts';

/** /metrics/resource: what those who scale and those who look at tables ask a node for. */
export function resourceFigures({ node, pods }: Summary, now: Instant): string {
  const own = pods.map((one) => [{ namespace: one.podRef.namespace, pod: one.podRef.name }, one] as const);
  return [
    ...pair('node', [[{}, node] as const], now),
    ...pair('pod', own, now),
    ...pair('container', containersOf(pods), now),
    '# TYPE container_start_time_seconds gauge',
    ...starts(pods, (value) => `${value} ${now}`),
    '# TYPE resource_scrape_error gauge',
    'resource_scrape_error 0',
    '',
  ].join('\n');
}

/** /metrics/cadvisor: the same under the names by which dashboards know containers. */
export function containerFigures({ node, pods }: Summary, cpus: number | undefined): string {
  const rows = containersOf(pods);
  const group = (name: string, type: string, value: (used: ContainerFigures) => number) => [
    `# TYPE ${name} ${type}`,
    ...rows.map(([labels, used]) => `${name}${labelText(labels)} ${value(used)}`),
  ];
  const all = node.memory.workingSetBytes + (node.memory.availableBytes ?? 0);
  return [
    ...group('container_cpu_usage_seconds_total', 'counter', ({ cpu }) => cpu.usageCoreNanoSeconds / 1e9),
    ...group('container_memory_usage_bytes', 'gauge', ({ memory }) => memory.usageBytes),
    ...group('container_memory_working_set_bytes', 'gauge', ({ memory }) => memory.workingSetBytes),
    '# TYPE container_start_time_seconds gauge',
    ...starts(pods, String),
    ...(cpus === undefined ? [] : ['# TYPE machine_cpu_cores gauge', `machine_cpu_cores ${cpus}`]),
    ...(node.memory.availableBytes === undefined
      ? []
      : ['# TYPE machine_memory_bytes gauge', `machine_memory_bytes ${all}`]),
    '',
  ].join('\n');
}

type Row = readonly [labels: Labels, used: ContainerFigures];

const containersOf = (pods: readonly PodFigures[]): readonly Row[] =>
  pods.flatMap(({ podRef, containers }) =>
    containers.map((one): Row => [{ container: one.name, namespace: podRef.namespace, pod: podRef.name }, one]),
  );

const starts = (pods: readonly PodFigures[], write: (seconds: number) => string): readonly string[] =>
  containersOf(pods).flatMap(([labels, { startTime }]) =>
    startTime ? [`container_start_time_seconds${labelText(labels)} ${write(parseTime(startTime) / 1000)}`] : [],
  );

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
