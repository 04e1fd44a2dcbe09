import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import type { Service, ServiceSpec } from '../api/kinds/service.ts';
import { healthCheckOf } from './health-check.ts';

const meta = (name: string) => ({ name, namespace: 'shop', uid: name, resourceVersion: '1', creationTimestamp: '' });
const local: ServiceSpec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_999 };
const slice: EndpointSlice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: meta('web-a'),
  addressType: 'IPv4',
  ports: [],
  endpoints: [
    { addresses: ['10.0.0.1'], nodeName: 'here' },
    { addresses: ['10.0.0.2'], nodeName: 'here', conditions: { ready: false, serving: true, terminating: true } },
    { addresses: ['10.0.0.3'], nodeName: 'there', conditions: { ready: true } },
  ],
};
const check = (spec: ServiceSpec, node?: string) => {
  const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: meta('web'), spec };
  return healthCheckOf(service, [slice, slice], node);
};

test('healthCheckOf counts the ready endpoints of the node, each once', () => {
  assert.deepEqual(check(local, 'here'), { namespace: 'shop', name: 'web', port: 30_999, localEndpoints: 1 });
  assert.equal(check(local, 'elsewhere')?.localEndpoints, 0);
  assert.equal(check(local)?.localEndpoints, 2);
  assert.equal(check({ ...local, publishNotReadyAddresses: true }, 'here')?.localEndpoints, 2);
});

test('healthCheckOf has nothing to say of services that go everywhere', () => {
  assert.equal(check({ ...local, externalTrafficPolicy: 'Cluster' }, 'here'), undefined);
  assert.equal(check({ ...local, type: 'NodePort' }, 'here'), undefined);
});
