import { CelError } from '../../../api/cel/cel-error.ts';
import { ApiError } from '../../../api/error.ts';
import type { Kind } from '../../../api/kind.ts';
import type { KubeObject } from '../../../api/object.ts';
import { type CompiledPolicy, compilePolicy } from '../../../api/policy/compile-policy.ts';
import { matcherOf } from '../../../api/selector.ts';
import type { Env, Random } from '../../../base/env.ts';
import type { Authorization } from '../../auth/authorization.ts';
import { storageKey, storagePrefix } from '../../kinds.ts';
import type { AdmissionRequest } from '../plugin.ts';
import type { Versioned } from '../versions.ts';
import { askOf } from './ask.ts';
import { timedCompilation } from './cel-figures.ts';
import { allHold } from './conditions.ts';
import { Evaluation } from './evaluation.ts';
import { matchedKind, type Subject } from './match.ts';
import { type Bound, PolicyIndex } from './policy-index.ts';
import { type SubjectDeps, subjectOf } from './subject.ts';

export interface PolicyDeps extends SubjectDeps {
  readonly env: Env;
  readonly authorization: Authorization;
}

/** One policy that has something to say about a request, once for each object that parameters it. */
export interface Turn extends Bound {
  readonly compiled: CompiledPolicy;
  readonly evaluation: Evaluation;
  /** The write in the version that the policy asks for. */
  readonly seen: Versioned;
}
/** Why a policy cannot say anything: whether that stands in the way is its failure policy's to say. */
export interface Stuck extends Bound {
  readonly why: string;
}

// Whoever writes policies is not judged by them, and reviews are questions, not writes.
const exempt = new Set(['admissionregistration.k8s.io', 'authentication.k8s.io', 'authorization.k8s.io']);

/** Finds the policies that a write is to be judged by. */
export class Policies {
  readonly #deps: PolicyDeps;
  readonly #index: PolicyIndex;
  readonly #random: Random;
  /** Of those that were compiled once. */
  readonly #known = new WeakSet<object>();

  constructor(deps: PolicyDeps, sort: 'validating' | 'mutating') {
    this.#deps = deps;
    this.#index = new PolicyIndex(deps.store, sort);
    this.#random = deps.env.random.fork(`${sort} admission policies`);
  }

  /** undefined where there is no policy at all: most servers have none. */
  applicable(request: AdmissionRequest): Promise<readonly Bound[] | undefined> | readonly Bound[] | undefined {
    const wait = this.#index.ready();
    return wait ? wait.then(() => this.#bound(request)) : this.#bound(request);
  }

  #bound(request: AdmissionRequest): readonly Bound[] | undefined {
    if (this.#index.bound.length === 0 || exempt.has(request.kind.group)) return undefined;
    return this.#index.bound;
  }

  subject(object: KubeObject | undefined, request: AdmissionRequest): Promise<Subject> {
    return subjectOf(this.#deps, object, request);
  }

  /** What one binding makes of a write: nothing where it does not match. */
  async turns(bound: Bound, subject: Subject): Promise<readonly (Turn | Stuck)[]> {
    const { policy, binding } = bound;
    const kind = matchedKind(policy.spec.matchConstraints, subject, true);
    if (!kind || !matchedKind(binding.spec.matchResources, subject, false)) return [];
    const params = await this.#params(bound, subject);
    if ('why' in params) return [{ ...bound, why: params.why }];
    const compiled = this.#compiled(policy.spec);
    const broken = compiled.errors[0];
    if (broken) return [{ ...bound, why: broken.text }];
    const seen = await this.#deps.conversions.shown(subject, kind);
    const out: (Turn | Stuck)[] = [];
    for (const one of params.found) {
      const evaluation = this.#evaluation(compiled, { ...subject, ...seen }, one);
      const met = await allHold(compiled.conditions, evaluation);
      if (met instanceof CelError) out.push({ ...bound, why: met.message });
      else if (met) out.push({ ...bound, compiled, evaluation, seen });
    }
    return out;
  }

  #compiled(spec: Bound['policy']['spec']): CompiledPolicy {
    if (this.#known.has(spec)) return compilePolicy(spec);
    this.#known.add(spec);
    return timedCompilation(this.#deps.env, () => compilePolicy(spec));
  }

  /** What a policy made of a write in the version that it saw, in the version that was asked for. */
  asAsked(made: KubeObject, { request }: Versioned): Promise<KubeObject> {
    return this.#deps.conversions.converted(made, request.kind, request.asked ?? request.kind);
  }

  #evaluation({ variables }: CompiledPolicy, subject: Subject, params: KubeObject | undefined): Evaluation {
    const { request, object, namespace } = subject;
    const ask = askOf(this.#deps.authorization, request.caller);
    return new Evaluation({
      request,
      object,
      namespace,
      params,
      variables,
      ask,
      uid: this.#random.uid(),
      env: this.#deps.env,
    });
  }

  /** The objects that a binding's parameters are; one nothing where the policy takes none. */
  async #params(
    { policy, binding }: Bound,
    { request }: Subject,
  ): Promise<{ readonly found: readonly (KubeObject | undefined)[] } | { readonly why: string }> {
    const { paramKind } = policy.spec;
    const { paramRef } = binding.spec;
    if (!paramKind || !paramRef) return { found: [undefined] };
    const [version = '', group = ''] = (paramKind.apiVersion ?? '').split('/').reverse();
    const kind = this.#deps.kinds
      .all()
      .find((one) => one.group === group && one.version === version && one.kind === paramKind.kind);
    if (!kind)
      return {
        why: `failed to find resource referenced by paramKind: '${paramKind.apiVersion}, Kind=${paramKind.kind}'`,
      };
    const namespace = kind.namespaced ? (paramRef.namespace ?? request.route.namespace) : '';
    if (kind.namespaced && namespace === '') {
      return { why: 'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources' };
    }
    const found = await this.#paramObjects(kind, namespace, paramRef);
    if (found.length > 0 || paramRef.parameterNotFoundAction === 'Allow') return { found };
    return { why: 'no params found for policy binding with `Deny` parameterNotFoundAction' };
  }

  async #paramObjects(
    kind: Kind,
    namespace: string,
    ref: { readonly name?: string; readonly selector?: object },
  ): Promise<readonly KubeObject[]> {
    const { store, views } = this.#deps;
    if (ref.name) {
      const { entry } = await store.get(storageKey(kind, namespace, ref.name));
      return entry ? [views.object(kind, entry)] : [];
    }
    const { entries } = await store.list(`${storagePrefix(kind)}${kind.namespaced ? `${namespace}/` : ''}`);
    const fits = matcherOf(ref.selector);
    return entries.map((entry) => views.object(kind, entry)).filter(({ metadata }) => fits(metadata.labels));
  }
}

const reasons = ['Forbidden', 'Unauthorized', 'RequestEntityTooLarge'] as const;

/** The answer to a write that a policy refuses. */
export function refusal(
  { kind, route }: AdmissionRequest,
  name: string,
  { message, reason, text }: { readonly message: string; readonly reason?: string; readonly text: string },
): ApiError {
  const resource = kind.group ? `${kind.plural}.${kind.group}` : kind.plural;
  const known = reasons.find((one) => one === reason) ?? 'Invalid';
  return new ApiError(known, `${resource} ${JSON.stringify(route.name || name)} is forbidden: ${text}`, {
    name: route.name || name,
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.plural,
    causes: [{ message }],
  });
}
