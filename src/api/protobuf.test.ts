import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '../base/json.ts';
import { sharing } from '../base/shared-json.ts';
import { decodeProtobuf } from './protobuf.ts';
import { encodeProtobuf, encodeWatchFrame, ProtobufList, protobufItem } from './protobuf-encode.ts';
import { samples } from './protobuf-samples.test-data.ts';
import { fromBase64, ProtobufError, Reader, toBase64 } from './protobuf-wire.ts';
import { Writer } from './protobuf-writer.ts';

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

test('a list holds the messages of its items, whatever they are long', () => {
  const items = [10, 200_000, 40].map((letters) => ({
    kind: 'ConfigMap',
    apiVersion: 'v1',
    data: { a: 'x'.repeat(letters) },
  }));
  const list = new ProtobufList();
  for (const item of items) list.add(protobufItem(item));
  const chunks = list.finish({ kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: '7' } });
  const { kind, apiVersion, value } = decodeProtobuf(Buffer.concat(chunks));
  assert.deepEqual([kind, apiVersion, (value.metadata as JsonObject).resourceVersion], ['ConfigMapList', 'v1', '7']);
  assert.deepEqual(
    (value.items as readonly JsonObject[]).map(({ data }) => data),
    items.map(({ data }) => data),
  );
});

test('what objects have in common is written of each as of the first', () => {
  const pod = (name: string) => ({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name },
    spec: {
      nodeName: name,
      containers: [{ name: 'a', image: 'b', command: ['c', 'd'], env: [{ name: 'e', value: 'f' }, { name: 'g' }] }],
    },
  });
  const first = pod('first') as JsonObject;
  const second = sharing(first, pod('second'), true) as JsonObject;
  encodeProtobuf(first);
  assert.deepEqual(encodeProtobuf(second), encodeProtobuf(pod('second')));
  // The same part under another field is another message.
  const containers = (second.spec as JsonObject).containers as JsonObject;
  const odd = { kind: 'Pod', apiVersion: 'v1', spec: { initContainers: containers } };
  assert.deepEqual(encodeProtobuf(odd), encodeProtobuf(structuredClone(odd)));
});

test('numbers and texts of any size are written as they are read', () => {
  const numbers = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER, -1, -(2 ** 40)];
  const texts = ['', 'a', 'é', 'x'.repeat(40), 'x'.repeat(41), 'é'.repeat(41), '𝄞'.repeat(300), '\ud800'];
  const writer = new Writer(4);
  for (const text of texts.toReversed()) {
    const start = writer.position;
    writer.text(text);
    writer.varint(writer.position - start);
  }
  for (const number of numbers.toReversed()) writer.varint(number);
  const reader = new Reader(writer.finish());
  assert.deepEqual(
    numbers.map(() => reader.varint()),
    numbers,
  );
  assert.deepEqual(
    texts.map(() => reader.text()),
    texts.map((text) => text.replace('\ud800', '\ufffd')),
  );
});

test('a watch frame starts with its length', () => {
  const frame = encodeWatchFrame('ADDED', Uint8Array.of(1, 2, 3));
  assert.deepEqual([...frame], [0, 0, 0, 14, 10, 5, 65, 68, 68, 69, 68, 18, 5, 10, 3, 1, 2, 3]);
});
