import { timestamp } from '../../base/text.ts';
import type { WriteContext } from '../kind.ts';
import type { Labels } from '../object.ts';
import { changed, type Part, partOf, partsOf, textOf, textsOf } from './defaulting.ts';
import type { Pod, PodStatus } from './pod.ts';
import { withAppArmorFields } from './pod-app-armor.ts';
import { qualityOf } from './pod-quality.ts';
import { resized } from './pod-resize-rules.ts';

// What a write to a pod does besides what it says.

/** A new pod: without the status that it came with, and with the selectors that its own labels complete. */
export function preparedCreate(given: Pod, { now }: WriteContext): Pod {
  const pod = withAppArmorFields(given);
  const labels = pod.metadata.labels ?? {};
  const spec = withOwnLabels(pod.spec as unknown as Part, labels) as unknown as Pod['spec'];
  const gated = (spec.schedulingGates ?? []).length > 0;
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'SchedulingGated',
    message: 'Scheduling is blocked due to non-empty scheduling gates',
    lastProbeTime: null,
    lastTransitionTime: timestamp(now),
  };
  const status: PodStatus = {
    phase: 'Pending',
    ...(gated ? { conditions: [condition] } : {}),
    qosClass: qualityOf(spec as unknown as Part),
  };
  return { ...pod, spec, status };
}

/** Each door changes its own part of a pod, whatever else was sent through it. */
export function preparedUpdate(next: Pod, previous: Pod, { subresource }: WriteContext): Pod {
  const status = previous.status ? { status: previous.status } : {};
  switch (subresource) {
    // A binding writes both halves: the node, and the condition that says so.
    case 'binding':
      return next;
    case 'status':
      return preparedStatus(next, previous);
    case 'ephemeralcontainers': {
      const { ephemeralContainers } = next.spec as unknown as Part;
      const { ephemeralContainers: _old, ...rest } = previous.spec as unknown as Part;
      const spec = ephemeralContainers === undefined ? rest : { ...rest, ephemeralContainers };
      return { ...previous, metadata: ownMeta(next, previous), spec: spec as unknown as Pod['spec'] };
    }
    case 'resize': {
      const spec = resized(next.spec as unknown as Part, previous.spec as unknown as Part);
      if (!spec) return next;
      return { ...previous, metadata: ownMeta(next, previous), spec: spec as unknown as Pod['spec'] };
    }
    default:
      return { ...next, ...status };
  }
}

/** The doors to a part of the spec leave labels and the like alone. */
const ownMeta = (next: Pod, previous: Pod): Pod['metadata'] => ({
  ...previous.metadata,
  ...(next.metadata.managedFields ? { managedFields: next.metadata.managedFields } : {}),
});

function preparedStatus(next: Pod, previous: Pod): Pod {
  const { ownerReferences: _asked, ...metadata } = next.metadata;
  // Old kubelets broke the owners in what they sent back.
  const owners = previous.metadata.ownerReferences ? { ownerReferences: previous.metadata.ownerReferences } : {};
  const given = next.status ?? {};
  // How well its resources are promised was decided when the pod was made; who does not say leaves it so.
  const quality = given.qosClass ?? previous.status?.qosClass;
  const status = quality === undefined ? given : { ...given, qosClass: quality };
  return { ...previous, metadata: { ...metadata, ...owners }, status };
}

const must = 'requiredDuringSchedulingIgnoredDuringExecution';
const should = 'preferredDuringSchedulingIgnoredDuringExecution';

/** Keys whose value is to be the pod's own become demands of the selector, with the value that the pod has. */
function withOwnLabels(spec: Part, labels: Labels): Part {
  const sides = ['podAffinity', 'podAntiAffinity'];
  const withAffinity = changed(spec, 'affinity', (affinity) =>
    sides.reduce((all, side) => changed(all, side, (terms) => withOwnTerms(terms, labels)), affinity),
  );
  return changed(withAffinity, 'topologySpreadConstraints', (list) =>
    partsOf(list).map((constraint) => completed(constraint, labels)),
  );
}

const withOwnTerms = (terms: Part, labels: Labels): Part => {
  const required = changed(terms, must, (list) => partsOf(list).map((term) => completed(term, labels)));
  return changed(required, should, (list) =>
    partsOf(list).map((item) => changed(item, 'podAffinityTerm', (term) => completed(term, labels))),
  );
};

function completed(term: Part, labels: Labels): Part {
  const selector = term.labelSelector;
  const demands = [
    ...demandsOf(term.matchLabelKeys, 'In', labels),
    ...demandsOf(term.mismatchLabelKeys, 'NotIn', labels),
  ];
  if (selector === undefined || selector === null || demands.length === 0) return term;
  const matchExpressions = [...partsOf(partOf(selector).matchExpressions), ...demands];
  return { ...term, labelSelector: { ...partOf(selector), matchExpressions } };
}

const demandsOf = (keys: unknown, operator: string, labels: Labels): readonly Part[] =>
  textsOf(keys)
    .filter((key) => labels[key] !== undefined)
    .map((key) => ({ key, operator, values: [textOf(labels[key])] }));
