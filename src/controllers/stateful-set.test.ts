import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import { type ControllerRevision, controllerRevisions } from '../api/kinds/controller-revision.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { type StatefulSet, statefulSets } from '../api/kinds/stateful-set.ts';
import { act } from '../client/action.ts';
import { Cache } from '../machinery/cache.ts';
import { templateData } from './controller-revisions.ts';
import { born, inWords, noClient, noEnv, now, ownedBy, type PodFacts, podOf } from './plan.test-data.ts';
import { StatefulSetController } from './stateful-set.ts';

const controller = new StatefulSetController({
  sets: new Cache(noEnv, noClient, statefulSets),
  pods: new Cache(noEnv, noClient, pods),
  revisions: new Cache(noEnv, noClient, controllerRevisions),
  claims: new Cache(noEnv, noClient, persistentVolumeClaims),
});
const owner = ownedBy(statefulSets, 'db');
const templateWith = (image: string) => ({
  metadata: { labels: { app: 'a' } },
  spec: { containers: [{ name: 'c', image }] },
});
const meta = (name: string) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: '5',
  creationTimestamp: born,
  labels: { app: 'a' },
});
const set = (spec: object = {}, status: object = {}): StatefulSet => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { ...meta('db'), generation: 1 },
  spec: {
    replicas: 2,
    serviceName: 'db',
    selector: { matchLabels: { app: 'a' } },
    template: templateWith('i:1'),
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    ...spec,
  },
  status: { currentRevision: 'db-1', updateRevision: 'db-1', ...status } as never,
});
const revision = (name: string, number: number, image: string) =>
  ({
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: { ...meta(name), ownerReferences: [owner] },
    data: templateData(templateWith(image)),
    revision: number,
  }) as unknown as ControllerRevision;
const first = revision('db-1', 1, 'i:1');
const pod = (ordinal: number, facts: PodFacts & { readonly revision?: string } = {}): Pod => {
  const name = `db-${ordinal}`;
  const labels = { 'controller-revision-hash': facts.revision ?? 'db-1', 'statefulset.kubernetes.io/pod-name': name };
  return podOf(name, { owner, ...facts, labels });
};
interface World {
  readonly revisions?: readonly ControllerRevision[];
  readonly claims?: ReadonlyMap<string, PersistentVolumeClaim>;
}
/** Without what is written to the status, unless that is what is asked for. */
const words = (one: StatefulSet, all: readonly Pod[], { revisions = [first], claims = new Map() }: World = {}) => {
  const fresh = { name: 'db-fresh', hash: 'fresh', collisionCount: 0 };
  const plan = controller.plan({ set: one, pods: all, revisions, claims, fresh }, now);
  return inWords(plan)
    .flat()
    .filter((word) => !word.startsWith('status'));
};

test('StatefulSetController makes one pod after another, each when the one before it is ready', () => {
  assert.deepEqual(words(set(), []), ['create pod db-', 'tell SuccessfulCreate']);
  assert.deepEqual(words(set(), [pod(0, { ready: false })]), []);
  assert.deepEqual(words(set(), [pod(0)]), ['create pod db-', 'tell SuccessfulCreate']);
  assert.deepEqual(words(set(), [pod(0), pod(1)]), []);
});

test('StatefulSetController makes all at once where nobody waits', () => {
  const parallel = set({ podManagementPolicy: 'Parallel' });
  const both = ['create pod db-', 'tell SuccessfulCreate', 'create pod db-', 'tell SuccessfulCreate'];
  assert.deepEqual(words(parallel, []), both);
});

test('StatefulSetController keeps a new template as a revision, and raises an old one that comes back', () => {
  assert.deepEqual(words(set({ replicas: 0 }), [], { revisions: [] }), ['create controllerrevision db-fresh']);
  const back = { revisions: [first, revision('db-2', 2, 'i:2')] };
  assert.deepEqual(words(set({ replicas: 0 }), [], back), ['patch controllerrevision db-1']);
});

test('StatefulSetController replaces the highest pod of an old revision, and waits for it', () => {
  const second = revision('db-2', 2, 'i:2');
  const next = set({ template: templateWith('i:2') });
  const world = { revisions: [first, second] };
  assert.deepEqual(words(next, [pod(0), pod(1)], world), ['delete pod db-1', 'tell SuccessfulDelete']);
  const renewed = pod(1, { revision: 'db-2', ready: false });
  assert.deepEqual(words(next, [pod(0), renewed], world), []);
  const ready = pod(1, { revision: 'db-2' });
  assert.deepEqual(words(next, [pod(0), ready], world), ['delete pod db-0', 'tell SuccessfulDelete']);
  const kept = set({ template: templateWith('i:2'), updateStrategy: { type: 'OnDelete' } });
  assert.deepEqual(words(kept, [pod(0), pod(1)], world), []);
});

