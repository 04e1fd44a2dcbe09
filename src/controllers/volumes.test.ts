import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../api/kinds/defaulting.ts';
import type { Node } from '../api/kinds/node.ts';
import { nodes } from '../api/kinds/node.ts';
import { type PersistentVolume, persistentVolumes } from '../api/kinds/persistent-volume.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { type StorageClass, storageClasses } from '../api/kinds/storage-class.ts';
import { type VolumeAttributesClass, volumeAttributesClasses } from '../api/kinds/volume-attributes-class.ts';
import type { Env, Instant, Random } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import type { Plan } from '../machinery/controller.ts';
import { EphemeralVolumeController } from './ephemeral-volume.ts';
import { LocalPathProvisioner } from './local-path.ts';
import {
  AttributesClassProtectionController,
  ClaimProtectionController,
  VolumeProtectionController,
} from './storage-protection.ts';
import { type ClaimObserved, planClaim } from './volume-claim.ts';
import { planVolume } from './volume-reclaim.ts';

const now = 0 as Instant;
const random = {} as Random;
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const claimCache = new Cache({} as Env, unused, persistentVolumeClaims);
const podCache = new Cache({} as Env, unused, pods);
const volumeCache = new Cache({} as Env, unused, persistentVolumes);
const classCache = new Cache({} as Env, unused, storageClasses);
const nodeCache = new Cache({} as Env, unused, nodes);
const meta = (name: string) => ({ name, uid: name, resourceVersion: '3', creationTimestamp: '2026-01-01T00:00:00Z' });
const claim = (spec: Part = {}, more: Partial<PersistentVolumeClaim['metadata']> = {}): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { ...meta('data'), namespace: 'n', ...more },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: '',
    resources: { requests: { storage: '2Gi' } },
    ...spec,
  },
  status: { phase: 'Pending' },
});
const volume = (name: string, storage: string, spec: Part = {}, phase = 'Available'): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: meta(name),
  spec: { capacity: { storage }, accessModes: ['ReadWriteOnce'], persistentVolumeReclaimPolicy: 'Retain', ...spec },
  status: { phase },
});
const classNamed = (name: string, more: Part = {}): StorageClass =>
  ({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: meta(name), ...more }) as StorageClass;
const observed = (of: PersistentVolumeClaim, more: Partial<ClaimObserved> = {}): ClaimObserved => ({
  about: 'claim',
  claim: of,
  volume: undefined,
  volumes: [],
  storageClass: undefined,
  classes: [],
  pods: [],
  told: undefined,
  ...more,
});
const told = ({ actions }: Plan) =>
  actions.flat().flatMap((action) => (action.verb === 'event' ? [`${action.reason}: ${action.message}`] : []));
const patches = ({ actions }: Plan) =>
  actions.flat().flatMap((action) => (action.verb === 'patch' ? [[action.key.name, action.patch]] : []));

test('VolumeBinder binds the smallest volume that fits, first the volume, then the claim', () => {
  const volumes = [volume('big', '50Gi'), volume('mid', '5Gi'), volume('small', '1Gi')];
  const claimRef = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    namespace: 'n',
    name: 'data',
    uid: 'data',
    resourceVersion: '3',
  };
  const bound = { 'pv.kubernetes.io/bound-by-controller': 'yes' };
  const guard = (uid: string) => ({ uid, resourceVersion: '3' });
  assert.deepEqual(patches(planClaim(observed(claim(), { volumes }), now)), [
    ['mid', { metadata: { ...guard('mid'), annotations: bound }, spec: { claimRef } }],
    ['mid', { status: { phase: 'Bound', message: null } }],
    [
      'data',
      {
        metadata: { ...guard('data'), annotations: { ...bound, 'pv.kubernetes.io/bind-completed': 'yes' } },
        spec: { volumeName: 'mid' },
      },
    ],
    ['data', { status: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '5Gi' } } }],
  ]);
  const taken = volume('meant', '50Gi', { claimRef: { namespace: 'n', name: 'data' } });
  assert.equal(patches(planClaim(observed(claim(), { volumes: [...volumes, taken] }), now))[0]?.[0], 'meant');
});

