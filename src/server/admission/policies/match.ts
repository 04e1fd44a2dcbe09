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

/**
 * The version in which the constraints speak of a write; undefined where they do not speak of it. Without rules they
 * speak of every write as it came, where that is allowed.
 */
export function matchedKind(
  constraints: MatchResources | undefined,
  subject: Subject,
  needsRules: boolean,
): Kind | undefined {
  const own = needsRules ? undefined : subject.request.kind;
  if (!constraints) return own;
  const { namespaceSelector, objectSelector, resourceRules = [], excludeResourceRules = [] } = constraints;
  if (!inNamespaces(namespaceSelector, subject) || !hasLabels(objectSelector, subject)) return undefined;
  const isEquivalent = constraints.matchPolicy !== 'Exact';
  if (kindOf(excludeResourceRules, subject, isEquivalent)) return undefined;
  return resourceRules.length === 0 ? own : kindOf(resourceRules, subject, isEquivalent);
}

/** A rule for what was asked goes before one for another version of it; among the others the earlier rule. */
function kindOf(rules: readonly NamedRule[], subject: Subject, isEquivalent: boolean): Kind | undefined {
  const { kind } = subject.request;
  if (rules.some((rule) => ruleMatches(rule, subject, kind))) return kind;
  if (!isEquivalent) return undefined;
  const others = subject.versions.filter((other) => other !== kind);
  for (const rule of rules) {
    const other = others.find((one) => ruleMatches(rule, subject, one));
    if (other) return other;
  }
  return undefined;
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

function ruleMatches(rule: NamedRule, { request: { route, operation } }: Subject, kind: Kind): boolean {
  const scope = kind.namespaced ? 'Namespaced' : 'Cluster';
  if (!includes(rule.operations, operation)) return false;
  if (rule.scope && rule.scope !== '*' && rule.scope !== scope) return false;
  if (rule.resourceNames?.length && !rule.resourceNames.includes(route.name)) return false;
  const isServed = includes(rule.apiGroups, kind.group) && includes(rule.apiVersions, kind.version);
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
