import { equalJson, type Json } from '../../base/json.ts';
import { duplicate, forbidden, invalid, required } from '../field-error.ts';
import { dnsLabel, dnsSubdomain } from '../names.ts';
import { type Checked, rulesOf } from './checks.ts';
import { mandatoryFlowSchemas } from './flow-mandatory.ts';

const precedenceMax = 10_000;
const exempt = 'exempt';
const verbWords = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

export const flowSchemaRules = rulesOf((root) => {
  const spec = root.at('spec');
  const name = root.at('metadata').at('name').text;
  specRules(spec, name);
  fixedRules(spec, name, mandatoryFlowSchemas);
}, flowStatusRules);

/** The objects that the server lives by must stay as they are. */
export function fixedRules(spec: Checked, name: string, fixed: ReadonlyMap<string, Json>): void {
  const must = fixed.get(name);
  if (must !== undefined && !equalJson(spec.value, must)) {
    spec.invalid(`spec of '${name}' must equal the fixed value`);
  }
}

export function flowStatusRules(root: Checked): void {
  const seen = new Set<string>();
  for (const condition of root.at('status').at('conditions').items()) {
    const type = condition.at('type');
    if (seen.has(type.text)) type.add(duplicate(type.path, type.text));
    seen.add(type.text);
    type.needed('must not be empty');
  }
}

function specRules(spec: Checked, name: string): void {
  const precedence = spec.at('matchingPrecedence');
  if (precedence.number <= 0) precedence.invalid('must be a positive value');
  if (precedence.number > precedenceMax) precedence.invalid(`must not be greater than ${precedenceMax}`);
  if (precedence.number === 1 && name !== exempt) {
    precedence.invalid("only the schema named 'exempt' may have matchingPrecedence 1");
  }
  const method = spec.at('distinguisherMethod');
  if (!method.isAbsent) method.at('type').oneOf('ByNamespace', 'ByUser');
  const level = spec.at('priorityLevelConfiguration').at('name');
  if (level.needed('must reference a priority level')) level.like(dnsSubdomain);
  for (const rule of spec.at('rules').items()) ruleRules(rule);
}

function ruleRules(rule: Checked): void {
  const subjects = rule.at('subjects');
  if (subjects.needed('subjects must contain at least one value')) {
    for (const subject of subjects.items()) subjectRules(subject);
  }
  const resources = rule.at('resourceRules');
  const paths = rule.at('nonResourceRules');
  if (resources.isEmpty && paths.isEmpty) {
    rule.add(required(rule.path, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  }
  for (const item of resources.items()) resourceRules(item);
  for (const item of paths.items()) pathRules(item);
}

const subjectFields = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const;
function subjectRules(subject: Checked): void {
  if (!subject.at('kind').oneOf(...Object.keys(subjectFields))) return;
  const kind = subject.at('kind').text;
  for (const [word, field] of Object.entries(subjectFields)) {
    const who = subject.at(field);
    if (word !== kind) {
      if (!who.isAbsent) who.add(forbidden(who.path, `${field} is forbidden when subject kind is not '${word}'`));
    } else if (who.isAbsent) who.add(required(who.path, `${field} is required when subject kind is '${word}'`));
    else if (word === 'ServiceAccount') accountRules(who);
    else who.at('name').needed();
  }
}

function accountRules(account: Checked): void {
  const name = account.at('name');
  if (name.needed() && name.text !== '*') name.like(dnsSubdomain);
  const namespace = account.at('namespace');
  if (namespace.needed('must specify namespace for service account')) namespace.like(dnsLabel);
}

/** Whether the list says everything; then nothing may stand beside it. */
function isEverything(list: Checked, what: string): boolean {
  const texts = list.items().map(({ text }) => text);
  if (!texts.includes('*')) return false;
  if (texts.length > 1) list.invalid(`if '*' is present, must not specify other ${what}`);
  return true;
}

function verbRules(verbs: Checked): void {
  if (!verbs.needed('verbs must contain at least one value') || isEverything(verbs, 'verbs')) return;
  if (verbs.items().every(({ text }) => verbWords.includes(text))) return;
  const words = verbWords.map((word) => JSON.stringify(word)).join(', ');
  const text = `Unsupported value: ${JSON.stringify(verbs.value)}: supported values: ${words}`;
  verbs.add({ path: verbs.path, type: 'NotSupported', text });
}

function resourceRules(rule: Checked): void {
  verbRules(rule.at('verbs'));
  const groups = rule.at('apiGroups');
  if (groups.needed('resource rules must supply at least one api group')) isEverything(groups, 'api groups');
  const resources = rule.at('resources');
  if (resources.needed('resource rules must supply at least one resource')) isEverything(resources, 'resources');
  const namespaces = rule.at('namespaces');
  if (namespaces.isEmpty) {
    if (rule.part.clusterScope === true) return;
    const sentence = 'resource rules that are not cluster scoped must supply at least one namespace';
    namespaces.add(required(namespaces.path, sentence));
  } else if (!isEverything(namespaces, 'namespaces')) {
    for (const namespace of namespaces.items()) {
      for (const sentence of dnsLabel(namespace.text)) {
        namespace.invalid(`each member of this list must be '*' or a DNS-1123 label; ${sentence}`);
      }
    }
  }
}

function pathRules(rule: Checked): void {
  verbRules(rule.at('verbs'));
  const urls = rule.at('nonResourceURLs');
  const sentence = 'nonResourceURLs must contain at least one value';
  if (!urls.needed(sentence) || isEverything(urls, 'non-resource URLs')) return;
  for (const url of urls.items()) urlRules(url);
}

function urlRules(url: Checked): void {
  const { text } = url;
  const wrong = (sentence: string) => url.add(invalid(url.path, text, sentence));
  if (text === '') wrong('must not be empty');
  if (text === '' || text === '/') return;
  if (!text.startsWith('/')) wrong('must start with slash');
  if (text.includes(' ')) wrong('must not contain white-space');
  if (text.includes('//')) wrong('must not contain double slash');
  const stars = text.split('*').length - 1;
  if (stars > 1 || (stars === 1 && !text.endsWith('/*'))) wrong('wildcard can only do suffix matching');
}
