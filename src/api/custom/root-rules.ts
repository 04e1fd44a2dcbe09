import type { Json } from '../../base/json.ts';
import { finish } from '../../base/steps.ts';
import { CelError } from '../cel/cel-error.ts';
import { patternOf } from '../cel/library/regex.ts';
import { type FieldError, forbidden, invalid } from '../field-error.ts';
import type { DefinitionVersion } from './definition.ts';
import { judgeTotalCost, Nesting } from './expression-rules.ts';
import { filledIn } from './fill.ts';
import { additionalOf, isEmbedded, type JsonSchema, propertiesOf, somewhere } from './json-schema.ts';
import { judgeValue } from './judge-value.ts';
import { pruned } from './prune.ts';
import { judgeRules } from './rules.ts';
import { judgeSchema } from './schema-rules.ts';
import { judgeStructure } from './structural.ts';

const rootFields: ReadonlySet<string> = new Set([
  'description',
  'type',
  'format',
  'title',
  'maximum',
  'exclusiveMaximum',
  'minimum',
  'exclusiveMinimum',
  'maxLength',
  'minLength',
  'pattern',
  'maxItems',
  'minItems',
  'uniqueItems',
  'multipleOf',
  'required',
  'items',
  'properties',
  'externalDocs',
  'example',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
]);

/** What is wrong with the schema of a version. */
export function judgeRoot(
  schema: JsonSchema,
  path: string,
  { subresources }: Pick<DefinitionVersion, 'subresources'>,
): readonly FieldError[] {
  const at = `${path}.openAPIV3Schema`;
  const errors: FieldError[] = [];
  if (subresources?.status) errors.push(...judgeSplit(schema, at));
  if (schema.nullable) errors.push(forbidden(`${at}.nullable`, 'nullable cannot be true at the root'));
  const structural = judgeStructure(schema, at);
  errors.push(...structural);
  const nesting = new Nesting({ compiles: structural.length === 0 });
  errors.push(...judgeSchema(schema, at, nesting), ...judgeTotalCost(nesting, at));
  if (structural.length === 0) errors.push(...judgeDefaults(schema, at));
  if (errors.length === 0 && somewhere(schema, hasBadPattern)) {
    errors.push(invalid(path, '', 'error building validator: a pattern is no regular expression'));
  }
  return errors;
}

const hasBadPattern = ({ pattern }: JsonSchema): boolean =>
  pattern !== undefined && patternOf(pattern) instanceof CelError;

/** With a status of its own the schema is cut in two, and nothing at its root may be lost. */
function judgeSplit(schema: JsonSchema, path: string): readonly FieldError[] {
  if (schema.type && schema.type !== 'object') {
    const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    return [invalid(`${path}.type`, schema.type, why)];
  }
  const strange = Object.keys(schema).find((key) => !rootFields.has(key));
  if (strange === undefined) return [];
  const listed = [...rootFields].join(' ');
  const why = `only [${listed}] fields are allowed at the root of the schema if the status subresource is enabled`;
  return [invalid(path, schema, why)];
}

/** A default is a value like any other: known, and valid. */
function judgeDefaults(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (schema.default !== undefined) errors.push(...judgeDefault(schema, schema.default, `${path}.default`));
  if (schema.items) errors.push(...judgeDefaults(schema.items, `${path}.items`));
  const additional = additionalOf(schema);
  if (additional) errors.push(...judgeDefaults(additional, `${path}.additionalProperties`));
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    errors.push(...judgeDefaults(property, `${path}.properties[${name}]`));
  }
  return errors;
}

function judgeDefault(schema: JsonSchema, value: Json, path: string): readonly FieldError[] {
  const { unknown } = pruned(schema, value, isEmbedded(schema) ? '' : '$');
  if (unknown.length > 0) return [invalid(path, value, 'must not have unknown fields')];
  const whole = filledIn(schema, value);
  // The validator knows the value by no name here.
  const errors = judgeValue(schema, whole, '').map((error) => ({
    ...error,
    path: error.path === '<nil>' ? error.path : joined(path, error.path),
  }));
  if (errors.length > 0) return errors;
  return finish(judgeRules(schema, whole, undefined)).map((error) => ({
    ...error,
    path: error.path === '<nil>' ? path : joined(path, error.path),
  }));
}

const joined = (path: string, inside: string): string =>
  inside === '' ? path : inside.startsWith('[') ? `${path}${inside}` : `${path}.${inside}`;
