import type { Caller } from '../../api/wire.ts';
import type { Env } from '../../base/env.ts';
import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import type { Store } from '../../store/store.ts';
import { serviceAccountName } from './binding-index.ts';
import { audiencesOf, makeToken, type ParsedToken, parseToken } from './jwt.ts';
import { quotedList } from './rule-coverage.ts';
import { type BoundClaims, invalidated, TokenBindings } from './token-bindings.ts';
import { credentialKey, type TokenAnswer, type TokenKind } from './tokens.ts';

export interface TokenSigning {
  readonly issuer: string;
  /** For whom tokens are that name nobody: the API server. */
  readonly audiences: readonly string[];
  /** Names the key of `env.crypto.sign`. */
  readonly keyId: string;
  /** The public keys as JSON Web Keys. */
  readonly publicKeys: readonly Json[];
  /** Keys are retired while the server runs: what they signed is good no longer. */
  isBelieved(keyId: string): boolean;
}
/** What a token says beside who it is. */
export interface TokenOrder {
  readonly bound: BoundClaims;
  readonly audiences: readonly string[];
  readonly seconds: number;
  /** From when on the server warns that the token should have been replaced. */
  readonly warnAfterSeconds?: number;
}

const algorithm = 'ES256';
const leewaySeconds = 60;
const claimsKey = 'kubernetes.io';
const verifiedMax = 1_000;
const badSignature = 'go-jose/go-jose: error in cryptographic primitive';
const podKey = 'authentication.kubernetes.io/pod';
const nodeKey = 'authentication.kubernetes.io/node';

/** Tokens of ServiceAccounts: signed by this cluster, and good only as long as what they are bound to is there. */
export class ServiceAccountTokens implements TokenKind {
  readonly name = 'ServiceAccountToken';
  readonly #env: Env;
  readonly #signing: TokenSigning;
  readonly #bindings: TokenBindings;
  /** Signatures that were right stay right: only time and bindings are looked at again. */
  readonly #verified = new Map<string, ParsedToken>();
  readonly #callers = new WeakMap<ParsedToken, Caller>();

  constructor(env: Env, store: Store, signing: TokenSigning) {
    this.#env = env;
    this.#signing = signing;
    this.#bindings = new TokenBindings(env, store);
  }

  issue({ bound, audiences, seconds, warnAfterSeconds }: TokenOrder): string {
    const now = this.#nowSeconds();
    const claims = {
      aud: audiences,
      exp: now + seconds,
      iat: now,
      iss: this.#signing.issuer,
      jti: this.#env.random.uid(),
      [claimsKey]: {
        ...bound,
        ...(warnAfterSeconds === undefined ? {} : { warnafter: now + warnAfterSeconds }),
      } as unknown as JsonObject,
      nbf: now,
      sub: serviceAccountName(bound.namespace, bound.serviceaccount.name),
    };
    return this.#signed(claims);
  }

