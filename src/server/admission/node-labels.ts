import type { JsonObject } from '../../base/json.ts';

const restricted = 'node-restriction.kubernetes.io';
const upstreamOwn = ['kubernetes.io', 'k8s.io'];
const nodeNamespaces = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const nodeLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'node.kubernetes.io/windows-build',
]);

/** Labels that were changed and that operators trust: a node that sets them would draw pods to itself. */
export function forbiddenNodeLabels(labels: JsonObject, before: JsonObject): readonly string[] {
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(before)])].filter(
    (key) => labels[key] !== before[key],
  );
  return changed.filter(isForbidden).sort();
}

function isForbidden(label: string): boolean {
  const slash = label.indexOf('/');
  const namespace = slash < 0 ? '' : label.slice(0, slash);
  if (isWithin(namespace, restricted)) return true;
  if (!upstreamOwn.some((known) => isWithin(namespace, known))) return false;
  return !nodeLabels.has(label) && !nodeNamespaces.some((known) => isWithin(namespace, known));
}

const isWithin = (namespace: string, parent: string): boolean =>
  namespace === parent || namespace.endsWith(`.${parent}`);
