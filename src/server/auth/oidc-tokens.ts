import type { Caller } from '../../api/wire.ts';
import type { Clock, Millis } from '../../base/env.ts';
import { isObject, type JsonObject } from '../../base/json.ts';
import { audiencesOf, type ParsedToken, parseToken } from './jwt.ts';
import { credentialKey, forServer, type TokenAnswer, type TokenKind } from './tokens.ts';

/** One issuer of tokens that the cluster believes, and what becomes of its claims. What is wrong is thrown. */
export interface IssuerRules {
  readonly url: string;
  readonly discoveryUrl: string;
  /** PEM: what its certificate must be signed by, where that is not one of the machine's authorities. */
  readonly authority?: string;
  readonly audiences: readonly string[];
  readonly username: Mapping;
  readonly groups?: Mapping;
  readonly uid?: Mapping;
  readonly extra: readonly { readonly key: string; readonly values: Mapping }[];
  /** A sentence where something is not as it must be. */
  readonly claimChecks: readonly ((claims: JsonObject) => string | undefined)[];
  readonly userChecks: readonly ((caller: Caller) => string | undefined)[];
}
type Mapping = (claims: JsonObject) => readonly string[];

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
    for (const check of this.#rules.claimChecks) {
      const complaint = check(claims);
      if (complaint !== undefined) return complaint;
    }
    return undefined;
  }

  #caller(claims: JsonObject): Caller {
    const { username, groups, uid, extra, userChecks } = this.#rules;
    const name = only(username(claims), 'username');
    if (name === undefined) throw new Error('the token gives no username');
    const own = uid && only(uid(claims), 'uid');
    const { jti } = claims;
    const more = extra.flatMap(({ key, values }) => {
      const texts = values(claims);
      return texts.length > 0 ? [[key, texts] as const] : [];
    });
    const caller = {
      name,
      groups: groups?.(claims) ?? [],
      ...(own ? { uid: own } : {}),
      extra: Object.fromEntries([
        ...(typeof jti === 'string' && jti ? [[credentialKey, [`JTI=${jti}`]] as const] : []),
        ...more,
      ]),
    };
    for (const check of userChecks) {
      const complaint = check(caller);
      if (complaint !== undefined) throw new Error(`error evaluating user info: ${complaint}`);
    }
    return caller;
  }
}

function only(texts: readonly string[], what: string): string | undefined {
  if (texts.length > 1) throw new Error(`the token gives more than one ${what}`);
  return texts[0];
}

const leewaySeconds = 5 * 60;

/** A key says what it is: an elliptic key is never used as an RSA key. */
function fits(key: JsonObject, algorithm: string): boolean {
  if (!isObject(key) || (key.use !== undefined && key.use !== 'sig')) return false;
  if (key.alg !== undefined && key.alg !== algorithm) return false;
  return key.kty === (algorithm.startsWith('ES') ? 'EC' : 'RSA');
}
