import { type Pod, type PodTemplate, pods } from '../api/kinds/pod.ts';
import { type StatefulSet, statefulSets } from '../api/kinds/stateful-set.ts';
import { type Draft, keyOf, type Labels } from '../api/object.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import { controllerReference } from './ownership.ts';
import { claimName } from './stateful-set-claims.ts';
import { setSpecOf } from './stateful-set-shape.ts';

export const revisionLabel = 'controller-revision-hash';
const nameLabel = 'statefulset.kubernetes.io/pod-name';
const indexLabel = 'apps.kubernetes.io/pod-index';

export const podName = (set: StatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;
export const podRevision = (pod: Pod): string => pod.metadata.labels?.[revisionLabel] ?? '';

export interface Version {
  readonly template: PodTemplate;
  readonly revision: string;
}

/** A pod that keeps its name, its host name and its volumes whenever it is made anew. */
export function setPod(set: StatefulSet, ordinal: number, { template, revision }: Version): Draft<Pod> {
  const { metadata = {}, spec } = template;
  const { serviceName, volumeClaimTemplates = [] } = setSpecOf(set);
  const name = podName(set, ordinal);
  const claimed = volumeClaimTemplates.map(({ metadata: { name: volume } }) => ({
    name: volume,
    persistentVolumeClaim: { claimName: claimName(set, volume, ordinal) },
  }));
  const own = (spec.volumes ?? []).filter((volume) => !claimed.some((one) => one.name === volume.name));
  const volumes = [...claimed, ...own];
  return {
    metadata: {
      name,
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace ?? '',
      labels: { ...metadata.labels, ...identity(set, ordinal), [revisionLabel]: revision },
      ...(metadata.annotations ? { annotations: metadata.annotations } : {}),
      ...(metadata.finalizers ? { finalizers: metadata.finalizers } : {}),
      ownerReferences: [controllerReference(statefulSets, set)],
    },
    spec: {
      ...spec,
      hostname: name,
      ...(serviceName ? { subdomain: serviceName } : {}),
      ...(volumes.length > 0 ? { volumes } : {}),
    },
  };
}

const identity = (set: StatefulSet, ordinal: number): Labels => ({
  [nameLabel]: podName(set, ordinal),
  [indexLabel]: String(ordinal),
});

/** The labels by which a pod is known to be this one, where it has lost them. */
export function repairIdentity(set: StatefulSet, pod: Pod, ordinal: number): Action | undefined {
  const labels = identity(set, ordinal);
  if (pod.metadata.labels?.[nameLabel] === labels[nameLabel]) return undefined;
  return act({ verb: 'patch', kind: pods, key: keyOf(pod), patch: { metadata: { labels } } });
}

/** An action on a pod of the set, and what is told of it. */
export function withNotice(set: StatefulSet, verb: 'Create' | 'Delete' | 'Update', action: Action): Told {
  const name = action.verb === 'create' ? action.object.metadata.name : 'key' in action ? action.key.name : '';
  const message = `${verb} Pod ${name} in StatefulSet ${set.metadata.name} successful`;
  const reason = `Successful${verb}`;
  return [action, { verb: 'event', about: set, reason, message, after: action }];
}
type Told = readonly (Action | Notice)[];

export function deletePod(set: StatefulSet, pod: Pod): Told {
  const action = act({ verb: 'delete', kind: pods, key: keyOf(pod), uid: pod.metadata.uid });
  return withNotice(set, 'Delete', action);
}
