// Long names are those of the OpenAPI documents (io.k8s.api.core.v1.Pod) or of protobuf messages
// (k8s.io.api.core.v1.Pod);
// short ones (core.v1.Pod, meta.v1.ObjectMeta) are the tables'.

const openApiPrefixes: Readonly<Record<string, string>> = {
  meta: 'io.k8s.apimachinery.pkg.apis.',
  runtime: 'io.k8s.apimachinery.pkg.',
  version: 'io.k8s.apimachinery.pkg.',
  resource: 'io.k8s.apimachinery.pkg.api.',
  intstr: 'io.k8s.apimachinery.pkg.util.',
  apiextensions: 'io.k8s.apiextensions-apiserver.pkg.apis.',
  apiregistration: 'io.k8s.kube-aggregator.pkg.apis.',
};
const longPrefix =
  /^(?:k8s\.io|io\.k8s)\.(?:apimachinery\.pkg\.apis|apimachinery\.pkg\.api|apimachinery\.pkg\.util|apimachinery\.pkg|apiextensions[-_]apiserver\.pkg\.apis|kube[-_]aggregator\.pkg\.apis|api)\./;

export const shortType = (name: string): string => name.replace(longPrefix, '');

/** `resource` is both a package of apimachinery (Quantity) and an API group (resource.v1.DeviceClass). */
export function openApiName(short: string): string {
  const first = short.slice(0, short.indexOf('.'));
  if (first === 'resource' && short !== 'resource.Quantity') return `io.k8s.api.${short}`;
  return `${openApiPrefixes[first] ?? 'io.k8s.api.'}${short}`;
}

/** The table that holds a group's types: the first label of its name, with the two exceptions that upstream has. */
export function tableOf(group: string): string {
  if (group === '') return 'core';
  if (group === 'internal.apiserver.k8s.io') return 'apiserverinternal';
  const dot = group.indexOf('.');
  return dot < 0 ? group : group.slice(0, dot);
}