test('VolumeBinder says once why a claim waits', () => {
  const why = (of: PersistentVolumeClaim, more: Partial<ClaimObserved> = {}) =>
    told(planClaim(observed(of, more), now));
  const none = 'FailedBinding: no persistent volumes available for this claim and no storage class is set';
  assert.deepEqual(why(claim()), [none]);
  assert.deepEqual(why(claim(), { told: none }), []);
  assert.deepEqual(why(claim({ storageClassName: 'x' })), [
    'ProvisioningFailed: storageclass.storage.k8s.io "x" not found',
  ]);
  const later = classNamed('x', { provisioner: 'example.com/csi', volumeBindingMode: 'WaitForFirstConsumer' });
  const wants = claim({ storageClassName: 'x' });
  assert.deepEqual(why(wants, { storageClass: later }), [
    'WaitForFirstConsumer: waiting for first consumer to be created before binding',
  ]);
  const user: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: meta('user'), spec: { containers: [] } };
  assert.deepEqual(why(wants, { storageClass: later, pods: [user] }), [
    'WaitForPodScheduled: waiting for pod user to be scheduled',
  ]);
  const chosen = claim({ storageClassName: 'x' }, { annotations: { 'volume.kubernetes.io/selected-node': 'n1' } });
  assert.match(why(chosen, { storageClass: later })[0] ?? '', /^ExternalProvisioning: Waiting for a volume/);
  const named = claim({ volumeName: 'v' });
  assert.deepEqual(why(named, { volume: volume('v', '1Gi') }), [
    'VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small',
  ]);
});

test('VolumeBinder gives a claim that names no class the newest default class', () => {
  const { storageClassName: _, ...spec } = claim().spec as Part;
  const marked = { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } };
  const usual = { ...classNamed('usual'), metadata: { ...meta('usual'), ...marked } };
  const plan = planClaim(observed({ ...claim(), spec }, { classes: [classNamed('other'), usual] }), now);
  assert.deepEqual(patches(plan), [
    ['data', { metadata: { uid: 'data', resourceVersion: '3' }, spec: { storageClassName: 'usual' } }],
  ]);
});

test('VolumeBinder says who makes a volume larger for a claim that asks for more', () => {
  const csi = { csi: { driver: 'example.com/csi' }, claimRef: { namespace: 'n', name: 'data', uid: 'data' } };
  const bound = claim(
    { volumeName: 'v', storageClassName: 'x' },
    { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } },
  );
  const status = { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] };
  const storageClass = classNamed('x', { allowVolumeExpansion: true });
  const grows = observed({ ...bound, status }, { volume: volume('v', '1Gi', csi, 'Bound'), storageClass });
  assert.deepEqual(told(planClaim(grows, now)), [
    'ExternalExpanding: waiting for an external controller to expand this PVC',
  ]);
  const again = { ...grows, told: 'waiting for an external controller to expand this PVC' };
  assert.deepEqual(planClaim(again, now).actions, []);
});

test('VolumeBinder calls a claim lost whose volume is gone', () => {
  const bound = claim({ volumeName: 'v' }, { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } });
  const plan = planClaim(observed({ ...bound, status: { phase: 'Bound', capacity: { storage: '2Gi' } } }), now);
  assert.deepEqual(patches(plan), [['data', { status: { capacity: null, phase: 'Lost' } }]]);
  assert.deepEqual(told(plan), ['ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!']);
});

