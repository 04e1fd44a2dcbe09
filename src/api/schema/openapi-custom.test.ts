import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../base/json.ts';
import { customKind } from '../custom/custom-kind.ts';
import { conventions } from './openapi.ts';
import { customDocuments } from './openapi-custom.ts';

const kindWith = (openAPIV3Schema: JsonObject) => {
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } };
  return customKind(
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gizmos.example.com' } as never,
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'gizmos', kind: 'Gizmo' },
        versions: [version],
      },
    },
    version,
  );
};
const kind = kindWith({ type: 'object', properties: { spec: { type: 'object' } } });
const words = (type: string, field: string) => `${type} ${field}`;
const schemaOf = (schema: JsonObject, version: 2 | 3): JsonObject => {
  const document = customDocuments([kindWith(schema)], words, version).get('apis/example.com/v1') as JsonObject;
  const { schemas } = document.components as { schemas: JsonObject };
  return schemas['com.example.v1.Gizmo'] as JsonObject;
};

test('A custom kind is described under the reversed name of its group', () => {
  const document = customDocuments([kind], words).get('apis/example.com/v1') as JsonObject;
  const { schemas } = document.components as { schemas: JsonObject };
  const gizmo = schemas['com.example.v1.Gizmo'] as JsonObject;
  assert.deepEqual(Object.keys(gizmo.properties as object), ['spec', 'apiVersion', 'kind', 'metadata']);
  assert.ok(schemas['com.example.v1.GizmoList'] && schemas['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta']);
  const text = JSON.stringify(document.paths);
  assert.match(text, /#\/components\/schemas\/com\.example\.v1\.GizmoList"/);
  assert.doesNotMatch(text, /protobuf|strategic|\/watch\/|io\.k8s\.api\.example/);
});

test('A custom kind says what it is in the words that all kinds have, and so does an object inside it', () => {
  const inner: JsonObject = { type: 'object', 'x-kubernetes-embedded-resource': true };
  const { properties } = schemaOf({ type: 'object', properties: { inner } }, 3) as { properties: JsonObject };
  const identity = {
    apiVersion: { type: 'string', description: 'v1.ConfigMap apiVersion' },
    kind: { type: 'string', description: 'v1.ConfigMap kind' },
    metadata: {
      allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }],
      description: `Standard object's metadata. More info: ${conventions}#metadata`,
    },
  };
  assert.deepEqual(properties, { inner: { ...inner, properties: identity }, ...identity });
});

test('Version 2 leaves out what it cannot say: nothing about a kind that keeps whatever it is given', () => {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const identity = { 'x-kubernetes-group-version-kind': [{ group: 'example.com', version: 'v1', kind: 'Gizmo' }] };
  assert.deepEqual(schemaOf({ ...open, description: 'any' }, 2), { type: 'object', ...identity });
  const spec: JsonObject = {
    type: 'object',
    required: ['size', 'note'],
    properties: {
      note: { type: 'string', nullable: true },
      size: { type: 'integer', not: { enum: [0] } },
      rest: { ...open, properties: { a: { type: 'string' } } },
    },
  };
  assert.deepEqual((schemaOf({ type: 'object', properties: { spec } }, 2).properties as JsonObject).spec, {
    type: 'object',
    required: ['size'],
    properties: { note: {}, size: { type: 'integer' }, rest: open },
  });
  assert.deepEqual((schemaOf({ type: 'object', properties: { spec } }, 3).properties as JsonObject).spec, spec);
});
