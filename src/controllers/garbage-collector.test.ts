import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kind } from '../api/kind.ts';
import { configMaps } from '../api/kinds/config-map.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import type { KubeObject } from '../api/object.ts';
import type { Env, Instant } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { NamespaceController } from './namespace.ts';

const now = Date.parse('2026-01-01T00:10:00Z') as Instant;
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
const collector = new GarbageCollector([podCache, mapCache]);
const look = (
  object: KubeObject,
  states: readonly ('here' | 'waiting' | 'gone' | 'elsewhere' | 'unsure')[],
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
  );
const key = { namespace: 'default', name: 'p' };
const guard = { uid: 'p', resourceVersion: '4' };

test('GarbageCollector deletes what has lost its last owner, and waits while it is not sure', () => {
  assert.deepEqual(look(pod(), ['gone']).actions, [
    [{ verb: 'delete', kind: pods, key, uid: 'p', propagation: 'Background' }],
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

test('NamespaceController deletes pods first, then the rest, then lets the namespace go', () => {
  const spaces = new Cache({} as Env, unused, namespaces);
  const controller = new NamespaceController(spaces, [podCache, mapCache]);
  const namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    spec: { finalizers: ['kubernetes'] },
    metadata: {
      name: 'n',
      uid: 'n',
      resourceVersion: '9',
      creationTimestamp: '2026-01-01T00:00:00Z',
      deletionTimestamp: '2026-01-01T00:09:59Z',
    },
  };
  const map = { ...pod(), kind: 'ConfigMap' };
  const verbs = (content: readonly { cache: Cache; objects: readonly KubeObject[] }[], settled = true) => {
    const plan = controller.plan({ namespace, content, settled }, now);
    return plan.actions
      .flat()
      .map((action) => (action.verb === 'event' ? 'event' : `${action.verb} ${action.kind.plural}`));
  };
  assert.deepEqual(
    verbs([
      { cache: podCache, objects: [pod()] },
      { cache: mapCache, objects: [map] },
    ]),
    ['delete pods'],
  );
  assert.deepEqual(verbs([{ cache: mapCache, objects: [map] }]), ['delete configmaps']);
  assert.deepEqual(verbs([], false), []);
  assert.deepEqual(controller.plan({ namespace, content: [], settled: true }, now).actions, [
    [{ verb: 'update', kind: namespaces, object: { ...namespace, spec: { finalizers: [] } }, subresource: 'finalize' }],
  ]);
});
