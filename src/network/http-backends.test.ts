import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../api/kinds/endpoint-slice.ts';
import type { ServiceSpec } from '../api/kinds/service.ts';
import { poolOf } from './http-backends.ts';
import { service, serviceWorld } from './http-objects.test-data.ts';

const key = { namespace: 'default', name: 'web' };
const asked = (more: Partial<ServiceSpec>, endpoints?: readonly Endpoint[]) => {
  const made = service('web', ['10.0.0.2', '10.0.0.1'], more);
  return poolOf(serviceWorld([endpoints ? { ...made, slice: { ...made.slice, endpoints } } : made]), key, {
    number: 80,
  });
};

test('poolOf has the ready backends in order, and those that still serve where none is ready', () => {
  const at = (ip: string, conditions: Endpoint['conditions'] = {}): Endpoint => ({ addresses: [ip], conditions });
  const ready = at('10.0.0.1', { ready: true });
  const late = at('10.0.0.2', { ready: false });
  const leaving = at('10.0.0.3', { ready: false, serving: true, terminating: true });
  const ips = (found: ReturnType<typeof poolOf>) => ('backends' in found ? found.backends.map(({ ip }) => ip) : found);
  assert.deepEqual(ips(asked({})), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(ips(asked({}, [leaving, late, ready])), ['10.0.0.1']);
  assert.deepEqual(ips(asked({}, [leaving, late])), ['10.0.0.3']);
  assert.deepEqual(ips(asked({}, [late])), []);
  assert.deepEqual(ips(asked({ publishNotReadyAddresses: true }, [late])), ['10.0.0.2']);
});

test('poolOf counts a pod once that has an address of each family', () => {
  const made = service('web');
  const targetRef = { uid: 'pod' };
  const slice = { ...made.slice, endpoints: [{ addresses: ['10.0.0.1'], targetRef }] };
  const other = { ...made.slice, addressType: 'IPv6', endpoints: [{ addresses: ['fd00::1'], targetRef }] };
  const found = poolOf({ service: () => made.service, slices: () => [slice, other] }, key, { number: 80 });
  assert.deepEqual(found, {
    name: 'default/web:80',
    protocol: 'http1',
    backends: [{ ip: '10.0.0.1', port: 8080 }],
  });
});

test('poolOf speaks what the port says, and refuses what it cannot', () => {
  const ports = (appProtocol: string) => ({ ports: [{ port: 80, targetPort: 8080, appProtocol }] });
  const h2c = asked(ports('kubernetes.io/h2c'));
  assert.equal('protocol' in h2c && h2c.protocol, 'h2c');
  const plain = asked({ ...ports('kubernetes.io/ws'), sessionAffinity: 'ClientIP' });
  assert.deepEqual('protocol' in plain && [plain.protocol, plain.affinityMs], ['http1', 10_800_000]);
  const refused = [
    asked(ports('https')),
    asked({ type: 'ExternalName', externalName: 'localhost' }),
    poolOf(serviceWorld([]), key, { name: 'http' }),
  ];
  assert.deepEqual(
    refused.map((found) => ('problem' in found ? found.problem : found)),
    [
      'Service default/web wants https at port 80: only plain HTTP is spoken to pods',
      'Service default/web is only another name (ExternalName): it has no backends',
      'there is no Service default/web',
    ],
  );
});
