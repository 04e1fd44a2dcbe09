import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import type { AnonymousRules } from './authentication.ts';

/** One claim, and what is put before its value so that it cannot be taken for somebody of this cluster. */
export interface MappedClaim {
  readonly claim: string;
  readonly prefix: string;
}
/** One issuer of tokens that the cluster believes. */
export interface IssuerRules {
  readonly url: string;
  readonly discoveryUrl: string;
  /** PEM: what its certificate must be signed by, where that is not one of the machine's authorities. */
  readonly authority?: string;
  readonly audiences: readonly string[];
  readonly username: MappedClaim;
  readonly groups?: MappedClaim;
  readonly uid?: MappedClaim;
  readonly requiredClaims: readonly { readonly claim: string; readonly requiredValue: string }[];
}
export interface AuthenticationConfiguration {
  readonly issuers: readonly IssuerRules[];
  readonly anonymous?: AnonymousRules;
}

const versions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`);
const issuersMax = 64;

/** apiserver.config.k8s.io AuthenticationConfiguration. What is not understood is refused, never left out. */
export function authenticationConfiguration(value: unknown): AuthenticationConfiguration {
  if (
    !isObject(value) ||
    value.kind !== 'AuthenticationConfiguration' ||
    !versions.includes(String(value.apiVersion))
  ) {
    throw new Error(`kind must be AuthenticationConfiguration and apiVersion one of ${versions.join(', ')}`);
  }
  const issuers = objects(value.jwt, 'jwt').map(issuerOf);
  if (issuers.length > issuersMax) throw new Error(`jwt: at most ${issuersMax} issuers`);
  const urls = issuers.flatMap(({ url, discoveryUrl }) => [...new Set([url, discoveryUrl])]);
  const twice = urls.find((url, index) => urls.indexOf(url) !== index);
  if (twice !== undefined) throw new Error(`jwt: ${twice} is named twice`);
  return { issuers, ...(isObject(value.anonymous) ? { anonymous: anonymousOf(value.anonymous) } : {}) };
}

function anonymousOf({ enabled, conditions }: JsonObject): AnonymousRules {
  const paths = objects(conditions, 'anonymous.conditions').map(({ path }) => String(path ?? ''));
  return { enabled: enabled === true, ...(paths.length > 0 ? { paths } : {}) };
}

function issuerOf(jwt: JsonObject, index: number): IssuerRules {
  const at = `jwt[${index}]`;
  const issuer = isObject(jwt.issuer) ? jwt.issuer : {};
  const mappings = isObject(jwt.claimMappings) ? jwt.claimMappings : {};
  const url = secureUrl(issuer.url, `${at}.issuer.url`);
  const audiences = texts(issuer.audiences);
  if (audiences.length === 0) throw new Error(`${at}.issuer.audiences: at least one is needed`);
  if (objects(jwt.userValidationRules, `${at}.userValidationRules`).length > 0)
    throw unsupported(`${at}.userValidationRules`);
  if (objects(mappings.extra, `${at}.claimMappings.extra`).length > 0) throw unsupported(`${at}.claimMappings.extra`);
  const username = mapped(mappings.username, `${at}.claimMappings.username`);
  if (!username) throw new Error(`${at}.claimMappings.username: claim and prefix are needed`);
  const groups = mapped(mappings.groups, `${at}.claimMappings.groups`);
  const uid = mapped(mappings.uid, `${at}.claimMappings.uid`);
  const discovery = issuer.discoveryURL;
  return {
    url,
    discoveryUrl: discovery
      ? secureUrl(discovery, `${at}.issuer.discoveryURL`)
      : `${url.replace(/\/$/, '')}/.well-known/openid-configuration`,
    ...(issuer.certificateAuthority ? { authority: String(issuer.certificateAuthority) } : {}),
    audiences,
    username,
    ...(groups ? { groups } : {}),
    ...(uid ? { uid } : {}),
    requiredClaims: objects(jwt.claimValidationRules, `${at}.claimValidationRules`).map((rule) => {
      if (rule.expression) throw unsupported(`${at}.claimValidationRules`);
      return { claim: String(rule.claim ?? ''), requiredValue: String(rule.requiredValue ?? '') };
    }),
  };
}

function mapped(value: Json | undefined, at: string): MappedClaim | undefined {
  if (!isObject(value)) return undefined;
  if (value.expression) throw unsupported(at);
  if (typeof value.claim !== 'string' || value.claim === '') return undefined;
  return { claim: value.claim, prefix: typeof value.prefix === 'string' ? value.prefix : '' };
}

function secureUrl(value: Json | undefined, at: string): string {
  const url = String(value ?? '');
  // Plain HTTP would let anybody on the way hand out keys of their own.
  if (!/^https:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(url))
    throw new Error(`${at}: must be an https address without a query`);
  return url;
}

const unsupported = (at: string) => new Error(`${at}: expressions are not supported; name a claim`);
const texts = (value: Json | undefined): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

function objects(value: Json | undefined, at: string): readonly JsonObject[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isObject)) throw new Error(`${at}: must be a list of objects`);
  return value;
}
