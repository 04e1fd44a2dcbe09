import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../base/json.ts';
import { swaggerPart, withSwaggerParts } from './openapi-remote.ts';

const root = '/apis/example.com/v1';
const answers = (name: string) => ({
  get: { responses: { 200: { schema: { $ref: `#/definitions/${name}` } } }, parameters: [{ $ref: '#/parameters/p' }] },
});
const document: JsonObject = {
  paths: { [`${root}/gizmos`]: answers('Gizmo'), '/apis/other.com/v1/things': answers('Thing') },
  parameters: { p: { name: 'limit', in: 'query', type: 'integer' } },
  definitions: {
    Gizmo: { type: 'object', properties: { meta: { $ref: '#/definitions/Meta' }, odd: { $ref: '#/definitions/Odd' } } },
    Meta: { type: 'object', description: 'theirs' },
    Thing: { type: 'object' },
  },
};
const ours: JsonObject = {
  swagger: '2.0',
  paths: { '/api/v1/pods': {} },
  definitions: { Meta: { type: 'object', description: 'ours' } },
};

test('Of a server only what is below its own version is taken, with all that it names', () => {
  const { paths, definitions } = swaggerPart(document, root);
  assert.deepEqual(Object.keys(paths), [`${root}/gizmos`]);
  assert.deepEqual(Object.keys(definitions).sort(), ['Gizmo', 'Meta', 'Odd']);
  const { get } = paths[`${root}/gizmos`] as { readonly get: JsonObject };
  assert.deepEqual(get.parameters, [{ name: 'limit', in: 'query', type: 'integer' }]);
});

test('What a server calls as we call something else gets a name of its own', () => {
  const whole = withSwaggerParts(ours, [swaggerPart(document, root)]);
  const definitions = whole.definitions as Readonly<Record<string, JsonObject>>;
  assert.deepEqual(definitions.Meta, { type: 'object', description: 'ours' });
  assert.deepEqual(definitions.Meta_v2, { type: 'object', description: 'theirs' });
  const { properties } = definitions.Gizmo as JsonObject;
  assert.deepEqual((properties as JsonObject).meta, { $ref: '#/definitions/Meta_v2' });
  assert.deepEqual(Object.keys(whole.paths as JsonObject), ['/api/v1/pods', `${root}/gizmos`]);
  assert.equal(whole.swagger, '2.0');
});

test('What two servers call alike and describe alike is there once', () => {
  const part = swaggerPart(document, root);
  const definitions = withSwaggerParts(ours, [part, part]).definitions as JsonObject;
  assert.deepEqual(Object.keys(definitions).sort(), ['Gizmo', 'Meta', 'Meta_v2', 'Odd']);
});

test('No document, and one that names what it does not have, is told so', () => {
  assert.throws(() => swaggerPart(undefined, root), /the document has no paths/);
  assert.throws(() => swaggerPart({ paths: [] }, root), /the document has no paths/);
  const { parameters: _parameters, ...rest } = document;
  assert.throws(() => swaggerPart(rest, root), /the document has no #\/parameters\/p/);
});
