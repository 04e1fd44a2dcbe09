import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../api/kinds/node.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { type Place, preempted, refusalOf } from './admission.ts';

const pod = (spec: object = {}, more: { readonly metadata?: object; readonly status?: object } = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web',
    namespace: 'default',
    uid: 'web',
    resourceVersion: '1',
    creationTimestamp: '',
    ...more.metadata,
  },
  spec: { containers: [{ name: 'c' }], ...spec },
  ...(more.status ? { status: more.status } : {}),
});
const asking = (requests: object, more: object = {}) =>
  pod({ containers: [{ name: 'c', resources: { requests }, ...more }] });
const onPort = (hostPort: number, more: object = {}) =>
  pod({ containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, ...more }] }] });
const isOwn = { metadata: { annotations: { 'kubernetes.io/config.source': 'file' } } };

const node = (labels: object = {}, taints: readonly object[] = []): Node =>
  ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-0', labels }, spec: { taints } }) as unknown as Node;
const place: Place = {
  os: 'linux',
  allocatable: { cpu: '2', memory: '1Gi', pods: '3', 'ephemeral-storage': '10Gi' },
  node: node(),
  pressures: new Set(),
  others: [],
  unsafeSysctls: [],
  appArmor: true,
  strictGroups: true,
};
const told = (wanted: Pod, more: Partial<Place> = {}): string => {
  const refusal = refusalOf(wanted, { ...place, ...more });
  return refusal ? `${refusal.reason}: ${refusal.message}` : '';
};

test('A pod that fits is taken', () => {
  assert.equal(told(asking({ cpu: '2', memory: '1Gi', 'example.com/gpu': '1' })), '');
  assert.equal(told(onPort(80), { others: [onPort(81), onPort(80, { protocol: 'UDP' })] }), '');
});

test('What is asked for and not there is named with its numbers', () => {
  const others = [asking({ cpu: '1500m', memory: '512Mi' })];
  assert.equal(
    told(asking({ cpu: '600m' }), { others }),
    "OutOfcpu: Node didn't have enough resource: cpu, requested: 600, used: 1500, capacity: 2000",
  );
  assert.equal(
    told(asking({ memory: '1Gi' }), { others }),
    "OutOfmemory: Node didn't have enough resource: memory, requested: 1073741824, used: 536870912, capacity: 1073741824",
  );
  assert.equal(
    told(pod(), { others: [pod(), pod(), pod()] }),
    "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
  );
});

test('A port of the machine is for one pod, unless their addresses differ', () => {
  const refused = "NodePorts: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
  assert.equal(told(onPort(80), { others: [onPort(80)] }), refused);
  assert.equal(told(onPort(80, { hostIP: '127.0.0.1' }), { others: [onPort(80)] }), refused);
  assert.equal(told(onPort(80, { hostIP: '127.0.0.1' }), { others: [onPort(80, { hostIP: '127.0.0.2' })] }), '');
});

test('A node that a pod did not ask for, or whose taint it does not bear, refuses it; its own pods it bears', () => {
  const refused = "NodeAffinity: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
  const wanted = { nodeSelector: { disk: 'ssd' } };
  assert.equal(told(pod(wanted)), refused);
  assert.equal(told(pod(wanted), { node: node({ disk: 'ssd' }) }), '');
  const tainted = {
    node: node({}, [
      { key: 'gone', effect: 'NoExecute' },
      { key: 'busy', effect: 'NoSchedule' },
    ]),
  };
  assert.equal(
    told(pod(), tainted),
    "TaintToleration: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
  );
  assert.equal(told(pod({ tolerations: [{ key: 'gone', operator: 'Exists' }] }), tainted), '');
  assert.equal(told(pod({}, isOwn), tainted), '');
});

