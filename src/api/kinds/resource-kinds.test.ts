import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceClasses } from './device-class.ts';
import { judgedBy } from './kind-rules.test-data.ts';
import { resourceClaims } from './resource-claim.ts';
import { resourceClaimTemplates } from './resource-claim-template.ts';
import { resourceSlices } from './resource-slice.ts';

type Row = readonly [claim: string, kind: unknown, object: object, ...errors: readonly string[]];

const request = { name: 'gpu', exactly: { deviceClassName: 'gpu.io' } };
const claim = (devices: object) => ({ spec: { devices: { requests: [request], ...devices } } });
const asked = (exactly: object) => claim({ requests: [{ name: 'gpu', exactly: { ...request.exactly, ...exactly } }] });
const slice = (spec: object = {}) => ({
  spec: { driver: 'd.io', pool: { name: 'p', resourceSliceCount: 1 }, nodeName: 'n', ...spec },
});
const device = (part: object) => slice({ devices: [{ name: 'a', ...part }] });
const exactly = 'spec.devices.requests[0].exactly';

const created: readonly Row[] = [
  ['A claim may ask for nothing', resourceClaims, { spec: {} }],
  [
    'A claim asks in one way',
    resourceClaims,
    claim({ requests: [{ name: 'gpu' }] }),
    'spec.devices.requests[0] Required',
  ],
  [
    'A claim asks in one way only',
    resourceClaims,
    claim({ requests: [{ ...request, firstAvailable: [{ name: 'a', deviceClassName: 'b' }] }] }),
    'spec.devices.requests[0] Invalid',
  ],
  [
    'A claim asks once by each name',
    resourceClaims,
    claim({ requests: [request, request] }),
    'spec.devices.requests[1] Duplicate',
  ],
  ['A request names its class', resourceClaims, asked({ deviceClassName: '' }), `${exactly}.deviceClassName Required`],
  [
    'A request counts or takes all',
    resourceClaims,
    asked({ allocationMode: 'All', count: 1 }),
    `${exactly}.count Invalid`,
  ],
  ['A request counts from one', resourceClaims, asked({ count: 0 }), `${exactly}.count Invalid`],
  ['A selector has an expression', resourceClaims, asked({ selectors: [{}] }), `${exactly}.selectors[0].cel Required`],
  [
    'A request tolerates known effects',
    resourceClaims,
    asked({ tolerations: [{ key: 'a', operator: 'Exists', value: 'x', effect: 'x' }] }),
    `${exactly}.tolerations[0].value Invalid`,
    `${exactly}.tolerations[0].effect NotSupported`,
  ],
  [
    'A constraint speaks of requests by name, and of attributes by domain',
    resourceClaims,
    claim({ constraints: [{ requests: ['gpu', 'other'], matchAttribute: 'numa' }] }),
    'spec.devices.constraints[0].requests[1] Invalid',
    'spec.devices.constraints[0].matchAttribute Invalid',
  ],
  [
    'An alternative is named behind its request',
    resourceClaims,
    claim({
      requests: [{ name: 'gpu', firstAvailable: [{ name: 'big', deviceClassName: 'b' }] }],
      config: [{ requests: ['gpu/big', 'gpu/small'], opaque: { driver: 'd.io', parameters: {} } }],
    }),
    'spec.devices.config[0].requests[1] Invalid',
  ],
  [
    'A template is judged like a claim',
    resourceClaimTemplates,
    { spec: { spec: { devices: { config: [{}] } } } },
    'spec.spec.devices.config[0].opaque Required',
  ],
  [
    'A class tells its driver something',
    deviceClasses,
    { spec: { config: [{ opaque: { driver: 'd.io', parameters: [] } }], extendedResourceName: 'cpu' } },
    'spec.config[0].opaque.parameters Invalid',
    'spec.extendedResourceName Invalid',
  ],
  ['A slice may be empty', resourceSlices, slice()],
  ['The name of a driver may have capitals', resourceSlices, slice({ driver: 'D.io' })],
  [
    'A slice has a driver, a pool and a place',
    resourceSlices,
    { spec: { driver: '', pool: { name: '' } } },
    'spec.driver Required',
    'spec.pool.name Required',
    'spec.pool.resourceSliceCount Invalid',
    'spec Required',
  ],
  ['A slice has one place', resourceSlices, slice({ allNodes: true }), 'spec Invalid'],
  [
    'A device says each thing in one way',
    resourceSlices,
    device({ attributes: { a: { int: 1, bool: true }, b: { version: '1.2' }, 'c/d/e': { int: 1 } } }),
    'spec.devices[0].attributes[a] Invalid',
    'spec.devices[0].attributes[b].version Invalid',
    'spec.devices[0].attributes Invalid',
  ],
  [
    'A device is tainted in a known way',
    resourceSlices,
    device({ taints: [{ key: 'a' }] }),
    'spec.devices[0].taints[0].effect Required',
  ],
  [
    'A device has a place of its own only where the slice says so',
    resourceSlices,
    device({ allNodes: true }),
    'spec.devices[0].allNodes Invalid',
  ],
  [
    'Counters are shared by name',
    resourceSlices,
    slice({ sharedCounters: [{ name: 'a', counters: {} }] }),
    'spec.sharedCounters[0].counters Required',
  ],
];
for (const [sentence, kind, object, ...errors] of created) {
  test(sentence, () => assert.deepEqual(judgedBy(kind, object), errors));
}

test('A claim stays as it was made, and so does the claim of a template', () => {
  assert.deepEqual(judgedBy(resourceClaims, claim({ requests: [] }), claim({})), ['spec Invalid']);
  const template = (devices: object) => ({ spec: { spec: { devices } } });
  assert.deepEqual(judgedBy(resourceClaimTemplates, template({}), template({ requests: [request] })), ['spec Invalid']);
});

test('A slice stays with its driver, its node and its pool', () => {
  const moved = slice({ driver: 'e.io', nodeName: 'm', pool: { name: 'q', resourceSliceCount: 1 } });
  assert.deepEqual(judgedBy(resourceSlices, moved, slice()), [
    'spec.driver Invalid',
    'spec.nodeName Invalid',
    'spec.pool.name Invalid',
  ]);
});

test('A claim is reserved only once it is allocated, and its allocation stays', () => {
  const result = { request: 'gpu', driver: 'd.io', pool: 'p', device: 'a' };
  const allocated = { ...claim({}), status: { allocation: { devices: { results: [result] } } } };
  const user = { resource: 'pods', name: 'a', uid: 'u' };
  const judge = (status: object, previous: object = claim({})) =>
    judgedBy(resourceClaims, { ...claim({}), status }, previous, 'status');
  assert.deepEqual(judge({ ...allocated.status, reservedFor: [user] }), []);
  assert.deepEqual(judge({ reservedFor: [user, user] }), [
    'status.reservedFor[1].uid Duplicate',
    'status.reservedFor Forbidden',
  ]);
  const other = { allocation: { devices: { results: [{ ...result, request: 'none', device: 'b' }] } } };
  assert.deepEqual(judge(other, allocated), [
    'status.allocation.devices.results[0].request Invalid',
    'status.allocation Invalid',
  ]);
  assert.deepEqual(judge({ ...allocated.status, devices: [{ ...result, device: 'c' }] }), [
    'status.devices[0] Invalid',
  ]);
});
