import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Deployment, deployments } from '../api/kinds/deployment.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { type ReplicaSet, replicaSets } from '../api/kinds/replica-set.ts';
import type { Env, Instant } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import type { Plan } from '../machinery/controller.ts';
import { DeploymentController } from './deployment.ts';
import { boundsOf, scaledSizes } from './deployment-sizes.ts';
import { templateHash } from './revision-hash.ts';

const now = Date.parse('2026-01-01T00:10:00Z') as Instant;
const at = '2026-01-01T00:10:00Z';
const born = '2026-01-01T00:00:00Z';
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const env = {} as Env;
const controller = new DeploymentController(
  new Cache(env, unused, deployments),
  new Cache(env, unused, replicaSets),
  new Cache(env, unused, pods),
);

const template = (image: string) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image }] },
});
const deployment = (
  spec: Partial<Deployment['spec']> = {},
  more: { status?: Deployment['status']; annotations?: Record<string, string> } = {},
): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'web',
    namespace: 'default',
    uid: 'd',
    resourceVersion: '9',
    generation: 1,
    creationTimestamp: born,
    annotations: { 'deployment.kubernetes.io/revision': '1', ...more.annotations },
  },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'web' } },
    template: template('two'),
    progressDeadlineSeconds: 600,
    ...spec,
  },
  ...(more.status ? { status: more.status } : {}),
});
const owner = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  name: 'web',
  uid: 'd',
  controller: true,
  blockOwnerDeletion: true,
};
const set = (
  name: string,
  image: string,
  size: number,
  more: { available?: number; revision?: string; desired?: string; max?: string } = {},
): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    resourceVersion: '8',
    generation: 1,
    creationTimestamp: born,
    labels: { app: 'web' },
    ownerReferences: [owner],
    annotations: {
      'deployment.kubernetes.io/revision': more.revision ?? '1',
      'deployment.kubernetes.io/desired-replicas': more.desired ?? '3',
      'deployment.kubernetes.io/max-replicas': more.max ?? '4',
    },
  },
  spec: { replicas: size, selector: { matchLabels: { app: 'web' } }, template: template(image) },
  status: {
    replicas: size,
    readyReplicas: more.available ?? size,
    availableReplicas: more.available ?? size,
    observedGeneration: 1,
  },
});
const hash = templateHash(template('two'), undefined);
const plan = (d: Deployment, sets: ReplicaSet[], more: { pods?: Pod[]; namesake?: ReplicaSet } = {}): Plan =>
  controller.plan({ deployment: d, sets, pods: more.pods ?? [], hash, namesake: more.namesake }, now);
const told = (result: Plan) =>
  result.actions.flat().flatMap((action) => (action.verb === 'event' ? [action.message] : []));
const progressing = (result: Plan) => {
  const status = result.actions
    .flat()
    .flatMap((action) => (action.verb === 'patch' && action.subresource === 'status' ? [action.patch] : []))[0] as
    | { status: { conditions?: { type: string; status: string; reason: string; message: string }[] } }
    | undefined;
  return status?.status.conditions?.find((condition) => condition.type === 'Progressing');
};

test('DeploymentController makes the first replica set, its revision and its conditions', () => {
  const d = deployment();
  const labels = { app: 'web', 'pod-template-hash': hash };
  const key = { namespace: 'default', name: 'web' };
  const first = {
    ...d,
    metadata: { ...d.metadata, annotations: { team: 'a', 'kubectl.kubernetes.io/last-applied-configuration': '{}' } },
  };
  assert.deepEqual(plan(first, []), {
    actions: [
      [
        {
          verb: 'create',
          kind: replicaSets,
          object: {
            metadata: {
              name: `web-${hash}`,
              namespace: 'default',
              labels,
              ownerReferences: [owner],
              annotations: {
                team: 'a',
                'deployment.kubernetes.io/revision': '1',
                'deployment.kubernetes.io/desired-replicas': '3',
                'deployment.kubernetes.io/max-replicas': '4',
              },
            },
            spec: {
              replicas: 3,
              selector: { matchLabels: labels },
              template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'two' }] } },
            },
          },
        },
        {
          verb: 'event',
          about: first,
          reason: 'ScalingReplicaSet',
          message: `Scaled up replica set web-${hash} from 0 to 3`,
        },
      ],
      [
        {
          verb: 'patch',
          kind: deployments,
          key,
          subresource: 'status',
          patch: {
            metadata: { annotations: { 'deployment.kubernetes.io/revision': '1' } },
            status: {
              observedGeneration: 1,
              terminatingReplicas: 0,
              conditions: [
                {
                  type: 'Progressing',
                  status: 'True',
                  reason: 'NewReplicaSetCreated',
                  message: `Created new replica set "web-${hash}"`,
                  lastUpdateTime: at,
                  lastTransitionTime: at,
                },
                {
                  type: 'Available',
                  status: 'False',
                  reason: 'MinimumReplicasUnavailable',
                  message: 'Deployment does not have minimum availability.',
                  lastUpdateTime: at,
                  lastTransitionTime: at,
                },
              ],
            },
          },
        },
      ],
    ],
    again: 601_000,
  });
});

test('DeploymentController rolls within surge and unavailability', () => {
  const annotations = { 'deployment.kubernetes.io/revision': '2' };
  const steps: readonly (readonly [ReplicaSet[], string[]])[] = [
    [[set('old', 'one', 3)], [`Scaled up replica set web-${hash} from 0 to 1`]],
    [[set('old', 'one', 3), set('new', 'two', 1, { available: 0, revision: '2' })], []],
    [[set('old', 'one', 3), set('new', 'two', 1, { revision: '2' })], ['Scaled down replica set old from 3 to 2']],
    [[set('old', 'one', 2), set('new', 'two', 1, { revision: '2' })], ['Scaled up replica set new from 1 to 2']],
    [[set('old', 'one', 3, { available: 0 }), set('new', 'two', 1, { available: 0, revision: '2' })], []],
    [[set('old', 'one', 0), set('new', 'two', 3, { revision: '2' })], []],
  ];
  for (const [sets, expected] of steps) assert.deepEqual(told(plan(deployment({}, { annotations }), sets)), expected);
});

