import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import type { AnonymousRules } from './authentication.ts';
import { claimCheck, claimTexts, userCheck } from './claim-expressions.ts';
import type { IssuerRules } from './oidc-tokens.ts';

export interface AuthenticationConfiguration {
  readonly issuers: readonly IssuerRules[];
  readonly anonymous?: AnonymousRules;
}

const versions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`);
const issuersMax = 64;
const extraKeyForm = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[a-z0-9._~%!$&'()*+,;=:@/-]+$/;

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
  const paths = objects(conditions, 'anonymous.conditions').map(({ path }) => textOf(path));
  return { enabled: enabled === true, ...(paths.length > 0 ? { paths } : {}) };
}

function issuerOf(jwt: JsonObject, index: number): IssuerRules {
  const at = `jwt[${index}]`;
  const issuer = isObject(jwt.issuer) ? jwt.issuer : {};
  const mappings = isObject(jwt.claimMappings) ? jwt.claimMappings : {};
  const url = secureUrl(issuer.url, `${at}.issuer.url`);
  const audiences = Array.isArray(issuer.audiences) ? issuer.audiences.map(String) : [];
  if (audiences.length === 0) throw new Error(`${at}.issuer.audiences: at least one is needed`);
  const username = mapped(mappings.username, `${at}.claimMappings.username`);
  if (!username) throw new Error(`${at}.claimMappings.username: a claim with a prefix, or an expression, is needed`);
  requireVerifiedEmail(jwt, mappings, at);
  const groups = mapped(mappings.groups, `${at}.claimMappings.groups`);
  const uid = mapped(mappings.uid, `${at}.claimMappings.uid`);
  const extra = objects(mappings.extra, `${at}.claimMappings.extra`).map((one, position) =>
    extraOf(one, `${at}.claimMappings.extra[${position}]`),
  );
  const { discoveryURL, certificateAuthority } = issuer;
  return {
    url,
    discoveryUrl: discoveryURL
      ? secureUrl(discoveryURL, `${at}.issuer.discoveryURL`)
      : `${url.replace(/\/$/, '')}/.well-known/openid-configuration`,
    ...(certificateAuthority ? { authority: textOf(certificateAuthority) } : {}),
    audiences,
    username,
    ...(groups ? { groups } : {}),
    ...(uid ? { uid } : {}),
    extra,
    claimChecks: objects(jwt.claimValidationRules, `${at}.claimValidationRules`).map((rule, position) =>
      claimRule(rule, `${at}.claimValidationRules[${position}]`),
    ),
    userChecks: objects(jwt.userValidationRules, `${at}.userValidationRules`).map((rule, position) =>
      userCheck(ruleOf(rule, `${at}.userValidationRules[${position}]`)),
    ),
  };
}

/** The texts that a claim, or an expression over all of them, gives. */
function mapped(value: Json | undefined, at: string): ((claims: JsonObject) => readonly string[]) | undefined {
  if (!isObject(value)) return undefined;
  const { claim, expression, prefix } = value;
  if (expression) {
    if (claim || prefix) throw new Error(`${at}: an expression stands alone, without claim and prefix`);
    return claimTexts(textOf(expression), `${at}.expression`);
  }
  const name = textOf(claim);
  if (name === '') return undefined;
  return (claims) => claimValues(claims, name).map((text) => `${textOf(prefix)}${text}`);
}

function claimValues(claims: JsonObject, name: string): readonly string[] {
  const value = claims[name];
  if (name === 'email' && claims.email_verified !== undefined && claims.email_verified !== true) {
    throw new Error('email not verified');
  }
  if (typeof value === 'string') return value === '' ? [] : [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** Whoever may choose an address without showing that it is theirs could be anybody. */
function requireVerifiedEmail(jwt: JsonObject, mappings: JsonObject, at: string): void {
  const username = isObject(mappings.username) ? textOf(mappings.username.expression) : '';
  if (!/\bclaims\s*(\.\s*email\b(?!_)|\[\s*['"]email['"])/.test(username)) return;
  const extra = objects(mappings.extra, `${at}.claimMappings.extra`).map((one) => textOf(one.valueExpression));
  const rules = objects(jwt.claimValidationRules, `${at}.claimValidationRules`).map((one) => textOf(one.expression));
  if ([username, ...extra, ...rules].some((text) => text.includes('email_verified'))) return;
  throw new Error(
    `${at}.claimMappings.username.expression: claims.email_verified must be used as well when claims.email is used`,
  );
}

function extraOf({ key, valueExpression }: JsonObject, at: string): IssuerRules['extra'][number] {
  const name = textOf(key);
  const domain = name.split('/')[0] as string;
  const own = ['kubernetes.io', 'k8s.io'].some((known) => domain === known || domain.endsWith(`.${known}`));
  if (!extraKeyForm.test(name) || own) throw new Error(`${at}.key: must be a lower-case path in a domain of your own`);
  return { key: name, values: claimTexts(textOf(valueExpression), `${at}.valueExpression`) };
}

function claimRule(rule: JsonObject, at: string): (claims: JsonObject) => string | undefined {
  if (rule.expression) return claimCheck(ruleOf(rule, at));
  const claim = textOf(rule.claim);
  if (claim === '') throw new Error(`${at}: a claim or an expression is needed`);
  return (claims) => {
    if (claims[claim] === undefined) return `required claim ${claim} not present in ID token`;
    return claims[claim] === textOf(rule.requiredValue) ? undefined : `required claim ${claim} value does not match`;
  };
}

const ruleOf = ({ expression, message }: JsonObject, at: string) => ({
  source: textOf(expression),
  at: `${at}.expression`,
  message: textOf(message),
});

function secureUrl(value: Json | undefined, at: string): string {
  const url = textOf(value);
  // Plain HTTP would let anybody on the way hand out keys of their own.
  if (/^https:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(url)) return url;
  throw new Error(`${at}: must be an https address without a query`);
}

const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

function objects(value: Json | undefined, at: string): readonly JsonObject[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isObject)) throw new Error(`${at}: must be a list of objects`);
  return value;
}
