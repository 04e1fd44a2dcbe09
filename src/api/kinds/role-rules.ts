import { equalJson, type Json } from '../../base/json.ts';
import { required } from '../field-error.ts';
import { dnsSubdomain, pathSegment } from '../names.ts';
import type { KubeObject } from '../object.ts';
import { goView } from '../schema/go-view.ts';
import { type Checked, rulesOf } from './checks.ts';
import type { Part } from './defaulting.ts';

export const roleRules = rulesOf(validateRole);
export const roleBindingRules = rulesOf((root, previous) => validateBinding(root, previous, ['Role', 'ClusterRole']));
export const clusterRoleBindingRules = rulesOf((root, previous) => validateBinding(root, previous, ['ClusterRole']));

/** No rules are told as null. */
export const withRules = <T extends KubeObject>(role: T): T =>
  (role as unknown as Part).rules === undefined ? { ...role, rules: null } : role;

const rbac = 'rbac.authorization.k8s.io';

function validateRole(root: Checked): void {
  for (const rule of root.at('rules').items()) validateRule(rule, root.at('metadata').at('namespace').text !== '');
  const aggregation = root.at('aggregationRule');
  if (aggregation.isAbsent) return;
  const selectors = aggregation.at('clusterRoleSelectors');
  if (!selectors.needed('at least one clusterRoleSelector required if aggregationRule is non-nil')) return;
  for (const selector of selectors.items()) {
    const before = selector.errors.length;
    // The selector is judged at the place of its list's item, and once more as a whole.
    selector.selector();
    if (selector.errors.length > before) selector.invalid('invalid label selector.');
  }
}

function validateRule(rule: Checked, namespaced: boolean): void {
  rule.at('verbs').needed('verbs must contain at least one value');
  const urls = rule.at('nonResourceURLs');
  if (!urls.isEmpty) {
    if (namespaced) urls.invalid('namespaced rules cannot apply to non-resource URLs');
    const others = ['apiGroups', 'resources', 'resourceNames'].map((key) => rule.at(key));
    if (others.some(({ isEmpty }) => !isEmpty)) {
      urls.invalid('rules cannot apply to both regular resources and non-resource URLs');
    }
    return;
  }
  rule.at('apiGroups').needed('resource rules must supply at least one api group');
  rule.at('resources').needed('resource rules must supply at least one resource');
}

function validateBinding(root: Checked, previous: Checked | undefined, kinds: readonly string[]): void {
  const role = root.at('roleRef');
  role.at('apiGroup').oneOf(rbac);
  role.at('kind').oneOf(...kinds);
  if (role.at('name').needed()) role.at('name').like(pathSegment);
  if (previous && !equalJson(role.value as Json, previous.at('roleRef').value as Json)) {
    role.invalidAs(goView('rbac.v1.RoleRef', role.value), 'cannot change roleRef');
  }
  for (const subject of root.at('subjects').items()) validateSubject(subject, kinds.length === 1);
}

function validateSubject(subject: Checked, clusterWide: boolean): void {
  const name = subject.at('name');
  const group = subject.at('apiGroup');
  name.needed();
  if (subject.part.kind === 'ServiceAccount') {
    if (!name.isEmpty) name.like(dnsSubdomain);
    if (!group.isEmpty) group.oneOf('');
    if (clusterWide) {
      const namespace = subject.at('namespace');
      if (namespace.isEmpty) namespace.add(required(namespace.path));
    }
  } else if (subject.part.kind === 'User' || subject.part.kind === 'Group') group.oneOf(rbac);
  else subject.at('kind').oneOf('ServiceAccount', 'User', 'Group');
}
