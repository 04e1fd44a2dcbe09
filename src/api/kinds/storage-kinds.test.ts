import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import { type CSIDriver, csiDrivers } from './csi-driver.ts';
import { csiNodes } from './csi-node.ts';
import { csiStorageCapacities } from './csi-storage-capacity.ts';
import { judgedBy } from './kind-rules.test-data.ts';
import { storageClasses } from './storage-class.ts';
import { volumeAttachments } from './volume-attachment.ts';
import { volumeAttributesClasses } from './volume-attributes-class.ts';

const node = (driver: object) => ({
  spec: { drivers: [{ name: 'd.io', nodeID: 'n', topologyKeys: ['a'], ...driver }] },
});
const attachment = { spec: { attacher: 'd.io', source: { persistentVolumeName: 'v' }, nodeName: 'n' } };
const capacity = { storageClassName: 'fast', capacity: '1Gi' };
const storageClass = { provisioner: 'd.io', parameters: { a: 'b' } };
const attributes = { driverName: 'd.io', parameters: { a: 'b' } };

const created: readonly (readonly [claim: string, kind: unknown, object: object, ...errors: readonly string[]])[] = [
  ['A driver may say nothing', csiDrivers, { spec: {} }],
  [
    'A driver has known policies and modes',
    csiDrivers,
    { spec: { fsGroupPolicy: 'x', volumeLifecycleModes: ['x'] } },
    'spec.fsGroupPolicy NotSupported',
    'spec.volumeLifecycleModes NotSupported',
  ],
  [
    'A driver asks once for each audience, and for ten minutes at least',
    csiDrivers,
    { spec: { tokenRequests: [{ audience: 'a', expirationSeconds: 599 }, { audience: 'a' }] } },
    'spec.tokenRequests[1].audience Duplicate',
    'spec.tokenRequests[0].expirationSeconds Invalid',
  ],
  [
    'A driver of a node has a name and an id',
    csiNodes,
    node({ name: '', nodeID: '' }),
    'spec.drivers[0].name Required',
    'spec.drivers[0].nodeID Required',
  ],
  [
    'Topology keys are told where the driver stands',
    csiNodes,
    node({ topologyKeys: ['a', 'a'] }),
    'spec.drivers[0] Duplicate',
  ],
  [
    'A node counts no volumes below zero',
    csiNodes,
    node({ allocatable: { count: -1 } }),
    'spec.drivers[0].allocatable.count Invalid',
  ],
  ['A capacity belongs to a class', csiStorageCapacities, { storageClassName: '' }, 'storageClassName Invalid'],
  ['A capacity is not negative', csiStorageCapacities, { ...capacity, capacity: '-1' }, 'capacity Invalid'],
  [
    'An attachment has one source',
    volumeAttachments,
    { spec: { ...attachment.spec, source: {} } },
    'spec.source Required',
  ],
  [
    'An attachment names its driver and its node',
    volumeAttachments,
    { spec: { ...attachment.spec, attacher: '', nodeName: '' } },
    'spec.attacher Required',
    'spec.nodeName Invalid',
  ],
  ['A class has a provisioner', storageClasses, { provisioner: '' }, 'provisioner Required'],
  [
    'A class binds in one of two ways',
    storageClasses,
    { ...storageClass, volumeBindingMode: '' },
    'volumeBindingMode NotSupported',
  ],
  ['A parameter has a name', storageClasses, { ...storageClass, parameters: { '': 'x' } }, 'parameters Invalid'],
  [
    'A topology says each thing once',
    storageClasses,
    { ...storageClass, allowedTopologies: [{}, { matchLabelExpressions: [{ key: 'a', values: ['x', 'x'] }] }] },
    'allowedTopologies[0].matchLabelExpressions Duplicate',
    'allowedTopologies[1].matchLabelExpressions[0].values[1] Duplicate',
  ],
  ['Attributes are at least one', volumeAttributesClasses, { driverName: 'd.io' }, 'parameters Required'],
];
for (const [claim, kind, object, ...errors] of created) {
  test(claim, () => assert.deepEqual(judgedBy(kind, object), errors));
}

const updated: readonly (readonly [
  claim: string,
  kind: unknown,
  next: object,
  previous: object,
  ...errors: readonly string[],
])[] = [
  [
    'A driver keeps how its volumes live',
    csiDrivers,
    { spec: { volumeLifecycleModes: ['Ephemeral'] } },
    { spec: {} },
    'spec.volumeLifecycleModes Invalid',
  ],
  ['A driver may change who owns its files', csiDrivers, { spec: { fsGroupPolicy: 'None' } }, { spec: {} }],
  ['A driver of a node keeps its id', csiNodes, node({ nodeID: 'm' }), node({}), 'spec.drivers Invalid'],
  ['A driver of a node may count anew', csiNodes, node({ allocatable: { count: 1 } }), node({})],
  [
    'A capacity stays in its class',
    csiStorageCapacities,
    { ...capacity, storageClassName: 'slow' },
    capacity,
    'storageClassName Invalid',
  ],
  [
    'An attachment stays what it is',
    volumeAttachments,
    { spec: { ...attachment.spec, nodeName: 'm' } },
    attachment,
    'spec Invalid',
  ],
  [
    'A class keeps what it tells its driver',
    storageClasses,
    { ...storageClass, parameters: {} },
    storageClass,
    'parameters Invalid',
  ],
  [
    'Attributes stay',
    volumeAttributesClasses,
    { ...attributes, parameters: { a: 'c' } },
    attributes,
    'parameters Forbidden',
  ],
];
for (const [claim, kind, next, previous, ...errors] of updated) {
  test(claim, () => assert.deepEqual(judgedBy(kind, next, previous), errors));
}

test('The message of a failed attachment is short', () => {
  const failed = { ...attachment, status: { attachError: { message: 'x'.repeat(1025) } } };
  assert.deepEqual(judgedBy(volumeAttachments, failed, attachment, 'status'), ['status.attachError.message TooLong']);
});

test('A driver gets a generation with its first change', () => {
  const driver = (requiresRepublish: boolean, generation?: number): CSIDriver =>
    ({ metadata: { name: 'a', generation }, spec: { requiresRepublish } }) as unknown as CSIDriver;
  const after = (next: CSIDriver, previous: CSIDriver) =>
    csiDrivers.rules.prepareUpdate?.(next, previous, { now: 0 as Instant, subresource: '' }).metadata.generation;
  assert.equal(after(driver(false), driver(false)), undefined);
  assert.equal(after(driver(true), driver(false)), 1);
  assert.equal(after(driver(true), driver(false, 1)), 2);
});
