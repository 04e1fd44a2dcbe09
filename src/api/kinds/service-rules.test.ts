import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgedBy } from './kind-rules.test-data.ts';
import { services } from './service.ts';
import { inheritedSpec } from './service-changes.ts';

const port = { port: 80 };
const service = (spec: object) => ({
  spec: { ports: [port], clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ...spec },
});
const balanced = (spec: object) => service({ type: 'LoadBalancer', ...spec });

const created: readonly (readonly [claim: string, object: object, ...errors: readonly string[]])[] = [
  ['A service may be plain', service({})],
  [
    'Ports have names where there are several, and each its own number',
    service({ ports: [port, { ...port, name: 'A' }] }),
    'spec.ports[0].name Required',
    'spec.ports[1].name Invalid',
    'spec.ports[1] Duplicate',
  ],
  [
    'A number on the nodes is for services that are reached there',
    service({ ports: [{ ...port, nodePort: 30_000 }] }),
    'spec.ports[0].nodePort Forbidden',
  ],
  [
    'A name outside has no addresses',
    service({ type: 'ExternalName', ipFamilyPolicy: 'SingleStack' }),
    'spec.clusterIPs Forbidden',
    'spec.ipFamilyPolicy Forbidden',
    'spec.externalName Required',
  ],
  [
    'The first address is the single one, and each of another family',
    service({ clusterIP: '10.96.0.8', clusterIPs: ['10.96.0.9', '10.96.0.10'], ipFamilies: ['IPv6'] }),
    'spec.clusterIPs Invalid',
    'spec.clusterIPs Invalid',
    'spec.clusterIPs[0] Invalid',
  ],
  [
    'A balancer needs an address inside',
    balanced({ clusterIP: 'None', clusterIPs: ['None'] }),
    'spec.clusterIPs[0] Invalid',
  ],
  ['A balancer does not open the agent', balanced({ ports: [{ port: 10_250 }] }), 'spec.ports[0] Invalid'],
  [
    'What is for balancers is for them alone',
    service({ loadBalancerSourceRanges: ['10.0.0.1/8'], loadBalancerClass: 'a', healthCheckNodePort: 30_000 }),
    'spec.LoadBalancerSourceRanges Forbidden',
    'spec.LoadBalancerSourceRanges[0] Invalid',
    'spec.loadBalancerClass Forbidden',
    'spec.healthCheckNodePort Invalid',
  ],
  ['An address outside is not this machine', service({ externalIPs: ['127.0.0.1'] }), 'spec.externalIPs[0] Invalid'],
];
for (const [claim, object, ...errors] of created) {
  test(claim, () => assert.deepEqual(judgedBy(services, object), errors));
}

test('An address and a class stay once they are set', () => {
  const moved = service({ clusterIP: '10.96.0.8', clusterIPs: ['10.96.0.8'] });
  assert.deepEqual(judgedBy(services, moved, service({})), ['spec.clusterIPs[0] Invalid']);
  const classed = balanced({ loadBalancerClass: 'a' });
  assert.deepEqual(judgedBy(services, balanced({}), classed), ['spec.loadBalancerClass Invalid']);
});

test('A status of a balancer holds addresses with their mode, any other holds none', () => {
  const status = { loadBalancer: { ingress: [{ hostname: '10.0.0.1' }, { ipMode: 'VIP' }] } };
  assert.deepEqual(judgedBy(services, { ...balanced({}), status }, undefined, 'status'), [
    'status.loadBalancer.ingress[0].hostname Invalid',
    'status.loadBalancer.ingress[1].ipMode Forbidden',
  ]);
  const plain = { ...service({}), status: { loadBalancer: { ingress: [{}] } } };
  assert.deepEqual(judgedBy(services, plain, undefined, 'status'), ['status.loadBalancer.ingress Forbidden']);
});

test('An update keeps what was given out, by the name of the port', () => {
  const before = {
    type: 'NodePort',
    clusterIP: 'x',
    clusterIPs: ['x'],
    ports: [{ name: 'a', port: 80, nodePort: 30_001 }],
  };
  const after = { type: 'NodePort', ports: [{ name: 'a', port: 81 }] };
  assert.deepEqual(inheritedSpec(after, before), { ...before, ports: [{ name: 'a', port: 81, nodePort: 30_001 }] });
  const taken = {
    type: 'NodePort',
    ports: [
      { name: 'b', port: 82, nodePort: 30_001 },
      { name: 'a', port: 81 },
    ],
  };
  assert.deepEqual(inheritedSpec(taken, before).ports, taken.ports);
});

test('Who changes only the older, single address means the list as well', () => {
  const before = { clusterIP: 'x', clusterIPs: ['x'], ports: [{ port: 80 }] };
  const after = { clusterIP: 'y', ports: [{ port: 80 }] };
  assert.deepEqual(inheritedSpec(after, before).clusterIPs, ['y']);
  assert.deepEqual(inheritedSpec({ ...after, clusterIPs: ['x'] }, before).clusterIPs, ['y']);
  assert.deepEqual(inheritedSpec({ ...after, clusterIPs: ['z'] }, before).clusterIPs, ['z']);
});

test('An update gives up what the new type has no use for, unless it was changed', () => {
  const before = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_001 }], externalTrafficPolicy: 'Cluster' };
  assert.deepEqual(inheritedSpec({ ...before, type: 'ClusterIP' }, before), {
    type: 'ClusterIP',
    ports: [{ port: 80 }],
  });
  const changed = { type: 'ClusterIP', ports: [{ port: 80, nodePort: 30_002 }], externalTrafficPolicy: 'Local' };
  assert.deepEqual(inheritedSpec(changed, before), changed);
});
