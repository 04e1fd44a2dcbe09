import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import type { Part } from '../api/kinds/defaulting.ts';
import { deployments } from '../api/kinds/deployment.ts';
import { type HorizontalPodAutoscaler, horizontalPodAutoscalers } from '../api/kinds/horizontal-pod-autoscaler.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import type { Env, Instant, Random } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import type { Answer, Plan } from '../machinery/controller.ts';
import { HorizontalPodAutoscalerController } from './horizontal-pod-autoscaler.ts';

const now = Date.parse('2026-01-01T01:00:00Z') as Instant;
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const target = new Cache({} as Env, unused, deployments) as unknown as Cache;
const make = () =>
  new HorizontalPodAutoscalerController(
    {
      scalers: new Cache({} as Env, unused, horizontalPodAutoscalers),
      pods: new Cache({} as Env, unused, pods),
    },
    { all: () => [target] },
  );
const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } };
const scaler = (spec: Part = {}): HorizontalPodAutoscaler => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web', namespace: 'n', uid: 'h', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    minReplicas: 1,
    maxReplicas: 10,
    metrics: [cpu],
    ...spec,
  },
});
const pod = (name: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'n',
    uid: name,
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { app: 'web' },
  },
  spec: { containers: [{ name: 'c', resources: { requests: { cpu: '100m' } } }] },
  status: {
    phase: 'Running',
    startTime: '2026-01-01T00:00:00Z',
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:10Z' }],
  },
});
const scale = (replicas: number): Answer => ({
  found: { spec: { replicas }, status: { replicas, selector: 'app=web' } },
});
const usage = (used: Readonly<Record<string, string>>): Answer => ({
  found: {
    items: Object.entries(used).map(([name, amount]) => ({
      metadata: { name },
      timestamp: '2026-01-01T00:59:50Z',
      window: '15s',
      containers: [{ name: 'c', usage: { cpu: amount } }],
    })),
  },
});
const look = (
  same: HorizontalPodAutoscalerController,
  at: Instant,
  wish: HorizontalPodAutoscaler,
  answers: readonly Answer[],
): Plan =>
  same.plan({ scaler: wish, target: deployments as never, pods: ['a', 'b'].map(pod) }, at, {} as Random, answers);
const wanted = ({ actions }: Plan) =>
  actions.flat().flatMap((action) => (action.verb === 'patch' && action.subresource === 'scale' ? [action.patch] : []));
const told = ({ actions }: Plan) =>
  actions.flat().flatMap((action) => (action.verb === 'event' ? [`${action.reason}: ${action.message}`] : []));
const conditions = ({ actions }: Plan) =>
  actions.flat().flatMap((action) => {
    if (action.verb !== 'patch' || action.subresource !== 'status') return [];
    const { status } = action.patch as { status: { conditions: { type: string; status: string; reason: string }[] } };
    return status.conditions.map(({ type, status: word, reason }) => `${type} ${word} ${reason}`);
  });

test('HorizontalPodAutoscaler makes as many pods as their use calls for, and not more than it may', () => {
  const up = look(make(), now, scaler(), [scale(2), usage({ a: '100m', b: '80m' })]);
  assert.deepEqual(wanted(up), [{ spec: { replicas: 4 } }]);
  assert.deepEqual(told(up), [
    'SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target',
  ]);
  assert.deepEqual(conditions(up), [
    'AbleToScale True SucceededRescale',
    'ScalingActive True ValidMetricFound',
    'ScalingLimited False DesiredWithinRange',
  ]);
  const held = look(make(), now, scaler({ maxReplicas: 3 }), [scale(2), usage({ a: '100m', b: '80m' })]);
  assert.deepEqual(wanted(held), [{ spec: { replicas: 3 } }]);
  assert.ok(conditions(held).includes('ScalingLimited True TooManyReplicas'));
});

