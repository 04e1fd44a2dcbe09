import type { Caller } from '../../api/wire.ts';
import type { Json } from '../../base/json.ts';
import type { Store } from '../../store/store.ts';
import type { Attributes, Authorizer, Decision } from '../attributes.ts';
import { errorList } from './authorization.ts';
import { BindingIndex, type BoundRole, rbacGroup, rbacPrefix, roleKeyOf } from './binding-index.ts';
import { allReady, Mirror } from './mirror.ts';
import { type PolicyRule, ruleAllows } from './policy-rule.ts';

/** What a caller may do, as far as roles could be read. */
export interface RulesOf {
  readonly rules: readonly PolicyRule[];
  readonly errors: readonly string[];
}

/**
 * Role-based access control over the stored roles and bindings. Bindings are found by the caller's name and groups,
 * so that the cost of a request grows with what concerns its caller and not with how many bindings there are.
 */
export class Rbac implements Authorizer {
  readonly name = 'RBAC';
  readonly #roles = new Map<string, readonly PolicyRule[]>();
  readonly #bindings = new BindingIndex();
  readonly #mirrors: readonly Mirror[];

  constructor(store: Store) {
    const roles = (key: string, next: Json | undefined) => {
      if (next === undefined) this.#roles.delete(key);
      else this.#roles.set(key, (next as { readonly rules?: readonly PolicyRule[] }).rules ?? []);
    };
    const bindings = (key: string, next: Json | undefined) => this.#bindings.put(key, next);
    this.#mirrors = [
      new Mirror(store, rbacPrefix('roles'), roles),
      new Mirror(store, rbacPrefix('clusterroles'), roles),
      new Mirror(store, rbacPrefix('rolebindings'), bindings),
      new Mirror(store, rbacPrefix('clusterrolebindings'), bindings),
    ];
  }

  /** Undefined when everything is in memory already. */
  ready(): Promise<unknown> | undefined {
    return allReady(this.#mirrors);
  }

  authorize(attributes: Attributes): Decision | Promise<Decision> {
    const wait = this.ready();
    return wait ? wait.then(() => this.#judge(attributes)) : this.#judge(attributes);
  }

  #judge(attributes: Attributes): Decision {
    const namespace = 'path' in attributes ? '' : attributes.namespace;
    let errors: string[] | undefined;
    const tried: (readonly PolicyRule[])[] = [];
    for (const bound of this.#bindings.of(attributes.caller, namespace)) {
      const rules = this.#roles.get(bound.roleKey);
      if (rules === undefined) {
        errors ??= [];
        errors.push(missingRole(bound));
        continue;
      }
      // Many bindings to one role are common, and the second says nothing new.
      if (tried.includes(rules)) continue;
      tried.push(rules);
      for (const rule of rules) {
        if (ruleAllows(rule, attributes)) return { verdict: 'allow', reason: `RBAC: allowed by ${bound.text}` };
      }
    }
    return errors ? { verdict: 'none', reason: `RBAC: ${errorList(errors)}` } : { verdict: 'none' };
  }

  /** Everything that roles give this caller in a namespace, or in the whole cluster where it is ''. */
  async rulesOf(caller: Caller, namespace: string): Promise<RulesOf> {
    await this.ready();
    const rules: PolicyRule[] = [];
    const errors: string[] = [];
    for (const bound of this.#bindings.of(caller, namespace)) {
      const found = this.#roles.get(bound.roleKey);
      if (found) rules.push(...found);
      else errors.push(missingRole(bound));
    }
    return { rules, errors };
  }

  /** The rules of one role; undefined where it is not there. */
  async roleRules(kind: 'Role' | 'ClusterRole', namespace: string, name: string) {
    await this.ready();
    return this.#roles.get(roleKeyOf(kind, namespace, name));
  }
}

function missingRole({ roleKind, roleName }: BoundRole): string {
  return `${roleKind.toLowerCase()}.${rbacGroup} ${JSON.stringify(roleName)} not found`;
}