test('A pod of another system is refused', () => {
  assert.equal(
    told(pod({ os: { name: 'windows' } })),
    "PodOSNotSupported: Failed to admit pod as the OS field doesn't match node OS",
  );
  assert.equal(
    told(pod({ nodeSelector: { 'kubernetes.io/os': 'windows' } })),
    "PodOSSelectorNodeLabelDoesNotMatch: Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
  );
});

test('A sysctl that could harm others is refused unless the node allows it', () => {
  const setting = (name: string, more: object = {}) =>
    pod({ securityContext: { sysctls: [{ name, value: '1' }] }, ...more });
  const refused = 'SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted';
  assert.equal(told(setting('kernel.msgmax')), refused);
  assert.equal(told(setting('kernel.msgmax'), { unsafeSysctls: ['kernel.msg*'] }), '');
  assert.equal(told(setting('kernel/shm_rmid_forced')), '');
  assert.equal(
    told(setting('net.ipv4.tcp_syncookies', { hostNetwork: true })),
    'SysctlForbidden: forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
  );
});

test('What runs pods refuses what it cannot do', () => {
  const strict = pod({ securityContext: { supplementalGroupsPolicy: 'Strict' } });
  assert.equal(
    told(strict, { strictGroups: false }),
    'SupplementalGroupsPolicyNotSupported: SupplementalGroupsPolicy=Strict is not supported in this node',
  );
  const profiled = (type: string) =>
    pod({ containers: [{ name: 'c', securityContext: { appArmorProfile: { type } } }] });
  const refused = 'AppArmor: Cannot enforce AppArmor: AppArmor is not enabled on the host';
  assert.equal(told(profiled('RuntimeDefault'), { appArmor: false }), refused);
  assert.equal(told(profiled('Unconfined'), { appArmor: false }), '');
});

test('A node that runs short takes no more than it must', () => {
  const short = (...pressures: readonly string[]) => ({ pressures: new Set(pressures) });
  const modest = pod({}, { status: { qosClass: 'BestEffort' } });
  const promised = pod({}, { status: { qosClass: 'Burstable' } });
  assert.equal(told(modest, short('MemoryPressure')), 'Evicted: The node had condition: [MemoryPressure]. ');
  assert.equal(told(promised, short('MemoryPressure')), '');
  assert.equal(
    told(promised, short('MemoryPressure', 'DiskPressure')),
    'Evicted: The node had condition: [DiskPressure MemoryPressure]. ',
  );
  assert.equal(told(pod({ priority: 2_000_000_000 }), short('DiskPressure')), '');
  assert.equal(told(pod({}, isOwn), short('DiskPressure')), '');
});

test('A pod that the node cannot be without drives away as few as can be, and those that were promised least', () => {
  const using = (name: string, cpu: string, qosClass: string, spec: object = {}) =>
    pod({ ...asking({ cpu }).spec, ...spec }, { metadata: { name, uid: name }, status: { qosClass } });
  const others = [
    using('small', '100m', 'Burstable'),
    using('promised', '900m', 'Guaranteed'),
    using('large', '900m', 'Burstable'),
  ];
  const roomy = { ...place, allocatable: { cpu: '2', pods: '9' }, others };
  const names = (wanted: Pod, more: Partial<Place> = {}) =>
    preempted(wanted, { ...roomy, ...more })?.map(({ metadata }) => metadata.name);
  const critical = { priority: 2_000_000_000 };
  assert.deepEqual(names(using('new', '1', 'Guaranteed', critical)), ['large']);
  assert.deepEqual(names(using('new', '2', 'Guaranteed', critical)), ['promised', 'small', 'large']);
  assert.equal(names(using('new', '3', 'Guaranteed', critical)), undefined);
  assert.equal(names(using('new', '1', 'Guaranteed')), undefined);
  assert.equal(names(using('new', '1', 'Guaranteed', { ...critical, nodeSelector: { a: 'b' } })), undefined);
  const held = others.map((other) => ({ ...other, spec: { ...other.spec, ...critical } }));
  assert.equal(names(using('new', '1', 'Guaranteed', critical), { others: held }), undefined);
});
