import { type DaemonSet, daemonSets } from '../api/kinds/daemon-set.ts';
import type { Node } from '../api/kinds/node.ts';
import type { Pod, PodSpec, PodTemplate, Toleration } from '../api/kinds/pod.ts';
import { matchesNode, toleratedBy } from '../api/node-matching.ts';
import type { Draft } from '../api/object.ts';
import type { Random } from '../base/env.ts';
import { daemonSpecOf, generationLabel, hashLabel, templateGeneration } from './daemon-set-shape.ts';
import { podFromTemplate } from './pod-from-template.ts';

const exists = (key: string, effect: string): Toleration => ({ key, operator: 'Exists', effect });

/** A pod of a daemon stays with its node, whatever the node complains of. */
const ownTolerations: readonly Toleration[] = [
  exists('node.kubernetes.io/not-ready', 'NoExecute'),
  exists('node.kubernetes.io/unreachable', 'NoExecute'),
  exists('node.kubernetes.io/disk-pressure', 'NoSchedule'),
  exists('node.kubernetes.io/memory-pressure', 'NoSchedule'),
  exists('node.kubernetes.io/pid-pressure', 'NoSchedule'),
  exists('node.kubernetes.io/unschedulable', 'NoSchedule'),
];
const hostNetworkToleration = exists('node.kubernetes.io/network-unavailable', 'NoSchedule');

function tolerationsOf({ tolerations = [], hostNetwork }: PodSpec): readonly Toleration[] {
  const added = hostNetwork ? [...ownTolerations, hostNetworkToleration] : ownTolerations;
  const isSame = (a: Toleration, b: Toleration) =>
    a.key === b.key && a.effect === b.effect && a.operator === b.operator && (a.value ?? '') === (b.value ?? '');
  return [...tolerations.filter((one) => !added.some((own) => isSame(own, one))), ...added];
}

/** `begins`: a pod is to be made. `stays`: one that is there may stay. */
export interface Fit {
  readonly begins: boolean;
  readonly stays: boolean;
}

export function fitOf(set: DaemonSet, node: Node): Fit {
  const { spec } = daemonSpecOf(set).template;
  const isNamed = !spec.nodeName || spec.nodeName === node.metadata.name;
  if (!isNamed || !matchesNode(spec, node)) return { begins: false, stays: false };
  const tolerations = tolerationsOf(spec);
  const untolerated = (node.spec.taints ?? []).filter((taint) => !toleratedBy(tolerations, taint));
  const expelled = untolerated.some(({ effect }) => effect === 'NoExecute');
  return { begins: !expelled && untolerated.every(({ effect }) => effect !== 'NoSchedule'), stays: !expelled };
}

/** Bound by the scheduler like any other pod: its affinity leaves no choice. */
export function daemonPod(
  set: DaemonSet,
  node: string,
  more: { readonly hash: string; readonly random: Random },
): Draft<Pod> {
  const { metadata, spec } = daemonSpecOf(set).template;
  const generation = templateGeneration(set);
  const labels = {
    ...metadata?.labels,
    ...(generation === undefined ? {} : { [generationLabel]: generation }),
    [hashLabel]: more.hash,
  };
  const term = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] };
  const nodeAffinity = {
    ...spec.affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] },
  };
  const template: PodTemplate = {
    metadata: { ...metadata, labels },
    spec: { ...spec, affinity: { ...spec.affinity, nodeAffinity }, tolerations: tolerationsOf(spec) },
  };
  return podFromTemplate({ kind: daemonSets, owner: set, template, random: more.random });
}
