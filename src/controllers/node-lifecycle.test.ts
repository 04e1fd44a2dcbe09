import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kind } from '../api/kind.ts';
import { leases } from '../api/kinds/lease.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { fencingPromise } from '../api/node-link.ts';
import type { KubeObject } from '../api/object.ts';
import type { Env, Instant, Random } from '../base/env.ts';
import type { Notice } from '../client/action.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import type { Answer, Plan } from '../machinery/controller.ts';
import { NodeLifecycleController } from './node-lifecycle.ts';
import { type Timing, timings } from './timing.ts';

const at = (text: string) => Date.parse(`2026-01-01T${text}Z`) as Instant;
const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const env = {} as Env;
const random = {} as Random;
/** A cache that holds these objects from the start. */
function cacheOf<T extends KubeObject>(kind: Kind<T>, objects: readonly T[]): Cache<T> {
  const cache = new Cache(env, unused, kind);
  Object.assign(cache, { list: () => objects, by: () => [] });
  return cache;
}
const controller = (timing: Timing = timings.upstream, others: readonly Node[] = [other('o', 'True')]) =>
  new NodeLifecycleController(
    { nodes: cacheOf(nodes, others), leases: new Cache(env, unused, leases), pods: new Cache(env, unused, pods) },
    timing,
  );
const meta = (name: string) => ({ name, uid: name, resourceVersion: '3', creationTimestamp: '2026-01-01T00:00:00Z' });
const lastHeartbeatTime = '2026-01-01T00:00:00Z';
const other = (name: string, ready: string, taints: Node['spec']['taints'] = []): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: meta(name),
  spec: { taints },
  status: { conditions: [{ type: 'Ready', status: ready, lastHeartbeatTime, lastTransitionTime: lastHeartbeatTime }] },
});
const node = (ready: string, taints: Node['spec']['taints'] = []): Node => other('n', ready, taints);
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
interface Look {
  readonly node?: Node;
  readonly renewed?: string;
  readonly pods?: readonly Pod[];
}
const look = (same: NodeLifecycleController, time: string, given: Look, answers: readonly Answer[] = []) => {
  const renewed = given.renewed === undefined ? undefined : lease(`2026-01-01T${given.renewed}.000000Z`);
  const observed = { name: 'n', node: given.node ?? node('True'), lease: renewed, pods: given.pods ?? [] };
  return same.plan(observed, at(time), random, answers);
};
const taintsIn = (plan: Plan) =>
  plan.actions
    .flat()
    .flatMap((action) =>
      action.verb === 'patch' ? [action.patch as { spec?: { taints?: Node['spec']['taints'] } }] : [],
    )
    .flatMap(({ spec }) => (spec?.taints ?? []).map(({ key, effect }) => `${key.split('/')[1]}:${effect}`));
const registered = (about: Node): Notice => ({
  verb: 'event',
  about,
  reason: 'RegisteredNode',
  message: 'Node n event: Registered Node n in Controller',
});

test('NodeLifecycleController leaves a node alone whose lease is fresh, and looks again when it would be stale', () => {
  const same = controller();
  const plan = look(same, '00:01:00', { renewed: '00:00:20' });
  assert.deepEqual(plan, { actions: [[registered(node('True'))]], again: 50_000 });
  assert.deepEqual(look(same, '00:01:10', { renewed: '00:00:20' }), { actions: [], again: 40_000 });
  assert.deepEqual(look(same, '00:01:30', { renewed: '00:00:30' }), { actions: [], again: 50_000 });
});

test('NodeLifecycleController says that a silent node is unknown, tells so and taints it', () => {
  const same = controller();
  look(same, '00:01:00', { renewed: '00:00:30' });
  const stale = { found: { spec: { renewTime: '2026-01-01T00:00:30.000000Z' } } };
  const { actions } = look(same, '00:01:50', { renewed: '00:00:30' }, [stale]);
  const timeAdded = '2026-01-01T00:01:50Z';
  const key = 'node.kubernetes.io/unreachable';
  const message = 'Node n status is now: NodeNotReady';
  assert.deepEqual(actions[0], [{ verb: 'event', about: node('True'), reason: 'NodeNotReady', message }]);
  assert.deepEqual(actions[1], [
    {
      verb: 'patch',
      kind: nodes,
      key: { namespace: '', name: 'n' },
      patch: {
        metadata: { uid: 'n', resourceVersion: '3' },
        spec: {
          taints: [{ key, effect: 'NoSchedule', timeAdded }],
        },
      },
    },
  ]);
  const [status] = actions[2] ?? [];
  const patch = status?.verb === 'patch' ? (status.patch as { status: { conditions: object[] } }) : undefined;
  assert.deepEqual(patch?.status.conditions[0], {
    type: 'Ready',
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
    lastHeartbeatTime: '2026-01-01T00:00:00Z',
    lastTransitionTime: timeAdded,
  });
  // Pods are driven out once it is sure that the others have not fallen silent with it.
  const kept = [{ key, effect: 'NoSchedule', timeAdded }];
  const later = look(same, '00:01:55', { node: node('Unknown', kept), renewed: '00:00:30' });
  assert.deepEqual(taintsIn(later), ['unreachable:NoSchedule', 'unreachable:NoExecute']);
});

