import { isObject, type Json, type JsonObject } from '../../base/json.ts';

export const mirrorAnnotation = 'kubernetes.io/config.mirror';
/** Kinds of volume that name a Secret, and where. */
const secretFields: Readonly<Record<string, string>> = {
  azureFile: 'secretName',
  cephfs: 'secretRef',
  cinder: 'secretRef',
  flexVolume: 'secretRef',
  rbd: 'secretRef',
  scaleIO: 'secretRef',
  iscsi: 'secretRef',
  storageos: 'secretRef',
  secret: 'secretName',
};
const podCsiSecrets = ['nodePublishSecretRef'];
/** Those that only controllers need are not here. */
const volumeCsiSecrets = ['nodePublishSecretRef', 'nodeStageSecretRef', 'nodeExpandSecretRef'];

const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
const objectsOf = (value: Json | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : [];
const nameOf = (value: Json | undefined): string =>
  typeof value === 'string' ? value : String(objectOf(value).name ?? '');

/** `secrets ns/name`, `pods ns/name`, `persistentvolumes /name`: what a node may have to do with. */
export const vertex = (resource: string, namespace: string, name: string): string => `${resource} ${namespace}/${name}`;

/** The node that a pod is bound to; an empty text where there is none yet. */
export function nodeOfPod(pod: JsonObject): string {
  const { nodeName } = objectOf(pod.spec);
  return typeof nodeName === 'string' ? nodeName : '';
}

/** The pod itself, and everything that its node needs for it. */
export function podReferences(pod: JsonObject): readonly string[] {
  const metadata = objectOf(pod.metadata);
  const itself = vertex('pods', String(metadata.namespace ?? ''), String(metadata.name));
  // A node makes mirror pods itself: they must never give it anything.
  return isMirrorPod(pod) ? [itself] : [itself, ...podNeeds(pod)];
}

/** Whether two states of a pod name the same, as far as a glance can tell: a spec that stays is the very same object. */
export function namesAlike(a: JsonObject, b: JsonObject): boolean {
  if (a.spec !== b.spec || isMirrorPod(a) !== isMirrorPod(b)) return false;
  const [one, other] = [objectOf(a.status), objectOf(b.status)];
  return (
    one.resourceClaimStatuses === other.resourceClaimStatuses &&
    one.extendedResourceClaimStatus === other.extendedResourceClaimStatus
  );
}

export const isMirrorPod = (pod: JsonObject): boolean =>
  objectOf(objectOf(pod.metadata).annotations)[mirrorAnnotation] !== undefined;

/** Everything that a pod names, each once. */
export function podNeeds(pod: JsonObject): readonly string[] {
  const metadata = objectOf(pod.metadata);
  const spec = objectOf(pod.spec);
  const found = new Set<string>();
  const add = (resource: string, name: string) => {
    if (name !== '') found.add(vertex(resource, String(metadata.namespace ?? ''), name));
  };
  add('serviceaccounts', nameOf(spec.serviceAccountName));
  for (const secret of objectsOf(spec.imagePullSecrets)) add('secrets', nameOf(secret));
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const container of objectsOf(spec[list])) addEnvironment(container, add);
  }
  for (const volume of objectsOf(spec.volumes)) addVolume(volume, String(metadata.name), add);
  for (const claim of claimNames(spec, objectOf(pod.status))) add('resourceclaims', claim);
  return [...found];
}

type Add = (resource: string, name: string) => void;

function addEnvironment(container: JsonObject, add: Add): void {
  for (const source of objectsOf(container.envFrom)) {
    add('secrets', nameOf(source.secretRef));
    add('configmaps', nameOf(source.configMapRef));
  }
  for (const variable of objectsOf(container.env)) {
    const source = objectOf(variable.valueFrom);
    add('secrets', nameOf(source.secretKeyRef));
    add('configmaps', nameOf(source.configMapKeyRef));
  }
}

function addVolume(volume: JsonObject, pod: string, add: Add): void {
  for (const kind in volume) {
    const field = secretFields[kind];
    if (field !== undefined) add('secrets', nameOf(objectOf(volume[kind])[field]));
  }
  for (const field of podCsiSecrets) add('secrets', nameOf(objectOf(volume.csi)[field]));
  add('configmaps', nameOf(volume.configMap));
  for (const source of objectsOf(objectOf(volume.projected).sources)) {
    add('secrets', nameOf(source.secret));
    add('configmaps', nameOf(source.configMap));
  }
  add('persistentvolumeclaims', nameOf(objectOf(volume.persistentVolumeClaim).claimName));
  if (volume.ephemeral !== undefined) add('persistentvolumeclaims', `${pod}-${String(volume.name)}`);
}

/** A claim made from a template is named in the pod's status. */
function claimNames(spec: JsonObject, status: JsonObject): readonly string[] {
  const made = objectsOf(status.resourceClaimStatuses);
  const own = objectsOf(spec.resourceClaims).map(
    ({ name, resourceClaimName }) =>
      nameOf(resourceClaimName) || nameOf(made.find((one) => one.name === name)?.resourceClaimName),
  );
  return [...own, nameOf(objectOf(status.extendedResourceClaimStatus).resourceClaimName)];
}

/** The secrets that a node needs in order to mount a PersistentVolume. */
export function volumeSecrets(spec: JsonObject): readonly string[] {
  const claimNamespace = String(objectOf(spec.claimRef).namespace ?? '');
  const csi = objectOf(spec.csi);
  const references = [
    ...Object.entries(secretFields).map(([kind, field]) => ({ source: objectOf(spec[kind]), field })),
    ...volumeCsiSecrets.map((field) => ({ source: csi, field })),
  ];
  return references.flatMap(({ source, field }) => {
    const name = nameOf(source[field]);
    const given = objectOf(source[field]).namespace ?? source.secretNamespace;
    return name === '' ? [] : [vertex('secrets', typeof given === 'string' ? given : claimNamespace, name)];
  });
}
