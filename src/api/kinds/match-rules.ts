import { duplicate, forbidden, notSupported, required } from '../field-error.ts';
import { dnsSubdomain, pathSegment, qualifiedName } from '../names.ts';
import type { Checked } from './checks.ts';
import { expressionRules } from './expression-rules.ts';

// What webhooks and admission policies have in common: which requests they match.

const operationWords = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const scopeWords = ['*', 'Cluster', 'Namespaced'];
const conditionsMax = 64;

export const failurePolicyWords = ['Fail', 'Ignore'] as const;
export const matchPolicyWords = ['Equivalent', 'Exact'] as const;
export const reinvocationWords = ['IfNeeded', 'Never'] as const;

/** The operations, groups, versions and resources that a rule matches. */
export function ruleRules(rule: Checked): void {
  const operations = rule.at('operations');
  if (operations.needed()) {
    aloneRules(operations, 'operations');
    for (const operation of operations.items()) {
      if (!operationWords.includes(operation.text)) {
        operation.add(notSupported(operation.path, operation.text, operationWords));
      }
    }
  }
  const groups = rule.at('apiGroups');
  if (groups.needed()) aloneRules(groups, 'API groups');
  const versions = rule.at('apiVersions');
  if (versions.needed()) aloneRules(versions, 'API versions');
  for (const version of versions.items()) version.needed();
  resourceRules(rule.at('resources'));
  rule.at('scope').optionalOneOf(...scopeWords);
}

/** A wildcard says everything: nothing may stand beside it. */
function aloneRules(list: Checked, what: string): void {
  const texts = list.items().map(({ text }) => text);
  if (texts.length > 1 && texts.includes('*')) {
    list.invalid(`if '*' is present, must not specify other ${what}`);
  }
}

function resourceRules(resources: Checked): void {
  if (!resources.needed()) return;
  const items = resources.items();
  const whole = new Set<string>();
  const everywhere = new Set<string>();
  let plain = false;
  for (const item of items) {
    if (!item.needed()) continue;
    const slash = item.text.indexOf('/');
    if (slash < 0) {
      // Upstream looks at the last one without a subresource only.
      plain = item.text !== '*';
      continue;
    }
    const resource = item.text.slice(0, slash);
    const sub = item.text.slice(slash + 1);
    const covered = (by: string) => item.invalid(`if '${by}' is present, must not specify ${item.text}`);
    if (whole.has(resource)) covered(`${resource}/*`);
    if (everywhere.has(sub)) covered(`*/${sub}`);
    if (sub === '*') whole.add(resource);
    if (resource === '*') everywhere.add(sub);
  }
  const texts = items.map(({ text }) => text);
  if (texts.length > 1 && texts.includes('*/*')) {
    resources.invalid("if '*/*' is present, must not specify other resources");
  }
  if (texts.includes('*') && plain) {
    resources.invalid("if '*' is present, must not specify other resources without subresources");
  }
}

export function matchConditionRules(conditions: Checked): void {
  const items = conditions.items();
  conditions.itemsAtMost(conditionsMax);
  const names = new Set<string>();
  for (const condition of items) {
    expressionRules(condition.at('expression'));
    const name = condition.at('name');
    if (!name.needed()) continue;
    name.like(qualifiedName);
    if (names.has(name.text)) name.add(duplicate(name.path, name.text));
    names.add(name.text);
  }
}

/** What a policy or its binding matches; nothing is said about those that are not there. */
export function matchResourcesRules(match: Checked): void {
  if (match.isAbsent) return;
  presentOneOf(match.at('matchPolicy'), matchPolicyWords);
  for (const key of ['namespaceSelector', 'objectSelector']) {
    const selector = match.at(key);
    if (selector.isAbsent) selector.add(required(selector.path));
    else selector.selector();
  }
  for (const key of ['resourceRules', 'excludeResourceRules']) {
    for (const rule of match.at(key).items()) namedRuleRules(rule);
  }
}

function namedRuleRules(rule: Checked): void {
  const seen = new Set<string>();
  for (const name of rule.at('resourceNames').items()) {
    name.like(pathSegment);
    if (seen.has(name.text)) name.add(duplicate(name.path, name.text));
    seen.add(name.text);
  }
  ruleRules(rule);
}

/** Which parameters a binding gives its policy. */
export function paramReferenceRules(reference: Checked): void {
  if (reference.isAbsent) return;
  const name = reference.at('name');
  const selector = reference.at('selector');
  const sentence = 'name and selector are mutually exclusive';
  if (!name.isEmpty) {
    name.like(pathSegment);
    if (!selector.isAbsent) name.add(forbidden(name.path, sentence));
  }
  selector.selector();
  if (!selector.isAbsent && !name.isEmpty) selector.add(forbidden(selector.path, sentence));
  if (name.isEmpty && selector.isAbsent) {
    reference.add(required(reference.path, 'one of name or selector must be specified'));
  }
  reference.at('parameterNotFoundAction').neededOneOf('Deny', 'Allow');
}

/** A word that must be there; one that is there and empty is none of those that are supported. */
export function presentOneOf(word: Checked, words: readonly string[]): void {
  if (word.isAbsent) word.add(required(word.path));
  else word.oneOf(...words);
}

export function policyNameRules(name: Checked): void {
  if (name.needed()) name.like(dnsSubdomain);
}
