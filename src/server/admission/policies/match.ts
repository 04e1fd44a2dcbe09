import type { Kind } from '../../../api/kind.ts';
import type { KubeObject, Labels } from '../../../api/object.ts';
import { matcherOf } from '../../../api/selector.ts';
import type { AdmissionRequest } from '../plugin.ts';
import type { MatchResources, NamedRule } from './policy-index.ts';

/** A write, as far as constraints look at it. */
export interface Subject {
  readonly request: AdmissionRequest;
  readonly object: KubeObject | undefined;
  /** The namespace that the object is in. */
  readonly namespace: KubeObject | undefined;
  /** All versions of the kind. */
  readonly versions: readonly Kind[];
}

/** Whether a write is one that the constraints speak of. Without rules every write is, where that is allowed. */
export function matches(constraints: MatchResources | undefined, subject: Subject, needsRules: boolean): boolean {
  if (!constraints) return !needsRules;
  const { namespaceSelector, objectSelector, resourceRules = [], excludeResourceRules = [] } = constraints;
  if (!inNamespaces(namespaceSelector, subject) || !hasLabels(objectSelector, subject)) return false;
  const isEquivalent = constraints.matchPolicy !== 'Exact';
  if (excludeResourceRules.some((rule) => ruleMatches(rule, subject, isEquivalent))) return false;
  if (resourceRules.length === 0) return !needsRules;
  return resourceRules.some((rule) => ruleMatches(rule, subject, isEquivalent));
}

function inNamespaces(selector: MatchResources['namespaceSelector'], subject: Subject): boolean {
  if (isEmpty(selector)) return true;
  const { kind } = subject.request;
  const isNamespace = kind.group === '' && kind.plural === 'namespaces';
  if (isNamespace) return matcherOf(selector)((subject.object ?? subject.request.previous)?.metadata.labels);
  return !kind.namespaced || matcherOf(selector)(subject.namespace?.metadata.labels);
}

function hasLabels(selector: MatchResources['objectSelector'], { object, request }: Subject): boolean {
  if (isEmpty(selector)) return true;
  const fits = matcherOf(selector);
  const labels = [object, request.previous].flatMap((one): readonly (Labels | undefined)[] =>
    one ? [one.metadata.labels] : [],
  );
  return labels.some(fits);
}

const isEmpty = (selector: MatchResources['objectSelector']): boolean =>
  !selector || (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0);

const includes = (words: readonly string[] | undefined, word: string): boolean =>
  words?.includes('*') || words?.includes(word) || false;

function ruleMatches(rule: NamedRule, { request, versions }: Subject, isEquivalent: boolean): boolean {
  const { kind, route, operation } = request;
  const scope = kind.namespaced ? 'Namespaced' : 'Cluster';
  if (!includes(rule.operations, operation)) return false;
  if (rule.scope && rule.scope !== '*' && rule.scope !== scope) return false;
  if (rule.resourceNames?.length && !rule.resourceNames.includes(route.name)) return false;
  const asked = isEquivalent ? versions : [kind];
  const isServed = asked.some(
    ({ group, version }) => includes(rule.apiGroups, group) && includes(rule.apiVersions, version),
  );
  return (
    isServed && (rule.resources ?? []).some((resource) => resourceMatches(resource, kind.plural, route.subresource))
  );
}

/** `pods`, `pods/status`, `pods/*`, `*`, `*\/scale`. */
function resourceMatches(wanted: string, plural: string, subresource: string): boolean {
  const [name = '', sub] = wanted.split('/');
  if (name !== '*' && name !== plural) return false;
  return sub === undefined ? subresource === '' : sub === '*' || sub === subresource;
}
