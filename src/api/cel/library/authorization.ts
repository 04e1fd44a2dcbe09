import type { Functions } from '../environment.ts';
import * as types from '../type.ts';
import { Opaque, type Value } from '../value.ts';
import { method } from './declare.ts';

export const authorizerType = { kind: 'opaque', name: 'kubernetes.authorization.Authorizer' } as const;
export const pathCheckType = { kind: 'opaque', name: 'kubernetes.authorization.PathCheck' } as const;
export const groupCheckType = { kind: 'opaque', name: 'kubernetes.authorization.GroupCheck' } as const;
export const resourceCheckType = { kind: 'opaque', name: 'kubernetes.authorization.ResourceCheck' } as const;
export const decisionType = { kind: 'opaque', name: 'kubernetes.authorization.Decision' } as const;
const { string, bool } = types;

/** What an expression asks about: may this user do that? */
export interface Question {
  /** The service account to ask for, instead of who makes the request. */
  readonly user?: string;
  readonly verb: string;
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}
export interface Decision {
  readonly allowed: boolean;
  readonly reason: string;
}
/** The port to whoever decides. */
export type Ask = (question: Question) => Decision;

type Partial = Omit<Question, 'verb'>;

/** A question in the making. */
class Check extends Opaque {
  readonly typeName: string;
  readonly ask: Ask;
  readonly question: Partial;
  constructor(typeName: string, ask: Ask, question: Partial) {
    super();
    this.typeName = typeName;
    this.ask = ask;
    this.question = question;
  }
  equals(other: Opaque): boolean {
    return this === other;
  }
  with(more: Partial, typeName = this.typeName): Check {
    return new Check(typeName, this.ask, { ...this.question, ...more });
  }
}

class Decided extends Opaque {
  readonly typeName = decisionType.name;
  readonly decision: Decision;
  constructor(decision: Decision) {
    super();
    this.decision = decision;
  }
  equals(other: Opaque): boolean {
    return this === other;
  }
}

/** The value of the variable `authorizer`. */
export const authorizerOf = (ask: Ask): Value => new Check(authorizerType.name, ask, {});
/** The value of `authorizer.requestResource`. */
export const resourceCheckOf = (ask: Ask, about: Partial): Value => new Check(resourceCheckType.name, ask, about);

/** A question to the authorizer may go far: it is the dearest thing an expression can do. */
const askCost = 350_000;
const asking = { cost: () => askCost, estimate: () => ({ cost: { min: askCost, max: askCost } }) };

const decide = ({ ask, question }: Check, verb: string): Value => new Decided(ask({ ...question, verb }));
const part = (id: string, name: keyof Partial) =>
  method(id, [resourceCheckType, string], resourceCheckType, (check: Check, value: string) =>
    check.with({ [name]: value }),
  );
// Selectors narrow what is asked for; our authorizers decide by resource alone, which is never more generous.
const selector = (id: string) => method(id, [resourceCheckType, string], resourceCheckType, (check: Check) => check);

export const authorization: Functions = {
  path: [
    method('authorizer_path', [authorizerType, string], pathCheckType, (check: Check, path: string) =>
      check.with({ path }, pathCheckType.name),
    ),
  ],
  group: [
    method('authorizer_group', [authorizerType, string], groupCheckType, (check: Check, group: string) =>
      check.with({ group }, groupCheckType.name),
    ),
  ],
  serviceAccount: [
    method(
      'authorizer_serviceaccount',
      [authorizerType, string, string],
      authorizerType,
      (check: Check, namespace: string, name: string) =>
        check.with({ user: `system:serviceaccount:${namespace}:${name}` }),
    ),
  ],
  resource: [
    method('groupcheck_resource', [groupCheckType, string], resourceCheckType, (check: Check, resource: string) =>
      check.with({ resource, namespace: '', name: '', subresource: '' }, resourceCheckType.name),
    ),
  ],
  subresource: [part('resourcecheck_subresource', 'subresource')],
  namespace: [part('resourcecheck_namespace', 'namespace')],
  name: [part('resourcecheck_name', 'name')],
  fieldSelector: [selector('authorizer_fieldselector')],
  labelSelector: [selector('authorizer_labelselector')],
  check: [
    method('pathcheck_check', [pathCheckType, string], decisionType, [decide, asking]),
    method('resourcecheck_check', [resourceCheckType, string], decisionType, [decide, asking]),
  ],
  allowed: [method('decision_allowed', [decisionType], bool, ({ decision }: Decided) => decision.allowed)],
  reason: [method('decision_reason', [decisionType], string, ({ decision }: Decided) => decision.reason)],
  errored: [method('decision_errored', [decisionType], bool, () => false)],
  error: [method('decision_error', [decisionType], string, () => '')],
};
