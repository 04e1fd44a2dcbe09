import type { Attributes } from '../attributes.ts';

/** One rule of a Role or ClusterRole. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

const everything = '*';

/** Whether this rule alone allows what is asked. Its place (cluster or namespace) is the binding's matter. */
export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!hasOrAll(rule.verbs, attributes.verb)) return false;
  if ('path' in attributes) return urlAllows(rule.nonResourceURLs, attributes.path);
  const { group, resource, subresource, name } = attributes;
  return (
    hasOrAll(rule.apiGroups, group) &&
    resourceAllows(rule.resources, resource, subresource) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(name))
  );
}

const hasOrAll = (values: readonly string[] | undefined, value: string): boolean =>
  values !== undefined && (values.includes(value) || values.includes(everything));

// `pods` is not `pods/log`; `*` is both; a star before a slash is that part of anything.
function resourceAllows(resources: readonly string[] | undefined, resource: string, subresource: string): boolean {
  if (resources === undefined) return false;
  if (subresource === '') return hasOrAll(resources, resource);
  return resources.some(
    (known) => known === everything || known === `${resource}/${subresource}` || known === `*/${subresource}`,
  );
}

function urlAllows(urls: readonly string[] | undefined, path: string): boolean {
  return urls?.some((url) => url === everything || url === path || urlPatternCovers(url, path)) ?? false;
}

/** `/api/*` covers everything below `/api/`. */
export const urlPatternCovers = (pattern: string, path: string): boolean =>
  pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, ''));
