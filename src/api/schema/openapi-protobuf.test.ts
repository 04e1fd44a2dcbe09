import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader } from '../protobuf-wire.ts';
import { openApiV2 } from './openapi.ts';
import { openApiProtobuf } from './openapi-protobuf.ts';

/** The fields of a message by number; every field here is delimited or a flag. */
function fieldsOf(bytes: Uint8Array): ReadonlyMap<number, readonly (Uint8Array | number)[]> {
  const fields = new Map<number, (Uint8Array | number)[]>();
  for (const reader = new Reader(bytes); !reader.done; ) {
    const tag = reader.varint();
    const value = tag % 8 === 2 ? reader.bytes() : reader.varint();
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}
const inside = (bytes: Uint8Array, ...numbers: readonly number[]): Uint8Array =>
  numbers.reduce((at, number) => fieldsOf(at).get(number)?.[0] as Uint8Array, bytes);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test('openApiProtobuf writes members by their published numbers, maps as pairs and extensions as YAML', () => {
  const bytes = openApiProtobuf({
    swagger: '2.0',
    info: { title: 'T', version: '1' },
    paths: {
      '/a/{name}': {
        get: { operationId: 'getA', responses: { '200': { description: 'OK', schema: { $ref: '#/definitions/A' } } } },
        parameters: [
          { name: 'name', in: 'path', required: true, type: 'string' },
          { name: 'watch', in: 'query', type: 'boolean' },
          { name: 'body', in: 'body', schema: { type: 'object' } },
        ],
      },
    },
    definitions: {
      A: { type: 'object', additionalProperties: { type: 'string' }, 'x-kubernetes-map-type': 'atomic' },
    },
  });
  assert.equal(text(inside(bytes, 1)), '2.0');
  assert.equal(text(inside(bytes, 2, 1)), 'T');
  const path = inside(bytes, 8, 2);
  assert.equal(text(inside(path, 1)), '/a/{name}');
  assert.equal(text(inside(path, 2, 2, 5)), 'getA');
  assert.equal(text(inside(path, 2, 2, 9, 1, 2, 1, 2, 1, 1)), '#/definitions/A');
  const parameters = fieldsOf(inside(path, 2)).get(9) as readonly Uint8Array[];
  const [inPath, inQuery, inBody] = parameters as [Uint8Array, Uint8Array, Uint8Array];
  assert.equal(text(inside(inPath, 1, 2, 4, 4)), 'name');
  assert.equal(text(inside(inQuery, 1, 2, 3, 4)), 'watch');
  assert.equal(text(inside(inBody, 1, 1, 2)), 'body');
  const definition = inside(bytes, 9, 1);
  assert.equal(text(inside(definition, 1)), 'A');
  assert.equal(text(inside(definition, 2, 22, 1)), 'object');
  assert.equal(text(inside(definition, 2, 21, 1, 22, 1)), 'string');
  assert.equal(text(inside(definition, 2, 31, 1)), 'x-kubernetes-map-type');
  assert.equal(text(inside(definition, 2, 31, 2, 2)), '"atomic"');
});

test('openApiProtobuf has every kind and path of the document', () => {
  const document = openApiV2();
  const bytes = openApiProtobuf(document);
  assert.equal(fieldsOf(inside(bytes, 8)).get(2)?.length, Object.keys(document.paths as object).length);
  assert.equal(fieldsOf(inside(bytes, 9)).get(1)?.length, Object.keys(document.definitions as object).length);
});
