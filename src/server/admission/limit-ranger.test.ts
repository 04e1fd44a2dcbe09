import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitRanges } from '../../api/kinds/limit-range.ts';
import { persistentVolumeClaims } from '../../api/kinds/persistent-volume-claim.ts';
import { pods } from '../../api/kinds/pod.ts';
import type { KubeObject } from '../../api/object.ts';
import { LimitRanger } from './limit-ranger.ts';
import { admitted, asked, storeWith } from './plugin.test-data.ts';

const ranger = async (...limits: readonly object[]) =>
  new LimitRanger(await storeWith([limitRanges, { metadata: { namespace: 'shop' }, spec: { limits } } as never]));
const pod = (...resources: readonly object[]) => ({
  spec: { containers: resources.map((one, index) => ({ name: `c${index}`, resources: one })) },
});
const both = (amounts: object, limits: object = amounts) => ({ requests: amounts, limits });

test('LimitRanger: containers get what the limits say by default, and the pod says so', async () => {
  const plugin = await ranger({
    type: 'Container',
    default: { cpu: '1' },
    defaultRequest: { cpu: '500m', memory: '1Gi' },
  });
  const made = (await admitted(plugin, pod({}, { requests: { memory: '2Gi' } }), asked(pods))) as KubeObject;
  assert.deepEqual(
    (made.spec as { containers: { resources: unknown }[] }).containers.map(({ resources }) => resources),
    [
      { limits: { cpu: '1' }, requests: { cpu: '500m', memory: '1Gi' } },
      { limits: { cpu: '1' }, requests: { cpu: '500m', memory: '2Gi' } },
    ],
  );
  assert.equal(
    made.metadata.annotations?.['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu, memory request for container c0; cpu limit for container c0; cpu request for container c1; cpu limit for container c1',
  );
});

const container = { type: 'Container' };
const whole = { type: 'Pod' };
const cases: readonly (readonly [limit: object, pod: object, why: string])[] = [
  [{ ...container, min: { cpu: '1' } }, pod({}), 'minimum cpu usage per Container is 1.  No request is specified'],
  [
    { ...container, min: { cpu: '1' } },
    pod(both({ cpu: '500m' })),
    'minimum cpu usage per Container is 1, but request is 500m',
  ],
  [
    { ...container, min: { cpu: '1' } },
    pod(both({ cpu: '1' }, { cpu: '900m' })),
    'minimum cpu usage per Container is 1, but limit is 900m',
  ],
  [{ ...container, max: { cpu: '1' } }, pod({}), 'maximum cpu usage per Container is 1.  No limit is specified'],
  [
    { ...container, max: { cpu: '1' } },
    pod(both({ cpu: '1' }, { cpu: '2' })),
    'maximum cpu usage per Container is 1, but limit is 2',
  ],
  [
    { ...container, maxLimitRequestRatio: { cpu: '2' } },
    pod(both({ cpu: '300m' }, { cpu: '700m' })),
    'cpu max limit to request ratio per Container is 2, but provided ratio is 2.333333',
  ],
  [
    { ...container, maxLimitRequestRatio: { cpu: '2' } },
    pod({}),
    'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
  ],
  [
    { ...whole, max: { cpu: '1' } },
    pod(both({ cpu: '600m' }), both({ cpu: '600m' })),
    'maximum cpu usage per Pod is 1, but limit is 1200m',
  ],
  [
    { ...whole, min: { memory: '1Gi' }, max: { cpu: '1' } },
    pod(both({ cpu: '2' })),
    '[minimum memory usage per Pod is 1Gi.  No request is specified, maximum cpu usage per Pod is 1, but limit is 2]',
  ],
];
for (const [limit, given, why] of cases) {
  test(`LimitRanger: ${why}`, async () => {
    assert.equal(await admitted(await ranger(limit), given, asked(pods)), why);
  });
}

test('LimitRanger: init containers count by the largest moment of the start, sidecars with all that run', async () => {
  const plugin = await ranger({ ...whole, max: { cpu: '2' } });
  const one = { name: 'c', resources: both({ cpu: '1' }) };
  const starts = { spec: { initContainers: [one, one], containers: [one] } };
  assert.equal(typeof (await admitted(plugin, starts, asked(pods))), 'object');
  const stays = { spec: { initContainers: [{ ...one, restartPolicy: 'Always' }, one], containers: [one, one] } };
  assert.equal(await admitted(plugin, stays, asked(pods)), 'maximum cpu usage per Pod is 2, but limit is 3');
});

test('LimitRanger: claims are held to sizes, when they are made and when they grow', async () => {
  const plugin = await ranger({ type: 'PersistentVolumeClaim', min: { storage: '2Gi' }, max: { storage: '8Gi' } });
  const claim = (storage: string) => ({ spec: { resources: { requests: { storage } } } });
  const request = asked(persistentVolumeClaims);
  const small = 'minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi';
  const big = 'maximum storage usage per PersistentVolumeClaim is 8Gi, but request is 9Gi';
  assert.equal(await admitted(plugin, claim('1Gi'), request), small);
  assert.equal(typeof (await admitted(plugin, claim('8Gi'), request)), 'object');
  assert.equal(await admitted(plugin, claim('9Gi'), { ...request, operation: 'UPDATE' }), big);
});

test('LimitRanger: updates of pods are left alone, and so are other namespaces', async () => {
  const plugin = await ranger({ ...container, min: { cpu: '1' } });
  const update = asked(pods, { operation: 'UPDATE' });
  assert.equal(typeof (await admitted(plugin, pod({}), update)), 'object');
  const elsewhere = asked(pods);
  const route = { ...elsewhere.route, namespace: 'other' };
  assert.equal(typeof (await admitted(plugin, pod({}), { ...elsewhere, route })), 'object');
});
