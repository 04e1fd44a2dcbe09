import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../base/env.ts';
import type { CustomDefinition } from '../custom/definition.ts';
import type { JsonSchema } from '../custom/json-schema.ts';
import { customResourceDefinitions } from './custom-resource-definition.ts';

const { rules } = customResourceDefinitions;
const context = { now: 0 as Instant, subresource: '', caller: { name: 'a', groups: [], extra: {} } };

const definition = (schema: JsonSchema, spec: object = {}): CustomDefinition =>
  ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gizmos.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Cluster',
      names: { plural: 'gizmos', kind: 'Gizmo' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      ...spec,
    },
  }) as unknown as CustomDefinition;

/** What a create would be told, without the path to the schema. */
function judge(schema: JsonSchema, spec: object = {}): readonly string[] {
  const whole = rules.defaults?.(definition(schema, spec)) as CustomDefinition;
  const prepared = rules.prepareCreate?.(whole, context) as CustomDefinition;
  const errors = rules.validate?.(prepared, undefined, context) ?? [];
  return errors.map(({ path, text }) => `${path.replace('spec.validation.openAPIV3Schema', '$')}: ${text}`);
}

const object = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({ type: 'object', properties });
const list = (more: JsonSchema): JsonSchema => object({ a: { type: 'array', ...more } });
const item: JsonSchema = { type: 'object', required: ['k'], properties: { k: { type: 'string' } } };

const wrong: readonly (readonly [JsonSchema, ...string[]])[] = [
  [{}, '$.type: Required value: must not be empty at the root'],
  [{ type: 'string' }, '$.type: Invalid value: "string": must be object at the root'],
  [object({ a: {} }), '$.properties[a].type: Required value: must not be empty for specified object fields'],
  [list({}), '$.properties[a].items: Required value: must be specified'],
  [
    object({ a: { type: 'string', anyOf: [{ type: 'string' }] } }),
    '$.properties[a].anyOf[0].type: Forbidden: must be empty to be structural',
  ],
  [
    { ...object({}), anyOf: [{ properties: { b: { minLength: 1 } } }] },
    '$.properties[b]: Required value: because it is defined in $.anyOf[0].properties[b]',
  ],
  [
    object({ a: { type: 'integer', default: 'x' } }),
    '$.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"',
  ],
  [
    list({ items: item, 'x-kubernetes-list-type': 'map' }),
    '$.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
  ],
  [
    list({ items: item, 'x-kubernetes-list-type': 'set' }),
    '$.properties[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set',
  ],
  [
    list({ items: { ...item, 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] }, maxItems: 5 }),
    '$.properties[a].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within $.properties[a]',
  ],
  [
    { ...object({}), 'x-kubernetes-validations': [{ rule: ' ' }] },
    '$.x-kubernetes-validations[0].rule: Required value: rule is not specified',
  ],
  [
    { ...object({ a: { type: 'string' } }), 'x-kubernetes-validations': [{ rule: 'self.a' }] },
    '$.x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.a","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: cel expression must evaluate to a bool',
  ],
];
for (const [schema, ...errors] of wrong) {
  test(`A definition with the schema ${JSON.stringify(schema)} is told what is wrong`, () => {
    const told = judge(schema).map((text) => text.replaceAll('spec.validation.openAPIV3Schema', '$'));
    assert.deepEqual(told, errors);
  });
}

test('A definition that says nothing wrong is told nothing, and gets the names that it leaves out', () => {
  const whole = definition(object({ spec: object({}) }));
  assert.deepEqual(judge(object({ spec: object({}) })), []);
  assert.deepEqual(rules.defaults?.(whole).spec.names, {
    plural: 'gizmos',
    kind: 'Gizmo',
    singular: 'gizmo',
    listKind: 'GizmoList',
  });
});

test('A conversion by webhook needs somebody to call', () => {
  assert.deepEqual(judge(object({}), { conversion: { strategy: 'Webhook', webhook: {} } }), [
    'spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook',
    'spec.conversion.conversionReviewVersions: Required value',
  ]);
});
