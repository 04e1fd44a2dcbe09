import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import { configMaps } from '../api/kinds/config-map.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { pods } from '../api/kinds/pod.ts';
import type { KubeObject } from '../api/object.ts';
import type { Env, Instant, Random } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import type { Answer, Plan } from '../machinery/controller.ts';
import { NamespaceController, type NamespaceObserved } from './namespace.ts';

const now = Date.parse('2026-01-01T00:10:00Z') as Instant;
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const cacheOf = <T extends KubeObject>(kind: Kind<T>) => new Cache({} as Env, unused, kind) as unknown as Cache;
const podCache = cacheOf(pods);
const mapCache = cacheOf(configMaps);
const metadata = {
  name: 'n',
  uid: 'n',
  resourceVersion: '9',
  creationTimestamp: '2026-01-01T00:00:00Z',
  deletionTimestamp: '2026-01-01T00:09:59Z',
};
const namespace = { apiVersion: 'v1', kind: 'Namespace', spec: { finalizers: ['kubernetes'] }, metadata };
const object = (meta: Partial<KubeObject['metadata']> = {}): KubeObject => {
  const own = { name: 'o', namespace: 'n', uid: 'o', resourceVersion: '4', creationTimestamp: '2026-01-01T00:00:00Z' };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...own, ...meta } };
};
const caches = [podCache, mapCache];
const kinds = { builtIn: caches, all: () => caches, onKind: () => {}, failure: undefined };
const controller = new NamespaceController(new Cache({} as Env, unused, namespaces), kinds);
const plan = (observed: Partial<NamespaceObserved>, answers: readonly Answer[] = []): Plan =>
  controller.plan({ namespace, content: [], unsure: [], ...observed }, now, {} as Random, answers);
const verbs = (made: Plan) =>
  made.actions.flat().map((action) => (action.verb === 'event' ? 'event' : `${action.verb} ${action.kind.plural}`));
const messages = (made: Plan) => {
  const patch = made.actions.flat()[0] as unknown as {
    patch: { status: { conditions: { type: string; reason: string; message: string }[] } };
  };
  return patch.patch.status.conditions.map(({ type, reason, message }) => [type, reason, message]);
};

test('NamespaceController deletes pods first, then the rest, then says so and lets the namespace go', () => {
  const both = [
    { cache: podCache, objects: [object()] },
    { cache: mapCache, objects: [object()] },
  ];
  assert.deepEqual(verbs(plan({ content: both })), ['delete pods']);
  assert.deepEqual(verbs(plan({ content: both.slice(1) })), ['delete configmaps']);
  const last = plan({});
  assert.deepEqual(verbs(last), ['patch namespaces', 'update namespaces']);
  const { resourceVersion: _, ...free } = metadata;
  assert.deepEqual(last.actions[1], [
    {
      verb: 'update',
      kind: namespaces,
      object: { ...namespace, metadata: free, spec: {} },
      subresource: 'finalize',
    },
  ]);
});

test('NamespaceController asks about kinds whose caches are older than the deletion before it lets go', () => {
  const observed = { namespace, content: [], unsure: [mapCache] };
  assert.deepEqual(controller.wants(observed), [{ path: '/api/v1/namespaces/n/configmaps', query: [['limit', '1']] }]);
  assert.deepEqual(plan(observed, [{ found: { items: [{}] } }]), { actions: [], again: 250 });
  assert.deepEqual(plan(observed, [{ error: new ApiError('ServiceUnavailable', 'x') }]), { actions: [], again: 250 });
  assert.equal(verbs(plan(observed, [{ error: new ApiError('NotFound', 'x') }])).length, 2);
  assert.equal(verbs(plan(observed, [{ found: { items: [] } }])).length, 2);
});

test('NamespaceController says what remains, and what holds it', () => {
  const held = object({ deletionTimestamp: metadata.deletionTimestamp, finalizers: ['example.com/hold'] });
  assert.deepEqual(messages(plan({ content: [{ cache: mapCache, objects: [held] }] })), [
    ['NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'],
    ['NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
    [
      'NamespaceDeletionContentFailure',
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
    ],
    [
      'NamespaceContentRemaining',
      'SomeResourcesRemain',
      'Some resources are remaining: configmaps. has 1 resource instances',
    ],
    [
      'NamespaceFinalizersRemaining',
      'SomeFinalizersRemain',
      'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    ],
  ]);
});

test('NamespaceController keeps a namespace while not all kinds are known, and says so', () => {
  const made = plan({ failure: 'metrics.k8s.io is away' });
  assert.deepEqual(verbs(made), ['patch namespaces']);
  assert.equal(made.again, 250);
  assert.deepEqual(messages(made)[0]?.slice(1), [
    'DiscoveryFailed',
    'Discovery failed for some groups, 1 failing: metrics.k8s.io is away',
  ]);
});
