import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import { configMaps } from '../api/kinds/config-map.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import type { KubeObject } from '../api/object.ts';
import type { Env, Instant, Random } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import type { Answer } from '../machinery/controller.ts';
import { GarbageCollector } from './garbage-collector.ts';

const now = Date.parse('2026-01-01T00:10:00Z') as Instant;
const unusedRandom = {} as Random;
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const cacheOf = <T extends KubeObject>(kind: Kind<T>) => new Cache({} as Env, unused, kind) as unknown as Cache;
const podCache = cacheOf(pods);
const mapCache = cacheOf(configMaps);
const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'parent', uid: 'u', blockOwnerDeletion: true };
const pod = (meta: Partial<Pod['metadata']> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'p',
    namespace: 'default',
    uid: 'p',
    resourceVersion: '4',
    creationTimestamp: '2026-01-01T00:00:00Z',
    ownerReferences: [owner],
    ...meta,
  },
});
const kindsOf = (...caches: readonly Cache[]) => ({
  builtIn: caches,
  isServed: () => true,
  onKind: () => {},
});
const collector = new GarbageCollector(kindsOf(podCache, mapCache));
const look = (
  object: KubeObject,
  states: readonly ('here' | 'waiting' | 'gone' | 'elsewhere' | 'unsure' | 'unserved' | 'outside')[],
  dependents: readonly KubeObject[] = [],
) =>
  collector.plan(
    {
      cache: podCache,
      object,
      dependents: dependents.map((each) => ({ cache: podCache, object: each })),
      owners: (object.metadata.ownerReferences ?? []).map((each, index) => ({
        owner: each,
        state: states[index] ?? 'here',
      })),
    },
    now,
    unusedRandom,
  );
const key = { namespace: 'default', name: 'p' };
const guard = { uid: 'p', resourceVersion: '4' };

test('GarbageCollector deletes what has lost its last owner, and waits while it is not sure', () => {
  assert.deepEqual(look(pod(), ['gone']).actions, [
    [{ verb: 'delete', kind: pods, key, ...guard, propagation: 'Background' }],
  ]);
  assert.deepEqual(look(pod(), ['unsure']), { actions: [], again: 500 });
  assert.deepEqual(look(pod(), ['here']), { actions: [] });
});

test('GarbageCollector strikes off one owner of two', () => {
  const two = pod({ ownerReferences: [owner, { ...owner, uid: 'v' }] });
  assert.deepEqual(look(two, ['gone', 'here']).actions, [
    [{ verb: 'patch', kind: pods, key, patch: { metadata: { ...guard, ownerReferences: [{ ...owner, uid: 'v' }] } } }],
  ]);
});

test('GarbageCollector holds a foreground deletion until nothing blocks it', () => {
  const leaving = pod({
    ownerReferences: [],
    deletionTimestamp: '2026-01-01T00:09:00Z',
    finalizers: ['foregroundDeletion'],
  });
  const below = pod({ uid: 'child', ownerReferences: [{ ...owner, uid: 'p' }] });
  assert.deepEqual(look(leaving, [], [below]), { actions: [] });
  assert.deepEqual(look(leaving, []).actions, [
    [{ verb: 'patch', kind: pods, key, patch: { metadata: { ...guard, finalizers: null } } }],
  ]);
});

test('GarbageCollector frees dependents of an orphaning deletion first', () => {
  const leaving = pod({ ownerReferences: [], deletionTimestamp: '2026-01-01T00:09:00Z', finalizers: ['orphan'] });
  const below = pod({ name: 'child', uid: 'child', ownerReferences: [{ ...owner, uid: 'p' }] });
  assert.deepEqual(look(leaving, [], [below]).actions, [
    [
      {
        verb: 'patch',
        kind: pods,
        key: { namespace: 'default', name: 'child' },
        patch: { metadata: { uid: 'child', resourceVersion: '4', ownerReferences: null } },
      },
    ],
    [{ verb: 'patch', kind: pods, key, patch: { metadata: { ...guard, finalizers: null } } }],
  ]);
});

test('GarbageCollector asks the server before it believes a cache, and deletes nothing that it cannot be sure of', () => {
  const object = pod();
  const absent = { owner, state: 'absent', path: '/api/v1/namespaces/default/configmaps/parent' } as const;
  const observed = { cache: podCache, object, owners: [absent], dependents: [] };
  const answer = (given: Answer) => collector.plan(observed, now, unusedRandom, [given]).actions;
  assert.deepEqual(collector.wants(observed), [{ path: '/api/v1/namespaces/default/configmaps/parent' }]);
  assert.deepEqual(answer({ error: new ApiError('NotFound', 'no') }), [
    [{ verb: 'delete', kind: pods, key, ...guard, propagation: 'Background' }],
  ]);
  assert.deepEqual(answer({ error: new ApiError('ServiceUnavailable', 'no') }), []);
  assert.deepEqual(answer({ found: { metadata: { uid: 'u' } } }), []);
  assert.equal(answer({ found: { metadata: { uid: 'another' } } }).length, 1);
});

test('GarbageCollector keeps what an unknown kind owns, and tells of owners that cannot be', () => {
  assert.deepEqual(look(pod(), ['unserved']), { actions: [], again: 30_000 });
  const notice = {
    verb: 'event',
    about: pod(),
    type: 'Warning',
    reason: 'OwnerRefInvalidNamespace',
    message: 'ownerRef [v1/ConfigMap, namespace: default, name: parent, uid: u] does not exist in namespace "default"',
  };
  assert.deepEqual(look(pod(), ['elsewhere']).actions, [
    [notice, { verb: 'delete', kind: pods, key, ...guard, propagation: 'Background' }],
  ]);
  assert.deepEqual(look(pod(), ['outside']).actions, [[notice]]);
});

test('GarbageCollector opens a circle of objects that wait for each other', () => {
  const next = pod({ uid: 'next', deletionTimestamp: '2026-01-01T00:09:00Z', finalizers: ['foregroundDeletion'] });
  assert.deepEqual(look(pod(), ['waiting'], [next]).actions, [
    [
      {
        verb: 'patch',
        kind: pods,
        key,
        patch: { metadata: { ...guard, ownerReferences: [{ ...owner, blockOwnerDeletion: false }] } },
      },
    ],
  ]);
  assert.deepEqual(look(pod(), ['waiting'], [pod({ uid: 'leaf' })]).actions, [
    [{ verb: 'delete', kind: pods, key, ...guard, propagation: 'Foreground' }],
  ]);
});
