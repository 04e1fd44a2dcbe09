import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import type { Env, Instant, Random } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import type { Answer } from '../machinery/controller.ts';
import { PodGarbageCollector } from './pod-garbage-collector.ts';
import { timings } from './timing.ts';

const now = Date.parse('2026-01-01T00:10:00Z') as Instant;
const later = (now + 40_000) as Instant;
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const collector = (keep?: number) =>
  new PodGarbageCollector(
    new Cache({} as Env, unused, pods),
    new Cache({} as Env, unused, nodes),
    timings.upstream,
    keep,
  );
type Phase = NonNullable<Pod['status']>['phase'];
const pod = (name: string, meta: Partial<Pod['metadata']> = {}, phase: Phase = 'Running'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...meta,
  },
  spec: { containers: [], nodeName: 'n' },
  status: { phase },
});
const removal = (name: string) => ({
  verb: 'delete',
  kind: pods,
  key: { namespace: 'default', name },
  uid: name,
  graceSeconds: 0,
});
const going = { deletionTimestamp: '2026-01-01T00:09:00Z', deletionGracePeriodSeconds: 30 };

test('PodGarbageCollector believes that a node is gone after a while, and once the server has said so', () => {
  const same = collector();
  const observed = { about: 'node', name: 'n', node: undefined, pods: [pod('p')] } as const;
  const plan = (at: Instant, answers: readonly Answer[]) => same.plan(observed, at, {} as Random, answers);
  assert.deepEqual(plan(now, []), { actions: [], again: 40_000 });
  assert.deepEqual(same.wants(observed, now), []);
  assert.deepEqual(same.wants(observed, later), [{ path: '/api/v1/nodes/n' }]);
  const [marked, removed] = plan(later, [{ error: new ApiError('NotFound', 'gone') }]).actions;
  assert.deepEqual(
    marked?.map((action) => action.verb === 'patch' && action.patch),
    [
      {
        status: {
          phase: 'Failed',
          conditions: [
            {
              type: 'DisruptionTarget',
              status: 'True',
              reason: 'DeletionByPodGC',
              message: 'PodGC: node no longer exists',
              lastTransitionTime: '2026-01-01T00:10:40Z',
            },
          ],
        },
      },
    ],
  );
  assert.deepEqual(removed, [removal('p')]);
  assert.deepEqual(plan(later, [{ found: {} }]), { actions: [], again: 40_000 });
});

test('PodGarbageCollector clears the leaving pods of a node that is out of service and not ready', () => {
  const taints = [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }];
  const node = (status: string): Node => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n', uid: 'n', resourceVersion: '1', creationTimestamp: '' },
    spec: { taints },
    status: { conditions: [{ type: 'Ready', status }] },
  });
  const plan = (status: string) =>
    collector().plan(
      { about: 'node', name: 'n', node: node(status), pods: [pod('stays'), pod('goes', going)] },
      now,
      {} as Random,
    );
  assert.deepEqual(plan('True').actions, []);
  const [marked, removed] = plan('Unknown').actions;
  assert.deepEqual(
    marked?.map((action) => action.verb === 'patch' && action.patch),
    [{ status: { phase: 'Failed' } }],
  );
  assert.deepEqual(removed, [removal('goes')]);
});

test('PodGarbageCollector removes leaving pods that no node has, unless somebody holds them', () => {
  const alone = (meta: Partial<Pod['metadata']>) => {
    const { nodeName: _, ...spec } = pod('p').spec;
    return { about: 'pod', pod: { ...pod('p', meta), spec } } as const;
  };
  const plan = (meta: Partial<Pod['metadata']>) => collector().plan(alone(meta), now, {} as Random).actions;
  assert.deepEqual(plan(going), [[removal('p')]]);
  assert.deepEqual(plan({}), []);
  assert.deepEqual(plan({ ...going, deletionGracePeriodSeconds: 0 }), []);
});

test('PodGarbageCollector keeps only so many finished pods, the newest', () => {
  const old = ['1', '3', '2'].map((at) =>
    pod(`p${at}`, { creationTimestamp: `2026-01-0${at}T00:00:00Z` }, 'Succeeded'),
  );
  const plan = (keep: number) => collector(keep).plan({ about: 'finished', pods: old }, now, {} as Random).actions;
  assert.deepEqual(plan(3), []);
  assert.deepEqual(plan(1), [[removal('p1'), removal('p2')]]);
});
