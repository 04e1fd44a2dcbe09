import type { Caller } from '../../api/wire.ts';
import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import type { Attributes, ResourceAttributes } from '../attributes.ts';

export type Level = 'None' | 'Metadata' | 'Request' | 'RequestResponse';
export type Stage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic';
const levels: readonly Level[] = ['None', 'Metadata', 'Request', 'RequestResponse'];
const stages: readonly Stage[] = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'];

interface GroupResources {
  readonly group: string;
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
}
interface Rule {
  readonly level: Level;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly resources: readonly GroupResources[];
  readonly namespaces: readonly string[];
  readonly nonResourceURLs: readonly string[];
  readonly omitStages: readonly Stage[];
  readonly omitManagedFields: boolean;
}
/** How much of a request is written down, and when. */
export interface Decided {
  readonly level: Level;
  readonly omitStages: readonly Stage[];
  readonly omitManagedFields: boolean;
}
export type AuditPolicy = (asked: Attributes, caller: Caller | undefined) => Decided;

/** Everything, and of everything only who asked for what. */
export const metadataOfAll: AuditPolicy = () => ({ level: 'Metadata', omitStages: [], omitManagedFields: false });

/** A Policy of audit.k8s.io/v1. The first rule that matches decides; what none matches is not written down. */
export function auditPolicy(value: Json): AuditPolicy {
  if (!isObject(value) || value.kind !== 'Policy' || value.apiVersion !== 'audit.k8s.io/v1') {
    throw new Error('it is no Policy of audit.k8s.io/v1');
  }
  const rules = (Array.isArray(value.rules) ? value.rules : []).map((rule, index) => ruleOf(rule, `rules[${index}]`));
  if (rules.length === 0) throw new Error('it has no rules');
  const omitted = stagesOf(value.omitStages, 'omitStages');
  const omitManagedFields = value.omitManagedFields === true;
  return (asked, caller) => {
    const rule = rules.find((one) => matches(one, asked, caller));
    if (!rule) return { level: 'None', omitStages: omitted, omitManagedFields };
    const omitStages = [...omitted, ...rule.omitStages];
    return { level: rule.level, omitStages, omitManagedFields: rule.omitManagedFields || omitManagedFields };
  };
}

function ruleOf(value: Json, where: string): Rule {
  const rule: JsonObject = isObject(value) ? value : {};
  const level = levels.find((one) => one === rule.level);
  if (!level) throw new Error(`${where}.level is one of ${levels.join(', ')}, not ${JSON.stringify(rule.level)}`);
  const resources = Array.isArray(rule.resources) ? rule.resources.filter(isObject) : [];
  return {
    level,
    users: textsOf(rule.users),
    userGroups: textsOf(rule.userGroups),
    verbs: textsOf(rule.verbs),
    resources: resources.map((one) => ({
      group: typeof one.group === 'string' ? one.group : '',
      resources: textsOf(one.resources),
      resourceNames: textsOf(one.resourceNames),
    })),
    namespaces: textsOf(rule.namespaces),
    nonResourceURLs: textsOf(rule.nonResourceURLs),
    omitStages: stagesOf(rule.omitStages, `${where}.omitStages`),
    omitManagedFields: rule.omitManagedFields === true,
  };
}

const textsOf = (value: Json | undefined): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

const stagesOf = (value: Json | undefined, where: string): readonly Stage[] =>
  textsOf(value).map((text) => {
    const stage = stages.find((one) => one === text);
    if (!stage) throw new Error(`${where} has ${JSON.stringify(text)}, which is none of ${stages.join(', ')}`);
    return stage;
  });

function matches(rule: Rule, asked: Attributes, caller: Caller | undefined): boolean {
  if (rule.users.length > 0 && !(caller && rule.users.includes(caller.name))) return false;
  if (rule.userGroups.length > 0 && !caller?.groups.some((group) => rule.userGroups.includes(group))) return false;
  if (rule.verbs.length > 0 && !rule.verbs.includes(asked.verb)) return false;
  if (rule.namespaces.length > 0 || rule.resources.length > 0) return !('path' in asked) && hasResource(rule, asked);
  if (rule.nonResourceURLs.length > 0)
    return 'path' in asked && rule.nonResourceURLs.some((one) => covers(one, asked.path));
  return true;
}

function hasResource(rule: Rule, asked: ResourceAttributes): boolean {
  if (rule.namespaces.length > 0 && !rule.namespaces.includes(asked.namespace)) return false;
  if (rule.resources.length === 0) return true;
  return rule.resources.some(({ group, resources, resourceNames }) => {
    if (group !== asked.group) return false;
    if (resources.length === 0) return true;
    if (resourceNames.length > 0 && !resourceNames.includes(asked.name)) return false;
    return resources.some((one) => isResource(one, asked));
  });
}

function isResource(pattern: string, { resource, subresource }: ResourceAttributes): boolean {
  if (pattern === '*' || pattern === (subresource ? `${resource}/${subresource}` : resource)) return true;
  if (subresource !== '' && pattern === `*/${subresource}`) return true;
  return pattern === `${resource}/*`;
}

const covers = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