test('VolumeBinder releases the volume of a claim that is gone, and fails what nobody can take away', () => {
  const ref = { namespace: 'n', name: 'data', uid: 'data' };
  const look = (spec: Part, phase: string, of?: PersistentVolumeClaim) =>
    planVolume({ about: 'volume', volume: volume('v', '5Gi', spec, phase), claim: of });
  assert.deepEqual(patches(look({}, 'Pending')), [['v', { status: { phase: 'Available', message: null } }]]);
  assert.deepEqual(patches(look({ claimRef: ref }, 'Bound')), [
    ['v', { status: { phase: 'Released', message: null } }],
  ]);
  assert.deepEqual(look({ claimRef: ref }, 'Released').actions, []);
  assert.deepEqual(told(look({ claimRef: ref, persistentVolumeReclaimPolicy: 'Delete' }, 'Released')), [
    'VolumeFailedDelete: error getting deleter volume plugin for volume "v": no deletable volume plugin matched',
  ]);
  assert.deepEqual(patches(look({ claimRef: ref }, 'Bound', claim({ volumeName: 'other' })))[0], [
    'v',
    { metadata: { uid: 'v', resourceVersion: '3' }, spec: { claimRef: { uid: null, resourceVersion: null } } },
  ]);
});

test('ClaimProtectionController keeps a claim as long as a placed pod uses it, and asks before it lets go', () => {
  const controller = new ClaimProtectionController(claimCache, podCache);
  const leaving = claim(
    {},
    { deletionTimestamp: '2026-01-01T00:01:00Z', finalizers: ['kubernetes.io/pvc-protection'] },
  );
  const user = (nodeName?: string): Pod =>
    ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...meta('user'), namespace: 'n' },
      spec: {
        containers: [],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }],
        ...(nodeName ? { nodeName } : {}),
      },
    }) as unknown as Pod;
  const plan = (live: readonly Pod[], cached: readonly Pod[] = []) =>
    controller.plan({ claim: leaving, pods: cached }, now, random, [{ found: { items: live } as never }]).actions;
  assert.deepEqual(controller.wants({ claim: leaving, pods: [] }), [{ path: '/api/v1/namespaces/n/pods' }]);
  assert.deepEqual(plan([], [user('n1')]), []);
  assert.deepEqual(plan([user('n1')]), []);
  const guard = { uid: 'data', resourceVersion: '3' };
  assert.deepEqual(plan([user()]), [
    [
      {
        verb: 'patch',
        kind: persistentVolumeClaims,
        key: { namespace: 'n', name: 'data' },
        patch: { metadata: { ...guard, finalizers: null } },
      },
    ],
  ]);
  assert.deepEqual(patches(controller.plan({ claim: claim(), pods: [] }, now, random)), [
    ['data', { metadata: { ...guard, finalizers: ['kubernetes.io/pvc-protection'] } }],
  ]);
});

test('VolumeProtectionController keeps a volume as long as it is bound', () => {
  const controller = new VolumeProtectionController(volumeCache);
  const leaving = (phase: string): PersistentVolume => {
    const found = volume('v', '1Gi', {}, phase);
    const going = { deletionTimestamp: '2026-01-01T00:01:00Z', finalizers: ['kubernetes.io/pv-protection'] };
    return { ...found, metadata: { ...found.metadata, ...going } };
  };
  assert.deepEqual(controller.plan(leaving('Bound')).actions, []);
  assert.deepEqual(patches(controller.plan(leaving('Released'))), [
    ['v', { metadata: { uid: 'v', resourceVersion: '3', finalizers: null } }],
  ]);
});

test('AttributesClassProtectionController keeps a class as long as a claim or a volume has it or wants it', () => {
  const cache = new Cache({} as Env, unused, volumeAttributesClasses);
  const controller = new AttributesClassProtectionController(cache, claimCache, volumeCache);
  const attributes = (more = {}): VolumeAttributesClass => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttributesClass',
    metadata: { name: 'gold', uid: 'gold', resourceVersion: '3', creationTimestamp: '', ...more },
  });
  const guard = { uid: 'gold', resourceVersion: '3' };
  const leaving = { deletionTimestamp: '2026-01-01T00:01:00Z', finalizers: ['kubernetes.io/vac-protection'] };
  assert.deepEqual(patches(controller.plan({ attributes: attributes(), used: false })), [
    ['gold', { metadata: { ...guard, finalizers: ['kubernetes.io/vac-protection'] } }],
  ]);
  assert.deepEqual(controller.plan({ attributes: attributes(leaving), used: true }).actions, []);
  assert.deepEqual(patches(controller.plan({ attributes: attributes(leaving), used: false })), [
    ['gold', { metadata: { ...guard, finalizers: null } }],
  ]);
  const wakes = (index: number, object: unknown) => controller.sources()[index]?.keys(object as never);
  const changing = { modifyVolumeStatus: { targetVolumeAttributesClassName: 'silver' } };
  assert.deepEqual(wakes(1, { metadata: {}, spec: { volumeAttributesClassName: 'gold' }, status: changing }), [
    { namespace: '', name: 'gold' },
    { namespace: '', name: 'silver' },
  ]);
  assert.deepEqual(wakes(2, { metadata: {}, spec: {} }), []);
});

