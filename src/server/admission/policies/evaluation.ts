import { CelError, CostExceeded } from '../../../api/cel/cel-error.ts';
import type { Inputs } from '../../../api/cel/environment.ts';
import { type Ask, authorizerOf, resourceCheckOf } from '../../../api/cel/library/authorization.ts';
import type { Evaluation as Outcome, Program } from '../../../api/cel/program.ts';
import type { Result, Value } from '../../../api/cel/value.ts';
import { anyValue, valueOf } from '../../../api/custom/cel-value.ts';
import type { JsonSchema } from '../../../api/custom/json-schema.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { Named } from '../../../api/policy/compile-policy.ts';
import { namespaceSchema, requestSchema } from '../../../api/policy/environment.ts';
import type { Env } from '../../../base/env.ts';
import type { Json } from '../../../base/json.ts';
import { finish, type Steps } from '../../../base/steps.ts';
import { Pace } from '../../pace.ts';
import type { AdmissionRequest } from '../plugin.ts';
import { timedEvaluation } from './cel-figures.ts';
import { Variables, variablesIn, variablesName } from './variables.ts';

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
  readonly #pace: Pace;
  readonly #values = new Map<string, Result>();
  /** What came of variables that nobody has asked for yet. */
  readonly #ahead = new Map<Program, Outcome>();
  #budget = policyCostMax;

  constructor(facts: Facts) {
    this.#facts = facts;
    this.#pace = new Pace(facts.env.clock);
  }

  /** Long ones let others have their turn, and so does what is between two. */
  async run(program: Program): Promise<Result> {
    if (this.#budget < 0) return outOfBudget();
    const outcome = await this.#pace.run(this.#inSteps(program));
    await this.#pace.rest();
    return this.#paid(outcome);
  }

  *#inSteps(program: Program): Steps<Outcome> {
    yield* this.#workOutVariables(program);
    return yield* this.#evaluated(program);
  }

  /** An expression cannot wait for its variables: those that may take long are worked out before they are asked for. */
  *#workOutVariables(program: Program): Steps<void> {
    for (const name of variablesIn(program)) {
      const variable = this.#facts.variables.find((one) => one.name === name)?.program;
      if (!variable || this.#ahead.has(variable)) continue;
      yield* this.#workOutVariables(variable);
      if (variable.hasLoops) this.#ahead.set(variable, yield* this.#evaluated(variable));
    }
  }

  *#evaluated(program: Program): Steps<Outcome> {
    try {
      return yield* timedEvaluation(this.#facts.env, program.evaluateInSteps(this.#inputs));
    } catch (error) {
      if (error instanceof CostExceeded) return { result: new CelError(error.message), cost: 0 };
      throw error;
    }
  }

  /** What nobody asked for costs nothing. */
  #paid({ result, cost }: Outcome): Result {
    this.#budget -= cost;
    return this.#budget < 0 ? outOfBudget() : result;
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
      case variablesName:
        return new Variables(variables, (one) => this.#paid(this.#ahead.get(one) ?? finish(this.#evaluated(one))));
      default:
        return undefined;
    }
  }
}

const outOfBudget = () =>
  new CelError('validation failed due to running out of cost budget, no further validation rules will be run');

const any = (object: KubeObject | undefined): Value => anyValue((object ?? null) as unknown as Json);
const typed = (value: Json | undefined, schema: JsonSchema): Result =>
  value === undefined ? null : valueOf(value, schema);

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
