import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointSlices } from './endpoint-slice.ts';
import { endpoints } from './endpoints.ts';
import { ingresses } from './ingress.ts';
import { ingressClasses } from './ingress-class.ts';
import { ipAddresses } from './ip-address.ts';
import { judgedBy } from './kind-rules.test-data.ts';
import { networkPolicies } from './network-policy.ts';
import { serviceCidrs } from './service-cidr.ts';

const slice = (endpoint: object, more: object = {}) => ({
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.0.0.1'], ...endpoint }],
  ...more,
});
const subset = (ip: string) => ({ subsets: [{ addresses: [{ ip }] }] });
const path = (given: object) => ({ spec: { rules: [{ http: { paths: [given] } }] } });
const service = { service: { name: '1-web', port: { number: 80 } } };
const block = (ipBlock: object) => ({ spec: { podSelector: {}, ingress: [{ from: [{ ipBlock }] }] } });
const ranges = (...cidrs: readonly string[]) => ({ spec: { cidrs } });

type Case = readonly [claim: string, kind: unknown, object: object, ...errors: readonly string[]];
const created: readonly Case[] = [
  ['A slice may be plain', endpointSlices, slice({})],
  ['A name with dots is told as that', endpointSlices, slice({ hostname: 'a.b' }), 'endpoints[0].hostname Invalid'],
  ['An endpoint has an address', endpointSlices, slice({ addresses: [] }), 'endpoints[0].addresses Required'],
  [
    'An address is of the slice its family, and not of this machine',
    endpointSlices,
    slice({ addresses: ['2001:db8::1', '127.0.0.1', '::ffff:10.0.0.1'] }),
    'endpoints[0].addresses[0] Invalid',
    'endpoints[0].addresses[1] Invalid',
    'endpoints[0].addresses[2] Invalid',
    'endpoints[0].addresses[2] Invalid',
  ],
  [
    'Ports have different names and known protocols',
    endpointSlices,
    slice({}, { ports: [{ name: 'a' }, { name: 'a', protocol: '' }] }),
    'ports[1].name Duplicate',
    'ports[1].protocol NotSupported',
  ],
  ['Endpoints do not mean this link', endpoints, subset('169.254.1.1'), 'subsets[0].addresses[0].ip Invalid'],
  [
    'A backend is a service by any name that one may have',
    ingresses,
    path({ pathType: 'Exact', path: '/', backend: service }),
  ],
  [
    'A path without a type is not looked at further',
    ingresses,
    path({}),
    'spec.rules[0].http.paths[0].pathType Required',
  ],
  [
    'The class is named once',
    ingresses,
    {
      metadata: { name: 'a', annotations: { 'kubernetes.io/ingress.class': 'x' } },
      spec: { ingressClassName: 'x', defaultBackend: service },
    },
    'annotations.kubernetes.io/ingress.class Invalid',
  ],
  ['A controller is a path below a domain', ingressClasses, { spec: { controller: 'x' } }, 'spec.controller Invalid'],
  ['An exception lies in its block', networkPolicies, block({ cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] })],
  [
    'A block begins where its bits say, and an exception is within it',
    networkPolicies,
    block({ cidr: '10.0.0.1/8', except: ['11.0.0.0/9'] }),
    'spec.ingress[0].from[0].ipBlock.cidr Invalid',
    'spec.ingress[0].from[0].ipBlock.except[0] Invalid',
  ],
  ['An address belongs to something', ipAddresses, { spec: {} }, 'spec.parentRef Required'],
  ['Ranges are of two families', serviceCidrs, ranges('10.0.0.0/16', '10.1.0.0/16'), 'spec.cidrs Invalid'],
  ['A range is written canonically', serviceCidrs, ranges('2001:DB8::/32'), 'spec.cidrs[0] Invalid'],
];
for (const [claim, kind, object, ...errors] of created) {
  test(claim, () => assert.deepEqual(judgedBy(kind, object), errors));
}

test('An address as a name is canonical', () => {
  assert.deepEqual(ipAddresses.rules.validateName?.('2001:db8::1', false), []);
  for (const name of ['2001:DB8::1', '2001:db8:0::1', '010.0.0.1', 'x']) {
    assert.equal(ipAddresses.rules.validateName?.(name, false).length, 1, name);
  }
});

test('A range of services stays, and one of the other family may join it', () => {
  const old = ranges('10.0.0.0/16');
  assert.deepEqual(judgedBy(serviceCidrs, ranges('10.0.0.0/16', '2001:db8::/64'), old), []);
  assert.deepEqual(judgedBy(serviceCidrs, ranges('10.1.0.0/16'), old), ['spec.cidrs[0] Invalid']);
  assert.deepEqual(judgedBy(serviceCidrs, ranges(), old), ['spec.cidrs Invalid']);
});

test('A slice drops the topology of an older version, which counts as a change', () => {
  const topology = { deprecatedTopology: { 'kubernetes.io/hostname': 'n' } };
  const whole = (given: object) => ({ metadata: { name: 'a', generation: 1 }, ...given }) as never;
  const context = { now: 0 as never, subresource: '' };
  assert.deepEqual(endpointSlices.rules.prepareCreate?.(whole(slice(topology)), context).endpoints, [
    { addresses: ['10.0.0.1'] },
  ]);
  const next = endpointSlices.rules.prepareUpdate?.(whole(slice(topology)), whole(slice({})), context);
  assert.deepEqual([next?.metadata.generation, next?.endpoints], [2, [{ addresses: ['10.0.0.1'] }]]);
});
