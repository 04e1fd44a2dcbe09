import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leases } from '../api/kinds/lease.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import type { Env, Instant } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { NodeLifecycleController } from './node-lifecycle.ts';
import { timings } from './timing.ts';

const at = (text: string) => Date.parse(`2026-01-01T${text}Z`) as Instant;
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const env = {} as Env;
const controller = () =>
  new NodeLifecycleController(
    {
      nodes: new Cache(env, unused, nodes),
      leases: new Cache(env, unused, leases),
      pods: new Cache(env, unused, pods),
    },
    timings.quick,
  );
const meta = (name: string) => ({ name, uid: name, resourceVersion: '3', creationTimestamp: '2026-01-01T00:00:00Z' });
const node = (ready: string, taints: Node['spec']['taints'] = []): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: meta('n'),
  spec: { taints },
  status: {
    conditions: [
      {
        type: 'Ready',
        status: ready,
        lastHeartbeatTime: '2026-01-01T00:00:00Z',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
  },
});
const pod = (tolerations: Pod['spec']['tolerations'] = []): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...meta('p'), namespace: 'default' },
  spec: { containers: [], nodeName: 'n', tolerations },
  status: { phase: 'Running' },
});
const lease = (renewTime: string) => ({
  apiVersion: 'c',
  kind: 'Lease',
  metadata: { ...meta('n'), namespace: 'kube-node-lease' },
  spec: { renewTime },
});

test('NodeLifecycleController leaves a node alone whose lease is fresh, and looks again when it would be stale', () => {
  const observed = { name: 'n', node: node('True'), lease: lease('2026-01-01T00:00:58.000000Z'), pods: [] };
  assert.deepEqual(controller().plan(observed, at('00:01:00')), { actions: [], again: 2_000 });
});

test('NodeLifecycleController says that a silent node is unknown, and taints it', () => {
  const { actions } = controller().plan(
    { name: 'n', node: node('True'), lease: lease('2026-01-01T00:00:30Z'), pods: [] },
    at('00:01:00'),
  );
  const timeAdded = '2026-01-01T00:01:00Z';
  const key = 'node.kubernetes.io/unreachable';
  assert.deepEqual(actions[0], [
    {
      verb: 'patch',
      kind: nodes,
      key: { namespace: '', name: 'n' },
      patch: {
        metadata: { uid: 'n', resourceVersion: '3' },
        spec: {
          taints: [
            { key, effect: 'NoSchedule', timeAdded },
            { key, effect: 'NoExecute', timeAdded },
          ],
        },
      },
    },
  ]);
  const [status] = actions[1] ?? [];
  const patch = status?.verb === 'patch' ? (status.patch as { status: { conditions: object[] } }) : undefined;
  assert.deepEqual(patch?.status.conditions[0], {
    type: 'Ready',
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
    lastHeartbeatTime: '2026-01-01T00:00:00Z',
    lastTransitionTime: timeAdded,
  });
});

test('NodeLifecycleController takes its taints away from a node that is ready again, and only its own', () => {
  const taints = [
    { key: 'mine', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' },
  ];
  const { actions } = controller().plan(
    { name: 'n', node: node('True', taints), lease: lease('2026-01-01T00:00:59Z'), pods: [] },
    at('00:01:00'),
  );
  const [group] = actions;
  assert.deepEqual(group?.[0]?.verb === 'patch' && group[0].patch, {
    metadata: { uid: 'n', resourceVersion: '3' },
    spec: { taints: [taints[0]] },
  });
});

test('NodeLifecycleController evicts by NoExecute taints, after the time a pod tolerates, and takes it back', () => {
  const gone = node('True', [{ key: 'gone', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:58Z' }]);
  const fresh = lease('2026-01-01T00:01:00Z');
  const verbs = (one: Pod) =>
    controller()
      .plan({ name: 'n', node: gone, lease: fresh, pods: [one] }, at('00:01:00'))
      .actions.flat()
      .map(({ verb }) => verb);
  assert.deepEqual(verbs(pod()), ['patch', 'delete', 'event']);
  assert.deepEqual(verbs(pod([{ key: 'gone', operator: 'Exists' }])), []);
  const patient = pod([{ key: 'gone', operator: 'Exists', tolerationSeconds: 5 }]);
  const same = controller();
  assert.deepEqual(same.plan({ name: 'n', node: gone, lease: fresh, pods: [patient] }, at('00:01:00')), {
    actions: [],
    again: 3_000,
  });
  assert.deepEqual(
    same.plan({ name: 'n', node: node('True'), lease: fresh, pods: [patient] }, at('00:01:00')).actions,
    [
      [
        {
          verb: 'event',
          about: patient,
          reason: 'TaintManagerEviction',
          message: 'Cancelling deletion of Pod default/p',
        },
      ],
    ],
  );
});

test('NodeLifecycleController collects the pods of a node that is gone, but not at first sight', () => {
  const same = controller();
  const observed = { name: 'n', node: undefined, lease: undefined, pods: [pod()] };
  assert.deepEqual(same.plan(observed, at('00:01:00')), { actions: [], again: 2_000 });
  assert.deepEqual(same.plan(observed, at('00:01:02')).actions, [
    [{ verb: 'delete', kind: pods, key: { namespace: 'default', name: 'p' }, uid: 'p', graceSeconds: 0 }],
  ]);
});
