import { CelError } from '../../../api/cel/cel-error.ts';
import type { KubeObject } from '../../../api/object.ts';
import { jsonPatch } from '../../../api/patch/json.ts';
import { mergeTyped } from '../../../api/patch/merge-typed.ts';
import { structShape, untypedShape } from '../../../api/patch/shape.ts';
import type { Mutation } from '../../../api/policy/compile-policy.ts';
import { jsonOf } from '../../../api/policy/structure.ts';
import { readerOf, typeOfKind } from '../../../api/schema/kind-type.ts';
import { equalJson, type Json, type JsonObject } from '../../../base/json.ts';
import { finish } from '../../../base/steps.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts';
import type { Versioned } from '../versions.ts';
import { Policies, type PolicyDeps, refusal, type Stuck } from './policies.ts';
import type { Bound } from './policy-index.ts';

/** MutatingAdmissionPolicies: expressions that change what is written. */
export class MutatingPolicies implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionPolicy';
  readonly #policies: Policies;

  constructor(deps: PolicyDeps) {
    this.#policies = new Policies(deps, 'mutating');
  }

  mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> | KubeObject {
    const all = this.#policies.applicable(request);
    if (all instanceof Promise) return all.then((found) => this.#mutated(found ?? [], object, request));
    return all ? this.#mutated(all, object, request) : object;
  }

  async #mutated(all: readonly Bound[], object: KubeObject, request: AdmissionRequest): Promise<KubeObject> {
    let next = object;
    const seen = new Map<Bound, KubeObject>();
    for (const bound of all) {
      next = await this.#through(bound, next, request);
      seen.set(bound, next);
    }
    // Whoever wants to see what others made of its work sees it once more.
    for (const bound of all) {
      const isAgain = bound.policy.spec.reinvocationPolicy === 'IfNeeded' && !equalJson(seen.get(bound), next);
      if (isAgain) next = await this.#through(bound, next, request);
    }
    return next;
  }

  async #through(bound: Bound, object: KubeObject, request: AdmissionRequest): Promise<KubeObject> {
    let next = object;
    const turns = await this.#policies.turns(bound, await this.#policies.subject(object, request));
    for (const turn of turns) {
      if ('why' in turn) {
        refuse(turn, request, object);
        continue;
      }
      for (const [index, mutation] of turn.compiled.mutations.entries()) {
        // Each mutation sees what the one before it made.
        const [again] =
          index === 0 ? [turn] : await this.#policies.turns(bound, await this.#policies.subject(next, request));
        if (!again || 'why' in again) continue;
        const result = await again.evaluation.run(mutation.program);
        const made = result instanceof CelError ? result : applied(mutation, jsonOf(result), again.seen, next);
        if (made instanceof CelError) refuse({ ...bound, why: made.message }, request, object);
        else next = await this.#policies.asAsked(made, again.seen);
      }
    }
    return next;
  }
}

function refuse({ policy, binding, why }: Stuck, request: AdmissionRequest, object: KubeObject): void {
  if (policy.spec.failurePolicy === 'Ignore') return;
  const who = `MutatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`;
  throw refusal(request, object.metadata.name, { message: why, text: `${who} denied request: ${why}` });
}

function applied(
  { type }: Mutation,
  change: Json | CelError,
  { object, request: { kind, asked } }: Versioned,
  unseen: KubeObject,
): KubeObject | CelError {
  if (change instanceof CelError) return change;
  const live = (object ?? unseen) as unknown as JsonObject;
  try {
    const made = type === 'JSONPatch' ? finish(jsonPatch(live, change)) : merged(live, change, typeOfKind(kind));
    const reader = readerOf(kind);
    const read = reader && finish(reader(made as JsonObject));
    if (read && read.errors.length > 0) return new CelError(read.errors[0] as string);
    // What another version of a custom kind does not know is not its to leave out.
    const known = asked && kind.custom ? undefined : read?.value;
    return {
      ...(known ?? (made as JsonObject)),
      apiVersion: kind.apiVersion,
      kind: kind.kind,
    } as unknown as KubeObject;
  } catch (error) {
    return new CelError((error as Error).message);
  }
}

const merged = (live: JsonObject, change: Json, type: ReturnType<typeof typeOfKind>): Json =>
  finish(mergeTyped(type ? structShape(type) : untypedShape, live, change)) as Json;
