import { type FieldError, invalid, notSupported, required } from '../field-error.ts';
import { dnsOldLabel } from '../names.ts';
import type { CustomDefinition, WebhookConversion } from './definition.ts';
import { forbiddenWhenNone } from './version-rules.ts';

const path = 'spec.conversion';
const strategies = ['None', 'Webhook'];

export function judgeConversion(conversion: CustomDefinition['spec']['conversion']): readonly FieldError[] {
  if (!conversion) return [];
  const { strategy = '', webhook } = conversion;
  if (strategy === '') return [required(`${path}.strategy`)];
  const errors = strategies.includes(strategy) ? [] : [notSupported(`${path}.strategy`, strategy, strategies)];
  if (strategy === 'Webhook') return [...errors, ...judgeWebhook(webhook)];
  if (webhook?.clientConfig) errors.push(forbiddenWhenNone(`${path}.webhookClientConfig`));
  if (webhook?.conversionReviewVersions?.length) errors.push(forbiddenWhenNone(`${path}.conversionReviewVersions`));
  return errors;
}

function judgeWebhook(webhook: WebhookConversion | undefined): readonly FieldError[] {
  const at = `${path}.webhookClientConfig`;
  const config = webhook?.clientConfig;
  const errors = config ? [...judgeClient(config, at)] : [required(at, 'required when strategy is set to Webhook')];
  return [...errors, ...judgeReviewVersions(webhook?.conversionReviewVersions ?? [])];
}

function judgeClient(config: NonNullable<WebhookConversion['clientConfig']>, at: string): readonly FieldError[] {
  const { url, service } = config;
  if ((url === undefined) === (service === undefined)) {
    return [required(at, 'exactly one of url or service is required')];
  }
  if (url !== undefined) return judgeUrl(url, `${at}.url`);
  const errors: FieldError[] = [];
  if (!service?.name) errors.push(required(`${at}.service.name`, 'service name is required'));
  if (!service?.namespace) errors.push(required(`${at}.service.namespace`, 'service namespace is required'));
  const port = service?.port ?? 443;
  if (port < 1 || port > 65_535) {
    errors.push(invalid(`${at}.service.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'));
  }
  return errors;
}

const form = '; desired format: https://host[/path]';
function judgeUrl(url: string, at: string): readonly FieldError[] {
  const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/.exec(url);
  const [, scheme = '', authority = '', , query, fragment] = match ?? [];
  const errors: FieldError[] = [];
  if (scheme !== 'https') {
    errors.push(invalid(at, scheme, `'https' is the only allowed URL scheme${form}`));
  }
  if (authority === '') errors.push(invalid(at, authority, `host must be specified${form}`));
  if (authority.includes('@'))
    errors.push(invalid(at, authority.replace(/@.*$/, ''), 'user information is not permitted in the URL'));
  if (fragment !== undefined) errors.push(invalid(at, fragment.slice(1), 'fragments are not permitted in the URL'));
  if (query !== undefined) errors.push(invalid(at, query.slice(1), 'query parameters are not permitted in the URL'));
  return errors;
}

function judgeReviewVersions(versions: readonly string[]): readonly FieldError[] {
  const at = `${path}.conversionReviewVersions`;
  if (versions.length === 0) return [required(at)];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, version] of versions.entries()) {
    if (seen.has(version)) errors.push(invalid(`${at}[${index}]`, version, 'duplicate version'));
    seen.add(version);
    for (const sentence of dnsOldLabel(version)) errors.push(invalid(`${at}[${index}]`, version, sentence));
  }
  if (!versions.some((version) => version === 'v1' || version === 'v1beta1')) {
    errors.push(invalid(at, versions, 'must include at least one of v1, v1beta1'));
  }
  return errors;
}
