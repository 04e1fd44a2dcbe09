import { namespaces } from '../../../api/kinds/namespace.ts';
import type { KubeObject, Labels } from '../../../api/object.ts';
import { matcherOf } from '../../../api/selector.ts';
import type { Store } from '../../../store/store.ts';
import { storageKey } from '../../kinds.ts';
import { notFound } from '../../read.ts';
import type { AdmissionRequest } from '../plugin.ts';
import type { Rule, Webhook } from './configured.ts';

// Whoever could stop the removal of a hook that fails could never be got rid of.
const exempt = new Set(['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']);

/** Whether hooks are asked about such a request at all. */
export const isHookable = ({ kind }: AdmissionRequest): boolean =>
  !(kind.group === 'admissionregistration.k8s.io' && exempt.has(kind.plural));

export const matchesRules = (hook: Webhook, request: AdmissionRequest): boolean =>
  (hook.rules ?? []).some((rule) => matchesRule(rule, request));

function matchesRule(rule: Rule, { operation, kind, route }: AdmissionRequest): boolean {
  const { operations, apiGroups, apiVersions, resources, scope = '*' } = rule;
  if (scope !== '*' && (scope === 'Namespaced') !== kind.namespaced) return false;
  return (
    includes(operations, operation) &&
    includes(apiGroups, kind.group) &&
    includes(apiVersions, kind.version) &&
    (resources ?? []).some((resource) => matchesResource(resource, kind.plural, route.subresource))
  );
}

const includes = (words: readonly string[] | undefined, word: string): boolean =>
  words?.some((one) => one === '*' || one === word) ?? false;

function matchesResource(rule: string, plural: string, subresource: string): boolean {
  const slash = rule.indexOf('/');
  const [wantedPlural, wantedSub] = slash < 0 ? [rule, ''] : [rule.slice(0, slash), rule.slice(slash + 1)];
  return (wantedPlural === '*' || wantedPlural === plural) && (wantedSub === '*' || wantedSub === subresource);
}

/** Either half may fit: a hook wants to know of an object that leaves its selection too. */
export function matchesObject(
  hook: Webhook,
  object: KubeObject | undefined,
  previous: KubeObject | undefined,
): boolean {
  const selector = hook.objectSelector;
  if (!selector || isEverything(selector)) return true;
  const fits = matcherOf(selector);
  return [object, previous].some((half) => half !== undefined && fits(half.metadata.labels));
}

/** By the labels of the namespace that the object is in; a namespace is selected by its own. */
export async function matchesNamespace(
  store: Store,
  hook: Webhook,
  object: KubeObject | undefined,
  { kind, route, previous }: AdmissionRequest,
): Promise<boolean> {
  const selector = hook.namespaceSelector;
  if (!selector || isEverything(selector)) return true;
  const isNamespace = kind.group === '' && kind.plural === 'namespaces';
  if (!kind.namespaced && !isNamespace) return true;
  const own = isNamespace && route.subresource === '' ? (object ?? previous)?.metadata.labels : undefined;
  return matcherOf(selector)(own ?? (await labelsOf(store, isNamespace ? route.name : route.namespace)));
}

async function labelsOf(store: Store, name: string): Promise<Labels | undefined> {
  const { entry } = await store.get(storageKey(namespaces as never, '', name));
  if (!entry) throw notFound(namespaces as never, name);
  return (entry.value as unknown as KubeObject).metadata.labels;
}

const isEverything = ({ matchLabels = {}, matchExpressions = [] }: NonNullable<Webhook['objectSelector']>): boolean =>
  Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
