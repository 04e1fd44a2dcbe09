import { type PolicyRule, urlPatternCovers } from './policy-rule.ts';

/** What of `wanted` nobody of `held` gives, split into its smallest parts. Empty: all of it is held. */
export function missingRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  return wanted.flatMap(smallestParts).filter((part) => !held.some((rule) => covers(rule, part)));
}

/** One verb on one resource of one group (with one name), or one verb on one path. */
function smallestParts(rule: PolicyRule): readonly PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const part = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (!rule.resourceNames?.length) parts.push(part);
        else for (const name of rule.resourceNames) parts.push({ ...part, resourceNames: [name] });
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs) parts.push({ nonResourceURLs: [url], verbs: [verb] });
  }
  return parts;
}

function covers(held: PolicyRule, part: PolicyRule): boolean {
  return (
    allOf(held.verbs, part.verbs) &&
    allOf(held.apiGroups, part.apiGroups) &&
    coversResources(held.resources ?? [], part.resources ?? []) &&
    coversUrls(held.nonResourceURLs ?? [], part.nonResourceURLs ?? []) &&
    coversNames(held.resourceNames ?? [], part.resourceNames ?? [])
  );
}

const allOf = (held: readonly string[] = [], wanted: readonly string[] = []): boolean =>
  held.includes('*') || wanted.every((value) => held.includes(value));

function coversResources(held: readonly string[], wanted: readonly string[]): boolean {
  if (held.includes('*')) return true;
  return wanted.every((resource) => {
    const slash = resource.indexOf('/');
    return held.includes(resource) || (slash >= 0 && held.includes(`*${resource.slice(slash)}`));
  });
}

const coversUrls = (held: readonly string[], wanted: readonly string[]): boolean =>
  wanted.every((url) => held.some((known) => known === '*' || known === url || urlPatternCovers(known, url)));

/** Without names a rule is about every name, and so is only covered by one without names. */
function coversNames(held: readonly string[], wanted: readonly string[]): boolean {
  if (held.length === 0) return true;
  return wanted.length > 0 && wanted.every((name) => held.includes(name));
}

/** Rules that differ in nothing but their verbs become one: shorter to read, the same rights. */
export function compacted(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const simple = new Map<string, PolicyRule>();
  const others: PolicyRule[] = [];
  for (const rule of rules) {
    const key = simpleKey(rule);
    const known = key === undefined ? undefined : simple.get(key);
    if (key === undefined) others.push(rule);
    else simple.set(key, known ? { ...known, verbs: [...known.verbs, ...rule.verbs] } : rule);
  }
  return [...others, ...simple.values()];
}

function simpleKey({ apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule) {
  if (apiGroups.length !== 1 || resources.length !== 1) return undefined;
  if (resourceNames.length > 1 || nonResourceURLs.length > 0) return undefined;
  return JSON.stringify([apiGroups[0], resources[0], resourceNames[0]]);
}

/** As upstream writes a rule in a message: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`. */
export function ruleText(rule: PolicyRule): string {
  const parts = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const;
  const texts = parts.flatMap(([name, values]) => (values?.length ? [`${name}:${quotedList(values)}`] : []));
  return `{${texts.join(', ')}}`;
}

/** `["a" "b"]`: a list of texts as Go prints it. */
export const quotedList = (values: readonly string[]): string => `[${values.map((v) => JSON.stringify(v)).join(' ')}]`;