test('NodeLifecycleController asks for the lease itself before it calls a node silent', () => {
  const same = controller();
  const observed = { name: 'n', node: node('True'), lease: lease('2026-01-01T00:00:30.000000Z'), pods: [] };
  look(same, '00:01:00', { renewed: '00:00:30' });
  assert.deepEqual(same.wants(observed, at('00:01:40')), []);
  assert.deepEqual(same.wants(observed, at('00:01:50')), [
    { path: '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n' },
  ]);
  const found = { spec: { renewTime: '2026-01-01T00:01:48.000000Z' } };
  assert.deepEqual(same.plan(observed, at('00:01:50'), random, [{ found }]), { actions: [], again: 50_000 });
});

test('NodeLifecycleController notices within seconds that a node with a link is silent', () => {
  const same = controller(timings.quick);
  const observed = { name: 'n', node: node('True'), lease: undefined, pods: [] };
  const ask = (time: string, ageMs: number) => {
    assert.deepEqual(same.wants(observed, at(time)), [{ path: '/mini-k8s/nodes/n/link' }]);
    return look(same, time, {}, [{ found: { heard: true, ageMs } }]);
  };
  assert.equal(ask('00:01:00', 400).again, 3_000);
  assert.deepEqual(same.wants(observed, at('00:01:02')), []);
  assert.deepEqual(ask('00:01:03', 900), { actions: [], again: 2_100 });
  const silent = ask('00:01:06', 3_900);
  assert.deepEqual(taintsIn(silent), ['unreachable:NoSchedule']);
  assert.equal(silent.again, 1_000);
});

test('NodeLifecycleController calls no node silent that it has not asked about, however close the time is', () => {
  const same = controller(timings.quick);
  const observed = { name: 'n', node: node('True'), lease: undefined, pods: [] };
  same.wants(observed, at('00:01:00'));
  look(same, '00:01:00', {}, [{ found: { heard: true, ageMs: 0 } }]);
  // The millisecond between the question and the look is the one in which its time runs out.
  assert.deepEqual(same.wants(observed, (at('00:01:03') - 1) as Instant), []);
  assert.deepEqual(look(same, '00:01:03', {}), { actions: [], again: 1 });
  assert.deepEqual(same.wants(observed, at('00:01:03')), [{ path: '/mini-k8s/nodes/n/link' }]);
  // An old answer is asked after as soon as it runs out.
  assert.equal(look(same, '00:01:03', {}, [{ found: { heard: true, ageMs: 2_900 } }]).again, 100);
  assert.equal(same.wants(observed, (at('00:01:03') + 100) as Instant).length, 1);
});

test('NodeLifecycleController judges a node without a link by its lease, also when it is quick', () => {
  const same = controller(timings.quick);
  const observed = { name: 'n', node: node('True'), lease: lease('2026-01-01T00:00:30.000000Z'), pods: [] };
  assert.equal(same.wants(observed, at('00:01:00')).length, 1);
  const answers = [{ found: { heard: false, ageMs: 60_000 } }];
  assert.equal(look(same, '00:01:00', { renewed: '00:00:30' }, answers).again, 50_000);
  assert.equal(look(same, '00:01:20', { renewed: '00:00:30' }).again, 30_000);
});

test('NodeLifecycleController waits no longer for a node that had a link to the server before this one', () => {
  const same = controller(timings.quick);
  const plain = node('True');
  const metadata = { ...plain.metadata, annotations: fencingPromise(4_000, 'process://26') };
  const nodeInfo = { containerRuntimeVersion: 'process://26' };
  const promising = { ...plain, metadata, status: { ...plain.status, nodeInfo } } as Node;
  const observed = { name: 'n', node: promising, lease: undefined, pods: [] };
  same.wants(observed, at('00:01:00'));
  assert.equal(look(same, '00:01:00', { node: promising }, [{ found: { heard: false, ageMs: 500 } }]).again, 3_000);
  same.wants(observed, at('00:01:03'));
  const silent = look(same, '00:01:03', { node: promising }, [{ found: { heard: false, ageMs: 3_500 } }]);
  assert.deepEqual(taintsIn(silent), ['unreachable:NoSchedule']);
});

