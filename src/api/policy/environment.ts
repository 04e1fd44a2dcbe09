import type { Environment, Functions } from '../cel/environment.ts';
import { baseEnvironment } from '../cel/kubernetes.ts';
import { authorizerType, resourceCheckType } from '../cel/library/authorization.ts';
import { byTraversal, plain } from '../cel/library/declare.ts';
import type { CelType, ObjectTypeOf } from '../cel/type.ts';
import * as types from '../cel/type.ts';
import { declaredOf, escapedName } from '../custom/cel-type.ts';
import type { JsonSchema } from '../custom/json-schema.ts';

const text: JsonSchema = { type: 'string' };
const texts: JsonSchema = { type: 'array', items: text };
const labels: JsonSchema = { type: 'object', additionalProperties: text };
const object = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({ type: 'object', properties });
const kind = object({ group: text, version: text, kind: text });
const resource = object({ group: text, version: text, resource: text });

/** What expressions know of the request. */
export const requestSchema: JsonSchema = object({
  uid: text,
  kind,
  resource,
  subResource: text,
  requestKind: kind,
  requestResource: resource,
  requestSubResource: text,
  name: text,
  namespace: text,
  operation: text,
  userInfo: object({
    username: text,
    uid: text,
    groups: texts,
    extra: { type: 'object', additionalProperties: texts },
  }),
  dryRun: { type: 'boolean' },
  options: { 'x-kubernetes-preserve-unknown-fields': true },
});

const time: JsonSchema = { type: 'string', format: 'date-time' };
/** What expressions know of the namespace that an object is in. */
export const namespaceSchema: JsonSchema = object({
  metadata: object({
    name: text,
    generateName: text,
    namespace: text,
    labels,
    annotations: labels,
    uid: text,
    creationTimestamp: time,
    deletionGracePeriodSeconds: { type: 'integer' },
    deletionTimestamp: time,
    generation: { type: 'integer' },
    resourceVersion: text,
    finalizers: texts,
  }),
  spec: object({ finalizers: texts }),
  status: object({ phase: text }),
});

/** As the system's own types are declared. */
export const typeOfSchema = (schema: JsonSchema): CelType => unescaped(declaredOf(schema, false)?.type ?? types.dyn);

/** Fields of the system's own types are written as they are, `request.namespace` among them. */
function unescaped(type: CelType): CelType {
  if (type.kind !== 'object') return type;
  const field = (name: string): CelType | undefined => {
    const found = type.field(escapedName(name) ?? name);
    return found && unescaped(found);
  };
  return { ...type, field };
}

export interface EnvironmentOptions {
  readonly hasParams: boolean;
  readonly hasAuthorizer: boolean;
}

/** What the expressions of a policy, or the match conditions of a webhook, may speak of. */
export function policyEnvironment({ hasParams, hasAuthorizer }: EnvironmentOptions): Environment {
  const known = baseEnvironment.withVariables({
    object: types.dyn,
    oldObject: types.dyn,
    request: typeOfSchema(requestSchema),
    namespaceObject: typeOfSchema(namespaceSchema),
    ...(hasParams ? { params: types.dyn } : {}),
  });
  if (!hasAuthorizer) return known;
  return known.withVariables({ authorizer: authorizerType, 'authorizer.requestResource': resourceCheckType });
}

/** The variables that a policy has made so far. */
export function withVariables(environment: Environment, variables: ReadonlyMap<string, CelType>): Environment {
  const type: ObjectTypeOf = {
    kind: 'object',
    name: 'kubernetes.variables',
    field: (name) => variables.get(name),
  };
  return environment.withVariables({ variables: type });
}

/** `Object` and all that is inside of one, `Object.spec`: made by mutations, of any form. */
const objectFamily = (name: string): CelType | undefined =>
  /^Object(\.[A-Za-z_][A-Za-z0-9_]*)*$/.test(name) ? { kind: 'object', name, field: () => types.dyn } : undefined;
export const objectType = objectFamily('Object') as ObjectTypeOf;

const patchFields: Readonly<Record<string, CelType>> = {
  op: types.string,
  path: types.string,
  from: types.string,
  value: types.dyn,
};
export const patchType: ObjectTypeOf = { kind: 'object', name: 'JSONPatch', field: (name) => patchFields[name] };

const patchFunctions: Functions = {
  'jsonpatch.escapeKey': [
    plain('jsonpatch_escapeKey_string', [types.string], types.string, [
      (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1'),
      byTraversal(0, true),
    ]),
  ],
};

/** What mutations can do besides: make objects and patches. */
export const withMutation = (environment: Environment): Environment =>
  environment.withFunctions(patchFunctions).withTypes(patchType).withFamily(objectFamily);