test('HorizontalPodAutoscaler leaves alone what is near its target', () => {
  const near = look(make(), now, scaler(), [scale(2), usage({ a: '54m', b: '54m' })]);
  assert.deepEqual(wanted(near), []);
  assert.ok(conditions(near).includes('AbleToScale True ReadyForNewScale'));
  const behavior = { scaleUp: { tolerance: '10m', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] } };
  assert.deepEqual(wanted(look(make(), now, scaler({ behavior }), [scale(2), usage({ a: '54m', b: '54m' })])), [
    { spec: { replicas: 3 } },
  ]);
});

test('HorizontalPodAutoscaler takes pods away only once nothing has called for more for five minutes', () => {
  const same = make();
  look(same, now, scaler(), [scale(4), usage({ a: '50m', b: '50m' })]);
  const later = (now + 60_000) as Instant;
  const calm = look(same, later, scaler(), [scale(4), usage({ a: '10m', b: '10m' })]);
  assert.deepEqual(wanted(calm), []);
  assert.ok(conditions(calm).includes('AbleToScale True ScaleDownStabilized'));
  const last = (now + 301_000) as Instant;
  assert.deepEqual(wanted(look(same, last, scaler(), [scale(4), usage({ a: '10m', b: '10m' })])), [
    { spec: { replicas: 1 } },
  ]);
});

test('HorizontalPodAutoscaler goes only as fast as its policies let it', () => {
  const behavior = {
    scaleUp: { selectPolicy: 'Max', policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] },
    scaleDown: { selectPolicy: 'Disabled', policies: [], stabilizationWindowSeconds: 0 },
  };
  const same = make();
  const busy = usage({ a: '300m', b: '300m' });
  const first = look(same, now, scaler({ behavior }), [scale(2), busy]);
  assert.deepEqual(wanted(first), [{ spec: { replicas: 3 } }]);
  assert.ok(conditions(first).includes('ScalingLimited True ScaleUpLimit'));
  assert.deepEqual(wanted(look(same, (now + 15_000) as Instant, scaler({ behavior }), [scale(3), busy])), []);
  const idle = usage({ a: '1m', b: '1m' });
  assert.deepEqual(wanted(look(make(), now, scaler({ behavior }), [scale(5), idle])), []);
});

test('HorizontalPodAutoscaler says why it does not know', () => {
  const missing = { error: new ApiError('NotFound', 'no') };
  const blind = look(make(), now, scaler(), [scale(2), missing]);
  const why =
    'failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource ' +
    'metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)';
  assert.deepEqual(told(blind), [
    `FailedGetResourceMetric: ${why}`,
    `FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: ${why}`,
  ]);
  assert.deepEqual(conditions(blind), [
    'AbleToScale True SucceededGetScale',
    'ScalingActive False FailedGetResourceMetric',
  ]);
  assert.deepEqual(told(look(make(), now, scaler(), [missing])), ['FailedGetScale: deployments.apps "web" not found']);
});

test('HorizontalPodAutoscaler is within its bounds at once, and looks again after a while', () => {
  const same = make();
  const plan = look(same, now, scaler({ minReplicas: 3 }), [scale(1)]);
  assert.deepEqual(told(plan), [
    'SuccessfulRescale: New size: 3; reason: Current number of replicas below Spec.MinReplicas',
  ]);
  const soon = (now + 5_000) as Instant;
  assert.deepEqual(look(same, soon, scaler({ minReplicas: 3 }), []), { actions: [], again: 10_000 });
});

test('a new autoscaler is looked at after one period, as whoever made it may go on', () => {
  const born = { ...scaler(), metadata: { ...scaler().metadata, creationTimestamp: '2026-01-01T01:00:00Z' } };
  const observed = { scaler: born, target: deployments as never, pods: [] };
  assert.deepEqual(make().wants(observed, now), []);
  assert.deepEqual(make().plan(observed, now, {} as Random), { actions: [], again: 15_000 });
  assert.equal(make().wants(observed, (now + 15_000) as Instant).length, 1);
});
