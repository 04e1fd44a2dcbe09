import { type FieldError, forbidden, invalid, notSupported, required } from '../field-error.ts';
import { judgeExpressions, judgeForms, type Nesting } from './expression-rules.ts';
import { additionalOf, type JsonSchema, propertiesOf, propertyOf } from './json-schema.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const scalarTypes = ['boolean', 'integer', 'number', 'string'];

/** What is wrong with a schema and all that it contains. */
export function judgeSchema(schema: JsonSchema, path: string, nesting: Nesting): readonly FieldError[] {
  const { ofSchema, ofRules } = judged(schema, path, nesting);
  return [...ofSchema, ...ofRules];
}

/** A rule is only compiled where the schema that it is about is fine, with all that it contains. */
interface Judged {
  readonly ofSchema: readonly FieldError[];
  /** Told behind everything else. */
  readonly ofRules: readonly FieldError[];
}

function judged(schema: JsonSchema, path: string, nesting: Nesting): Judged {
  const inside = children(schema, path, nesting);
  const ofSchema = [
    ...unsupported(schema, path),
    ...kinds(schema, path),
    ...lists(schema, path),
    ...inside.flatMap((child) => child.ofSchema),
    ...judgeForms(schema, path),
  ];
  const ofRules = inside.flatMap((child) => child.ofRules);
  if (ofSchema.length > 0) return { ofSchema, ofRules };
  return { ofSchema, ofRules: [...ofRules, ...judgeExpressions(schema, path, nesting)] };
}

function unsupported(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const given = schema as Readonly<Record<string, unknown>>;
  for (const key of ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref']) {
    if (given[key] !== undefined) errors.push(forbidden(`${path}.${key}`, `${key} is not supported`));
  }
  if (Array.isArray(schema.items)) {
    errors.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'));
  }
  if (schema.type === 'null') {
    errors.push(forbidden(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'));
  } else if (schema.type && !types.includes(schema.type)) {
    errors.push(notSupported(`${path}.type`, schema.type, types));
  }
  if (schema.uniqueItems) {
    const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    errors.push(forbidden(`${path}.uniqueItems`, why));
  }
  const hasProperties = Object.keys(propertiesOf(schema)).length > 0;
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== false && hasProperties) {
    errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
  } else if (schema.additionalProperties === false) {
    errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties cannot be set to false'));
  }
  return errors;
}

/** The extensions that say what a value is. */
function kinds(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { type = '' } = schema;
  const wanted = (which: string, because: string) => {
    const why = `must be ${which} if ${because} is specified`;
    errors.push(type === '' ? required(`${path}.type`, why) : invalid(`${path}.type`, type, why));
  };
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  }
  const mapType = schema['x-kubernetes-map-type'];
  if (mapType !== undefined) {
    if (type !== 'object') wanted('object', 'x-kubernetes-map-type');
    if (mapType !== 'atomic' && mapType !== 'granular') {
      errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
    }
  }
  const listType = schema['x-kubernetes-list-type'];
  if (listType === undefined) return errors;
  if (type !== 'array') wanted('array', 'x-kubernetes-list-type');
  else if (!['atomic', 'set', 'map'].includes(listType)) {
    errors.push(notSupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'map', 'set']));
  }
  return errors;
}

function lists(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const how = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (keys.length > 0 && how !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    const at = `${path}.x-kubernetes-list-type`;
    errors.push(how === undefined ? required(at, why) : invalid(at, how, why));
  }
  if (how === 'map') errors.push(...keyedList(schema, keys, path));
  if (how === 'set' && schema.items) errors.push(...setItems(schema.items, `${path}.items`));
  if ((how === 'set' || how === 'map') && schema.items?.nullable) {
    const why = `cannot be nullable when x-kubernetes-list-type is ${how}`;
    errors.push(forbidden(`${path}.items.nullable`, why));
  }
  return errors;
}

function keyedList(schema: JsonSchema, keys: readonly string[], path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { items } = schema;
  const at = `${path}.x-kubernetes-list-map-keys`;
  if (keys.length === 0) errors.push(required(at, 'must not be empty if x-kubernetes-list-type is map'));
  if (!items) return [...errors, required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map')];
  if (items.type !== 'object') {
    const why = "must be object if parent array's x-kubernetes-list-type is map";
    return [...errors, invalid(`${path}.items.type`, items.type ?? '', why)];
  }
  for (const [index, key] of keys.entries()) {
    const property = propertyOf(items, key);
    const place = `${path}.items.properties[${key}]`;
    if (!property) errors.push(invalid(at, keys, 'entries must all be names of item properties'));
    else if (property.type === 'array' || property.type === 'object') {
      const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      errors.push(invalid(`${place}.type`, property.type, why));
    }
    if (keys.indexOf(key) !== index) errors.push(invalid(at, keys, 'must not contain duplicate entries'));
    if (property) errors.push(...keyProperty(items, key, property, place));
  }
  return errors;
}

function keyProperty(items: JsonSchema, key: string, property: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (!items.required?.includes(key) && property.default === undefined) {
    const why = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
    errors.push(required(`${path}.default`, why));
  }
  if (property.nullable) {
    const why = 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable';
    errors.push(forbidden(`${path}.nullable`, why));
  }
  return errors;
}

function setItems(items: JsonSchema, path: string): readonly FieldError[] {
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const { type = '' } = items;
  if (scalarTypes.includes(type)) return [];
  const key = type === 'array' ? 'x-kubernetes-list-type' : 'x-kubernetes-map-type';
  const value = items[key];
  const isFine = value === 'atomic' || (type === 'array' && value === undefined);
  return isFine || (type !== 'array' && type !== 'object') ? [] : [invalid(`${path}.${key}`, value ?? null, why)];
}

function children(schema: JsonSchema, path: string, nesting: Nesting): readonly Judged[] {
  const additional = additionalOf(schema);
  const all = (list: readonly JsonSchema[] | undefined, name: string) =>
    (list ?? []).map((one, index) => judged(one, `${path}.${name}[${index}]`, nesting.inside()));
  return [
    ...(additional ? [judged(additional, `${path}.additionalProperties`, nesting.inValues(schema))] : []),
    ...Object.entries(propertiesOf(schema)).map(([name, property]) =>
      judged(property, `${path}.properties[${name}]`, nesting.inside()),
    ),
    ...(schema.not ? [judged(schema.not, `${path}.not`, nesting.inside())] : []),
    ...all(schema.allOf, 'allOf'),
    ...all(schema.oneOf, 'oneOf'),
    ...all(schema.anyOf, 'anyOf'),
    ...(schema.items && !Array.isArray(schema.items)
      ? [judged(schema.items, `${path}.items`, nesting.inItems(schema, path))]
      : []),
  ];
}
