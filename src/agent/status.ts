import type {
  Container,
  ContainerStateStatus,
  ContainerStatus,
  Pod,
  PodStatus,
  VolumeMountStatus,
} from '../api/kinds/pod.ts';
import { isFinished } from '../api/kinds/pod.ts';
import type { Instant } from '../base/env.ts';
import { timestamp } from '../base/text.ts';
import type { Refusal } from './admission.ts';
import { podConditions } from './pod-conditions.ts';
import { type Attempt, type ContainerView, type PodView, pullErrorShownMs } from './pod-view.ts';

export interface StatusHost {
  readonly ips: readonly string[];
  /** The runtime's name: how container ids begin. */
  readonly scheme: string;
  readonly mountsRecursively?: boolean;
}

/** The status that upstream's kubelet would report. Conditions and fields of others are kept. */
export function podStatus(view: PodView, host: StatusHost): PodStatus {
  const { pod } = view;
  const before = pod.status ?? {};
  const ended = pod.metadata.deletionTimestamp !== undefined && everythingEnded(view);
  const sentAway = view.ending !== undefined && !isFinished(pod) && everythingEnded(view);
  const phase = sentAway ? 'Failed' : phaseOf(view, ended);
  const overdue = view.deadlineAt !== undefined && view.deadlineAt <= view.now && phase !== 'Succeeded';
  const statuses = (views: readonly ContainerView[]) =>
    views.map((seen) => containerStatus(view, seen, { host, ended }));
  const ips = podIps(view, host);
  const inits = statuses(view.inits);
  const mains = statuses(view.mains);
  const ephemerals = statuses(view.ephemerals);
  return {
    ...before,
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    ...(overdue && phase === 'Failed' && before.reason === undefined
      ? { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' }
      : {}),
    ...(sentAway ? { reason: view.ending?.reason, message: view.ending?.message } : {}),
    ...(host.ips[0] ? { hostIP: host.ips[0], hostIPs: host.ips.map((ip) => ({ ip })) } : {}),
    ...(ips[0] ? { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) } : {}),
    startTime: before.startTime ?? timestamp(view.now),
    ...(inits.length > 0 ? { initContainerStatuses: inits } : {}),
    containerStatuses: mains,
    ...(ephemerals.length > 0 ? { ephemeralContainerStatuses: ephemerals } : {}),
    qosClass: before.qosClass ?? qosClass(pod),
    conditions: podConditions(view, { phase, inits, mains }),
  };
}

/** Of a pod that the node did not take: nothing of it was ever made. */
export function refusedStatus({ metadata, status = {} }: Pod, { reason, message }: Refusal, now: Instant): PodStatus {
  return {
    ...status,
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    phase: 'Failed',
    reason,
    message: `Pod was rejected: ${message}`,
    startTime: status.startTime ?? timestamp(now),
  };
}

/** Guaranteed, Burstable or BestEffort, by what the containers ask for. */
export function qosClass(pod: Pod): string {
  const counted = ['cpu', 'memory'] as const;
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const asks = (container: Container) =>
    counted.some((name) => {
      const { requests, limits } = container.resources ?? {};
      return (requests?.[name] ?? limits?.[name] ?? '0') !== '0';
    });
  if (!all.some(asks)) return 'BestEffort';
  const full = (container: Container) =>
    counted.every((name) => {
      const limit = container.resources?.limits?.[name];
      return limit !== undefined && (container.resources?.requests?.[name] ?? limit) === limit;
    });
  return all.every(full) ? 'Guaranteed' : 'Burstable';
}

function everythingEnded(view: PodView): boolean {
  const all = [...view.inits, ...view.mains, ...view.ephemerals];
  return all.every(({ latest, busy }) => latest?.state !== 'running' && busy?.doing !== 'starting');
}

function podIps(view: PodView, host: StatusHost): readonly string[] {
  if (view.pod.spec.hostNetwork) return host.ips;
  return view.sandbox?.ips ?? (view.pod.status?.podIPs ?? []).map(({ ip }) => ip);
}

function phaseOf(view: PodView, ended: boolean): NonNullable<PodStatus['phase']> {
  const { pod, mains } = view;
  // What is over stays over.
  if (isFinished(pod)) return pod.status?.phase as 'Succeeded' | 'Failed';
  const succeeded = mains.every(({ latest }) => latest?.state === 'exited' && latest.exitCode === 0);
  const running = [...view.inits, ...mains].some(({ latest }) => latest?.state === 'running');
  if (ended) return succeeded ? 'Succeeded' : 'Failed';
  const overdue = view.deadlineAt !== undefined && view.deadlineAt <= view.now;
  if (overdue || view.failedInit) return running && !overdue ? 'Pending' : 'Failed';
  if (view.finished) return running ? 'Running' : succeeded ? 'Succeeded' : 'Failed';
  // A pod whose containers all begin anew has not gone back to where it came from.
  if (!view.initialized) return [...view.inits, ...mains].some(({ isOld }) => isOld) ? 'Running' : 'Pending';
  if (mains.some(({ latest }) => latest === undefined || latest.state === 'created')) return 'Pending';
  return 'Running';
}

