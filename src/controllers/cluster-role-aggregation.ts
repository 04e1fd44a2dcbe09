import type { ClusterRole } from '../api/kinds/cluster-role.ts';
import { clusterRoles } from '../api/kinds/cluster-role.ts';
import { type Key, keyOf } from '../api/object.ts';
import { type LabelSelector, matcherOf } from '../api/selector.ts';
import { canonicalJson, equalJson, type Json } from '../base/json.ts';
import { compareText } from '../base/text.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

export interface ObservedAggregation {
  readonly role: ClusterRole;
  /** The roles that its selectors choose, by name, each once. */
  readonly parts: readonly ClusterRole[];
}

/** Gives an aggregated role the rules of all roles that are labelled for it, and no others. */
export class ClusterRoleAggregationController implements Controller<ObservedAggregation> {
  readonly name = 'clusterrole-aggregation';
  readonly #roles: Cache<ClusterRole>;

  constructor(roles: Cache<ClusterRole>) {
    this.#roles = roles;
    roles.index('aggregated', (role) => (selectorsOf(role).length > 0 ? ['yes'] : []));
  }

  sources(): readonly Source[] {
    // Labels say which roles a part belonged to, and they may just have changed: every aggregated role looks again.
    return [source(this.#roles, (role) => [keyOf(role), ...this.#roles.by('aggregated', 'yes').map(keyOf)])];
  }

  observe(key: Key): ObservedAggregation | undefined {
    const role = this.#roles.get(key);
    if (!role || role.metadata.deletionTimestamp) return undefined;
    const selectors = selectorsOf(role).map(matcherOf);
    if (selectors.length === 0) return undefined;
    const parts = this.#roles
      .list()
      .filter(({ metadata }) => metadata.name !== key.name && selectors.some((matches) => matches(metadata.labels)))
      .sort((left, right) => compareText(left.metadata.name, right.metadata.name));
    return { role, parts };
  }

  plan({ role, parts }: ObservedAggregation): Plan {
    const distinct = new Map<string, Json>();
    for (const rule of parts.flatMap(rulesOf))
      distinct.set(canonicalJson(rule), distinct.get(canonicalJson(rule)) ?? rule);
    const rules = [...distinct.values()];
    if (equalJson(rules, rulesOf(role))) return nothing;
    return { actions: [[act({ verb: 'patch', kind: clusterRoles, key: keyOf(role), patch: { rules } })]] };
  }
}

const rulesOf = (role: ClusterRole): readonly Json[] =>
  (role as unknown as { readonly rules?: readonly Json[] | null }).rules ?? [];

const selectorsOf = (role: ClusterRole): readonly LabelSelector[] =>
  (role as unknown as { readonly aggregationRule?: { readonly clusterRoleSelectors?: readonly LabelSelector[] } })
    .aggregationRule?.clusterRoleSelectors ?? [];
