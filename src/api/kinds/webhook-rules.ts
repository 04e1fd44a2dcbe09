import { duplicate, invalid, notSupported, required } from '../field-error.ts';
import { dnsOldLabel, dnsSubdomain, portNumber } from '../names.ts';
import { compileConditions } from '../policy/compile-policy.ts';
import { type Checked, rulesOf } from './checks.ts';
import {
  failurePolicyWords,
  matchConditionRules,
  matchPolicyWords,
  reinvocationWords,
  ruleRules,
} from './match-rules.ts';

export const validatingWebhookRules = rulesOf((root, previous) => configurationRules(root, previous));
export const mutatingWebhookRules = rulesOf((root, previous) => {
  configurationRules(root, previous);
  for (const webhook of root.at('webhooks').items()) {
    webhook.at('reinvocationPolicy').optionalOneOf(...reinvocationWords);
  }
});

/** What an update need not keep because the stored object does not either. */
interface Demands {
  readonly withoutSideEffects: boolean;
  readonly knownReviews: boolean;
  readonly uniqueNames: boolean;
}
const reviewVersions = ['v1', 'v1beta1'];
const quietWords = ['None', 'NoneOnDryRun'];
const sideEffectWords = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];

function demandsOf(previous: Checked | undefined): Demands {
  const before = previous?.at('webhooks').items() ?? [];
  const names = before.map((webhook) => webhook.at('name').text);
  const isKnown = (webhook: Checked) =>
    webhook
      .at('admissionReviewVersions')
      .items()
      .some(({ text }) => reviewVersions.includes(text));
  return {
    withoutSideEffects: before.every((webhook) => quietWords.includes(webhook.at('sideEffects').text)),
    knownReviews: before.every(isKnown),
    uniqueNames: new Set(names).size === names.length,
  };
}

function configurationRules(root: Checked, previous: Checked | undefined): void {
  const demands = demandsOf(previous);
  const names = new Set<string>();
  for (const webhook of root.at('webhooks').items()) {
    webhookRules(webhook, demands);
    const name = webhook.at('name');
    if (demands.uniqueNames && !name.isEmpty && names.has(name.text)) name.add(duplicate(name.path, name.text));
    names.add(name.text);
  }
}

const timeoutMax = 30;
function webhookRules(webhook: Checked, demands: Demands): void {
  qualifiedDomain(webhook.at('name'));
  for (const rule of webhook.at('rules').items()) ruleRules(rule);
  webhook.at('failurePolicy').optionalOneOf(...failurePolicyWords);
  webhook.at('matchPolicy').optionalOneOf(...matchPolicyWords);
  const effects = webhook.at('sideEffects');
  const allowed = demands.withoutSideEffects ? quietWords : sideEffectWords;
  if (effects.isAbsent) effects.add(required(effects.path, `must specify one of ${allowed.join(', ')}`));
  else if (!allowed.includes(effects.text)) effects.add(notSupported(effects.path, effects.text, allowed));
  webhook.at('timeoutSeconds').between(1, timeoutMax, `the timeout value must be between 1 and ${timeoutMax} seconds`);
  webhook.at('namespaceSelector').selector();
  webhook.at('objectSelector').selector();
  clientRules(webhook.at('clientConfig'));
  const conditions = webhook.at('matchConditions');
  matchConditionRules(conditions);
  const parts = conditions.items().map(({ part }) => part);
  conditions.add(...compileConditions(parts, conditions.path).errors);
  reviewRules(webhook.at('admissionReviewVersions'), demands.knownReviews);
}

function qualifiedDomain(name: Checked): void {
  if (!name.needed()) return;
  const sentences = dnsSubdomain(name.text);
  if (sentences.length > 0) name.invalid(sentences.join(','));
  else if (name.text.split('.').length < 3) {
    name.invalid('should be a domain with at least three segments separated by dots');
  }
}

