import type { KubeObject } from '../../../api/object.ts';
import type { PolicySpec } from '../../../api/policy/compile-policy.ts';
import type { LabelSelector } from '../../../api/selector.ts';
import { compareText } from '../../../base/text.ts';
import type { Store } from '../../../store/store.ts';
import { allReady, Mirror } from '../../auth/mirror.ts';

export interface NamedRule {
  readonly operations?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly scope?: string;
}
export interface MatchResources {
  readonly matchPolicy?: string;
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  readonly resourceRules?: readonly NamedRule[];
  readonly excludeResourceRules?: readonly NamedRule[];
}
export interface ParamRef {
  readonly name?: string;
  readonly namespace?: string;
  readonly selector?: LabelSelector;
  readonly parameterNotFoundAction?: string;
}
export interface Policy extends KubeObject {
  readonly spec: PolicySpec & {
    readonly failurePolicy?: string;
    readonly reinvocationPolicy?: string;
    readonly matchConstraints?: MatchResources;
    readonly paramKind?: { readonly apiVersion?: string; readonly kind?: string };
  };
}
export interface Binding extends KubeObject {
  readonly spec: {
    readonly policyName?: string;
    readonly paramRef?: ParamRef;
    readonly matchResources?: MatchResources;
    readonly validationActions?: readonly string[];
  };
}
export interface Bound {
  readonly policy: Policy;
  readonly binding: Binding;
}

/** The policies of one sort with their bindings, in the order of their names. */
export class PolicyIndex {
  readonly #mirrors: readonly Mirror[];
  readonly #policies = new Map<string, Policy>();
  readonly #bindings = new Map<string, Binding>();
  #bound: readonly Bound[] | undefined = [];

  constructor(store: Store, sort: 'validating' | 'mutating') {
    const group = '/admissionregistration.k8s.io/';
    this.#mirrors = [
      this.#mirror(store, `${group}${sort}admissionpolicies/`, this.#policies as Map<string, KubeObject>),
      this.#mirror(store, `${group}${sort}admissionpolicybindings/`, this.#bindings as Map<string, KubeObject>),
    ];
  }

  #mirror(store: Store, prefix: string, into: Map<string, KubeObject>): Mirror {
    return new Mirror(store, prefix, (key, next) => {
      const name = key.slice(prefix.length);
      if (next === undefined) into.delete(name);
      else into.set(name, next as unknown as KubeObject);
      this.#bound = undefined;
    });
  }

  ready(): Promise<unknown> | undefined {
    return allReady(this.#mirrors);
  }

  get bound(): readonly Bound[] {
    this.#bound ??= [...this.#bindings.values()]
      .flatMap((binding) => {
        const policy = this.#policies.get(binding.spec.policyName ?? '');
        return policy ? [{ policy, binding }] : [];
      })
      .sort(
        (a, b) =>
          compareText(a.policy.metadata.name, b.policy.metadata.name) ||
          compareText(a.binding.metadata.name, b.binding.metadata.name),
      );
    return this.#bound;
  }
}
