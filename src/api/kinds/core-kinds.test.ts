import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import { configMaps } from './config-map.ts';
import { judgedBy } from './kind-rules.test-data.ts';
import { limitRanges } from './limit-range.ts';
import { namespaces } from './namespace.ts';
import { nodes } from './node.ts';
import { type PersistentVolume, persistentVolumes } from './persistent-volume.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims } from './persistent-volume-claim.ts';
import { replicationControllers } from './replication-controller.ts';
import { resourceQuotas } from './resource-quota.ts';
import { secrets } from './secret.ts';

interface Row {
  readonly claim: string;
  readonly kind: unknown;
  readonly object: object;
  readonly previous?: object;
  readonly subresource?: string;
  readonly errors?: readonly string[];
}
const json = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');

const taint = { key: 'k', effect: 'NoSchedule' };
const volume = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } };
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const grown = { ...claim, resources: { requests: { storage: '2Gi' } } };
const labels = { app: 'x' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };

const rows: readonly Row[] = [
  { claim: 'A secret may hold anything', kind: secrets, object: { data: { a: 'YQ==' } } },
  {
    claim: 'A secret has keys that are file names',
    kind: secrets,
    object: { data: { 'a b': '' } },
    errors: ['data[a b] Invalid'],
  },
  {
    claim: 'A secret for TLS has both parts',
    kind: secrets,
    object: { type: 'kubernetes.io/tls', data: {} },
    errors: ['data[tls.crt] Required', 'data[tls.key] Required'],
  },
  {
    claim: 'A secret for a registry holds an object',
    kind: secrets,
    object: { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': json(['x']) } },
    errors: ['data[.dockerconfigjson] Invalid'],
  },
  {
    claim: 'A secret keeps its type',
    kind: secrets,
    object: { type: 'example.com/b' },
    previous: { type: 'example.com/a' },
    errors: ['type Invalid'],
  },
  {
    claim: 'An immutable secret stays so',
    kind: secrets,
    object: { data: { a: 'Yg==' } },
    previous: { immutable: true, data: { a: 'YQ==' } },
    errors: ['immutable Forbidden', 'data Forbidden'],
  },
  {
    claim: 'A configuration map has each key once',
    kind: configMaps,
    object: { data: { a: 'x' }, binaryData: { a: 'YQ==' } },
    errors: ['data[a] Invalid'],
  },
  {
    claim: 'A namespace has finalizers of somebody',
    kind: namespaces,
    object: { spec: { finalizers: ['mine'] } },
    errors: ['spec.finalizers Invalid'],
  },
  {
    claim: "The finalize door tells which finalizer is nobody's",
    kind: namespaces,
    object: { spec: { finalizers: ['kubernetes', 'mine'] } },
    previous: { spec: { finalizers: ['kubernetes'] } },
    subresource: 'finalize',
    errors: ['spec.finalizers[1] Invalid'],
  },
  {
    claim: 'A namespace terminates only when it is deleted',
    kind: namespaces,
    object: { status: { phase: 'Terminating' } },
    previous: {},
    subresource: 'status',
    errors: ['status.Phase Invalid'],
  },
  {
    claim: 'A node has each taint once',
    kind: nodes,
    object: { spec: { taints: [taint, taint, { key: 'k' }] } },
    errors: ['metadata.taints[1] Duplicate', 'metadata.taints[2].effect Required'],
  },
  {
    claim: 'A node keeps its range and its provider',
    kind: nodes,
    object: { spec: { podCIDR: '10.0.1.0/24', providerID: 'b' } },
    previous: { spec: { podCIDR: '10.0.0.0/24', providerID: 'a' } },
    errors: ['spec.podCIDRs Forbidden', 'spec.providerID Forbidden'],
  },
  {
    claim: 'A node has ranges that can be read, one of each family',
    kind: nodes,
    object: { spec: { podCIDRs: ['10.0.1.0/24', 'x'] } },
    errors: ['spec.podCIDRs[1] Invalid', 'spec.podCIDRs Internal', 'spec.podCIDRs Invalid'],
  },
  {
    claim: 'A node has whole pods',
    kind: nodes,
    object: { status: { capacity: { pods: '1500m' } } },
    errors: ['status.capacity[pods] Invalid', 'status.allocatable[pods] Invalid'],
  },
  {
    claim: 'A node names what it can do each once, in order',
    kind: nodes,
    object: { status: { declaredFeatures: ['B', 'A', 'A', 'a'] } },
    errors: [
      'status.declaredFeatures[1] Invalid',
      'status.declaredFeatures[2] Duplicate',
      'status.declaredFeatures[3] Invalid',
    ],
  },
  {
    claim: 'A claim says of storage and of what others have how far it has grown, in words that are known',
    kind: persistentVolumeClaims,
    object: {
      spec: { accessModes: ['ReadWriteOnce'] },
      status: {
        allocatedResources: { cpu: '1' },
        allocatedResourceStatuses: { storage: 'Grown', 'a.b/c': 'NodeResizePending' },
      },
    },
    previous: {},
    subresource: 'status',
    errors: ['status.allocatedResourceStatuses NotSupported', 'status.allocatedResources NotSupported'],
  },
  { claim: 'A volume may lie on a host', kind: persistentVolumes, object: { spec: volume } },
  {
    claim: 'A volume has one source',
    kind: persistentVolumes,
    object: { spec: { ...volume, nfs: { server: 's', path: '/x' } } },
    errors: ['spec.nfs Forbidden'],
  },
  {
    claim: 'A local volume says where it is',
    kind: persistentVolumes,
    object: { spec: { ...volume, hostPath: undefined, local: { path: '/x' } } },
    errors: ['spec.nodeAffinity Required'],
  },
  {
    claim: 'A volume keeps its source',
    kind: persistentVolumes,
    object: { spec: { ...volume, hostPath: { path: '/y' } } },
    previous: { spec: volume },
    errors: ['spec.persistentvolumesource Forbidden'],
  },
  { claim: 'A claim asks for an amount', kind: persistentVolumeClaims, object: { spec: claim } },
  {
    claim: 'A claim needs modes and an amount',
    kind: persistentVolumeClaims,
    object: { spec: {} },
    errors: ['spec.accessModes Required', 'spec.resources[storage] Required'],
  },
  {
    claim: 'A claim keeps what it asked for until it is bound',
    kind: persistentVolumeClaims,
    object: { spec: grown, status: { phase: 'Pending' } },
    previous: { spec: claim, status: { phase: 'Pending' } },
    errors: ['spec Forbidden'],
  },
  {
    claim: 'A bound claim grows',
    kind: persistentVolumeClaims,
    object: { spec: grown, status: { phase: 'Bound' } },
    previous: { spec: claim, status: { phase: 'Bound', capacity: { storage: '1Gi' } } },
  },
  {
    claim: 'A bound claim does not shrink below what it has',
    kind: persistentVolumeClaims,
    object: { spec: claim, status: { phase: 'Bound' } },
    previous: { spec: grown, status: { phase: 'Bound', capacity: { storage: '2Gi' } } },
    errors: ['spec.resources.requests.storage Forbidden'],
  },
  {
    claim: 'A claim is filled from what can fill it',
    kind: persistentVolumeClaims,
    object: {
      spec: {
        ...claim,
        dataSource: { kind: 'Other', name: 'x' },
        dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'y' },
      },
    },
    errors: ['spec.dataSource Invalid', 'spec Invalid'],
  },
  {
    claim: 'A ratio is compared below nothing too',
    kind: limitRanges,
    object: {
      spec: {
        limits: [{ type: 'Container', min: { cpu: '-1' }, max: { cpu: '2' }, maxLimitRequestRatio: { cpu: '10' } }],
      },
    },
    errors: ['spec.limits[0].maxLimitRequestRatio[cpu] Invalid'],
  },
  {
    claim: 'A limit range has its smallest below its largest',
    kind: limitRanges,
    object: { spec: { limits: [{ type: 'Pod', min: { cpu: '2' }, max: { cpu: '1' }, default: { cpu: '1' } }] } },
    errors: [
      'spec.limits[0].default Forbidden',
      'spec.limits[0].min[cpu] Invalid',
      'spec.limits[0].default[cpu] Invalid',
    ],
  },
  {
    claim: 'A limit range for claims limits storage',
    kind: limitRanges,
    object: { spec: { limits: [{ type: 'PersistentVolumeClaim', max: { cpu: '1' } }, { type: 'Other' }] } },
    errors: ['spec.limits[0].limits Required', 'spec.limits[1].type Invalid'],
  },
  {
    claim: 'A quota counts whole things that can be counted',
    kind: resourceQuotas,
    object: { spec: { hard: { pods: '1500m', things: '1', 'count/jobs.batch': '1' } } },
    errors: ['spec.hard[pods] Invalid', 'spec.hard[things] Invalid', 'spec.hard[things] Invalid'],
  },
  {
    claim: 'A quota of some pods limits only what those pods have',
    kind: resourceQuotas,
    object: { spec: { hard: { cpu: '1' }, scopes: ['BestEffort', 'NotBestEffort'] } },
    errors: ['spec.scopes Invalid', 'spec.scopes Invalid'],
  },
  {
    claim: 'A quota keeps its scopes',
    kind: resourceQuotas,
    object: { spec: { hard: { pods: '1' }, scopes: ['Terminating'] } },
    previous: { spec: { hard: { pods: '1' } } },
    errors: ['spec.scopes Invalid'],
  },
  {
    claim: 'A replication controller takes its selector from its template',
    kind: replicationControllers,
    object: { spec: { template } },
  },
  {
    claim: 'A replication controller selects its own pods, and restarts them',
    kind: replicationControllers,
    object: {
      spec: { selector: { app: 'y' }, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
    },
    errors: ['spec.template.metadata.labels Invalid', 'spec.template.spec.restartPolicy NotSupported'],
  },
  {
    claim: 'A replication controller has no more ready pods than pods',
    kind: replicationControllers,
    object: { spec: { template }, status: { replicas: 1, readyReplicas: 2 } },
    previous: { spec: { template } },
    subresource: 'status',
    errors: ['status.readyReplicas Invalid'],
  },
];
for (const { claim: sentence, kind, object, previous, subresource, errors = [] } of rows) {
  test(sentence, () => assert.deepEqual(judgedBy(kind, object, previous, subresource), errors));
}

const context = { now: 0 as Instant, subresource: '' };
const made = (spec: object) =>
  persistentVolumeClaims.rules.prepareCreate?.({ metadata: {}, spec } as unknown as PersistentVolumeClaim, context)
    .spec;

test('Both fields for the source of a claim say the same', () => {
  const source = { apiGroup: null, kind: 'PersistentVolumeClaim', name: 'x' };
  assert.deepEqual(made({ dataSource: source }), { dataSource: source, dataSourceRef: source });
  assert.deepEqual(made({ dataSourceRef: source }), { dataSource: source, dataSourceRef: source });
});

test('The old field for the source of a claim drops what it never could hold', () => {
  assert.deepEqual(made({ dataSource: { kind: 'Other', name: 'x' } }), {});
  const elsewhere = { kind: 'PersistentVolumeClaim', name: 'x', namespace: 'other' };
  assert.deepEqual(made({ dataSourceRef: elsewhere }), {});
});

test('A volume may call the label of a node by its new name', () => {
  const at = (key: string) => ({
    spec: {
      ...volume,
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'Exists' }] }] } },
    },
  });
  const [before, after] = [at('beta.kubernetes.io/os'), at('kubernetes.io/os')];
  assert.deepEqual(judgedBy(persistentVolumes, after, before), []);
  assert.deepEqual(judgedBy(persistentVolumes, before, after), ['nodeAffinity Invalid']);
});

test('A volume remembers when its phase changed last', () => {
  const bound = { metadata: {}, spec: volume, status: { phase: 'Bound' } } as unknown as PersistentVolume;
  const before = {
    ...bound,
    status: { phase: 'Available', lastPhaseTransitionTime: '2001-01-01T00:00:00Z' },
  } as unknown as PersistentVolume;
  const next = persistentVolumes.rules.prepareUpdate?.(bound, before, { ...context, subresource: 'status' });
  assert.deepEqual(next?.status, { phase: 'Bound', lastPhaseTransitionTime: '1970-01-01T00:00:00Z' });
});
