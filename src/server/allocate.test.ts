import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import type { Service, ServiceSpec } from '../api/kinds/service.ts';
import { seeded } from '../base/random.ts';
import { ServiceAllocator, type ServiceDraft } from './allocate.ts';

const allocator = (stored: readonly Service[] = [], serviceRange = '10.96.0.0/16') =>
  new ServiceAllocator({ serviceRange, random: seeded('allocate') }, stored);
const draft = (name: string, spec: ServiceSpec = {}, namespace = 'default'): ServiceDraft => ({
  metadata: { name, namespace },
  spec: { type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
});
const stored = ({ spec, metadata }: ServiceDraft): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { uid: '1', resourceVersion: '1', creationTimestamp: '', name: '', ...metadata },
  spec,
});
const create = (from: ServiceAllocator, service: ServiceDraft): Service => {
  const allocation = from.allocate(service);
  allocation.keep();
  return stored(allocation.service);
};
const refusal = (message: string) => (error: unknown) => {
  assert.ok(error instanceof ApiError);
  assert.equal(error.message, message);
  return true;
};

test('ServiceAllocator gives an address in the range, the same for the same seed, never twice', () => {
  const [one, two] = [allocator(), allocator()];
  const made = Array.from({ length: 300 }, (_, index) => create(one, draft(`s${index}`)).spec.clusterIP as string);
  assert.equal(new Set(made).size, 300);
  assert.ok(made.every((ip) => /^10\.96\.\d+\.\d+$/.test(ip) && ip !== '10.96.0.1'));
  assert.equal(create(two, draft('s0')).spec.clusterIP, made[0]);
  const { spec } = create(one, draft('families'));
  assert.deepEqual(
    [spec.clusterIPs, spec.ipFamilies, spec.ipFamilyPolicy],
    [[spec.clusterIP], ['IPv4'], 'SingleStack'],
  );
});

test('ServiceAllocator refuses an address that is taken or out of range, in the words of Kubernetes', () => {
  const from = allocator();
  const web = create(from, draft('web', { clusterIP: '10.96.0.10' }));
  const text =
    'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated';
  assert.throws(() => from.allocate(draft('b', { clusterIP: '10.96.0.10' })), refusal(text));
  assert.throws(
    () => from.allocate(draft('b', { clusterIP: '10.97.0.1' })),
    refusal(
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.97.0.1"]: failed to allocate IP 10.97.0.1: the provided IP (10.97.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16',
    ),
  );
  from.release(web);
  assert.equal(create(from, draft('b', { clusterIP: '10.96.0.10' })).spec.clusterIP, '10.96.0.10');
});

test('ServiceAllocator keeps the first address for the service kubernetes', () => {
  const from = allocator();
  assert.throws(() => from.allocate(draft('thief', { clusterIP: '10.96.0.1' })), /already allocated/);
  const own = create(from, draft('kubernetes', { clusterIP: '10.96.0.1' }));
  from.release(own);
  assert.throws(() => from.allocate(draft('thief', { clusterIP: '10.96.0.1' })), /already allocated/);
});

test('ServiceAllocator gives a port that is added a number of its own, and no number to two ports', () => {
  const from = allocator();
  const [a, b] = [
    { name: 'a', port: 80, protocol: 'TCP' },
    { name: 'b', port: 80, protocol: 'UDP' },
  ];
  const before = create(from, draft('web', { type: 'NodePort', ports: [a] }));
  const changed = (...ports: NonNullable<ServiceSpec['ports']>) =>
    from.allocate(draft('web', { type: 'NodePort', ports }), before).service.spec.ports ?? [];
  const [added, kept] = changed(b, a);
  assert.equal(kept?.nodePort, before.spec.ports?.[0]?.nodePort);
  assert.notEqual(added?.nodePort, kept?.nodePort);
  const number = kept?.nodePort as number;
  const twice = () => changed({ ...a, nodePort: number }, { ...a, name: 'c', nodePort: number });
  assert.throws(twice, refusal(`duplicate nodePort: {TCP ${number}}`));
});

test('ServiceAllocator gives node ports, one for both protocols of a port, and refuses what is taken', () => {
  const from = allocator();
  const ports = [
    { name: 'a', port: 53, protocol: 'TCP' },
    { name: 'b', port: 53, protocol: 'UDP' },
    { name: 'c', port: 80, protocol: 'TCP' },
  ];
  const [a, b, c] =
    create(from, draft('dns', { type: 'NodePort', ports })).spec.ports?.map((port) => port.nodePort) ?? [];
  assert.ok(a && a >= 30_000 && a <= 32_767 && a === b && c !== a);
  const asking = (nodePort: number) =>
    from.allocate(draft('web', { type: 'NodePort', ports: [{ port: 80, nodePort }] }));
  assert.throws(
    () => asking(a),
    refusal(
      `Service "web" is invalid: spec.ports[0].nodePort: Invalid value: ${a}: provided port is already allocated`,
    ),
  );
  assert.throws(
    () => asking(80),
    refusal(
      'Service "web" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    ),
  );
});

test('ServiceAllocator takes nothing when a write is refused or undone', () => {
  const from = allocator([], '10.96.0.0/28');
  const taken = create(from, draft('taken', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] }));
  const clash = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] };
  for (let round = 0; round < 20; round++) assert.throws(() => from.allocate(draft('b', clash)), /already allocated/);
  for (let round = 0; round < 20; round++) from.allocate(draft('c')).undo();
  for (let left = 0; left < 12; left++) create(from, draft(`d${left}`));
  assert.throws(() => from.allocate(draft('last')), refusal('failed to allocate a serviceIP: range is full'));
  from.release(taken);
  create(from, draft('last'));
});

