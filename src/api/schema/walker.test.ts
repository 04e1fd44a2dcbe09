import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../base/json.ts';
import { type ObjectType, schemaOf } from './schema.ts';
import { resources } from './tables/resources.ts';
import { walk } from './walker.ts';

const typeOf = (kind: string, group = '', version = 'v1') => schemaOf({ group, version, kind }) as ObjectType;
const pod = typeOf('Pod');

test('walk words a wrong type as Go does', () => {
  const first = (value: unknown, type = pod) => walk(type, value).errors[0];
  assert.equal(
    first({ spec: { containers: [{ name: 7 }] } }),
    'json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string',
  );
  assert.equal(first({ spec: [] }), 'json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec');
  assert.equal(
    first({ spec: { containers: 'x' } }),
    'json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container',
  );
  assert.equal(
    first({ spec: { volumes: [{ nfs: { path: 1 } }] } }),
    'json: cannot unmarshal number into Go struct field NFSVolumeSource.spec.volumes.VolumeSource.nfs.path of type string',
  );
  assert.equal(
    first({ spec: { terminationGracePeriodSeconds: 1.5 } }),
    'json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64',
  );
  assert.equal(first({ data: { a: '%' } }, typeOf('Secret')), 'illegal base64 data at input byte 0');
  assert.equal(
    first({ metadata: { deletionTimestamp: 'x' } }),
    'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
  );
});

test('walk drops unknown fields and tells their paths', () => {
  const { value, unknown } = walk(pod, {
    foo: 1,
    spec: { containers: [{ name: 'a', bar: 2 }], nodeSelector: { x: 'y' } },
  });
  assert.deepEqual(unknown, ['foo', 'spec.containers[0].bar']);
  assert.deepEqual(value.spec, { containers: [{ name: 'a', resources: {} }], nodeSelector: { x: 'y' } });
});

test('walk drops empty values where upstream omits them and prints absent ones where it does not', () => {
  const { value } = walk(pod, {
    kind: 'Pod',
    metadata: { labels: {}, name: 'a', creationTimestamp: null },
    spec: { hostNetwork: false, automountServiceAccountToken: false, volumes: [], hostname: '', priority: 0 },
  });
  assert.deepEqual(value, {
    kind: 'Pod',
    metadata: { name: 'a' },
    spec: { automountServiceAccountToken: false, priority: 0, containers: null },
    status: {},
  });
});

test('walk writes quantities, times and bytes in their canonical form', () => {
  const { value } = walk(typeOf('PersistentVolume'), { spec: { capacity: { storage: '1024Mi' } } });
  assert.deepEqual((value.spec as Record<string, unknown>).capacity, { storage: '1Gi' });
  const lease = walk(typeOf('Lease', 'coordination.k8s.io'), { spec: { renewTime: '2024-01-01T02:00:00.5+02:00' } });
  assert.deepEqual(lease.value.spec, { renewTime: '2024-01-01T00:00:00.500000Z' });
});

test('walk reads bytes from lists of numbers too, as Go does', () => {
  const read = (bytes: Json) => walk(typeOf('ConfigMap'), { binaryData: { a: bytes } });
  assert.deepEqual(read([1, 2, 255]).value.binaryData, { a: 'AQL/' });
  assert.deepEqual(read([]).value.binaryData, { a: '' });
  for (const wrong of [[256], [-1], [0.5], ['x']]) assert.equal(read(wrong).errors.length, 1, JSON.stringify(wrong));
});

test('walk keeps hostile names in maps and never touches a prototype', () => {
  const sent = JSON.parse('{"metadata":{"labels":{"__proto__":"x","constructor":"y"}},"__proto__":{"polluted":1}}');
  const { value, unknown } = walk(pod, sent);
  assert.deepEqual(unknown, ['__proto__']);
  assert.deepEqual(
    JSON.stringify((value.metadata as Record<string, unknown>).labels),
    '{"__proto__":"x","constructor":"y"}',
  );
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test('walk takes any JSON for any kind, and what it answers is walked to itself', () => {
  fc.assert(
    fc.property(fc.constantFrom(...resources), fc.jsonValue(), fc.jsonValue(), (facts, spec, metadata) => {
      const type = schemaOf(facts) as ObjectType;
      const once = walk(type, { spec, metadata });
      if (once.errors.length === 0) assert.deepEqual(walk(type, once.value).value, once.value);
    }),
  );
});

test('walk takes what is the very same as in a value that was read before, and reads all else', () => {
  const spec = { containers: [{ name: 7, foo: 1 }] };
  const known = { metadata: { name: 'a' }, spec };
  const { value, errors, unknown } = walk(pod, { metadata: { name: 'b' }, spec, status: { bar: 1 } }, { known });
  assert.equal(value.spec, spec);
  assert.deepEqual([errors, unknown], [[], ['status.bar']]);
  assert.deepEqual(Object.keys(value), ['metadata', 'spec', 'status']);
  const again = walk(pod, { ...known, spec: { ...spec } }, { known });
  assert.deepEqual([again.errors.length, again.unknown], [1, ['spec.containers[0].foo']]);
});
