import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import { type Pod, pods } from './pod.ts';
import { podSpecDefaults } from './pod-defaults.ts';
import { qualityOf } from './pod-quality.ts';

const pod = (spec: object, status: object = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec, status }) as unknown as Pod;
const policyOf = (image: string): unknown =>
  (podSpecDefaults({ containers: [{ name: 'a', image }] }).containers[0] as { imagePullPolicy?: string })
    .imagePullPolicy;

test('An image whose tag moves is always pulled', () => {
  assert.equal(policyOf('nginx'), 'Always');
  assert.equal(policyOf('registry:5000/nginx:latest'), 'Always');
  assert.equal(policyOf('registry:5000/nginx:1.27'), 'IfNotPresent');
  assert.equal(policyOf('nginx@sha256:0123'), 'IfNotPresent');
});

test('Defaults are a fixed point', () => {
  const once = pods.rules.defaults?.(pod({ containers: [{ name: 'a', image: 'nginx' }] })) as Pod;
  assert.equal(pods.rules.defaults?.(once), once);
});

test('A pod is guaranteed when all its containers limit what they request', () => {
  const all = { cpu: '1', memory: '1Gi' };
  assert.equal(qualityOf({ containers: [{ resources: { limits: all, requests: all } }] }), 'Guaranteed');
  assert.equal(qualityOf({ containers: [{ resources: { requests: { cpu: '1' } } }] }), 'Burstable');
  assert.equal(qualityOf({ containers: [{}] }), 'BestEffort');
});

test('A pod that no node has goes at once', () => {
  assert.equal(pods.rules.gracePeriodSeconds?.(pod({ containers: [] }), 30), 0);
  const bound = pod({ containers: [], nodeName: 'a', terminationGracePeriodSeconds: 7 });
  assert.equal(pods.rules.gracePeriodSeconds?.(bound, undefined), 7);
});

test('A pod that crashes says so in its row', () => {
  const status = {
    phase: 'Running',
    containerStatuses: [
      { name: 'a', ready: false, restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } } },
    ],
  };
  const cells = pods.rules.cells?.(pod({ containers: [{ name: 'a' }] }, status), 0 as Instant);
  assert.deepEqual(cells?.slice(0, 4), ['web', '0/1', 'CrashLoopBackOff', '3']);
});

test('A pod that is limited as a whole asks for what its containers ask for, or else for its limits', () => {
  const holding = (cpu: string, part: object = {}) => ({ name: 'c', resources: { requests: { cpu } }, ...part });
  const asked = (containers: readonly object[], initContainers: readonly object[] = []) => {
    const given = pod({ containers, initContainers, resources: { limits: { cpu: '4', memory: '1Gi' } } });
    const { spec } = pods.rules.defaults?.(given) ?? given;
    return (spec as unknown as { resources: object }).resources;
  };
  const limits = { cpu: '4', memory: '1Gi' };
  assert.deepEqual(asked([{ name: 'c' }]), { limits, requests: limits });
  assert.deepEqual(asked([holding('500m'), holding('1')]), { limits, requests: { cpu: '1500m', memory: '1Gi' } });
  const starters = [holding('1', { restartPolicy: 'Always' }), holding('2')];
  assert.deepEqual(asked([holding('1')], starters), { limits, requests: { cpu: '3', memory: '1Gi' } });
});

test('What upstream knows but does not switch on by default is dropped', () => {
  const given = pod({
    schedulingGroup: { podGroupName: 'x' },
    containers: [{ name: 'c', lifecycle: { stopSignal: 'SIGHUP' } }],
    volumes: [{ name: 'v', projected: { sources: [{ clusterTrustBundle: { path: 'x' } }] } }],
  });
  const { spec } = (pods.rules.defaults?.(given) ?? given) as unknown as {
    spec: Record<string, unknown> & { containers: readonly { lifecycle: object }[]; volumes: readonly object[] };
  };
  assert.equal(spec.schedulingGroup, undefined);
  assert.deepEqual(spec.containers[0]?.lifecycle, {});
  assert.deepEqual(spec.volumes[0], { name: 'v', projected: { defaultMode: 0o644, sources: [{}] } });
});