test('StatefulSetController leaves pods below the partition with the revision that they have', () => {
  const second = revision('db-2', 2, 'i:2');
  const strategy = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } };
  const next = set({ template: templateWith('i:2'), updateStrategy: strategy });
  const fresh = { name: 'db-fresh', hash: 'fresh', collisionCount: 0 };
  const observed = { set: next, pods: [], revisions: [first, second], claims: new Map(), fresh };
  const [[create] = []] = controller.plan(observed, now).actions;
  const made = create?.verb === 'create' ? (create.object as unknown as Pod) : undefined;
  assert.equal(made?.metadata.labels?.['controller-revision-hash'], 'db-1');
  assert.equal(made?.spec.containers[0]?.image, 'i:1');
});

test('StatefulSetController takes the highest first, and waits for those that are not well', () => {
  const one = set({ replicas: 1 });
  assert.deepEqual(words(one, [pod(0), pod(1), pod(2)]), ['delete pod db-2', 'tell SuccessfulDelete']);
  assert.deepEqual(words(one, [pod(0), pod(1), pod(2, { leaving: true })]), []);
  assert.deepEqual(words(one, [pod(0), pod(1), pod(2, { ready: false })]), [
    'delete pod db-2',
    'tell SuccessfulDelete',
  ]);
  assert.deepEqual(words(one, [pod(0), pod(1, { ready: false }), pod(2, { ready: false })]), []);
});

test('StatefulSetController makes an ended pod anew under its name', () => {
  const ended = [pod(0, { phase: 'Failed' }), pod(1)];
  assert.deepEqual(words(set(), ended), ['delete pod db-0', 'tell SuccessfulDelete']);
});

test('StatefulSetController makes claims before pods, and lets them go as their policy says', () => {
  const claimTemplate = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } };
  const policy = { whenScaled: 'Delete', whenDeleted: 'Retain' };
  const more = { replicas: 1, volumeClaimTemplates: [claimTemplate], persistentVolumeClaimRetentionPolicy: policy };
  assert.deepEqual(words(set(more), []), [
    'create persistentvolumeclaim data-db-0',
    'tell SuccessfulCreate',
    'create pod db-',
    'tell SuccessfulCreate',
  ]);
  const claim = (name: string, extra: object = {}) =>
    ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { ...meta(name), ...extra },
    }) as PersistentVolumeClaim;
  const claims = new Map(['data-db-0', 'data-db-1'].map((name) => [name, claim(name)]));
  assert.deepEqual(words(set(more), [pod(0), pod(1)], { claims }), [
    'patch persistentvolumeclaim data-db-1',
    'delete pod db-1',
    'tell SuccessfulDelete',
  ]);
  const stale = claim('data-db-0', { ownerReferences: [ownedBy(pods, 'db-0')] });
  assert.deepEqual(words(set(more), [], { claims: new Map([['data-db-0', stale]]) }), []);
  const leaving = claim('data-db-0', { deletionTimestamp: born });
  assert.deepEqual(words(set(more), [], { claims: new Map([['data-db-0', leaving]]) }), ['tell FailedCreate']);
});

test('StatefulSetController counts by revision, and moves on once all pods are of the next', () => {
  const second = revision('db-2', 2, 'i:2');
  const next = set({ template: templateWith('i:2') });
  const fresh = { name: 'db-fresh', hash: 'fresh', collisionCount: 0 };
  const statusOf = (all: readonly Pod[]) => {
    const observed = { set: next, pods: all, revisions: [first, second], claims: new Map(), fresh };
    const action = controller
      .plan(observed, now)
      .actions.flat()
      .find(({ verb }) => verb === 'patch');
    return action?.verb === 'patch' ? (action.patch as { readonly status: object }).status : undefined;
  };
  const counts = { observedGeneration: 1, replicas: 2, readyReplicas: 2, collisionCount: 0, availableReplicas: 2 };
  assert.deepEqual(statusOf([pod(0), pod(1, { revision: 'db-2' })]), {
    ...counts,
    updatedReplicas: 1,
    updateRevision: 'db-2',
  });
  assert.deepEqual(statusOf([pod(0, { revision: 'db-2' }), pod(1, { revision: 'db-2' })]), {
    ...counts,
    currentReplicas: 2,
    updatedReplicas: 2,
    currentRevision: 'db-2',
    updateRevision: 'db-2',
  });
});

test('StatefulSetController tells of a claim that is refused, and of the pod that waits for it', () => {
  const observed = {
    set: set(),
    pods: [],
    revisions: [],
    claims: new Map(),
    fresh: { name: '', hash: '', collisionCount: 0 },
  };
  const object = { metadata: { name: 'data-db-0' } };
  const action = act({ verb: 'create', kind: persistentVolumeClaims, object });
  const error = new ApiError('Forbidden', 'exceeded quota');
  const messages = controller
    .refused(observed, { action, error })
    .actions.flat()
    .map((one) => one.verb === 'event' && one.message);
  assert.deepEqual(messages, [
    'Create Claim data-db-0 for Pod db-0 in StatefulSet db failed error: exceeded quota',
    'Create Pod db-0 in StatefulSet db failed error: failed to create PVC data-db-0: exceeded quota',
  ]);
});