function reviewRules(versions: Checked, known: boolean): void {
  const listed = reviewVersions.join(', ');
  if (!versions.needed(`must specify one of ${listed}`)) return;
  const seen = new Set<string>();
  for (const version of versions.items()) {
    if (seen.has(version.text)) {
      version.invalid('duplicate version');
      continue;
    }
    seen.add(version.text);
    version.like(dnsOldLabel);
  }
  if (known && !reviewVersions.some((version) => seen.has(version))) {
    versions.invalid(`must include at least one of ${listed}`);
  }
}

function clientRules(client: Checked): void {
  const url = client.at('url');
  const service = client.at('service');
  if (url.isAbsent === service.isAbsent) {
    client.add(required(client.path, 'exactly one of url or service is required'));
  } else if (!url.isAbsent) webhookUrlRules(url);
  else webhookServiceRules(service);
}

// Scheme, user, host, query and fragment of a text that need not be an address at all.
const urlPattern =
  /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/(?:([^/?#@]*)@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;

/** Where a webhook is called that has an address of its own. */
function webhookUrlRules(url: Checked): void {
  const form = '; desired format: https://host[/path]';
  const unreadable = unreadableUrl(url.text);
  if (unreadable) {
    url.add(required(url.path, `url must be a valid URL: parse ${JSON.stringify(url.text)}: ${unreadable}${form}`));
    return;
  }
  const [, scheme = '', user, host = '', , query = '', fragment = ''] = urlPattern.exec(url.text) ?? [];
  const wrong = (value: string, sentence: string) => url.add(invalid(url.path, value, sentence));
  if (scheme.toLowerCase() !== 'https') wrong(scheme, `'https' is the only allowed URL scheme${form}`);
  if (host === '') wrong(host, `host must be specified${form}`);
  if (user !== undefined) wrong(user, 'user information is not permitted in the URL');
  if (fragment !== '') wrong(fragment, 'fragments are not permitted in the URL');
  if (query !== '') wrong(query, 'query parameters are not permitted in the URL');
}

function unreadableUrl(text: string): string | undefined {
  if (text === '') return undefined;
  if (/[\x00-\x1f\x7f]/.test(text)) return 'net/url: invalid control character in URL';
  const escape = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(text.split(/[?#]/)[0] ?? '');
  if (escape) return `invalid URL escape ${JSON.stringify(escape[0])}`;
  if (text.startsWith(':')) return 'missing protocol scheme';
  const head = text.split('/')[0] ?? '';
  if (head.includes(':') && !/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text)) {
    return 'first path segment in URL cannot contain colon';
  }
  const host = urlPattern.exec(text)?.[3] ?? '';
  const wrong = /[ "<>\\^`{|}]/.exec(host);
  if (wrong) return `invalid character ${JSON.stringify(wrong[0])} in host name`;
  const port = /:([^:\]]*)$/.exec(host)?.[1];
  if (port !== undefined && !/^[0-9]*$/.test(port)) return `invalid port ${JSON.stringify(`:${port}`)} after host`;
  return undefined;
}

/** Where a webhook is called that stands behind a Service. */
function webhookServiceRules(service: Checked): void {
  // Upstream hands over the name as the namespace and the other way round: each is missed at the other's place.
  const missed = (key: string, at: string) => {
    if (service.at(key).isEmpty) service.add(required(service.at(at).path));
  };
  missed('namespace', 'name');
  missed('name', 'namespace');
  const port = service.at('port');
  const sentences = portNumber(port.number);
  if (sentences.length > 0) port.add(invalid(port.path, port.number, `port is not valid: ${sentences.join(',')}`));
  servicePathRules(service.at('path'));
}

function servicePathRules(path: Checked): void {
  const { text } = path;
  if (text === '' || text === '/') return;
  if (text === '//') {
    path.invalid('segment[0] may not be empty');
    return;
  }
  if (!text.startsWith('/')) path.invalid("must start with a '/'");
  const inner = text.slice(1).replace(/\/$/, '');
  inner.split('/').forEach((segment, index) => {
    if (segment === '') path.invalid(`segment[${index}] may not be empty`);
    else for (const sentence of dnsSubdomain(segment)) path.invalid(`segment[${index}]: ${sentence}`);
  });
}