test('DeploymentController with Recreate waits for the last old pod', () => {
  const d = deployment({ strategy: { type: 'Recreate' } });
  assert.deepEqual(told(plan(d, [set('old', 'one', 3)])), ['Scaled down replica set old from 3 to 0']);
  const pod = {
    metadata: { ownerReferences: [{ uid: 'old', controller: true }] },
    spec: {},
    status: { phase: 'Running' },
  } as unknown as Pod;
  assert.deepEqual(told(plan(d, [set('old', 'one', 0)], { pods: [pod] })), []);
  assert.deepEqual(told(plan(d, [set('old', 'one', 0)])), [`Scaled up replica set web-${hash} from 0 to 3`]);
});

test('DeploymentController raises the collision count when its name is taken', () => {
  assert.deepEqual(plan(deployment(), [], { namesake: set(`web-${hash}`, 'other', 1) }).actions, [
    [
      {
        verb: 'patch',
        kind: deployments,
        key: { namespace: 'default', name: 'web' },
        patch: { status: { collisionCount: 1 } },
        subresource: 'status',
      },
    ],
  ]);
});

test('DeploymentController counts on from the revision of an adopted set, however large', () => {
  const sets = [
    set('huge', 'one', 1, { revision: '3546343826724305832' }),
    set('odd', 'zero', 0, { revision: 'none' }),
  ];
  const made = plan(deployment(), sets)
    .actions.flat()
    .flatMap((action) => (action.verb === 'create' ? [action.object] : []));
  assert.deepEqual(
    made.map(({ metadata }) => metadata.annotations?.['deployment.kubernetes.io/revision']),
    ['3546343826724305833'],
  );
});

test('DeploymentController gives a set that is rolled back to the next revision and keeps its past ones', () => {
  const sets = [set('back', 'two', 0, { revision: '1' }), set('current', 'one', 3, { revision: '2' })];
  const patches = plan(deployment(), sets)
    .actions.flat()
    .flatMap((action) => (action.verb === 'patch' ? [action.patch] : []));
  assert.deepEqual(patches[0], {
    metadata: {
      annotations: { 'deployment.kubernetes.io/revision': '3', 'deployment.kubernetes.io/revision-history': '1' },
    },
    spec: { replicas: 1 },
  });
  // With the status: otherwise the deployment would have a new generation.
  const { metadata, status } = patches.at(-1) as { readonly metadata?: object; readonly status?: object };
  assert.deepEqual(metadata, { annotations: { 'deployment.kubernetes.io/revision': '3' } });
  assert.ok(status);
});

test('DeploymentController says when a roll-out is complete, and when it is stuck', () => {
  const done = plan(deployment(), [set('new', 'two', 3)]);
  assert.equal(progressing(done)?.reason, 'NewReplicaSetAvailable');
  assert.equal(progressing(done)?.message, 'ReplicaSet "new" has successfully progressed.');
  const status = {
    replicas: 3,
    updatedReplicas: 3,
    conditions: [
      { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', lastUpdateTime: '2025-12-31T23:00:00Z' },
    ],
  };
  const stuck = plan(deployment({}, { status }), [set('new', 'two', 3, { available: 0 })]);
  assert.equal(progressing(stuck)?.message, 'ReplicaSet "new" has timed out progressing.');
  assert.equal(progressing(stuck)?.reason, 'ProgressDeadlineExceeded');
});

test('DeploymentController deletes old empty sets beyond the history limit', () => {
  const sets = [
    set('r1', 'one', 0, { revision: '1' }),
    set('r2', 'zero', 0, { revision: '2' }),
    set('new', 'two', 3, { revision: '3' }),
  ];
  const deletes = plan(deployment({ revisionHistoryLimit: 1 }), sets)
    .actions.flat()
    .filter((action) => action.verb === 'delete');
  assert.deepEqual(deletes, [
    { verb: 'delete', kind: replicaSets, key: { namespace: 'default', name: 'r1' }, uid: 'r1' },
  ]);
});

test('DeploymentController grows and shrinks sets in proportion while a roll-out is under way', () => {
  const sizes = (replicas: number, old: ReplicaSet[], fresh: ReplicaSet) =>
    Object.fromEntries(
      scaledSizes(
        deployment({ replicas, strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }),
        old,
        fresh,
      ),
    );
  const marks = { desired: '10', max: '13' };
  assert.deepEqual(sizes(15, [set('old', 'one', 8, marks)], set('new', 'two', 5, { ...marks, available: 0 })), {
    old: 11,
    new: 7,
  });
});

test('A paused deployment scales its only active set, and does not roll', () => {
  const result = plan(deployment({ paused: true, replicas: 5 }), [set('old', 'one', 3)]);
  assert.deepEqual(told(result), ['Scaled up replica set old from 3 to 5']);
  assert.equal(progressing(result)?.reason, 'DeploymentPaused');
});

test('Surge percentages round up, unavailable ones down, and never are both nothing', () => {
  const bounds = (maxSurge: string | number, maxUnavailable: string | number) =>
    boundsOf(deployment({ strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } }));
  assert.deepEqual(bounds('25%', '25%'), { surge: 1, unavailable: 1 - 1 });
  assert.deepEqual(bounds(0, '25%'), { surge: 0, unavailable: 1 });
  assert.deepEqual(bounds(2, 9), { surge: 2, unavailable: 3 });
});
