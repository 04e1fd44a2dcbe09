import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toFirstVersion, toSecondVersion } from './autoscaler-versions.ts';
import {
  type HorizontalPodAutoscaler,
  horizontalPodAutoscalers,
  oldHorizontalPodAutoscalers,
} from './horizontal-pod-autoscaler.ts';
import { judgedBy } from './kind-rules.test-data.ts';

const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const scaler = (spec: object = {}) => ({ spec: { scaleTargetRef: reference, maxReplicas: 3, ...spec } });
const metric = (type: string, source: object) => ({ metrics: [{ type, ...source }] });
const at = 'spec.metrics[0]';

const created: readonly (readonly [claim: string, spec: object, ...errors: readonly string[]])[] = [
  ['may say nothing but whom and how many', {}],
  ['has a largest size', { maxReplicas: 0, minReplicas: 1 }, 'spec.maxReplicas Required', 'spec.maxReplicas Invalid'],
  ['never scales to zero by shares of pods', { minReplicas: 0 }, 'spec.minReplicas Invalid', 'spec.metrics Forbidden'],
  [
    'scales what has a group',
    { scaleTargetRef: { ...reference, apiVersion: 'v1' } },
    'spec.scaleTargetRef.apiVersion Invalid',
  ],
  [
    'scales the controllers from before groups',
    { scaleTargetRef: { ...reference, apiVersion: 'v1', kind: 'ReplicationController' } },
  ],
  ['measures by known sources', metric('x', {}), `${at}.type NotSupported`],
  ['measures by the source that it names', metric('Pods', {}), `${at}.pods Required`],
  [
    'measures by one source at a time',
    metric('Resource', { resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 1 } }, pods: {} }),
    `${at}.pods.metric.name Required`,
    `${at}.pods.target.type Required`,
    `${at}.pods.target.type Invalid`,
    `${at}.pods.target.averageValue Required`,
    `${at}.pods Forbidden`,
  ],
  [
    'wants something positive of each source',
    metric('External', { external: { metric: { name: 'q' }, target: { type: 'Value', value: '0' } } }),
    `${at}.external.target.value Invalid`,
  ],
  [
    'measures containers by their own resources',
    metric('ContainerResource', {
      containerResource: { name: 'gold', container: 'c', target: { type: 'AverageValue', averageValue: '1' } },
    }),
    `${at}.containerResource.name Invalid`,
    `${at}.containerResource.name Invalid`,
  ],
  [
    'changes its size in known steps',
    { behavior: { scaleUp: { policies: [{ type: 'x', value: 0, periodSeconds: 1801 }], selectPolicy: 'x' } } },
    'spec.behavior.scaleUp.selectPolicy NotSupported',
    'spec.behavior.scaleUp.policies[0].type NotSupported',
    'spec.behavior.scaleUp.policies[0].value Invalid',
    'spec.behavior.scaleUp.policies[0].periodSeconds Invalid',
  ],
  [
    'tolerates nothing below zero',
    { behavior: { scaleDown: { tolerance: '-1' } } },
    'spec.behavior.scaleDown.tolerance Invalid',
  ],
];
for (const [claim, spec, ...errors] of created) {
  test(`An autoscaler ${claim}`, () => assert.deepEqual(judgedBy(horizontalPodAutoscalers, scaler(spec)), errors));
}

test('The first version is judged as the second sees it', () => {
  assert.deepEqual(judgedBy(oldHorizontalPodAutoscalers, scaler({ targetCPUUtilizationPercentage: 0 })), [
    'spec.metrics[0].resource.target.averageUtilization Invalid',
  ]);
});

const whole = (part: object) => ({ metadata: { name: 'a' }, ...part }) as unknown as HorizontalPodAutoscaler;

test('The first version shows the usual share where it measures nothing', () => {
  const old = toFirstVersion(toSecondVersion(whole(scaler())));
  assert.equal((old.spec as { targetCPUUtilizationPercentage?: number }).targetCPUUtilizationPercentage, 80);
});

test('What the first version has no word for travels in its annotations, both ways', () => {
  const metrics = [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
    { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } },
    {
      type: 'Object',
      object: { describedObject: reference, metric: { name: 'hits' }, target: { type: 'Value', value: '5' } },
    },
    {
      type: 'External',
      external: { metric: { name: 'q', selector: { matchLabels: { a: 'b' } } }, target: { type: 'Value', value: '3' } },
    },
    {
      type: 'ContainerResource',
      containerResource: { name: 'memory', container: 'c', target: { type: 'AverageValue', averageValue: '1Gi' } },
    },
  ];
  const behavior = { scaleUp: { selectPolicy: 'Max' } };
  const conditions = [{ type: 'AbleToScale', status: 'True' }];
  const current = { name: 'cpu', current: { averageUtilization: 55, averageValue: '1' } };
  const status = { currentReplicas: 1, desiredReplicas: 1, conditions };
  const scaled = whole({
    apiVersion: 'autoscaling/v2',
    spec: { scaleTargetRef: reference, maxReplicas: 3, metrics, behavior },
    status: {
      ...status,
      currentMetrics: [{ type: 'Resource', resource: { ...current, current: { averageUtilization: 55 } } }],
    },
  });
  const old = toFirstVersion(scaled);
  const prefix = 'autoscaling.alpha.kubernetes.io';
  assert.deepEqual(Object.keys(old.metadata.annotations ?? {}).sort(), [
    `${prefix}/behavior`,
    `${prefix}/conditions`,
    `${prefix}/metrics`,
  ]);
  const told = JSON.parse(old.metadata.annotations?.[`${prefix}/metrics`] ?? '') as readonly object[];
  assert.deepEqual(told[0], { type: 'Pods', pods: { metricName: 'rps', targetAverageValue: '10' } });
  assert.deepEqual(toSecondVersion(old), scaled);
});

test('An annotation that is no JSON counts as nothing', () => {
  const annotations = { 'autoscaling.alpha.kubernetes.io/metrics': '{', other: 'x' };
  const now = toSecondVersion(
    whole({ ...scaler({ targetCPUUtilizationPercentage: 50 }), metadata: { name: 'a', annotations } }),
  );
  assert.equal((now.spec as { metrics: readonly object[] }).metrics.length, 1);
  assert.deepEqual(now.metadata.annotations, { other: 'x' });
});