test('ServiceAllocator keeps what an update leaves out, and frees what a new type does not need', () => {
  const from = allocator();
  const web = create(from, draft('web', { type: 'NodePort' }));
  const number = web.spec.ports?.[0]?.nodePort as number;
  const same = from.allocate(draft('web', { type: 'NodePort' }), web);
  same.keep();
  assert.deepEqual(same.service.spec, web.spec);
  const plain = from.allocate({ ...web, spec: { ...web.spec, type: 'ClusterIP' } }, web);
  assert.deepEqual(plain.service.spec.ports, [{ port: 80, protocol: 'TCP' }]);
  assert.throws(() => from.allocate(draft('b', { type: 'NodePort', ports: [{ port: 80, nodePort: number }] })));
  plain.keep();
  create(from, draft('b', { type: 'NodePort', ports: [{ port: 80, nodePort: number }] }));
  const before = stored(plain.service);
  const external = from.allocate(
    { ...before, spec: { ...before.spec, type: 'ExternalName', externalName: 'example.com' } },
    before,
  );
  external.keep();
  assert.equal(external.service.spec.clusterIP, undefined);
  create(from, draft('c', { clusterIP: web.spec.clusterIP as string }));
});

test('ServiceAllocator remembers what the stored services hold', () => {
  const from = allocator([
    stored(draft('web', { type: 'NodePort', clusterIP: '10.96.7.7', ports: [{ port: 80, nodePort: 31_000 }] })),
  ]);
  assert.throws(() => from.allocate(draft('b', { clusterIP: '10.96.7.7' })), /already allocated/);
  assert.throws(
    () => from.allocate(draft('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 31_000 }] })),
    /already allocated/,
  );
});

test('ServiceAllocator leaves headless services without an address', () => {
  const headless = create(allocator(), draft('db', { clusterIP: 'None', selector: { app: 'db' } })).spec;
  assert.deepEqual([headless.clusterIP, headless.clusterIPs, headless.ipFamilies], ['None', ['None'], ['IPv4']]);
  const free = create(allocator(), draft('db', { clusterIP: 'None' })).spec;
  assert.deepEqual([free.ipFamilies, free.ipFamilyPolicy], [['IPv4', 'IPv6'], 'RequireDualStack']);
});

test('ServiceAllocator gives addresses of a range that was added once the others are full, and by name at once', () => {
  const from = allocator([], '10.96.0.0/28');
  assert.throws(
    () => from.allocate(draft('early', { clusterIP: '10.200.0.5' })),
    /range of valid IPs is 10.96.0.0\/28/,
  );
  from.ranges.offer('more', ['10.200.0.0/29', 'fd00::/112']);
  assert.equal(create(from, draft('asked', { clusterIP: '10.200.0.5' })).spec.clusterIP, '10.200.0.5');
  const made = Array.from({ length: 18 }, (_, index) => create(from, draft(`s${index}`)).spec.clusterIP as string);
  assert.equal(new Set(made).size, 18);
  assert.deepEqual(made.map((ip) => ip.startsWith('10.96.')).lastIndexOf(true), 12, 'the first range is filled first');
  assert.throws(() => from.allocate(draft('late')), /range is full/);
  const text = 'The range of valid IPs is 10.96.0.0/28, 10.200.0.0/29';
  assert.throws(() => from.allocate(draft('far', { clusterIP: '10.9.0.1' })), new RegExp(text));
});

test('ServiceAllocator leaves a service its address when the range goes, and gives no more of it', () => {
  const from = allocator();
  from.ranges.offer('more', ['10.200.0.0/24']);
  const web = create(from, draft('web', { clusterIP: '10.200.0.7' }));
  from.ranges.offer('more', []);
  const changed = from.allocate({ ...web, spec: { ...web.spec, ports: [{ port: 81 }] } }, web);
  changed.keep();
  assert.equal(changed.service.spec.clusterIP, '10.200.0.7');
  assert.throws(() => from.allocate(draft('late', { clusterIP: '10.200.0.8' })), /not in the valid range/);
  from.ranges.offer('again', ['10.200.0.0/24']);
  assert.throws(() => from.allocate(draft('thief', { clusterIP: '10.200.0.7' })), /already allocated/);
  const [restarted] = [allocator([web])];
  restarted?.ranges.offer('again', ['10.200.0.0/24']);
  assert.throws(() => restarted?.allocate(draft('thief', { clusterIP: '10.200.0.7' })), /already allocated/);
});

test('ServiceAllocator gives nobody an address that an object of another kind has', () => {
  const from = allocator([], '10.96.0.0/28');
  from.ranges.keep('one', '10.96.0.9');
  assert.throws(() => from.allocate(draft('web', { clusterIP: '10.96.0.9' })), /already allocated/);
  const made = Array.from({ length: 12 }, (_, index) => create(from, draft(`s${index}`)).spec.clusterIP);
  assert.ok(!made.includes('10.96.0.9'));
  from.ranges.keep('one', undefined);
  assert.equal(create(from, draft('web')).spec.clusterIP, '10.96.0.9');
});
