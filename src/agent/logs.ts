import { ApiError } from '../api/error.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { Stop } from '../base/stop.ts';
import type { PodLogOptions } from './node-door.ts';
import { parseContainerId } from './pod-view.ts';
import type { ContainerState, Runtime } from './runtime.ts';

export interface LogRequest {
  readonly pod: Pod;
  readonly container: string | undefined;
  readonly options: PodLogOptions;
}

/** The log of one attempt of a container: the newest, or the one before it. */
export async function podLogs(runtime: Runtime, request: LogRequest, stop: Stop): Promise<AsyncIterable<Uint8Array>> {
  const { previous = false, ...options } = request.options;
  const name = containerName(request.pod, request.container);
  const attempts = await attemptsOf(runtime, request.pod, name);
  const { name: podName } = request.pod.metadata;
  if (previous) {
    const current = attempts[0]?.state === 'exited' && waits(request.pod, name) ? 0 : 1;
    const ended = attempts.slice(current).find((attempt) => attempt.state === 'exited');
    if (ended) return runtime.logs(ended.id, { ...options, follow: false }, stop);
    throw new ApiError('BadRequest', `previous terminated container "${name}" in pod "${podName}" not found`);
  }
  const current = attempts.find((attempt) => attempt.state !== 'created');
  if (current) return runtime.logs(current.id, options, stop);
  const reason = statusOf(request.pod, name)?.state?.waiting?.reason ?? 'ContainerCreating';
  throw new ApiError('BadRequest', `container "${name}" in pod "${podName}" is waiting to start: ${reason}`);
}

export function containerName(pod: Pod, asked: string | undefined): string {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const names = [...containers, ...initContainers, ...ephemeralContainers].map(({ name }) => name);
  const preferred = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  const name = asked ?? preferred ?? names[0];
  if (name !== undefined && names.includes(name)) return name;
  throw new ApiError('BadRequest', `container ${name ?? ''} is not valid for pod ${pod.metadata.name}`);
}

/** Newest first. */
export async function attemptsOf(runtime: Runtime, pod: Pod, name: string): Promise<readonly ContainerState[]> {
  const { containers } = await runtime.list();
  const own = containers.filter((state) => {
    const id = parseContainerId(state.id);
    return id.uid === pod.metadata.uid && id.name === name;
  });
  return own.sort((a, b) => b.attempt - a.attempt);
}

// In a crash loop the attempt that failed last is the previous one already.
const waits = (pod: Pod, name: string): boolean => statusOf(pod, name)?.state?.waiting !== undefined;

const statusOf = (pod: Pod, name: string) =>
  [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.ephemeralContainerStatuses ?? []),
  ].find((one) => one.name === name);
