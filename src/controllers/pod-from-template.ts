import { type Pod, type PodTemplate, pods } from '../api/kinds/pod.ts';
import { type Draft, type KubeObject, keyOf } from '../api/object.ts';
import type { Random } from '../base/env.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import { controllerReference } from './ownership.ts';

const generatedNameMax = 58;
const suffixLength = 5;
/** As often as an API server that draws names: somebody else may have taken nearly all of them. */
const drawsMax = 8;

export interface PodMaker {
  readonly kind: { readonly apiVersion: string; readonly kind: string };
  readonly owner: KubeObject;
  readonly template: PodTemplate;
  readonly random: Random;
  /** What generated names begin with, where that is not the owner's name. */
  readonly prefix?: string;
  /** Of tens of thousands of pods with the same prefix, one in hundreds would draw a name that another one has. */
  isTaken?(name: string): boolean;
}

/** A pod as a template says, under its owner, with a name that is drawn here: a create that is tried again is the same. */
export function podFromTemplate(maker: PodMaker): Draft<Pod> {
  const { kind, owner, template, prefix } = maker;
  const { metadata = {}, spec } = template;
  const generateName = prefix ?? `${owner.metadata.name}-`;
  return {
    metadata: {
      name: drawn(generateName.slice(0, generatedNameMax), maker),
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

function drawn(start: string, { random, isTaken }: PodMaker): string {
  let name = '';
  for (let draws = 0; draws < drawsMax; draws++) {
    name = start + random.suffix(suffixLength);
    if (!isTaken?.(name)) break;
  }
  return name;
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