test('EphemeralVolumeController makes a claim for its pod, and takes nobody else’s', () => {
  const controller = new EphemeralVolumeController(podCache, claimCache);
  const template = { metadata: { labels: { a: 'b' } }, spec: { accessModes: ['ReadWriteOnce'] } };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...meta('p'), namespace: 'n' },
    spec: { containers: [], volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate: template } }] },
  } as unknown as Pod;
  const [made] = controller.plan({ pod, claims: new Map() }).actions.flat();
  const { metadata, spec } = (made as unknown as { object: PersistentVolumeClaim }).object;
  assert.deepEqual([metadata.name, metadata.labels, metadata.ownerReferences?.[0]?.uid], ['p-v', { a: 'b' }, 'p']);
  assert.deepEqual(spec, template.spec);
  const foreign = claim({}, { name: 'p-v' });
  assert.deepEqual(told(controller.plan({ pod, claims: new Map([['p-v', foreign]]) })), [
    'FailedBinding: ephemeral volume v: PVC n/p-v was not created for pod n/p (pod is not owner)',
  ]);
});

test('LocalPathProvisioner makes a volume on the chosen node, grows it, and takes it away with its claim', () => {
  const provisioner = new LocalPathProvisioner({
    claims: claimCache,
    volumes: volumeCache,
    classes: classCache,
    nodes: nodeCache,
  });
  const storageClass = classNamed('local', { provisioner: 'local-path.mini-k8s.io', reclaimPolicy: 'Delete' });
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: meta('n1'), spec: {} };
  const wants = claim({ storageClassName: 'local' });
  const look = (of: PersistentVolumeClaim, at: Node | undefined, has?: PersistentVolume) =>
    provisioner.plan({ about: 'claim', claim: of, storageClass, node: at, volume: has });
  assert.deepEqual(look(wants, undefined).actions, []);
  const made = look(wants, node);
  assert.deepEqual(told(made), [
    'Provisioning: External provisioner is provisioning volume for claim "n/data"',
    'ProvisioningSucceeded: Successfully provisioned volume pvc-data',
  ]);
  const { object } = made.actions.flat().find(({ verb }) => verb === 'create') as unknown as {
    object: PersistentVolume;
  };
  const has: PersistentVolume = { ...object, apiVersion: 'v1', kind: 'PersistentVolume' };
  assert.equal((has.spec as Part).persistentVolumeReclaimPolicy, 'Delete');
  const bound = claim(
    { storageClassName: 'local', volumeName: 'pvc-data', resources: { requests: { storage: '3Gi' } } },
    { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } },
  );
  assert.deepEqual(patches(look(bound, node, { ...has, metadata: { ...meta('pvc-data'), ...has.metadata } })), [
    ['pvc-data', { metadata: { uid: 'pvc-data' }, spec: { capacity: { storage: '3Gi' } } }],
  ]);
  const left = { ...has, metadata: { ...meta('pvc-data'), ...has.metadata }, status: { phase: 'Released' } };
  assert.deepEqual(
    provisioner
      .plan({ about: 'volume', volume: left, node })
      .actions.flat()
      .map(({ verb }) => verb),
    ['delete'],
  );
});
