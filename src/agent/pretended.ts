import type { Container, ContainerStatus, Pod, PodStatus } from '../api/kinds/pod.ts';

/** What is left of a pod whose containers only pretend: nothing that would have to be looked up, asked or mounted. */
export function pretendedPod(pod: Pod): Pod {
  const bare = ({ name, image, restartPolicy, ports, resources, terminationMessagePath }: Container): Container => ({
    name,
    ...(image === undefined ? {} : { image }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
    ...(ports ? { ports } : {}),
    ...(resources ? { resources } : {}),
    ...(terminationMessagePath ? { terminationMessagePath } : {}),
  });
  const { containers, initContainers } = pod.spec;
  const init = initContainers ? { initContainers: initContainers.map(bare) } : {};
  return { ...pod, spec: { ...pod.spec, containers: containers.map(bare), ...init } };
}

/** No engine made it: there is no id of a container or an image, and nobody made a sandbox ready. */
export function pretendedStatus(next: PodStatus, before: PodStatus | undefined): PodStatus {
  const known = new Set((before?.conditions ?? []).map(({ type }) => type));
  const told = (type: string) =>
    type !== 'PodReadyToStartContainers' && (type !== 'PodScheduled' || known.has('PodScheduled'));
  const { conditions, containerStatuses, initContainerStatuses } = next;
  return {
    ...next,
    ...(conditions ? { conditions: conditions.filter(({ type }) => told(type)) } : {}),
    ...(containerStatuses ? { containerStatuses: containerStatuses.map(nameless) } : {}),
    ...(initContainerStatuses ? { initContainerStatuses: initContainerStatuses.map(nameless) } : {}),
  };
}

/** Nor does anybody give it resources, or would give it others: a pod that asks for that is told so. */
const nameless = (told: ContainerStatus): ContainerStatus => {
  const { containerID: _id, resources: _given, allocatedResources: _allocated, ...status } = told;
  const terminated = status.state?.terminated;
  if (!terminated) return { ...status, imageID: '' };
  const { containerID: _ended, ...ending } = terminated;
  return { ...status, imageID: '', state: { terminated: ending } };
};
