import { type Pod, type PodTemplate, pods } from '../api/kinds/pod.ts';
import { type Draft, type KubeObject, keyOf } from '../api/object.ts';
import type { Random } from '../base/env.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import { controllerReference } from './ownership.ts';

const generatedNameMax = 58;
const suffixLength = 5;

export interface PodMaker {
  readonly kind: { readonly apiVersion: string; readonly kind: string };
  readonly owner: KubeObject;
  readonly template: PodTemplate;
  readonly random: Random;
  /** What generated names begin with, where that is not the owner's name. */
  readonly prefix?: string;
}

/** A pod as a template says, under its owner, with a name that is drawn here: a create that is tried again is the same. */
export function podFromTemplate({ kind, owner, template, random, prefix }: PodMaker): Draft<Pod> {
  const { metadata = {}, spec } = template;
  const generateName = prefix ?? `${owner.metadata.name}-`;
  return {
    metadata: {
      name: generateName.slice(0, generatedNameMax) + random.suffix(suffixLength),
      generateName,
      namespace: owner.metadata.namespace ?? '',
      ...(metadata.labels ? { labels: metadata.labels } : {}),
      ...(metadata.annotations ? { annotations: metadata.annotations } : {}),
      ...(metadata.finalizers ? { finalizers: metadata.finalizers } : {}),
      ownerReferences: [controllerReference(kind, owner)],
    },
    spec,
  };
}

/** Creates them, and tells of each that was made. */
export function createPods(owner: KubeObject, drafts: readonly Draft<Pod>[]): readonly (Action | Notice)[] {
  const actions = drafts.map((object) => act({ verb: 'create', kind: pods, object }));
  return [
    ...actions,
    ...drafts.map(({ metadata }, index) =>
      told(owner, 'SuccessfulCreate', `Created pod: ${metadata.name}`, actions[index] as Action),
    ),
  ];
}

/** Deletes them, and tells of each that was. */
export function deletePods(owner: KubeObject, victims: readonly Pod[]): readonly (Action | Notice)[] {
  const actions = victims.map((pod) => act({ verb: 'delete', kind: pods, key: keyOf(pod), uid: pod.metadata.uid }));
  return [
    ...actions,
    ...victims.map(({ metadata }, index) =>
      told(owner, 'SuccessfulDelete', `Deleted pod: ${metadata.name}`, actions[index] as Action),
    ),
  ];
}

const told = (about: KubeObject, reason: string, message: string, after: Action): Notice => ({
  verb: 'event',
  about,
  reason,
  message,
  after,
});
