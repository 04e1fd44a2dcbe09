import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { type MatchCondition, reviewConditions } from './review-conditions.ts';

/** Who is asked whether a request may be, one after another. */
export type AuthorizerChoice = { readonly type: PlainType; readonly name: string } | WebhookChoice;
export interface WebhookChoice {
  readonly type: 'Webhook';
  readonly name: string;
  /** A kubeconfig of who decides. */
  readonly kubeconfig: string;
  readonly rules: WebhookRules;
}
export interface WebhookRules {
  readonly version: 'v1' | 'v1beta1';
  readonly timeoutMs: number;
  /** 0: nothing of that kind is remembered. */
  readonly allowedForMs: number;
  readonly refusedForMs: number;
  /** What it means when nobody could be asked. */
  readonly failurePolicy: 'Deny' | 'NoOpinion';
  readonly conditions: readonly MatchCondition[];
}
export type PlainType = (typeof plainTypes)[number];

const plainTypes = ['Node', 'RBAC', 'AlwaysAllow', 'AlwaysDeny'] as const;
const versions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`);
const labelForm = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const conditionsMax = 64;
const timeoutMaxMs = 30_000;
const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const webhookFields = new Set([
  ...['authorizedTTL', 'cacheAuthorizedRequests', 'unauthorizedTTL', 'cacheUnauthorizedRequests', 'timeout'],
  ...['subjectAccessReviewVersion', 'matchConditionSubjectAccessReviewVersion', 'failurePolicy'],
  ...['connectionInfo', 'matchConditions'],
]);

/** apiserver.config.k8s.io AuthorizationConfiguration. What is not understood is refused, never left out. */
export function authorizationConfiguration(value: unknown): readonly AuthorizerChoice[] {
  if (!isObject(value) || value.kind !== 'AuthorizationConfiguration' || !versions.includes(String(value.apiVersion))) {
    throw new Error(`kind must be AuthorizationConfiguration and apiVersion one of ${versions.join(', ')}`);
  }
  const known = ['apiVersion', 'kind', 'authorizers'];
  onlyThese(value, new Set(known), '');
  const choices = objects(value.authorizers, 'authorizers').map(choiceOf);
  if (choices.length === 0) throw new Error('authorizers: at least one is needed');
  for (const [index, { type, name }] of choices.entries()) {
    const before = choices.slice(0, index);
    if (type !== 'Webhook' && before.some((other) => other.type === type))
      throw new Error(`authorizers[${index}].type: ${type} stands there twice`);
    if (before.some((other) => other.name === name))
      throw new Error(`authorizers[${index}].name: ${JSON.stringify(name)} stands there twice`);
  }
  return choices;
}

function choiceOf(given: JsonObject, index: number): AuthorizerChoice {
  const at = `authorizers[${index}]`;
  onlyThese(given, new Set(['type', 'name', 'webhook']), `${at}.`);
  const { type, name, webhook } = given;
  if (typeof name !== 'string' || !labelForm.test(name))
    throw new Error(`${at}.name: ${told(name)} is no name such as my-webhook or policy.example.com`);
  if (type === 'Webhook') {
    if (!isObject(webhook)) throw new Error(`${at}.webhook: is needed where the type is Webhook`);
    return webhookOf(name, webhook, `${at}.webhook`);
  }
  const plain = plainTypes.find((one) => one === type);
  if (!plain) throw new Error(`${at}.type: ${told(type)} is none of Webhook, ${plainTypes.join(', ')}`);
  if (webhook !== undefined) throw new Error(`${at}.webhook: only where the type is Webhook`);
  return { type: plain, name };
}

function webhookOf(name: string, webhook: JsonObject, at: string): WebhookChoice {
  onlyThese(webhook, webhookFields, `${at}.`);
  const { subjectAccessReviewVersion: version, matchConditionSubjectAccessReviewVersion: conditionVersion } = webhook;
  const { failurePolicy, cacheAuthorizedRequests, cacheUnauthorizedRequests } = webhook;
  const timeoutMs = durationMs(webhook.timeout, `${at}.timeout`);
  if (timeoutMs === undefined || timeoutMs > timeoutMaxMs)
    throw new Error(`${at}.timeout: ${told(webhook.timeout)} is not more than 0s and at most 30s`);
  if (version !== 'v1' && version !== 'v1beta1')
    throw new Error(`${at}.subjectAccessReviewVersion: ${told(version)} is neither v1 nor v1beta1`);
  if (failurePolicy !== 'Deny' && failurePolicy !== 'NoOpinion')
    throw new Error(`${at}.failurePolicy: ${told(failurePolicy)} is neither NoOpinion nor Deny`);
  const conditions = conditionsOf(webhook.matchConditions, `${at}.matchConditions`);
  if (conditionVersion !== undefined && conditionVersion !== 'v1')
    throw new Error(`${at}.matchConditionSubjectAccessReviewVersion: ${told(conditionVersion)} is not v1`);
  if (conditions.length > 0 && conditionVersion === undefined)
    throw new Error(`${at}.matchConditionSubjectAccessReviewVersion: v1 is needed where there are matchConditions`);
  const remembered = (ttl: 'authorizedTTL' | 'unauthorizedTTL', cache: Json | undefined, usualMs: number) =>
    cache === false ? 0 : (durationMs(webhook[ttl], `${at}.${ttl}`) ?? usualMs);
  const rules: WebhookRules = {
    version,
    timeoutMs,
    allowedForMs: remembered('authorizedTTL', cacheAuthorizedRequests, 5 * 60_000),
    refusedForMs: remembered('unauthorizedTTL', cacheUnauthorizedRequests, 30_000),
    failurePolicy,
    conditions,
  };
  return { type: 'Webhook', name, kubeconfig: kubeconfigOf(webhook.connectionInfo, `${at}.connectionInfo`), rules };
}

function conditionsOf(value: Json | undefined, at: string): readonly MatchCondition[] {
  const given = objects(value, at);
  if (given.length > conditionsMax) throw new Error(`${at}: at most ${conditionsMax} conditions`);
  const sources = given.map((one, index) => {
    onlyThese(one, new Set(['expression']), `${at}[${index}].`);
    if (typeof one.expression === 'string' && one.expression.trim() !== '') return one.expression;
    throw new Error(`${at}[${index}].expression: an expression is needed`);
  });
  const twice = sources.findIndex((source, index) => sources.indexOf(source) !== index);
  if (twice >= 0) throw new Error(`${at}[${twice}].expression: stands there twice`);
  return reviewConditions(sources, at);
}

function kubeconfigOf(value: Json | undefined, at: string): string {
  const { type, kubeConfigFile } = isObject(value) ? value : {};
  if (type !== 'KubeConfigFile') throw new Error(`${at}.type: ${told(type)} is not KubeConfigFile`);
  if (typeof kubeConfigFile === 'string' && kubeConfigFile.startsWith('/')) return kubeConfigFile;
  throw new Error(`${at}.kubeConfigFile: ${told(kubeConfigFile)} is no absolute path of a kubeconfig`);
}

/** `1m30s`, more than nothing. */
function durationMs(value: Json | undefined, at: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const parts = typeof value === 'string' ? [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)] : [];
  const length = parts.reduce((sum, [text]) => sum + text.length, 0);
  const ms = parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (unitMs[unit] ?? 0), 0);
  if (typeof value === 'string' && length === value.length && ms > 0) return ms;
  throw new Error(`${at}: ${told(value)} is no duration such as 30s or 5m`);
}

function onlyThese(value: JsonObject, known: ReadonlySet<string>, at: string): void {
  const unknown = Object.keys(value).find((name) => !known.has(name));
  if (unknown !== undefined) throw new Error(`${at}${unknown}: there is no such field`);
}

const told = (value: unknown): string => JSON.stringify(value ?? null);

function objects(value: Json | undefined, at: string): readonly JsonObject[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isObject)) throw new Error(`${at}: must be a list of objects`);
  return value;
}
