import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import type { AdmissionOptions } from './built-in.ts';
import type { EventLimit } from './event-rate-limit.ts';
import { openPolicy, type Policy, policyOf } from './pod-security/policy.ts';
import type { PodSecurityOptions } from './pod-security.ts';

const modes = ['enforce', 'audit', 'warn'] as const;
const limitTypes: readonly unknown[] = ['Server', 'Namespace', 'User', 'SourceAndObject'];

/** What an AdmissionConfiguration of upstream says about the plugins that take one. Throws sentences. */
export function admissionConfiguration(file: Json): Pick<AdmissionOptions, 'podSecurity' | 'eventLimits'> {
  const whole = objectOf(file, 'the file');
  if (whole.kind !== 'AdmissionConfiguration')
    throw new Error(`kind: ${text(whole.kind)} is no AdmissionConfiguration`);
  const known: Record<string, JsonObject> = {};
  for (const [index, plugin] of listOf(whole.plugins, 'plugins').entries()) {
    const at = `plugins[${index}]`;
    const { name, configuration, path } = objectOf(plugin, at);
    if (path !== undefined && path !== '') throw new Error(`${at}.path: put the configuration in this file`);
    if (name !== 'PodSecurity' && name !== 'EventRateLimit') throw new Error(`${at}.name: ${text(name)} takes none`);
    known[name] = objectOf(configuration, `${at}.configuration`);
  }
  const { PodSecurity: security, EventRateLimit: limit } = known;
  return {
    ...(security ? { podSecurity: podSecurityOf(security) } : {}),
    ...(limit ? { eventLimits: listOf(limit.limits, 'limits').map(limitOf) } : {}),
  };
}

function podSecurityOf({ defaults, exemptions }: JsonObject): PodSecurityOptions {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(objectOf(defaults ?? {}, 'defaults'))) {
    if (!modes.some((mode) => name === mode || name === `${mode}-version`))
      throw new Error(`defaults.${name}: unknown`);
    labels[`pod-security.kubernetes.io/${name}`] = String(value);
  }
  const { policy, errors } = policyOf(labels, openPolicy);
  const [wrong] = errors;
  if (wrong) throw new Error(`defaults: ${wrong.text}`);
  // A default never makes up a warning of its own.
  const exact: Policy = labels['pod-security.kubernetes.io/warn'] ? policy : { ...policy, warn: openPolicy.warn };
  const { usernames, namespaces, runtimeClasses } = objectOf(exemptions ?? {}, 'exemptions');
  return {
    defaults: exact,
    exemptions: {
      usernames: listOf(usernames, 'exemptions.usernames').map(String),
      namespaces: listOf(namespaces, 'exemptions.namespaces').map(String),
      runtimeClasses: listOf(runtimeClasses, 'exemptions.runtimeClasses').map(String),
    },
  };
}

function limitOf(given: Json, index: number): EventLimit {
  const at = `limits[${index}]`;
  const { type, qps, burst, cacheSize } = objectOf(given, at);
  if (!limitTypes.includes(type)) throw new Error(`${at}.type: ${text(type)} is none of ${limitTypes.join(', ')}`);
  if (!isPositive(qps)) throw new Error(`${at}.qps: must be positive`);
  if (!isPositive(burst)) throw new Error(`${at}.burst: must be positive`);
  const limit = { type: type as EventLimit['type'], qps, burst };
  return isPositive(cacheSize) ? { ...limit, cacheSize } : limit;
}

const isPositive = (value: unknown): value is number => typeof value === 'number' && value > 0;
const text = (value: unknown): string => JSON.stringify(value ?? null);

function objectOf(value: Json | undefined, at: string): JsonObject {
  if (!isObject(value)) throw new Error(`${at} is no object`);
  return value;
}

function listOf(value: Json | undefined, at: string): readonly Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Error(`${at} is no list`);
  return value;
}