function containerStatus(
  view: PodView,
  seen: ContainerView,
  { host, ended }: { readonly host: StatusHost; readonly ended: boolean },
): ContainerStatus {
  const { container, latest } = seen;
  const state = ended && latest?.state !== 'exited' ? lost() : stateOf(view, seen, host.scheme);
  const last = state.waiting && latest?.state === 'exited' ? latest : seen.previous;
  // A container waiting to be restarted is still known by the attempt that failed.
  const id = latest && latest.state !== 'created' ? `${host.scheme}://${latest.id}` : undefined;
  return {
    name: container.name,
    state,
    lastState: last ? { terminated: terminated(last, host.scheme) } : {},
    ready: seen.ready && !(seen.role !== 'init' && latest?.state !== 'running'),
    restartCount: latest?.attempt ?? 0,
    image: container.image ?? '',
    imageID: latest?.imageId ?? '',
    ...(id ? { containerID: id } : {}),
    ...(seen.role === 'ephemeral' ? {} : { started: seen.started }),
    ...given(view, seen),
    ...mounted(seen, host.mountsRecursively ?? false),
    ...userOf(view.pod, seen, id),
  };
}

/** A runtime may not know any more of a container that has ended what was told while it ran. */
function userOf({ status = {} }: Pod, { container, latest }: ContainerView, id?: string): Partial<ContainerStatus> {
  if (id === undefined) return {};
  if (latest?.user) {
    const { uid, gid, groups } = latest.user;
    return { user: { linux: { uid, gid, ...(groups.length > 0 ? { supplementalGroups: groups } : {}) } } };
  }
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status;
  const told = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  const before = told.find(({ name, containerID }) => name === container.name && containerID === id);
  return before?.user ? { user: before.user } : {};
}

/** What it has; while that is being changed, what it had. */
function given({ pod }: PodView, { container, latest, resize }: ContainerView): Partial<ContainerStatus> {
  if (!latest || latest.state === 'created') return {};
  const before = pod.status?.containerStatuses?.find(({ name }) => name === container.name);
  const { requests, limits } = (resize ? before?.resources : container.resources) ?? {};
  const allocated = container.resources?.requests;
  return {
    resources: { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) },
    ...(allocated ? { allocatedResources: allocated } : {}),
  };
}

function mounted({ container }: ContainerView, able: boolean): Partial<ContainerStatus> {
  const mounts = (container.volumeMounts ?? []) as readonly VolumeMountStatus[];
  if (mounts.length === 0) return {};
  const volumeMounts = mounts.map(({ name, mountPath, readOnly, recursiveReadOnly }): VolumeMountStatus => {
    if (!readOnly) return { name, mountPath };
    const possible = able ? 'Enabled' : 'Disabled';
    const recursive = recursiveReadOnly === 'IfPossible' ? possible : (recursiveReadOnly ?? 'Disabled');
    return { name, mountPath, readOnly, recursiveReadOnly: recursive };
  });
  return { volumeMounts };
}

function stateOf(view: PodView, seen: ContainerView, scheme: string): ContainerStateStatus {
  const { latest, failure, restart, container } = seen;
  if (latest?.state === 'running') {
    return { running: latest.startedAt === undefined ? {} : { startedAt: timestamp(latest.startedAt) } };
  }
  // It was made and could not begin: told as such until it waits to be tried again.
  const waits = failure?.reason === 'RunContainerError' && restart !== undefined && restart.at > view.now;
  if (failure && !waits && (latest?.state !== 'exited' || restart)) {
    return { waiting: { reason: failureReason(view, seen), message: failureMessage(view, seen) } };
  }
  if (latest?.state === 'exited') {
    const backsOff = restart && restart.at > view.now && !isOver(view);
    if (!backsOff && !seen.isOld) return { terminated: terminated(latest, scheme) };
    if (!backsOff) return waitingToBegin(view);
    const { name, namespace, uid } = view.pod.metadata;
    const message = `back-off ${duration(restart.delayMs)} restarting failed container=${container.name} pod=${name}_${namespace}(${uid})`;
    return { waiting: { reason: 'CrashLoopBackOff', message } };
  }
  return waitingToBegin(view);
}

/** With init containers upstream says PodInitializing of whatever waits. */
const waitingToBegin = ({ inits }: PodView): ContainerStateStatus => ({
  waiting: { reason: inits.length > 0 ? 'PodInitializing' : 'ContainerCreating' },
});

const isOver = (view: PodView): boolean =>
  view.pod.metadata.deletionTimestamp !== undefined || isFinished(view.pod) || view.failedInit !== undefined;

/** While it is tried again, and for a moment, the error itself is told; between two tries, that there is a wait. */
function failureReason({ now }: PodView, { failure, busy }: ContainerView): string {
  if (failure?.reason === 'ErrImagePull' && !busy && now - failure.at >= pullErrorShownMs) return 'ImagePullBackOff';
  return failure?.reason ?? '';
}

function failureMessage(view: PodView, seen: ContainerView): string {
  const { failure, container } = seen;
  if (failureReason(view, seen) !== 'ImagePullBackOff') return failure?.message ?? '';
  return `Back-off pulling image "${container.image ?? ''}": ErrImagePull: ${failure?.message ?? ''}`;
}

const lost = (): ContainerStateStatus => ({
  terminated: {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
  },
});

function terminated(attempt: Attempt, scheme: string): NonNullable<ContainerStateStatus['terminated']> {
  return {
    exitCode: attempt.exitCode ?? 0,
    reason: attempt.reason ?? (attempt.exitCode === 0 ? 'Completed' : 'Error'),
    ...(attempt.message ? { message: attempt.message } : {}),
    ...(attempt.startedAt === undefined ? {} : { startedAt: timestamp(attempt.startedAt) }),
    ...(attempt.finishedAt === undefined ? {} : { finishedAt: timestamp(attempt.finishedAt) }),
    containerID: `${scheme}://${attempt.id}`,
  };
}

/** As Go writes a duration: 10s, 1m20s, 5m0s. */
function duration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
