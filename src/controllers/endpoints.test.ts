import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { type Endpoints, endpoints } from '../api/kinds/endpoints.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { type Service, services } from '../api/kinds/service.ts';
import type { Env } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import type { Plan } from '../machinery/controller.ts';
import { EndpointSliceMirroringController } from './endpoint-slice-mirroring.ts';
import { EndpointsController } from './endpoints.ts';

const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const serviceCache = new Cache({} as Env, unused, services);
const endpointsCache = new Cache({} as Env, unused, endpoints);
const controller = new EndpointsController(serviceCache, new Cache({} as Env, unused, pods), endpointsCache);
const mirroring = new EndpointSliceMirroringController(
  serviceCache,
  endpointsCache,
  new Cache({} as Env, unused, endpointSlices),
);
const meta = (name: string) => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: '3',
  creationTimestamp: '2026-01-01T00:00:00Z',
});
const key = { namespace: 'default', name: 'web' };
const service = (spec: Service['spec'] = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta('web'),
  spec: { clusterIP: '10.96.0.9', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
});
const pod = (name: string, ip: string | undefined, ready = true, more: Partial<Pod['metadata']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...meta(name), ...more },
  spec: { containers: [{ name: 'c' }], nodeName: 'n' },
  status: {
    phase: 'Running',
    ...(ip ? { podIP: ip } : {}),
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
  },
});
const managed = { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' };
const address = (name: string, ip: string) => ({
  ip,
  nodeName: 'n',
  targetRef: { kind: 'Pod', namespace: 'default', name, uid: name },
});
const subsets = ({ actions }: Plan) =>
  actions.flat().flatMap((action) => ('object' in action ? [(action.object as { subsets?: unknown }).subsets] : []));
const plan = (of: Service, behind: readonly Pod[], before?: Endpoints) =>
  controller.plan({ key, service: of, pods: behind, endpoints: before });

test('EndpointsController writes who is ready and who is not, by address, and nothing when nothing changed', () => {
  const behind = [pod('b', '10.0.0.2'), pod('a', '10.0.0.1'), pod('c', '10.0.0.3', false), pod('d', undefined)];
  const first = plan(service(), behind);
  const wanted = [
    {
      addresses: [address('a', '10.0.0.1'), address('b', '10.0.0.2')],
      notReadyAddresses: [address('c', '10.0.0.3')],
      ports: [{ port: 8080, protocol: 'TCP' }],
    },
  ];
  assert.deepEqual(first.actions, [
    [{ verb: 'create', kind: endpoints, object: { metadata: { ...key, labels: managed }, subsets: wanted } }],
  ]);
  const before = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { ...meta('web'), labels: managed },
    subsets: wanted,
  };
  assert.deepEqual(plan(service(), behind, before as unknown as Endpoints).actions, []);
  assert.deepEqual(subsets(plan(service(), [], before as unknown as Endpoints)), [undefined]);
});

test('EndpointsController leaves out pods that are leaving or over, unless all are to be told', () => {
  const leaving = pod('a', '10.0.0.1', true, { deletionTimestamp: '2026-01-01T00:01:00Z' });
  const over: Pod = { ...pod('b', '10.0.0.2'), status: { phase: 'Failed', podIP: '10.0.0.2' } };
  assert.deepEqual(subsets(plan(service(), [leaving, over])), [undefined]);
  assert.deepEqual(subsets(plan(service({ publishNotReadyAddresses: true }), [leaving, over])), [
    [{ addresses: [address('a', '10.0.0.1')], ports: [{ port: 8080, protocol: 'TCP' }] }],
  ]);
});

test('EndpointsController tells of a headless service without ports, and cuts what is too much', () => {
  const [headless] = subsets(plan(service({ clusterIP: 'None', ports: [] }), [pod('a', '10.0.0.1')]));
  assert.deepEqual(headless, [{ addresses: [address('a', '10.0.0.1')] }]);
  const many = Array.from({ length: 1001 }, (_, at) => pod(`p${at}`, `10.1.${at >> 8}.${at & 255}`));
  const [action] = plan(service(), many).actions.flat();
  const object = (action as unknown as { object: Endpoints & { subsets: { addresses: unknown[] }[] } }).object;
  assert.equal(object.subsets[0]?.addresses.length, 1000);
  assert.deepEqual(object.metadata.annotations, { 'endpoints.kubernetes.io/over-capacity': 'truncated' });
});

test('EndpointsController removes what it made for a service that is gone, and nothing else', () => {
  const gone = (labels: Readonly<Record<string, string>>) =>
    controller.plan({
      key,
      service: undefined,
      pods: [],
      endpoints: { apiVersion: 'v1', kind: 'Endpoints', metadata: { ...meta('web'), labels } },
    }).actions;
  assert.deepEqual(gone(managed), [[{ verb: 'delete', kind: endpoints, key, uid: 'web' }]]);
  assert.deepEqual(gone({}), []);
});

test('EndpointSliceMirroringController mirrors what was written by hand, each family apart, and only then', () => {
  const { selector: _, ...free } = service().spec;
  const byHand = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { ...meta('web'), labels: { tier: 'x' } },
    subsets: [{ addresses: [{ ip: '192.0.2.1' }], notReadyAddresses: [{ ip: '2001:db8::1' }], ports: [{ port: 1 }] }],
  } as unknown as Endpoints;
  const made = mirroring.plan({ service: { ...service(), spec: free }, endpoints: byHand, slices: [] });
  const slices = made.actions.flat().flatMap((action) => ('object' in action ? [action.object as EndpointSlice] : []));
  assert.deepEqual(
    slices.map(({ addressType, endpoints: list, ports }) => [addressType, list, ports]),
    [
      ['IPv4', [{ addresses: ['192.0.2.1'], conditions: { ready: true } }], [{ name: '', port: 1, protocol: 'TCP' }]],
      [
        'IPv6',
        [{ addresses: ['2001:db8::1'], conditions: { ready: false } }],
        [{ name: '', port: 1, protocol: 'TCP' }],
      ],
    ],
  );
  assert.deepEqual(slices[0]?.metadata.labels, {
    tier: 'x',
    'kubernetes.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
  });
  assert.deepEqual(mirroring.plan({ service: service(), endpoints: byHand, slices: [] }).actions, []);
  const skipped = {
    ...byHand,
    metadata: { ...byHand.metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
  };
  assert.deepEqual(
    mirroring.plan({ service: { ...service(), spec: free }, endpoints: skipped, slices: [] }).actions,
    [],
  );
});
