import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import type { KubeObject } from '../object.ts';
import { daemonSets } from './daemon-set.ts';
import { type Deployment, deployments } from './deployment.ts';
import { replicaSets } from './replica-set.ts';
import { statefulSets } from './stateful-set.ts';

const context = (subresource = '') => ({ now: 0 as Instant, subresource });
const template = {
  metadata: { labels: { app: 'a' } },
  spec: { containers: [{ name: 'c', image: 'i' }] },
};
const workload = (spec: object, status?: object) =>
  ({
    apiVersion: 'apps/v1',
    kind: 'Any',
    metadata: { name: 'a' },
    spec: { selector: { matchLabels: { app: 'a' } }, template, ...spec },
    ...(status ? { status } : {}),
  }) as unknown as KubeObject;

type Ruled = typeof deployments.rules;
const kinds = {
  Deployment: deployments.rules,
  ReplicaSet: replicaSets.rules as unknown as Ruled,
  StatefulSet: statefulSets.rules as unknown as Ruled,
  DaemonSet: daemonSets.rules as unknown as Ruled,
};

function judged(rules: Ruled, object: KubeObject, previous?: KubeObject, subresource?: string): readonly string[] {
  const whole = (given: KubeObject) => rules.defaults?.(given as Deployment) ?? (given as Deployment);
  const errors = rules.validate?.(whole(object), previous && whole(previous), context(subresource)) ?? [];
  return errors.map(({ path, type }) => `${path} ${type}`);
}

for (const [name, rules] of Object.entries(kinds)) {
  test(`${name} needs a selector that finds its own pods`, () => {
    assert.deepEqual(judged(rules, workload({})), []);
    const mismatch = 'spec.template.metadata.labels Invalid';
    assert.ok(judged(rules, workload({ selector: { matchLabels: { app: 'b' } } })).includes(mismatch));
    const missing = judged(rules, workload({ selector: null }));
    assert.deepEqual(
      missing.filter((error) => error !== 'spec.selector Required'),
      [mismatch],
    );
    assert.deepEqual(judged(rules, workload({ selector: {} })), ['spec.selector Invalid']);
  });

  test(`${name} keeps its selector`, () => {
    const labels = { metadata: { labels: { app: 'a', b: 'c' } }, spec: template.spec };
    const next = workload({ selector: { matchLabels: { b: 'c' } }, template: labels });
    assert.equal(judged(rules, next, workload({ template: labels })).length, 1);
  });

  test(`${name} makes pods that are always started again and never end by themselves`, () => {
    const spec = { ...template.spec, restartPolicy: 'Never', activeDeadlineSeconds: 5 };
    assert.deepEqual(judged(rules, workload({ template: { ...template, spec } })), [
      'spec.template.spec.restartPolicy NotSupported',
      'spec.template.spec.activeDeadlineSeconds Forbidden',
    ]);
  });

  test(`${name} counts nothing below zero in its status`, () => {
    const object = workload({}, { observedGeneration: -1 });
    assert.deepEqual(judged(rules, object, workload({}, {}), 'status'), ['status.observedGeneration Invalid']);
  });
}

test('A broken selector says nothing about the template', () => {
  const selector = { matchExpressions: [{ key: 'a', operator: 'Near' }] };
  assert.deepEqual(judged(kinds.Deployment, workload({ selector, template: {} })), [
    'spec.selector.matchExpressions[0].operator Invalid',
    'spec.selector Invalid',
  ]);
});

test('A deployment replaces at least one pod at a time', () => {
  const rollingUpdate = { maxUnavailable: '0%', maxSurge: 0 };
  const strategy = { type: 'RollingUpdate', rollingUpdate };
  const path = 'spec.strategy.rollingUpdate.maxUnavailable Invalid';
  assert.deepEqual(judged(kinds.Deployment, workload({ strategy })), [path]);
  assert.deepEqual(judged(kinds.Deployment, workload({ progressDeadlineSeconds: 5, minReadySeconds: 5 })), [
    'spec.progressDeadlineSeconds Invalid',
  ]);
});

test('A deployment whose annotations change has a new generation', () => {
  const before = workload({}) as Deployment;
  const after = { ...before, metadata: { ...before.metadata, annotations: { a: 'b' } } };
  assert.equal(deployments.rules.changesGeneration?.(after, before), true);
  assert.equal(deployments.rules.changesGeneration?.({ ...before, status: { replicas: 1 } }, before), false);
});

test('A daemon set replaces pods before or after, not both', () => {
  const strategy = (maxUnavailable: unknown, maxSurge: unknown) => ({
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge } },
  });
  const at = 'spec.updateStrategy.rollingUpdate';
  assert.deepEqual(judged(kinds.DaemonSet, workload(strategy(1, 1))), [`${at}.maxSurge Invalid`]);
  assert.deepEqual(judged(kinds.DaemonSet, workload(strategy(0, 0))), [`${at}.maxUnavailable Required`]);
});

