import { type FieldError, forbidden, invalid, required } from '../field-error.ts';
import type { DefinitionVersion, PrinterColumn } from './definition.ts';
import { namesOf } from './json-path.ts';
import { additionalOf, type JsonSchema, propertyOf } from './json-schema.ts';

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const selectableMax = 8;

/** A path of names only. */
function judgeSimplePath(path: string, at: string): readonly FieldError[] {
  if (path === '') return [required(at)];
  return path.startsWith('.') ? [] : [invalid(at, path, 'must be a simple json path starting with .')];
}

function judgePathUnder(roots: readonly string[], path: string, at: string): readonly FieldError[] {
  const errors = judgeSimplePath(path, at);
  if (errors.length > 0) return errors;
  if (/[[\]]/.test(path)) return [invalid(at, path, 'must be a json path in the dot notation')];
  if (roots.some((root) => path.startsWith(`${root}.`))) return [];
  return [invalid(at, path, `should be a json path under ${roots.join(' or ')}`)];
}

export function judgeSubresources(given: DefinitionVersion['subresources'], path: string): readonly FieldError[] {
  const scale = given?.scale;
  if (!scale) return [];
  const { specReplicasPath = '', statusReplicasPath = '', labelSelectorPath } = scale;
  const at = `${path}.scale`;
  return [
    ...judgePathUnder(['.spec'], specReplicasPath, `${at}.specReplicasPath`),
    ...judgePathUnder(['.status'], statusReplicasPath, `${at}.statusReplicasPath`),
    ...(labelSelectorPath ? judgePathUnder(['.spec', '.status'], labelSelectorPath, `${at}.labelSelectorPath`) : []),
  ];
}

export function judgeColumn(column: PrinterColumn, path: string): readonly FieldError[] {
  const { name = '', type = '', format = '', jsonPath = '' } = column;
  const errors: FieldError[] = [];
  if (name === '') errors.push(required(`${path}.name`));
  if (type === '') errors.push(required(`${path}.type`, `must be one of ${columnTypes.join(',')}`));
  else if (!columnTypes.includes(type)) {
    errors.push(invalid(`${path}.type`, type, `must be one of ${columnTypes.join(',')}`));
  }
  if (format !== '' && !columnFormats.includes(format)) {
    errors.push(invalid(`${path}.format`, format, `must be one of ${columnFormats.join(',')}`));
  }
  return [...errors, ...judgeSimplePath(jsonPath, `${path}.JSONPath`)];
}

export function judgeSelectable(
  fields: readonly { readonly jsonPath?: string }[],
  schema: JsonSchema,
  path: string,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, { jsonPath = '' }] of fields.entries()) {
    const at = `${path}[${index}].jsonPath`;
    if (jsonPath === '') errors.push(required(at));
    else errors.push(...judgeSelectablePath(jsonPath, schema, at));
    if (jsonPath !== '' && seen.has(jsonPath)) {
      errors.push({ path: at, type: 'Duplicate', text: `Duplicate value: ${JSON.stringify(jsonPath)}` });
    }
    seen.add(jsonPath);
  }
  if (fields.length > selectableMax) {
    errors.push({
      path,
      type: 'TooMany',
      text: `Too many: ${fields.length}: must have at most ${selectableMax} items`,
    });
  }
  return errors;
}

function judgeSelectablePath(path: string, schema: JsonSchema, at: string): readonly FieldError[] {
  const isSimple = /^(\.[A-Za-z_][A-Za-z0-9_]*|\['[^']+'\])+$/.test(path);
  const wrong = (why: string) => [invalid(at, path, `is an invalid path: ${why}`)];
  if (!isSimple) return wrong('does not refer to a valid field');
  if (namesOf(path)[0] === 'metadata') return [invalid(at, path, 'must not point to fields in metadata')];
  let found: JsonSchema | undefined = schema;
  for (const name of namesOf(path)) {
    if (found.type === 'array') return wrong('does not refer to a valid field');
    const next: JsonSchema | undefined = propertyOf(found, name) ?? additionalOf(found);
    if (!next) return wrong('does not refer to a valid field');
    found = next;
  }
  const { type = '' } = found;
  if (['string', 'boolean', 'integer'].includes(type)) return [];
  const why =
    'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
  return [invalid(at, path, why)];
}

export const forbiddenWhenNone = (path: string): FieldError =>
  forbidden(path, 'should not be set when strategy is not set to Webhook');
