import type { Instant } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import { ageCell, ageOf, columnsOf } from './columns.ts';
import type { ContainerStatus, Pod } from './pod.ts';

export const podColumns = columnsOf(
  'Name',
  'Ready',
  'Status',
  'Restarts',
  'Age',
  'IP:wide',
  'Node:wide',
  'Nominated Node:wide',
  'Readiness Gates:wide',
);

export function podCells(pod: Pod, now: Instant): readonly Json[] {
  const { spec, status = {} } = pod;
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const count = summary(pod);
  const restarts =
    count.restarts > 0 && count.last ? `${count.restarts} (${ageOf(count.last, now)} ago)` : String(count.restarts);
  const gates = spec.readinessGates ?? [];
  const open = gates.filter(({ conditionType }) =>
    status.conditions?.some(({ type, status: value }) => type === conditionType && value === 'True'),
  );
  return [
    pod.metadata.name,
    `${count.ready}/${spec.containers.length + sidecars.length}`,
    count.reason,
    restarts,
    ageCell(pod, now),
    status.podIPs?.[0]?.ip ?? status.podIP ?? '<none>',
    spec.nodeName || '<none>',
    status.nominatedNodeName || '<none>',
    gates.length > 0 ? `${open.length}/${gates.length}` : '<none>',
  ];
}

interface Summary {
  reason: string;
  ready: number;
  restarts: number;
  last: string;
}

/** One word for what a pod does: its phase, unless a container, a gate or its deletion says more. */
function summary(pod: Pod): Summary {
  const { status = {}, metadata } = pod;
  const out: Summary = { reason: status.reason || status.phase || '', ready: 0, restarts: 0, last: '' };
  const gated = status.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated');
  if (gated) out.reason = 'SchedulingGated';
  const initialising = countInitContainers(pod, out);
  if (!initialising || isInitialized(pod)) countContainers(pod, out);
  if (metadata.deletionTimestamp && status.reason === 'NodeLost') out.reason = 'Unknown';
  else if (metadata.deletionTimestamp && status.phase !== 'Succeeded' && status.phase !== 'Failed') {
    out.reason = 'Terminating';
  }
  return out;
}

const isInitialized = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Initialized' && status === 'True') ?? false;

/** Whether an init container still holds the others back. */
function countInitContainers(pod: Pod, out: Summary): boolean {
  const containers = pod.spec.initContainers ?? [];
  const lasting = new Set(containers.filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name));
  const statuses = pod.status?.initContainerStatuses ?? [];
  let sidecarRestarts = 0;
  let sidecarLast = '';
  for (const [index, container] of statuses.entries()) {
    out.restarts += container.restartCount;
    out.last = later(out.last, container);
    if (lasting.has(container.name)) {
      sidecarRestarts += container.restartCount;
      sidecarLast = later(sidecarLast, container);
    }
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (lasting.has(container.name) && container.started) {
      if (container.ready) out.ready++;
      continue;
    }
    if (terminated) out.reason = `Init:${terminated.reason || exitText(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') out.reason = `Init:${waiting.reason}`;
    else out.reason = `Init:${index}/${containers.length}`;
    return true;
  }
  // Once initialised, only the containers that go on count.
  out.restarts = sidecarRestarts;
  out.last = sidecarLast;
  return false;
}

function countContainers(pod: Pod, out: Summary): void {
  const statuses = pod.status?.containerStatuses ?? [];
  let running = false;
  for (const container of [...statuses].reverse()) {
    out.restarts += container.restartCount;
    out.last = later(out.last, container);
    const { terminated, waiting, running: runs } = container.state ?? {};
    if (waiting?.reason) out.reason = waiting.reason;
    else if (terminated) out.reason = terminated.reason || exitText(terminated);
    else if (container.ready && runs) {
      running = true;
      out.ready++;
    }
  }
  if (out.reason !== 'Completed' || !running) return;
  const ready = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  out.reason = ready ? 'Running' : 'NotReady';
}

const exitText = ({ signal, exitCode }: { readonly signal?: number; readonly exitCode: number }): string =>
  signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;

function later(last: string, { lastState }: ContainerStatus): string {
  const finished = lastState?.terminated?.finishedAt ?? '';
  return finished > last ? finished : last;
}