test('NodeLifecycleController gives nobody up while all nodes are silent, and lets go of what it had done', () => {
  const silent = [other('o', 'Unknown'), other('q', 'Unknown')];
  assert.deepEqual(taintsIn(look(controller(timings.upstream, silent), '00:01:00', { node: node('Unknown') })), [
    'unreachable:NoSchedule',
  ]);
  const given = node('Unknown', [
    { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' },
  ]);
  assert.deepEqual(taintsIn(look(controller(timings.upstream, silent), '00:01:00', { node: given })), [
    'unreachable:NoSchedule',
  ]);
});

test('NodeLifecycleController gives up one node of a zone after another, and none where most are silent', () => {
  const same = controller();
  const first = look(same, '00:01:00', { node: node('False') });
  assert.deepEqual(taintsIn(first), ['not-ready:NoSchedule', 'not-ready:NoExecute']);
  const second = look(same, '00:01:04', { node: node('False') });
  assert.deepEqual(taintsIn(second), ['not-ready:NoSchedule']);
  assert.equal(second.again, 6_000);
  const most = ['a', 'b', 'c'].map((name) => other(name, 'Unknown'));
  const cut = controller(timings.upstream, [...most, other('d', 'True')]);
  assert.deepEqual(taintsIn(look(cut, '00:01:00', { node: node('False') })), ['not-ready:NoSchedule']);
});

test('NodeLifecycleController takes its taints away from a node that is ready again, and only its own', () => {
  const taints = [
    { key: 'mine', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' },
  ];
  const { actions } = look(controller(), '00:01:00', { node: node('True', taints), renewed: '00:00:59' });
  const [, group] = actions;
  assert.deepEqual(group?.[0]?.verb === 'patch' && group[0].patch, {
    metadata: { uid: 'n', resourceVersion: '3' },
    spec: { taints: [taints[0]] },
  });
});

test('NodeLifecycleController evicts by NoExecute taints, after the time a pod tolerates, and takes it back', () => {
  const gone = node('True', [{ key: 'gone', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:58Z' }]);
  const verbs = (one: Pod) =>
    look(controller(), '00:01:00', { node: gone, pods: [one] })
      .actions.flat()
      .map(({ verb }) => verb);
  assert.deepEqual(verbs(pod()), ['event', 'patch', 'delete', 'event']);
  assert.deepEqual(verbs(pod([{ key: 'gone', operator: 'Exists' }])), ['event']);
  const patient = pod([{ key: 'gone', operator: 'Exists', tolerationSeconds: 5 }]);
  const same = controller();
  assert.equal(look(same, '00:01:00', { node: gone, pods: [patient] }).again, 3_000);
  const message = 'Cancelling deletion of Pod default/p';
  assert.deepEqual(look(same, '00:01:00', { pods: [patient] }).actions, [
    [{ verb: 'event', about: patient, reason: 'TaintManagerEviction', message }],
  ]);
});

test('NodeLifecycleController cuts the patience that nobody asked for short, on nodes with a link', () => {
  const taints = [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: '2026-01-01T00:01:00Z' }];
  const tolerations = [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', tolerationSeconds: 300 }];
  const given = { node: node('Unknown', taints), pods: [pod(tolerations)] };
  const same = controller(timings.quick);
  same.wants({ name: 'n', node: given.node, lease: undefined, pods: [] }, at('00:01:00'));
  assert.equal(look(same, '00:01:00', given, [{ found: { heard: true, ageMs: 3_500 } }]).again, 3_000);
  assert.equal(look(same, '00:01:03', given).again, 1_000);
  const verbs = look(same, '00:01:04', given).actions.flat();
  assert.ok(verbs.some(({ verb }) => verb === 'delete'));
  assert.equal(look(controller(), '00:01:00', given).again, 50_000);
});

test('NodeLifecycleController is woken by pods of nodes that are not well, and by no others', () => {
  let known: Node | undefined;
  const ofNodes = Object.assign(cacheOf(nodes, []), { get: () => known });
  const caches = { nodes: ofNodes, leases: new Cache(env, unused, leases), pods: new Cache(env, unused, pods) };
  const [, , ofPods] = new NodeLifecycleController(caches).sources();
  const wakes = (next: Node | undefined) => {
    known = next;
    return (ofPods?.keys(pod() as never) ?? []).map(({ name }) => name);
  };
  assert.deepEqual(wakes(undefined), ['n']);
  assert.deepEqual(wakes(node('True')), []);
  assert.deepEqual(wakes(node('Unknown')), ['n']);
  assert.deepEqual(wakes(node('True', [{ key: 'gone', effect: 'NoExecute' }])), ['n']);
  assert.deepEqual(wakes(node('True', [{ key: 'full', effect: 'NoSchedule' }])), []);
});
