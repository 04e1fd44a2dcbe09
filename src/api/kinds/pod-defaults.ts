import { tagOf } from '../image-reference.ts';
import { changed, changedItems, filled, mapOf, type Part } from './defaulting.ts';
import type { PodStatus } from './pod.ts';
import { requestOf } from './pod-requests.ts';
import { isHugePage } from './resource-name-rules.ts';

/** What upstream fills into every pod spec, whether it is a pod's own or a template's. */
export function podSpecDefaults<T extends object>(given: T): T {
  let spec = without(sameAccount(given), 'schedulingGroup');
  spec = filled(spec, {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
  });
  spec = changedItems(spec, 'volumes', volumeDefaults);
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    spec = changedItems(spec, list, containerDefaults);
  }
  return spec;
}

/** The template of a workload: its spec with the defaults of a pod. */
export const templateDefaults = <T extends object>(spec: T): T =>
  changed(spec, 'template', (template) => changed(template, 'spec', podSpecDefaults));

/** What only pods themselves get: requests from limits, host ports of the host's network. */
export function podOnlyDefaults<T extends object>(given: T): T {
  let spec = filled(given, { enableServiceLinks: true });
  const onHost = (spec as Part).hostNetwork === true;
  for (const list of ['initContainers', 'containers']) {
    spec = changedItems(spec, list, (container) => {
      const asked = changed(container, 'resources', requestsFromLimits);
      return onHost ? changedItems(asked, 'ports', (port) => filled(port, { hostPort: port.containerPort })) : asked;
    });
  }
  return changed(spec, 'resources', (resources) => podRequests(resources, spec as Part));
}

function requestsFromLimits(resources: Part): Part {
  const limits = resources.limits as Part | undefined;
  if (!limits) return resources;
  const requests = filled((resources.requests ?? {}) as Part, limits);
  return requests === resources.requests ? resources : { ...resources, requests };
}

/** What containers of a pod can give each other. */
const shared = ['cpu', 'memory'];

/** What a pod as a whole asks for, where it only says what it may have: what its containers ask for, if they do. */
function podRequests(resources: Part, spec: Part): Part {
  const limits = mapOf(resources.limits);
  const given = mapOf(resources.requests);
  const asked = Object.keys(limits).length > 0 ? shared.filter((name) => requestOf(spec, name) !== undefined) : [];
  const lacking = [...new Set([...Object.keys(limits), ...asked])].filter((name) => given[name] === undefined);
  if (lacking.length === 0) return resources;
  const requests = Object.fromEntries(
    lacking.map((name) => [name, isHugePage(name) ? limits[name] : (requestOf(spec, name) ?? limits[name])]),
  );
  return { ...resources, requests: { ...given, ...requests } };
}

/** Without fields that upstream knows and drops, since what they are for is not switched on by default. */
function without<T extends object>(part: T, ...fields: readonly string[]): T {
  if (fields.every((field) => (part as Part)[field] === undefined)) return part;
  return Object.fromEntries(Object.entries(part).filter(([field]) => !fields.includes(field))) as T;
}

/** The old name of the service account's field follows the new one. */
function sameAccount<T extends object>(spec: T): T {
  const { serviceAccountName, serviceAccount } = spec as Part;
  const name = serviceAccountName ?? serviceAccount;
  if (name === undefined || (name === serviceAccountName && name === serviceAccount)) return spec;
  return { ...spec, serviceAccountName: name, serviceAccount: name };
}

function containerDefaults(given: Part): Part {
  let container = filled(given, {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: pullPolicyOf(String(given.image ?? '')),
  });
  container = changedItems(container, 'ports', (port) => filled(port, { protocol: 'TCP' }));
  container = changedItems(container, 'env', (variable) => changed(variable, 'valueFrom', fieldSourceDefaults));
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    container = changed(container, probe, probeDefaults);
  }
  return changed(container, 'lifecycle', (hooks) => {
    const known = without(hooks, 'stopSignal');
    return changed(changed(known, 'postStart', handlerDefaults), 'preStop', handlerDefaults);
  });
}

/** Always for a tag that moves, IfNotPresent for everything else. */
const pullPolicyOf = (image: string): string => (tagOf(image) === 'latest' ? 'Always' : 'IfNotPresent');

const probeDefaults = (probe: Part): Part =>
  filled(
    changed(handlerDefaults(probe), 'grpc', (grpc) => filled(grpc, { service: '' })),
    {
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    },
  );
const handlerDefaults = (handler: Part): Part =>
  changed(handler, 'httpGet', (get) => filled(get, { path: '/', scheme: 'HTTP' }));
const fieldSourceDefaults = (source: Part): Part =>
  changed(source, 'fieldRef', (reference) => filled(reference, { apiVersion: 'v1' }));
const downwardItems = (source: Part): Part => changedItems(source, 'items', fieldSourceDefaults);

/** Mode 0644, in decimal as JSON has no octal. */
const defaultMode = 0o644;

const sourceDefaults: Readonly<Record<string, (source: Part) => Part>> = {
  hostPath: (source) => filled(source, { type: '' }),
  secret: (source) => filled(source, { defaultMode }),
  configMap: (source) => filled(source, { defaultMode }),
  downwardAPI: (source) => filled(downwardItems(source), { defaultMode }),
  projected: (source) =>
    filled(
      changedItems(source, 'sources', (item) => {
        const known = without(item, 'clusterTrustBundle', 'podCertificate');
        return changed(changed(known, 'downwardAPI', downwardItems), 'serviceAccountToken', (token) =>
          filled(token, { expirationSeconds: 3600 }),
        );
      }),
      { defaultMode },
    ),
  iscsi: (source) => filled(source, { iscsiInterface: 'default' }),
  rbd: (source) => filled(source, { pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' }),
  azureDisk: (source) => filled(source, { cachingMode: 'ReadWrite', kind: 'Shared', fsType: 'ext4', readOnly: false }),
  scaleIO: (source) => filled(source, { storageMode: 'ThinProvisioned', fsType: 'xfs' }),
  ephemeral: (source) =>
    changed(source, 'volumeClaimTemplate', (template) =>
      changed(template, 'spec', (spec) => filled(spec, { volumeMode: 'Filesystem' })),
    ),
  image: (source) => filled(source, { pullPolicy: pullPolicyOf(String(source.reference ?? '')) }),
};

/** The defaults of the sources that pods and persistent volumes share, and of a pod's own. */
export function volumeSourceDefaults(volume: Part): Part {
  let next = volume;
  for (const source in sourceDefaults) next = changed(next, source, sourceDefaults[source] as (source: Part) => Part);
  return next;
}

/** A volume that says nothing but its name is an empty directory. */
const volumeDefaults = (volume: Part): Part =>
  Object.keys(volume).length === 1 && volume.name !== undefined
    ? { ...volume, emptyDir: {} }
    : volumeSourceDefaults(volume);

/** The old field for an address and the first of the new list are one; where they differ, the old one counts. */
export function withBothAddresses<T extends PodStatus>(status: T): T {
  const [first] = status.podIPs ?? [];
  const own = status.podIP ?? '';
  if (own === (first?.ip ?? '')) return status;
  return own === '' ? { ...status, podIP: first?.ip ?? '' } : { ...status, podIPs: [{ ip: own }] };
}