test('A daemon set whose template generation is no number cannot be read', () => {
  const object = workload({});
  const annotations = { 'deprecated.daemonset.template.generation': 'many' };
  const broken = { ...object, metadata: { ...object.metadata, annotations } };
  assert.throws(() => judged(kinds.DaemonSet, broken), /strconv.ParseInt: parsing "many": invalid syntax/);
});

test('The claims of a stateful set are volumes of its pods, and judged when it is made', () => {
  const mounts = [{ name: 'data', mountPath: '/data' }];
  const spec = { containers: [{ name: 'c', image: 'i', volumeMounts: mounts }] };
  const claim = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } };
  const set = workload({ template: { ...template, spec }, volumeClaimTemplates: [claim] });
  const missing = 'spec.volumeClaimTemplates[0].spec.resources[storage] Required';
  assert.deepEqual(judged(kinds.StatefulSet, set), [missing]);
  assert.deepEqual(judged(kinds.StatefulSet, set, set), []);
  const twice = workload({ template: { ...template, spec }, volumeClaimTemplates: [claim, claim] });
  assert.deepEqual(judged(kinds.StatefulSet, twice), [missing, missing.replace('[0]', '[1]')]);
});

test('The name of the service of a stateful set is judged when it is made, and cannot be changed after that', () => {
  const named = workload({ serviceName: 'A' });
  assert.deepEqual(judged(kinds.StatefulSet, named), ['spec.serviceName Invalid']);
  assert.deepEqual(judged(kinds.StatefulSet, named, workload({ serviceName: 'a' })), ['spec Forbidden']);
});

test('Of a stateful set only a few fields may change', () => {
  assert.deepEqual(judged(kinds.StatefulSet, workload({ replicas: 3 }), workload({})), []);
  assert.deepEqual(judged(kinds.StatefulSet, workload({ serviceName: 'other' }), workload({})), ['spec Forbidden']);
});

test('A status never counts more ready pods than pods', () => {
  const object = workload({}, { replicas: 1, readyReplicas: 2, availableReplicas: 3 });
  assert.deepEqual(judged(kinds.ReplicaSet, object, workload({}, {}), 'status'), [
    'status.readyReplicas Invalid',
    'status.availableReplicas Invalid',
    'status.availableReplicas Invalid',
  ]);
});

test('A collision that was counted stays counted', () => {
  const errors = judged(kinds.Deployment, workload({}, {}), workload({}, { collisionCount: 1 }), 'status');
  assert.deepEqual(errors, ['status.collisionCount Invalid']);
});

test('A stateful set that names its strategy says itself how it rolls', () => {
  const strategyOf = (updateStrategy?: object) => {
    const set = statefulSets.rules.defaults?.(workload(updateStrategy ? { updateStrategy } : {}) as never);
    return (set as unknown as { spec: { updateStrategy: unknown } }).spec.updateStrategy;
  };
  assert.deepEqual(strategyOf(), { type: 'RollingUpdate', rollingUpdate: { partition: 0 } });
  assert.deepEqual(strategyOf({ type: 'RollingUpdate' }), { type: 'RollingUpdate' });
});

test('Bare metadata of a daemon set does not count its templates', () => {
  const annotations = { 'deprecated.daemonset.template.generation': '3', a: 'b' };
  const set = { ...workload({}), metadata: { name: 'a', annotations } };
  assert.deepEqual(daemonSets.rules.inner?.(set as never).metadata.annotations, { a: 'b' });
});

test('A workload warns of a name that makes no host name, and of its template where it is another one', () => {
  const ports = [{ containerPort: 80 }, { containerPort: 80 }];
  const spec = { containers: [{ name: 'c', image: 'i', ports }] };
  const named = (name: string, generation: number) => ({
    ...workload({ template: { ...template, spec } }),
    metadata: { name, generation },
  });
  const told = (next: object, previous?: object) =>
    (kinds.Deployment.warnings?.(next as Deployment, previous as Deployment | undefined) ?? []).map(
      (text) => text.split(':')[0],
    );
  assert.deepEqual(told(named('a.b', 1)), ['metadata.name', 'spec.template.spec.containers[0].ports[1]']);
  assert.deepEqual(told(named('a.b', 2), named('a.b', 1)), ['spec.template.spec.containers[0].ports[1]']);
  assert.deepEqual(told(named('a.b', 1), named('a.b', 1)), []);
});

test('A stateful set that keeps all revisions is warned about it', () => {
  const [warning] = kinds.StatefulSet.warnings?.(workload({ revisionHistoryLimit: -1 }) as Deployment, undefined) ?? [];
  assert.match(warning ?? '', /a negative value retains all historical revisions/);
});
