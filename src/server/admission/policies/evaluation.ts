import { CelError, CostExceeded } from '../../../api/cel/cel-error.ts';
import type { Inputs } from '../../../api/cel/environment.ts';
import { type Ask, authorizerOf, resourceCheckOf } from '../../../api/cel/library/authorization.ts';
import type { Program } from '../../../api/cel/program.ts';
import { type Result, Structure, type Value } from '../../../api/cel/value.ts';
import { anyValue, valueOf } from '../../../api/custom/cel-value.ts';
import type { JsonSchema } from '../../../api/custom/json-schema.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Named } from '../../../api/policy/compile-policy.ts';
import { namespaceSchema, requestSchema } from '../../../api/policy/environment.ts';
import type { Env } from '../../../base/env.ts';
import type { Json } from '../../../base/json.ts';
import type { AdmissionRequest } from '../plugin.ts';
import { timed } from './cel-figures.ts';

/** What all expressions of one policy together may cost for one request. */
const policyCostMax = 10_000_000;

export interface Facts {
  readonly request: AdmissionRequest;
  readonly object: KubeObject | undefined;
  readonly namespace: KubeObject | undefined;
  readonly params: KubeObject | undefined;
  readonly variables: readonly Named[];
  readonly ask: Ask;
  readonly uid: string;
  readonly env: Pick<Env, 'clock' | 'metrics'>;
}

/** One policy looking at one request: what its names stand for, made once and only where an expression asks. */
export class Evaluation {
  readonly #facts: Facts;
  readonly #values = new Map<string, Result>();
  #budget = policyCostMax;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  run(program: Program): Result {
    try {
      const evaluate = () => program.evaluate(this.#inputs);
      const { result, cost } = timed(this.#facts.env, 'evaluation', evaluate);
      this.#budget -= cost;
      if (this.#budget >= 0) return result;
      return new CelError(
        'validation failed due to running out of cost budget, no further validation rules will be run',
      );
    } catch (error) {
      if (error instanceof CostExceeded) return new CelError(error.message);
      throw error;
    }
  }

  readonly #inputs: Inputs = (name) => {
    let value = this.#values.get(name);
    if (value === undefined) {
      value = this.#made(name);
      if (value !== undefined) this.#values.set(name, value);
    }
    return value;
  };

  #made(name: string): Result | undefined {
    const { object, namespace, params, request, ask, variables, uid } = this.#facts;
    switch (name) {
      case 'object':
        return any(object);
      case 'oldObject':
        return any(request.previous);
      case 'params':
        return any(params);
      case 'namespaceObject':
        return typed(namespace as unknown as Json | undefined, namespaceSchema);
      case 'request':
        return typed(requestJson(request, object, uid), requestSchema);
      case 'authorizer':
        return authorizerOf(ask);
      case 'authorizer.requestResource':
        return resourceCheckOf(ask, requestResource(request));
      case 'variables':
        return new Variables(variables, (program) => this.run(program));
      default:
        return undefined;
    }
  }
}

const any = (object: KubeObject | undefined): Value => anyValue((object ?? null) as unknown as Json);
const typed = (value: Json | undefined, schema: JsonSchema): Result =>
  value === undefined ? null : valueOf(value, schema);

/** A policy's own variables, each worked out when it is first asked for. */
class Variables extends Structure {
  readonly typeName = 'kubernetes.variables';
  readonly #programs: ReadonlyMap<string, Program>;
  readonly #run: (program: Program) => Result;
  readonly #known = new Map<string, Result>();

  constructor(variables: readonly Named[], run: (program: Program) => Result) {
    super();
    this.#programs = new Map(variables.map(({ name, program }) => [name, program]));
    this.#run = run;
  }

  get(name: string): Result | undefined {
    let value = this.#known.get(name);
    const program = this.#programs.get(name);
    if (value === undefined && program) {
      value = this.#run(program);
      if (value instanceof CelError)
        value = new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${value.message}`);
      this.#known.set(name, value);
    }
    return value;
  }

  equals(other: Structure): boolean {
    return this === other;
  }
}

function requestJson(request: AdmissionRequest, object: KubeObject | undefined, uid: string): Json {
  const { kind, route, caller, operation, dryRun, asked = kind } = request;
  const of = { group: kind.group, version: kind.version };
  const name = route.name || object?.metadata.name || '';
  const namespace = kind.group === '' && kind.plural === 'namespaces' ? name : route.namespace;
  const resource = { ...of, resource: kind.plural };
  const subresource = route.subresource
    ? { subResource: route.subresource, requestSubResource: route.subresource }
    : {};
  return {
    uid,
    kind: { ...of, kind: kind.kind },
    resource,
    requestKind: { group: asked.group, version: asked.version, kind: asked.kind },
    requestResource: { group: asked.group, version: asked.version, resource: asked.plural },
    ...subresource,
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    operation,
    userInfo: {
      username: caller.name,
      groups: caller.groups,
      ...(caller.uid ? { uid: caller.uid } : {}),
      ...(Object.keys(caller.extra).length > 0 ? { extra: caller.extra } : {}),
    },
    dryRun,
    options: {},
  };
}

const requestResource = ({ kind, asked = kind, route }: AdmissionRequest) => ({
  group: asked.group,
  resource: asked.plural,
  subresource: route.subresource,
  namespace: route.namespace,
  name: route.name,
});
