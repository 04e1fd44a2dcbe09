import { equalJson, type Json } from '../../base/json.ts';
import { type FieldError, forbidden, invalid, required } from '../field-error.ts';
import {
  additionalOf,
  isEmbedded,
  isIntOrString,
  type JsonSchema,
  preserves,
  propertiesOf,
  propertyOf,
} from './json-schema.ts';

type Level = 'root' | 'field' | 'item';
const places: Readonly<Record<Level, string>> = {
  root: 'at the root',
  field: 'for specified object fields',
  item: 'for specified array items',
};
const intOrString: Json = [{ type: 'integer' }, { type: 'string' }];

/** What keeps a schema from being structural: one type for each value, whatever its conditions say. */
export function judgeStructure(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  invariants(schema, 'root', path, errors);
  complete(schema, path, errors);
  return errors;
}

function invariants(schema: JsonSchema, level: Level, path: string, errors: FieldError[]): void {
  const additional = additionalOf(schema);
  if (schema.type === 'array' && !schema.items) errors.push(required(`${path}.items`, 'must be specified'));
  if (schema.items) invariants(schema.items, 'item', `${path}.items`, errors);
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    invariants(property, 'field', `${path}.properties[${name}]`, errors);
  }
  if (additional) invariants(additional, 'field', `${path}.additionalProperties`, errors);
  if (level === 'root' && schema.additionalProperties !== undefined) {
    errors.push(forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
  }
  extensions(schema, path, errors);
  conditions(schema, path, errors);
  typeOf(schema, level, path, errors);
  if (level === 'root' || isEmbedded(schema)) identity(schema, path, errors);
  if (isEmbedded(schema) && !preserves(schema) && Object.keys(propertiesOf(schema)).length === 0) {
    const why =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    errors.push(required(`${path}.properties`, why));
  }
}

function extensions(schema: JsonSchema, path: string, errors: FieldError[]): void {
  if (!isIntOrString(schema)) return;
  const why = 'must be false if x-kubernetes-int-or-string is true';
  if (preserves(schema)) errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, true, why));
  if (isEmbedded(schema)) errors.push(invalid(`${path}.x-kubernetes-embedded-resource`, true, why));
  if (schema.type) {
    errors.push(invalid(`${path}.type`, schema.type, 'must be empty if x-kubernetes-int-or-string is true'));
  }
}