  /** The token of a Secret, which does not end by itself. */
  issueForSecret(at: { readonly namespace: string; readonly secret: string }, account: { name: string; uid: string }) {
    return this.#signed({
      iss: legacyIssuer,
      [`${legacyIssuer}/namespace`]: at.namespace,
      [`${legacyIssuer}/secret.name`]: at.secret,
      [`${legacyIssuer}/service-account.name`]: account.name,
      [`${legacyIssuer}/service-account.uid`]: account.uid,
      sub: serviceAccountName(at.namespace, account.name),
    });
  }

  #signed(claims: JsonObject): string {
    const header = { alg: algorithm, kid: this.#signing.keyId };
    return makeToken(header, claims, (bytes) => this.#env.crypto.sign(bytes));
  }

  verify(token: string, wanted: readonly string[]): TokenAnswer | Promise<TokenAnswer> {
    const parsed = this.#verified.get(token) ?? parseToken(token);
    if (!parsed) return undefined;
    const { iss } = parsed.claims;
    if (iss !== this.#signing.issuer && iss !== legacyIssuer) return undefined;
    if (!this.#isSigned(token, parsed)) return { error: badSignature };
    const own = iss === legacyIssuer ? this.#signing.audiences : audiencesOf(parsed.claims);
    const audiences = wanted.filter((audience) => own.includes(audience));
    if (audiences.length === 0) {
      return { error: `token audiences ${quotedList(own)} is invalid for the target audiences ${quotedList(wanted)}` };
    }
    const answer = (error: string | undefined): TokenAnswer => {
      if (error !== undefined) return { error };
      this.#env.metrics.count(this.#figureOf(parsed.claims));
      return { caller: this.#callerOf(parsed), audiences };
    };
    const error = this.#timeError(parsed.claims) ?? this.#bindingError(token, parsed.claims);
    return error instanceof Promise ? error.then(answer) : answer(error);
  }

  /** A stale one should have been replaced by its holder: it is good for a while longer. */
  #figureOf({ iss, [claimsKey]: bound }: JsonObject): string {
    if (iss === legacyIssuer) return 'serviceaccount_legacy_tokens_total';
    const warnAfter = isObject(bound) ? bound.warnafter : undefined;
    const isStale = typeof warnAfter === 'number' && this.#nowSeconds() > warnAfter;
    return isStale ? 'serviceaccount_stale_tokens_total' : 'serviceaccount_valid_tokens_total';
  }

  #callerOf(parsed: ParsedToken): Caller {
    let caller = this.#callers.get(parsed);
    if (!caller) {
      caller = parsed.claims.iss === legacyIssuer ? legacyCaller(parsed.claims) : callerOf(parsed.claims);
      this.#callers.set(parsed, caller);
    }
    return caller;
  }

  /** The algorithm is ours alone: what a header says about it can only make a token wrong. */
  #isSigned(token: string, parsed: ParsedToken): boolean {
    const { alg, kid, crit } = parsed.header;
    if (this.#verified.has(token)) return this.#signing.isBelieved(kid as string);
    if (alg !== algorithm || typeof kid !== 'string' || crit !== undefined) return false;
    if (!this.#env.crypto.verify(parsed.signed, parsed.signature, kid)) return false;
    if (this.#verified.size >= verifiedMax) this.#verified.delete(this.#verified.keys().next().value as string);
    this.#verified.set(token, parsed);
    return true;
  }

  #timeError({ exp, nbf, iat, iss }: JsonObject): string | undefined {
    if (iss === legacyIssuer) return undefined;
    const now = this.#nowSeconds();
    if (typeof exp !== 'number' || now - leewaySeconds > exp) return 'service account token has expired';
    if (typeof nbf === 'number' && now + leewaySeconds < nbf) return 'service account token is not valid yet';
    if (typeof iat === 'number' && now + leewaySeconds < iat) return 'service account token is issued in the future';
    return undefined;
  }

  #bindingError(token: string, claims: JsonObject): Promise<string | undefined> | string | undefined {
    if (claims.iss === legacyIssuer) {
      const { namespace, secret, account } = legacyClaims(claims);
      return this.#bindings.secretError({ namespace, secret, token }, account);
    }
    const bound = boundOf(claims);
    return bound && claims.sub === serviceAccountName(bound.namespace, bound.serviceaccount.name)
      ? this.#bindings.error(bound)
      : invalidated;
  }

  readonly #nowSeconds = (): number => Math.floor(this.#env.clock.now() / 1000);
}

export const legacyIssuer = 'kubernetes/serviceaccount';

function boundOf(claims: JsonObject): BoundClaims | undefined {
  const bound = claims[claimsKey];
  if (!isObject(bound) || typeof bound.namespace !== 'string' || !isObject(bound.serviceaccount)) return undefined;
  return bound as unknown as BoundClaims;
}

function legacyClaims(claims: JsonObject) {
  const text = (key: string) => String(claims[`${legacyIssuer}/${key}`] ?? '');
  return {
    namespace: text('namespace'),
    secret: text('secret.name'),
    account: { name: text('service-account.name'), uid: text('service-account.uid') },
  };
}

function accountCaller(namespace: string, account: { readonly name: string; readonly uid: string }): Caller {
  return {
    name: serviceAccountName(namespace, account.name),
    uid: account.uid,
    groups: serviceAccountGroups(namespace),
    extra: {},
  };
}

export const serviceAccountGroups = (namespace: string): readonly string[] => [
  'system:serviceaccounts',
  `system:serviceaccounts:${namespace}`,
];

function legacyCaller(claims: JsonObject): Caller {
  const { namespace, account } = legacyClaims(claims);
  return accountCaller(namespace, account);
}

function callerOf(claims: JsonObject): Caller {
  const bound = boundOf(claims) as BoundClaims;
  const { pod, node } = bound;
  const named = (key: string, reference: { name: string; uid: string } | undefined) =>
    reference ? { [`${key}-name`]: [reference.name], [`${key}-uid`]: [reference.uid] } : {};
  return {
    ...accountCaller(bound.namespace, bound.serviceaccount),
    extra: { [credentialKey]: [`JTI=${String(claims.jti)}`], ...named(nodeKey, node), ...named(podKey, pod) },
  };
}
