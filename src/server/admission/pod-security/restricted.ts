import { type Part, partOf, partsOf, textOf, textsOf } from '../../../api/kinds/defaulting.ts';
import { forbiddenAdditions, isSeccompAllowed, seccomp } from './baseline.ts';
import {
  containersOf,
  containersText,
  isWindows,
  type PodParts,
  plural,
  quoted,
  settersText,
  sorted,
  type Violation,
} from './parts.ts';

// What a hardened application does besides: it gives up every right that it does not need.

/** Windows has none of these rights to give up, and since then is not asked to. */
const windowsMinor = 25;
const isExempt = (spec: Part, minor: number): boolean => minor >= windowsMinor && isWindows(spec);

export function privilegeEscalation({ spec }: PodParts, minor: number): Violation | undefined {
  if (isExempt(spec, minor)) return undefined;
  const names = containersOf(spec).flatMap(({ name, security }) =>
    security.allowPrivilegeEscalation === false ? [] : [name],
  );
  if (names.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${containersText(names)} must set securityContext.allowPrivilegeEscalation=false`,
  };
}

const bindOnly = new Set(['NET_BIND_SERVICE']);

export function droppedCapabilities({ spec }: PodParts, minor: number): Violation | undefined {
  if (isExempt(spec, minor)) return undefined;
  const keeping = containersOf(spec).flatMap(({ name, security }) =>
    textsOf(partOf(security.capabilities).drop).includes('ALL') ? [] : [name],
  );
  const added = forbiddenAdditions(spec, bindOnly);
  const details = [
    ...(keeping.length > 0 ? [`${containersText(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(added === undefined ? [] : [added]),
  ];
  return details.length > 0 ? { reason: 'unrestricted capabilities', detail: details.join('; ') } : undefined;
}

const allowedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** The types that have names of their own; whatever comes later is unknown. */
const namedVolumes = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
  'photonPersistentDisk',
];

export function volumeTypes({ spec }: PodParts): Violation | undefined {
  const bad = partsOf(spec.volumes).filter((volume) => !allowedVolumes.some((type) => volume[type] !== undefined));
  if (bad.length === 0) return undefined;
  const names = bad.map(({ name }) => textOf(name));
  const types = sorted(bad.map((volume) => namedVolumes.find((type) => volume[type] !== undefined) ?? 'unknown'));
  const [volumes, uses] = [plural('volume', 'volumes', names.length), plural('uses', 'use', names.length)];
  const what = `restricted volume ${plural('type', 'types', types.length)}`;
  return {
    reason: 'restricted volume types',
    detail: `${volumes} ${quoted(names)} ${uses} ${what} ${quoted(types)}`,
  };
}

/** Since then a pod with users of its own may be root among them. */
const ownUsersMinor = 35;
const hasOwnUsers = (spec: Part, minor: number): boolean => minor >= ownUsersMinor && spec.hostUsers === false;

export function nonRoot({ spec }: PodParts, minor: number): Violation | undefined {
  if (hasOwnUsers(spec, minor)) return undefined;
  const whole = partOf(spec.securityContext).runAsNonRoot;
  const refusing: string[] = [];
  const silent: string[] = [];
  for (const { name, security } of containersOf(spec)) {
    if (security.runAsNonRoot === false) refusing.push(name);
    else if (security.runAsNonRoot === undefined && whole !== true) silent.push(name);
  }
  const reason = 'runAsNonRoot != true';
  if (whole === false || refusing.length > 0) {
    const who = settersText(whole === false, refusing);
    return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  }
  if (silent.length === 0) return undefined;
  return { reason, detail: `pod or ${containersText(silent)} must set securityContext.runAsNonRoot=true` };
}

export function nonRootUser({ spec }: PodParts, minor: number): Violation | undefined {
  if (hasOwnUsers(spec, minor)) return undefined;
  const pod = partOf(spec.securityContext).runAsUser === 0;
  const names = containersOf(spec).flatMap(({ name, security }) => (security.runAsUser === 0 ? [name] : []));
  if (!pod && names.length === 0) return undefined;
  return { reason: 'runAsUser=0', detail: `${settersText(pod, names)} must not set runAsUser=0` };
}

export function seccompSet(parts: PodParts, minor: number): Violation | undefined {
  const { spec } = parts;
  if (isExempt(spec, minor)) return undefined;
  const wrong = seccomp(parts);
  if (wrong) return wrong;
  if (isSeccompAllowed(partOf(spec.securityContext).seccompProfile)) return undefined;
  const silent = containersOf(spec).flatMap(({ name, security }) =>
    security.seccompProfile === undefined ? [name] : [],
  );
  if (silent.length === 0) return undefined;
  const wanted = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"';
  return { reason: 'seccompProfile', detail: `pod or ${containersText(silent)} ${wanted}` };
}