function typeOf(schema: JsonSchema, level: Level, path: string, errors: FieldError[]): void {
  const at = `${path}.type`;
  const { type = '' } = schema;
  if (isEmbedded(schema) && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type === '' ? required(at, why) : invalid(at, type, why));
  } else if (type === '' && !isIntOrString(schema) && !preserves(schema)) {
    errors.push(required(at, `must not be empty ${places[level]}`));
  }
  if (isEmbedded(schema) && schema.additionalProperties !== undefined) {
    errors.push(forbidden(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'));
  }
  if (level === 'root' && type !== '' && type !== 'object')
    errors.push(invalid(at, type, 'must be object at the root'));
}

/** What every resource has looks as it does everywhere. */
function identity(schema: JsonSchema, path: string, errors: FieldError[]): void {
  for (const name of ['kind', 'apiVersion']) {
    const type = propertyOf(schema, name)?.type;
    if (propertyOf(schema, name) && type !== 'string') {
      errors.push(invalid(`${path}.properties[${name}].type`, type ?? '', 'must be string'));
    }
  }
  const metadata = propertyOf(schema, 'metadata');
  if (!metadata) return;
  const at = `${path}.properties[metadata]`;
  if (metadata.type !== 'object') errors.push(invalid(`${at}.type`, metadata.type ?? '', 'must be object'));
  const { type: _type, description: _words, properties, ...others } = metadata;
  const isPlain = Object.keys(properties ?? {}).every((name) => name === 'name' || name === 'generateName');
  if (!isPlain || Object.keys(others).length > 0) {
    const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
    errors.push(forbidden(at, why));
  }
}

function conditions(schema: JsonSchema, path: string, errors: FieldError[]): void {
  const isPair = (list: readonly JsonSchema[] | undefined) => equalJson(list, intOrString);
  const skipsAnyOf = isIntOrString(schema) && isPair(schema.anyOf);
  const skipsAllOf = isIntOrString(schema) && !skipsAnyOf && isPair(schema.allOf?.[0]?.anyOf);
  if (!skipsAnyOf) schema.anyOf?.forEach((one, index) => void nested(one, `${path}.anyOf[${index}]`, errors));
  schema.allOf?.forEach((one, index) => {
    const { anyOf: _skipped, ...rest } = one;
    nested(skipsAllOf && index === 0 ? rest : one, `${path}.allOf[${index}]`, errors);
  });
  schema.oneOf?.forEach((one, index) => void nested(one, `${path}.oneOf[${index}]`, errors));
  if (schema.not) nested(schema.not, `${path}.not`, errors);
}

const mustBeEmpty = ['type', 'title', 'description', 'x-kubernetes-list-map-keys', 'x-kubernetes-validations'] as const;
const mustBeUndefined = ['additionalProperties', 'default', 'x-kubernetes-list-type', 'x-kubernetes-map-type'] as const;
const mustBeFalse = [
  'nullable',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
] as const;

/** Inside a condition a schema restricts values; it may not say what they are. */
function nested(schema: JsonSchema, path: string, errors: FieldError[]): void {
  conditions(schema, path, errors);
  if (schema.items) nested(schema.items, `${path}.items`, errors);
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    nested(property, `${path}.properties[${name}]`, errors);
  }
  for (const key of mustBeEmpty) {
    const value = schema[key];
    if (value !== undefined && value.length > 0)
      errors.push(forbidden(`${path}.${key}`, 'must be empty to be structural'));
  }
  for (const key of mustBeUndefined) {
    if (schema[key] !== undefined) errors.push(forbidden(`${path}.${key}`, 'must be undefined to be structural'));
  }
  for (const key of mustBeFalse) {
    if (schema[key]) errors.push(forbidden(`${path}.${key}`, 'must be false to be structural'));
  }
  if (propertyOf(schema, 'metadata')) {
    errors.push(forbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'));
  }
}

/** What a condition speaks of must be there outside of it too. */
function complete(schema: JsonSchema, path: string, errors: FieldError[]): void {
  covered(schema, schema, { schemaPath: path, path }, errors);
  if (schema.items) complete(schema.items, `${path}.items`, errors);
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    complete(property, `${path}.properties[${name}]`, errors);
  }
  const additional = additionalOf(schema);
  if (additional) complete(additional, `${path}.additionalProperties`, errors);
}

interface Paths {
  readonly schemaPath: string;
  readonly path: string;
}

function covered(condition: JsonSchema, schema: JsonSchema, { schemaPath, path }: Paths, errors: FieldError[]): void {
  const all: readonly (readonly [JsonSchema, string])[] = [
    ...(condition.anyOf ?? []).map((one, index) => [one, `${path}.anyOf[${index}]`] as const),
    ...(condition.allOf ?? []).map((one, index) => [one, `${path}.allOf[${index}]`] as const),
    ...(condition.oneOf ?? []).map((one, index) => [one, `${path}.oneOf[${index}]`] as const),
    ...(condition.not ? [[condition.not, `${path}.not`] as const] : []),
  ];
  for (const [one, at] of all) coveredNested(one, schema, { schemaPath, path: at }, errors);
}

function coveredNested(
  condition: JsonSchema,
  schema: JsonSchema | undefined,
  { schemaPath, path }: Paths,
  errors: FieldError[],
): void {
  if (!schema) {
    errors.push(required(schemaPath, `because it is defined in ${path}`));
    return;
  }
  covered(condition, schema, { schemaPath, path }, errors);
  if (condition.items) {
    coveredNested(condition.items, schema.items, { schemaPath: `${schemaPath}.items`, path: `${path}.items` }, errors);
  }
  const additional = additionalOf(schema);
  for (const [name, property] of Object.entries(propertiesOf(condition))) {
    const paths = { schemaPath: `${schemaPath}.properties[${name}]`, path: `${path}.properties[${name}]` };
    coveredNested(property, propertyOf(schema, name) ?? additional, paths, errors);
  }
}
