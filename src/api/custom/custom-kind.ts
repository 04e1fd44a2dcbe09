import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { finish, type Steps } from '../../base/steps.ts';
import { never, type Stop } from '../../base/stop.ts';
import { type FieldError, invalid } from '../field-error.ts';
import { type CustomForm, type Kind, type KindFacts, type KindRules, makeKind, type Verb } from '../kind.ts';
import { ageOf, nameColumn } from '../kinds/columns.ts';
import type { KubeObject } from '../object.ts';
import type { ObjectType } from '../schema/schema.ts';
import { decoded } from './decoded.ts';
import type { CustomDefinition, DefinitionVersion, PrinterColumn } from './definition.ts';
import { filledIn, filledInSteps } from './fill.ts';
import { atPath, findAll } from './json-path.ts';
import type { JsonSchema } from './json-schema.ts';
import { judgeParts } from './judge-parts.ts';
import { judgeValueInSteps } from './judge-value.ts';
import { objectTypeOf } from './object-type.ts';
import { prunedObject } from './prune.ts';
import { hasRules, judgeRules } from './rules.ts';

const verbs: readonly Verb[] = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const blocking: ReadonlySet<FieldError['type']> = new Set([
  'NotSupported',
  'Required',
  'TooLong',
  'TooMany',
  'TypeInvalid',
]);
const unjudged: FieldError = {
  path: '<nil>',
  type: 'Invalid',
  text: 'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

/** What was made of a stored value in another version, where a definition says more than its name. */
type Converted = (raw: Json, apiVersion: string) => KubeObject | undefined;
export interface CustomOptions {
  readonly converted?: Converted;
  /** Why nothing can be made at the moment. */
  readonly closed?: string;
  /** Until when the definition is as it is. */
  readonly superseded?: Stop;
}

/** One served version of a definition, as the kind that the server serves like any other. */
export function customKind(
  definition: CustomDefinition,
  version: DefinitionVersion,
  options: CustomOptions = {},
): Kind {
  const facts = factsOf(definition, version);
  const schema = version.schema?.openAPIV3Schema ?? {};
  const kind = makeKind(facts, rulesOf({ definition, version, schema, facts }, options));
  return { ...kind, custom: formOf({ definition, version, schema, facts }, options) };
}

interface Parts {
  readonly definition: CustomDefinition;
  readonly version: DefinitionVersion;
  readonly schema: JsonSchema;
  readonly facts: KindFacts;
}

function factsOf({ spec, status }: CustomDefinition, version: DefinitionVersion): KindFacts {
  const names = { ...spec.names, ...status?.acceptedNames };
  const group = spec.group ?? '';
  const own = { group, version: version.name, kind: names.kind ?? '' };
  const change: readonly Verb[] = ['get', 'patch', 'update'];
  const { subresources } = version;
  return {
    ...own,
    plural: names.plural ?? '',
    singular: names.singular ?? '',
    namespaced: spec.scope === 'Namespaced',
    verbs,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    subresources: [
      ...(subresources?.status ? [{ name: 'status', ...own, verbs: change }] : []),
      ...(subresources?.scale
        ? [{ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: change }]
        : []),
    ],
  };
}

function formOf({ definition, version, schema, facts }: Parts, options: CustomOptions): CustomForm {
  const { spec, status } = definition;
  let type: ObjectType | undefined;
  const scale = version.subresources?.scale;
  const apiVersion = `${facts.group}/${facts.version}`;
  const warning = version.deprecationWarning ?? `${apiVersion} ${facts.kind} is deprecated`;
  return {
    listKind: status?.acceptedNames?.listKind || spec.names?.listKind || `${facts.kind}List`,
    get type() {
      type ??= objectTypeOf(`${facts.group}.${facts.version}.${facts.kind}`, schema);
      return type;
    },
    schema: schema as unknown as JsonObject,
    decode: (value) => decoded(schema, value),
    ...(scale ? { scale } : {}),
    ...(options.closed === undefined ? {} : { closed: options.closed }),
    superseded: options.superseded ?? never,
    ...(version.deprecated ? { warning } : {}),
  };
}

function rulesOf(parts: Parts, { converted }: CustomOptions): KindRules {
  const { definition, version, schema, facts } = parts;
  const hasStatus = version.subresources?.status !== undefined;
  const json = (object: KubeObject): Json => object as unknown as Json;
  const filled = (object: KubeObject) => filledIn(schema, json(object)) as unknown as KubeObject;
  const storage = definition.spec.versions?.find((one) => one.storage);
  const storageVersion = `${facts.group}/${storage?.name ?? facts.version}`;
  const apiVersion = `${facts.group}/${facts.version}`;
  return {
    defaults: filled,
    defaultsInSteps: (object) => filledInSteps(schema, json(object)) as Steps<unknown> as Steps<KubeObject>,
    hasGeneration: true,
    needsRevision: true,
    ...(hasStatus ? { prepareUpdate: (next, live, { subresource }) => splitWrite(next, live, subresource) } : {}),
    validate: (next, previous) => finish(judge(parts, { next, previous }, [])),
    validateInSteps: (next, previous, ofMeta = []) => judge(parts, { next, previous }, ofMeta),
    ...tableOf(version.additionalPrinterColumns),
    fields: (object) => fieldsOf(version, object),
    storedAs: {
      group: facts.group,
      plural: facts.plural,
      // What a webhook converts is converted on its way into the store.
      to: (object) => (converted ? object : { ...object, apiVersion: storageVersion }),
      from: (stored, raw) => {
        const shown = inVersion(stored, apiVersion, raw === undefined ? undefined : converted?.(raw, apiVersion));
        return filled(prunedObject(schema, json(shown) as JsonObject) as unknown as KubeObject);
      },
    },
  };
}

function inVersion(stored: KubeObject, apiVersion: string, converted: KubeObject | undefined): KubeObject {
  if (stored.apiVersion === apiVersion || !converted) return { ...stored, apiVersion };
  const { resourceVersion } = stored.metadata;
  return { ...converted, metadata: { ...converted.metadata, resourceVersion } };
}

/** Through status only the status changes, through the object all else. */
function splitWrite(next: KubeObject, live: KubeObject, subresource: string): KubeObject {
  const { status: asked, ...rest } = next;
  const { status: kept, ...before } = live;
  if (subresource !== 'status') return kept === undefined ? rest : { ...rest, status: kept };
  const { managedFields } = next.metadata;
  const metadata = managedFields === undefined ? before.metadata : { ...before.metadata, managedFields };
  return { ...before, metadata, ...(asked === undefined ? {} : { status: asked }) };
}

function* judge(
  { schema, version }: Parts,
  { next, previous }: { readonly next: KubeObject; readonly previous: KubeObject | undefined },
  ofMeta: readonly FieldError[],
): Steps<readonly FieldError[]> {
  const value = next as unknown as Json;
  const before = previous as unknown as Json | undefined;
  const ofValue = yield* judgeValueInSteps(schema, value, '', before);
  const ofParts = yield* judgeParts(schema, value);
  const errors = [...ofValue, ...judgeScale(version, value), ...ofParts];
  if (!hasRules(schema)) return errors;
  if ([...ofMeta, ...errors].some(({ type }) => blocking.has(type))) return [...errors, unjudged];
  return [...errors, ...(yield* judgeRules(schema, value, before))];
}

function judgeScale({ subresources }: DefinitionVersion, value: Json): readonly FieldError[] {
  const path = subresources?.scale?.specReplicasPath;
  const replicas = path === undefined ? undefined : atPath(value, path);
  if (path === undefined || replicas === undefined) return [];
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    const given = typeof replicas === 'number' ? 'float64' : typeof replicas;
    return [invalid(path, 0, `${path} accessor error: ${String(replicas)} is of the type ${given}, expected int64`)];
  }
  if (replicas < 0) return [invalid(path, replicas, 'should be a non-negative integer')];
  return replicas > 2 ** 31 - 1 ? [invalid(path, replicas, 'should be less than or equal to 2147483647')] : [];
}

function fieldsOf({ selectableFields = [] }: DefinitionVersion, object: KubeObject): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const { jsonPath } of selectableFields) {
    const value = atPath(object as unknown as Json, jsonPath);
    fields[jsonPath.replace(/^\./, '')] = value === undefined || value === null ? '' : String(value);
  }
  return fields;
}

const ageColumns: readonly PrinterColumn[] = [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }];

function tableOf(columns: readonly PrinterColumn[] = ageColumns): Pick<KindRules, 'columns' | 'cells'> {
  return {
    columns: [
      nameColumn,
      ...columns.map(({ name, type, format, description, priority }) => ({
        name,
        type: type as 'string',
        ...(format ? { format } : {}),
        ...(description ? { description } : {}),
        ...(priority ? { priority } : {}),
      })),
    ],
    cells: (object, now) => [
      object.metadata.name,
      ...columns.map(({ type, jsonPath }) => {
        const [value] = findAll(object as unknown as Json, jsonPath);
        return value === undefined || value === null ? null : type === 'date' ? ageOf(value, now) : cellOf(value, type);
      }),
    ],
  };
}

function cellOf(value: Json, type: string): Json {
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    default:
      return isObject(value) || Array.isArray(value) ? JSON.stringify(value) : String(value);
  }
}
