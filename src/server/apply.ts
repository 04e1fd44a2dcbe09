import { ApiError } from '../api/error.ts';
import type { KubeObject } from '../api/object.ts';
import { configText } from '../api/patch/apply.ts';
import { structShape } from '../api/patch/shape.ts';
import { typeErrors } from '../api/patch/validate-typed.ts';
import { JsonSyntaxError } from '../api/schema/decode-json.ts';
import { decodeJsonInSteps } from '../api/schema/decode-long-json.ts';
import { schemaOf } from '../api/schema/schema.ts';
import { type ApiRequest, queryValue } from '../api/wire.ts';
import { decodeYamlInSteps } from '../api/yaml/decode.ts';
import { YamlError } from '../api/yaml/scalars.ts';
import type { Clock } from '../base/env.ts';
import { isObject, type Json, type JsonObject } from '../base/json.ts';
import { finish, type Steps } from '../base/steps.ts';
import { wholeText } from './body.ts';
import type { Decoded } from './decode.ts';
import type { FieldTracker } from './field-tracker.ts';
import { Pace } from './pace.ts';
import { decodedApply, isForced, requireIdentity } from './patch.ts';
import type { ResourceRoute } from './route.ts';
import { conflict } from './write.ts';

/** What an apply makes of the live object, or of nothing. */
export type Applying<R = Promise<Decoded>> = (live: KubeObject | undefined) => R;

/** Reads the configuration, and later applies it: a long one is read, merged and judged in turns of their own. */
export async function applyOf(
  request: ApiRequest,
  route: ResourceRoute,
  { fields, clock }: { readonly fields: FieldTracker; readonly clock: Clock },
): Promise<Applying> {
  const pace = new Pace(clock);
  const { config, warnings } = await pace.run(configOf(request));
  await pace.rest();
  const how = { manager: queryValue(request.query, 'fieldManager') ?? '', force: isForced(request) };
  return async (live) => {
    const { object: made, managedFields } = await pace.run(fields.applied(route, live, config, how));
    await pace.rest();
    const read = await pace.run(decodedApply(made, route.kind, config));
    await pace.rest();
    const { managedFields: _none, ...metadata } = read.metadata;
    const kept = managedFields.length > 0 ? { managedFields } : {};
    const object = { ...read, metadata: { ...metadata, ...kept } };
    if (live) return { object: requireIdentity(route, live, object), warnings };
    return { object: newIdentity(route, object), warnings };
  };
}

function newIdentity(route: ResourceRoute, object: KubeObject): KubeObject {
  const { uid } = object.metadata;
  if (uid) {
    throw conflict(route, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
  }
  requireIdentity(route, undefined, object);
  const { resourceVersion: _any, ...metadata } = object.metadata;
  return { ...object, metadata: metadata as KubeObject['metadata'] };
}

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** An apply of a Scale owns the replicas of what is scaled. */
export function scaleApplyOf(request: ApiRequest, route: ResourceRoute, fields: FieldTracker): Applying<Decoded> {
  const { config, warnings } = finish(configOf(request));
  const type = schemaOf(scaleKind);
  const wrong = type && finish(typeErrors(structShape(type), config));
  if (config.apiVersion !== 'autoscaling/v1' || config.kind !== 'Scale') {
    throw new ApiError('BadRequest', `invalid object type: ${String(config.apiVersion)}, Kind=${String(config.kind)}`);
  }
  if (wrong) {
    throw new ApiError('', `failed to create typed patch object (${configText(config)}): ${wrong}`);
  }
  const { kind } = route;
  const replicas = isObject(config.spec) ? config.spec.replicas : undefined;
  const scaled: JsonObject = {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: { name: route.name, ...(kind.namespaced ? { namespace: route.namespace } : {}) },
    ...(replicas === undefined ? {} : { spec: { replicas } }),
  };
  const how = { manager: queryValue(request.query, 'fieldManager') ?? '', force: isForced(request) };
  return (live) => {
    const { object, managedFields } = finish(fields.applied(route, live, scaled, how));
    const read = finish(decodedApply(object, kind, scaled));
    return { object: { ...read, metadata: { ...read.metadata, managedFields } }, warnings };
  };
}

interface Config {
  readonly config: JsonObject;
  readonly warnings: readonly string[];
}

/** The configuration that an apply sends: YAML, or JSON, which is YAML too. */
function* configOf(request: ApiRequest): Steps<Config> {
  const { body } = request;
  const mode = queryValue(request.query, 'fieldValidation') || 'Warn';
  const { value, duplicates } =
    body && 'object' in body ? { value: body.object, duplicates: [] } : yield* readText(request);
  if (!isObject(value)) {
    const word = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
    const why = `json: cannot unmarshal ${word} into Go value of type map[string]interface {}`;
    throw new ApiError('BadRequest', `error decoding YAML: error unmarshaling JSON: while decoding JSON: ${why}`);
  }
  if (duplicates.length === 0 || mode === 'Ignore') return { config: value, warnings: [] };
  const told = `yaml: unmarshal errors:\n${duplicates.join('\n')}`;
  if (mode === 'Strict') throw new ApiError('BadRequest', `error strict decoding YAML: ${told}`);
  return { config: value, warnings: [told] };
}

function* readText(request: ApiRequest): Steps<{ readonly value: Json; readonly duplicates: readonly string[] }> {
  const text = yield* wholeText(request);
  try {
    if (text.startsWith('{')) return yield* decodeJsonInSteps(text, { duplicates: true });
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
  }
  try {
    return yield* decodeYamlInSteps(text);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new ApiError('BadRequest', `error decoding YAML: error converting YAML to JSON: ${error.message}`);
  }
}
