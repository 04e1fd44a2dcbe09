import { isObject, type JsonObject } from '../../base/json.ts';
import { isMirrorPod, mirrorAnnotation, podNeeds } from '../auth/node-references.ts';

const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** A node shows the pods that it runs from files of its own: they are bound to it, owned by it, and need nothing. */
export function mirrorPodError(node: string, pod: JsonObject, own: JsonObject | undefined): string | undefined {
  const name = JSON.stringify(node);
  if (!isMirrorPod(pod)) {
    return `pod does not have ${JSON.stringify(mirrorAnnotation)} annotation, node ${name} can only create mirror pods`;
  }
  if (objectOf(pod.spec).nodeName !== node) return `node ${name} can only create pods with spec.nodeName set to itself`;
  return ownerError(node, pod, own) ?? referenceError(name, pod);
}

function ownerError(node: string, pod: JsonObject, own: JsonObject | undefined): string | undefined {
  const { ownerReferences } = objectOf(pod.metadata);
  const [owner, ...more] = Array.isArray(ownerReferences) ? ownerReferences.map(objectOf) : [];
  const name = JSON.stringify(node);
  if (more.length > 0) return `node ${name} can only create pods with a single owner reference set to itself`;
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
    return `node ${name} can only create pods with an owner reference set to itself`;
  }
  if (owner.controller !== true) {
    return `node ${name} can only create pods with a controller owner reference set to itself`;
  }
  if (owner.blockOwnerDeletion === true) return `node ${name} must not set blockOwnerDeletion on an owner reference`;
  const { uid } = objectOf(own?.metadata);
  if (owner.uid !== uid) return `node ${node} UID mismatch: expected ${String(owner.uid)} got ${String(uid)}`;
  return undefined;
}

function referenceError(name: string, pod: JsonObject): string | undefined {
  const needs = podNeeds(pod);
  const cannot = (what: string) => `node ${name} can not create pods that reference ${what}`;
  if (needs.some((one) => one.startsWith('serviceaccounts '))) return cannot('a service account');
  const { volumes, resourceClaims } = objectOf(pod.spec);
  const list = Array.isArray(volumes) ? volumes.map(objectOf) : [];
  if (needs.some((one) => one.startsWith('secrets '))) return cannot('secrets');
  if (needs.some((one) => one.startsWith('configmaps '))) return cannot('configmaps');
  if (list.some((volume) => sourcesOf(volume).some((source) => source.clusterTrustBundle !== undefined))) {
    return cannot('clustertrustbundles');
  }
  for (const volume of list) {
    if (volume.persistentVolumeClaim !== undefined) return cannot('persistentvolumeclaims');
    if (volume.ephemeral !== undefined) return cannot('persistentvolumeclaims (via ephemeral volumes)');
    if (volume.csi !== undefined) return cannot('csidrivers (via CSI volumes)');
    if (sourcesOf(volume).some((source) => source.serviceAccountToken !== undefined))
      return cannot('a service account');
  }
  return Array.isArray(resourceClaims) && resourceClaims.length > 0 ? cannot('resourceclaims') : undefined;
}

function sourcesOf(volume: JsonObject): readonly JsonObject[] {
  const { sources } = objectOf(volume.projected);
  return Array.isArray(sources) ? sources.map(objectOf) : [];
}
