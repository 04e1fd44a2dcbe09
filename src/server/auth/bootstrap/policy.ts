import type { JsonObject } from '../../../base/json.ts';
import { rbacGroup } from '../binding-index.ts';
import type { PolicyRule } from '../policy-rule.ts';
import { bindings } from './bindings.ts';
import { controllerRoles } from './controller-roles.ts';
import { namespacedRoles } from './namespaced-roles.ts';
import { systemRoles } from './system-roles.ts';
import { userRoles } from './user-roles.ts';

/** A role that every cluster has. Without a namespace it is a ClusterRole. */
export interface BootstrapRole {
  readonly namespace: string;
  readonly name: string;
  readonly rules: readonly PolicyRule[];
  /** The labels that give it to an aggregated role. */
  readonly labels: Readonly<Record<string, string>>;
  readonly aggregationRule?: JsonObject;
}
export interface BootstrapBinding {
  readonly namespace: string;
  readonly name: string;
  readonly role: string;
  readonly subjects: readonly BootstrapSubject[];
}
export type BootstrapSubject = {
  readonly kind: string;
  readonly apiGroup?: string;
  readonly namespace?: string;
  readonly name: string;
};

const aggregateTo = 'rbac.authorization.k8s.io/aggregate-to-';

export function bootstrapRoles(): readonly BootstrapRole[] {
  const tables = [userRoles, systemRoles, controllerRoles, namespacedRoles];
  return withAggregated(tables.flatMap(blocks).map(roleOf));
}

export const bootstrapBindings = (): readonly BootstrapBinding[] => blocks(bindings).map(bindingOf);

/** What a node may do with everything that is not subdivided by node. */
export const nodeRules = (): readonly PolicyRule[] =>
  blocks(systemRoles)
    .filter(([head]) => head === 'system:node')
    .flatMap((block) => roleOf(block).rules);

/** A line that is not indented, with those below it that are. Deeper ones go on where the line above ended. */
function blocks(table: string): readonly (readonly [head: string, ...lines: string[]])[] {
  const joined = table.trim().replace(/,\n {4}/g, ',');
  const found: [string, ...string[]][] = [];
  for (const line of joined.split('\n')) {
    if (line.startsWith('  ')) found.at(-1)?.push(line.trim());
    else found.push([line]);
  }
  return found;
}

function placed(text: string): { readonly namespace: string; readonly name: string } {
  const slash = text.indexOf('/');
  return { namespace: text.slice(0, Math.max(0, slash)), name: text.slice(slash + 1) };
}

/** `NAME +TO =FROM`: its rules are given to the role TO, and it is made of what is labelled for FROM. */
function roleOf([head, ...lines]: readonly [string, ...string[]]): BootstrapRole {
  const [name = '', ...words] = head.split(' ');
  const marked = (mark: string) => words.filter((word) => word.startsWith(mark)).map((word) => word.slice(1));
  const labels = Object.fromEntries(marked('+').map((to) => [`${aggregateTo}${to}`, 'true']));
  const selectors = marked('=').map((from) => ({ matchLabels: { [`${aggregateTo}${from}`]: 'true' } }));
  return {
    ...placed(name),
    labels,
    rules: lines.map(ruleOf),
    ...(selectors.length > 0 ? { aggregationRule: { clusterRoleSelectors: selectors } } : {}),
  };
}

/** `verbs groups resources [names]`, or `verbs urls`. */
function ruleOf(line: string): PolicyRule {
  const [verbs = [], first = [], resources, resourceNames] = line.split(' ').map((word) => word.split(','));
  if (!resources) return { verbs, nonResourceURLs: first };
  const apiGroups = first.map((group) => (group === 'core' ? '' : group));
  return { verbs, apiGroups, resources, ...(resourceNames ? { resourceNames } : {}) };
}

function bindingOf([head, ...lines]: readonly [string, ...string[]]): BootstrapBinding {
  const [name = '', role] = head.split(' ');
  const place = placed(name);
  const subjects = lines.map((line): BootstrapSubject => {
    const [kind = '', subject = ''] = line.split(' ');
    return kind === 'ServiceAccount' ? { kind, ...placed(subject) } : { kind, apiGroup: rbacGroup, name: subject };
  });
  return { ...place, role: role ?? place.name, subjects };
}

/** What the aggregation controller would make of them: so that a server is of use before a controller has looked. */
function withAggregated(roles: readonly BootstrapRole[]): readonly BootstrapRole[] {
  const rulesOf = ({ rules, aggregationRule }: BootstrapRole): readonly PolicyRule[] => {
    if (!aggregationRule) return rules;
    const selectors = aggregationRule.clusterRoleSelectors as readonly { readonly matchLabels: JsonObject }[];
    const wanted = selectors.flatMap(({ matchLabels }) => Object.keys(matchLabels));
    const parts = roles.filter(({ labels }) => wanted.some((label) => labels[label] === 'true'));
    const sorted = [...parts].sort((a, b) => (a.name < b.name ? -1 : 1));
    const all = sorted.flatMap(rulesOf).map((rule) => JSON.stringify(rule));
    return [...new Set(all)].map((text) => JSON.parse(text) as PolicyRule);
  };
  return roles.map((role) => ({ ...role, rules: rulesOf(role) }));
}
