import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods } from '../api/kinds/pod.ts';
import { type ResourceQuota, resourceQuotas } from '../api/kinds/resource-quota.ts';
import type { Env, Instant } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { type QuotaObserved, ResourceQuotaController } from './resource-quota.ts';

const unused = new Client(() => Promise.reject(new Error('a plan sends nothing')), { name: '', groups: [], extra: {} });
const controller = () =>
  new ResourceQuotaController(new Cache({} as Env, unused, resourceQuotas), {
    builtIn: [],
    all: () => [],
    onKind: () => {},
  });
const quota = (used: string | undefined, revision = '1'): ResourceQuota => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'q', namespace: 'shop', uid: 'u', resourceVersion: revision, creationTimestamp: '' },
  spec: { hard: { pods: '2' } },
  status: used === undefined ? {} : { hard: { pods: '2' }, used: { pods: used } },
});
const seen = (found: ResourceQuota, count: number): QuotaObserved => {
  const pod = { spec: { containers: [] } };
  return { quota: found, content: [{ kind: pods as never, objects: Array(count).fill(pod) }] };
};
const written = (plan: ReturnType<ResourceQuotaController['plan']>): unknown => {
  const [action] = plan.actions.flat();
  return action && 'object' in action ? (action.object as ResourceQuota).status : undefined;
};
const at = (ms: number) => (1_000_000 + ms) as Instant;

test('a new quota is counted at once', () => {
  assert.deepEqual(written(controller().plan(seen(quota(undefined), 1), at(0))), {
    hard: { pods: '2' },
    used: { pods: '1' },
  });
});

test('more than admission has counted is written at once', () => {
  assert.deepEqual(written(controller().plan(seen(quota('0'), 1), at(0))), {
    hard: { pods: '2' },
    used: { pods: '1' },
  });
});

test('what admission has counted and nobody sees yet is not taken back before the quota is quiet', () => {
  const counting = controller();
  assert.deepEqual(counting.plan(seen(quota('2'), 1), at(0)), { actions: [], again: 500 });
  assert.deepEqual(counting.plan(seen(quota('2'), 1), at(400)), { actions: [], again: 100 });
  assert.deepEqual(counting.plan(seen(quota('2', '2'), 1), at(450)), { actions: [], again: 500 });
  assert.deepEqual(written(counting.plan(seen(quota('2', '2'), 1), at(950))), {
    hard: { pods: '2' },
    used: { pods: '1' },
  });
});

test('a quota that is counted right is left alone', () => {
  assert.deepEqual(controller().plan(seen(quota('1'), 1), at(0)), { actions: [] });
});
