import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '../base/json.ts';
import { decodeProtobuf } from './protobuf.ts';
import { encodeProtobuf, encodeWatchFrame } from './protobuf-encode.ts';
import { samples } from './protobuf-samples.test-data.ts';
import { fromBase64, ProtobufError, toBase64 } from './protobuf-wire.ts';

test('encodeProtobuf writes the very bytes that upstream writes, and decodeProtobuf reads them back', () => {
  for (const { json, protobuf } of samples) {
    const object = JSON.parse(json) as JsonObject;
    assert.equal(toBase64(encodeProtobuf(object)), protobuf);
    assert.deepEqual({ ...decodeProtobuf(fromBase64(protobuf)).value }, object);
  }
});

test('a schema inside a schema survives protobuf', () => {
  const object = {
    kind: 'CustomResourceDefinition',
    apiVersion: 'apiextensions.k8s.io/v1',
    spec: {
      versions: [
        {
          name: 'v1',
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { a: { type: 'array', items: { type: 'string' }, default: [1, { b: null }], minimum: -1.5 } },
              additionalProperties: false,
              dependencies: { a: ['b'] },
            },
          },
        },
      ],
    },
  };
  const { value } = decodeProtobuf(encodeProtobuf(object));
  const [version] = (value.spec as { versions: { schema: unknown }[] }).versions;
  assert.deepEqual(version?.schema, object.spec.versions[0]?.schema);
});

test('decodeProtobuf answers any bytes with an object or a ProtobufError', () => {
  const [sample] = samples;
  const valid = fromBase64(sample?.protobuf ?? '');
  const damaged = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 8 }).map((changes) => {
    const bytes = valid.slice();
    for (const [index, byte] of changes) bytes[index] = byte;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array()), (bytes) => {
      try {
        decodeProtobuf(bytes);
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('base64 round trips', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.deepEqual(fromBase64(toBase64(bytes)), bytes)));
});

test('a watch frame starts with its length', () => {
  const frame = encodeWatchFrame('ADDED', Uint8Array.of(1, 2, 3));
  assert.deepEqual([...frame], [0, 0, 0, 14, 10, 5, 65, 68, 68, 69, 68, 18, 5, 10, 3, 1, 2, 3]);
});
