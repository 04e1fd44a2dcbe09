import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EndpointSlice, endpointSlices } from '../api/kinds/endpoint-slice.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { Service, ServiceSpec } from '../api/kinds/service.ts';
import type { Action } from '../client/action.ts';
import { planSlices } from './endpoint-slice.ts';

const meta = (name: string) => ({
  name,
  namespace: 'default',
  uid: `${name}-uid`,
  resourceVersion: '1',
  creationTimestamp: '',
});
const service = (spec: ServiceSpec = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { ...meta('web'), labels: { team: 'blue' } },
  spec: { clusterIP: '10.96.0.10', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
});
interface PodOptions {
  readonly ready?: boolean;
  readonly leaving?: boolean;
  readonly http?: number;
  readonly phase?: 'Running' | 'Failed';
}
const pod = (
  name: string,
  ip: string,
  { ready = true, leaving, http = 8080, phase = 'Running' }: PodOptions = {},
): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...meta(name), ...(leaving ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
  spec: {
    nodeName: 'node-1',
    hostname: name,
    subdomain: 'web',
    containers: [{ name: 'c', ports: [{ name: 'http', containerPort: http }] }],
  },
  status: { phase, podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const plan = (of: Service, pods: readonly Pod[], slices: readonly EndpointSlice[] = []) =>
  planSlices({ service: of, pods, slices, zones: { 'node-1': 'zone-a' } }).actions;
/** What the server would hold after the plan. */
function stored(actions: readonly (readonly unknown[])[]): readonly EndpointSlice[] {
  return (actions.flat() as Action[]).flatMap((action, index) => {
    if (action.verb !== 'create' && action.verb !== 'update') return [];
    const object = action.object as unknown as EndpointSlice;
    return [{ ...object, metadata: { ...meta(`web-${index}`), ...object.metadata } }];
  });
}
const endpoint = (name: string, ip: string, conditions: object) => ({
  addresses: [ip],
  conditions,
  hostname: name,
  nodeName: 'node-1',
  targetRef: { kind: 'Pod', namespace: 'default', name, uid: `${name}-uid` },
  zone: 'zone-a',
});

test('EndpointSliceController writes down who is ready, who is not and who is leaving', () => {
  const pods = [
    pod('a', '10.244.0.1'),
    pod('b', '10.244.0.2', { ready: false }),
    pod('c', '10.244.0.3', { leaving: true }),
    pod('d', '10.244.0.4', { phase: 'Failed' }),
    pod('e', ''),
  ];
  const object = {
    metadata: {
      generateName: 'web-',
      namespace: 'default',
      labels: {
        team: 'blue',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'kubernetes.io/service-name': 'web',
      },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Service', name: 'web', uid: 'web-uid', controller: true, blockOwnerDeletion: true },
      ],
    },
    addressType: 'IPv4',
    endpoints: [
      endpoint('a', '10.244.0.1', { ready: true, serving: true, terminating: false }),
      endpoint('b', '10.244.0.2', { ready: false, serving: false, terminating: false }),
      endpoint('c', '10.244.0.3', { ready: false, serving: true, terminating: true }),
    ],
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  };
  assert.deepEqual(plan(service(), pods), [[{ verb: 'create', kind: endpointSlices, object }]]);
});

test('EndpointSliceController writes nothing when nothing changed', () => {
  const pods = [pod('a', '10.244.0.1'), pod('b', '10.244.0.2')];
  assert.deepEqual(plan(service(), pods, stored(plan(service(), pods))), []);
  assert.deepEqual(plan(service(), [], stored(plan(service(), []))), []);
});

test('EndpointSliceController has one empty slice where nobody is, and reuses it for the first pod', () => {
  const empty = stored(plan(service(), []));
  assert.deepEqual(
    empty.map(({ endpoints, ports }) => [endpoints, ports]),
    [[[], null]],
  );
  const filled = plan(service(), [pod('a', '10.244.0.1')], empty);
  assert.deepEqual(
    filled.flat().map(({ verb }) => verb),
    ['update'],
  );
  const again = plan(service(), [], stored(filled));
  assert.deepEqual(
    again.flat().map(({ verb }) => verb),
    ['update'],
  );
  assert.deepEqual(
    stored(again).map(({ endpoints, ports }) => [endpoints, ports]),
    [[[], null]],
  );
});

test('EndpointSliceController puts pods whose named ports differ into slices of their own', () => {
  const named = service({
    ports: [
      { name: 'http', port: 80, targetPort: 'http' },
      { name: 'none', port: 81, targetPort: 'absent' },
    ],
  });
  const made = stored(plan(named, [pod('a', '10.244.0.1', { http: 8080 }), pod('b', '10.244.0.2', { http: 8081 })]));
  assert.deepEqual(
    made.map(({ ports }) => ports),
    [[{ name: 'http', port: 8080, protocol: 'TCP' }], [{ name: 'http', port: 8081, protocol: 'TCP' }]],
  );
});

test('EndpointSliceController holds at most a hundred endpoints in a slice and rewrites only the one that changes', () => {
  const pods = Array.from({ length: 250 }, (_, index) => pod(`p${index}`, `10.244.1.${index}`));
  const slices = stored(plan(service(), pods));
  assert.deepEqual(
    slices.map(({ endpoints }) => endpoints.length),
    [100, 100, 50],
  );
  const changed = pods.map((one, index) => (index === 120 ? pod('p120', '10.244.1.120', { ready: false }) : one));
  const second = plan(service(), changed, slices).flat() as Action[];
  assert.deepEqual(
    second.map((action) => action.verb === 'update' && action.object.metadata.name),
    ['web-1'],
  );
  const swapped = [...pods.slice(0, 249), pod('new', '10.244.2.1')];
  const third = plan(service(), swapped, slices).flat() as Action[];
  assert.deepEqual(
    third.map((action) => action.verb === 'update' && action.object.metadata.name),
    ['web-2'],
  );
});

test('EndpointSliceController repairs labels and marks the slices of headless services', () => {
  const pods = [pod('a', '10.244.0.1')];
  const slices = stored(plan(service(), pods)).map((slice) => ({
    ...slice,
    metadata: { ...slice.metadata, labels: {} },
  }));
  assert.equal(plan(service(), pods, slices).flat().length, 1);
  const headless = stored(plan(service({ clusterIP: 'None' }), pods))[0];
  assert.equal(headless?.metadata.labels?.['service.kubernetes.io/headless'], '');
});

test('EndpointSliceController calls pods ready when the service publishes addresses that are not', () => {
  const made = stored(plan(service({ publishNotReadyAddresses: true }), [pod('a', '10.244.0.1', { ready: false })]));
  assert.deepEqual(made[0]?.endpoints[0]?.conditions, { ready: true, serving: false, terminating: false });
});
