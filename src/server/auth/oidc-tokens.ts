import type { Caller } from '../../api/wire.ts';
import type { Clock, Millis } from '../../base/env.ts';
import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import type { IssuerRules, MappedClaim } from './authentication-configuration.ts';
import { audiencesOf, type ParsedToken, parseToken } from './jwt.ts';
import { credentialKey, forServer, type TokenAnswer, type TokenKind } from './tokens.ts';

/** What the world does for an issuer of tokens: fetching its keys and judging signatures. A port. */
export interface IssuerKeys {
  /** JSON Web Keys, from the issuer's discovery document. */
  fetch(issuer: IssuerRules): Promise<readonly JsonObject[]>;
  verify(key: JsonObject, algorithm: string, signed: Uint8Array, signature: Uint8Array): boolean;
}

// Only signatures with a public key: a shared secret would let whoever knows the public key make tokens.
const algorithms = new Set(['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512']);
const fetchAgainMs: Millis = 10_000;

/** Tokens of somebody else's identity provider. */
export class OidcTokens implements TokenKind {
  readonly name = 'OIDC';
  readonly #clock: Clock;
  readonly #rules: IssuerRules;
  readonly #keys: IssuerKeys;
  readonly #serverAudiences: readonly string[];
  #known: Promise<readonly JsonObject[]> | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;

  constructor(
    clock: Clock,
    rules: IssuerRules,
    parts: { readonly keys: IssuerKeys; readonly serverAudiences: readonly string[] },
  ) {
    this.#clock = clock;
    this.#rules = rules;
    this.#keys = parts.keys;
    this.#serverAudiences = parts.serverAudiences;
  }

  async verify(token: string, audiences: readonly string[]): Promise<TokenAnswer> {
    const parsed = parseToken(token);
    if (!parsed || parsed.claims.iss !== this.#rules.url) return undefined;
    try {
      const error = (await this.#signatureError(parsed)) ?? this.#claimsError(parsed.claims);
      if (error !== undefined) return { error: `oidc: ${error}` };
      return forServer(this.#caller(parsed.claims), audiences, this.#serverAudiences);
    } catch (error) {
      return { error: `oidc: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  async #signatureError({ header, signed, signature }: ParsedToken): Promise<string | undefined> {
    const { alg, kid } = header;
    if (typeof alg !== 'string' || !algorithms.has(alg)) return `signing algorithm ${String(alg)} is not supported`;
    for (const again of [false, true]) {
      const keys = await this.#keysNow(again);
      const fitting = keys.filter((key) => fits(key, alg) && (kid === undefined || key.kid === kid));
      if (fitting.some((key) => this.#keys.verify(key, alg, signed, signature))) return undefined;
      if (fitting.length > 0) break;
    }
    return 'failed to verify id token signature';
  }

  /** Keys are renewed by their issuer: an unknown one is asked for again, but not on every wrong token. */
  #keysNow(again: boolean): Promise<readonly JsonObject[]> {
    const now = this.#clock.monotonic();
    if (this.#known && !(again && now - this.#fetchedAt >= fetchAgainMs)) return this.#known;
    this.#fetchedAt = now;
    const fetched = this.#keys.fetch(this.#rules);
    this.#known = fetched;
    fetched.catch(() => {
      if (this.#known === fetched) this.#known = undefined;
    });
    return fetched;
  }

  #claimsError(claims: JsonObject): string | undefined {
    const now = this.#clock.now() / 1000;
    const { exp, nbf } = claims;
    if (typeof exp !== 'number' || exp < now) return 'verify token: oidc: token is expired';
    if (typeof nbf === 'number' && nbf > now + leewaySeconds)
      return 'verify token: oidc: current time is before the nbf time';
    const own = audiencesOf(claims);
    if (!own.some((audience) => this.#rules.audiences.includes(audience))) {
      return `verify token: oidc: expected audience in ${JSON.stringify(this.#rules.audiences)} got ${JSON.stringify(own)}`;
    }
    for (const { claim, requiredValue } of this.#rules.requiredClaims) {
      if (claims[claim] === undefined) return `required claim ${claim} not present in ID token`;
      if (claims[claim] !== requiredValue) return `required claim ${claim} value does not match`;
    }
    return undefined;
  }

  #caller(claims: JsonObject): Caller {
    const { username, groups, uid } = this.#rules;
    if (username.claim === 'email' && claims.email_verified !== undefined && claims.email_verified !== true) {
      throw new Error('email not verified');
    }
    const name = claimText(claims, username);
    if (name === undefined) throw new Error(`username claim ${username.claim} is not a text`);
    const own = uid && claimText(claims, uid);
    const { jti } = claims;
    return {
      name: `${username.prefix}${name}`,
      groups: groups ? texts(claims[groups.claim]).map((group) => `${groups.prefix}${group}`) : [],
      ...(own ? { uid: own } : {}),
      extra: typeof jti === 'string' && jti ? { [credentialKey]: [`JTI=${jti}`] } : {},
    };
  }
}

const leewaySeconds = 5 * 60;

/** A key says what it is: an elliptic key is never used as an RSA key. */
function fits(key: JsonObject, algorithm: string): boolean {
  if (!isObject(key) || (key.use !== undefined && key.use !== 'sig')) return false;
  if (key.alg !== undefined && key.alg !== algorithm) return false;
  return key.kty === (algorithm.startsWith('ES') ? 'EC' : 'RSA');
}

function claimText(claims: JsonObject, { claim }: MappedClaim): string | undefined {
  const value = claims[claim];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function texts(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
