import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, Resources } from '../api/kinds/pod.ts';
import { allocation } from './resize.ts';

const pod = (asks: Resources, has?: Resources): Pod => {
  const told = { name: 'c', ready: true, restartCount: 0, image: '', imageID: '', state: { running: {} } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'u1', resourceVersion: '1', creationTimestamp: '' },
    spec: { containers: [{ name: 'c', resources: asks }] },
    ...(has ? { status: { containerStatuses: [{ ...told, resources: has }] } } : {}),
  };
};
const small = { requests: { cpu: '100m', memory: '64Mi' } };
const large = { requests: { cpu: '900m', memory: '64Mi' } };
const room =
  (...others: readonly Pod[]) =>
  () => ({ allocatable: { cpu: '1', memory: '1Gi' }, others });

test('A pod gets what it has come to ask for where there is room', () => {
  const wanted = pod(large, small);
  assert.deepEqual(allocation(wanted, room()), { pod: wanted });
});

test('A pod keeps what it has while others hold the room, and is told that this may pass', () => {
  const { pod: given, pending } = allocation(pod(large, small), room(pod(small), pod(small)));
  assert.deepEqual(given.spec.containers[0]?.resources, small);
  assert.deepEqual(pending, {
    reason: 'Deferred',
    message: "Node didn't have enough resource: cpu, requested: 900, used: 200, capacity: 1000",
  });
});

test('What the node could never give is infeasible', () => {
  const { pending } = allocation(pod({ requests: { cpu: '1500m' } }, small), room());
  assert.deepEqual(pending, {
    reason: 'Infeasible',
    message: "Node didn't have enough capacity: cpu, requested: 1500, capacity: 1000",
  });
});

test('A pod that asks for what it has, or does not run yet, is not asked about', () => {
  const never = () => assert.fail('nobody has to look');
  assert.ok(allocation(pod(small, small), never));
  assert.ok(allocation(pod(large), never));
});
