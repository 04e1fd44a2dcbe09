import { ApiError } from '../../api/error.ts';
import type { ApiRequest, Caller } from '../../api/wire.ts';
import { decodeText } from '../../base/json.ts';
import { anonymous } from '../attributes.ts';
import { oncePerHeaders } from '../once-per-headers.ts';
import { errorList } from './authorization.ts';
import { decodeBase64Url } from './jwt.ts';
import { authenticatedGroup, type TokenAnswer, type TokenKind } from './tokens.ts';

export interface Authenticated {
  readonly caller: Caller;
  /** Sentences for Warning headers. */
  readonly warnings: readonly string[];
}
export interface AnonymousRules {
  readonly enabled: boolean;
  /** Where there are any, nobody without a name gets anywhere else. */
  readonly paths?: readonly string[];
}

type Reviewed = Exclude<TokenAnswer, undefined>;
interface Review {
  readonly kinds: readonly TokenKind[];
  readonly token: string;
  readonly wanted: readonly string[];
  readonly errors: string[];
}

const everywhere: AnonymousRules = { enabled: true };
const nothingToWarn: readonly string[] = [];
export const socketTokenPrefix = 'base64url.bearer.authorization.k8s.io.';
const extraSpace = 'the provided Authorization header contains extra space before the bearer token, and is ignored';

/** Who is asking: a certificate that the connection showed, a token, or nobody in particular. */
export class Authentication {
  #kinds: readonly TokenKind[];
  readonly #audiences: readonly string[];
  #anonymous: AnonymousRules;

  constructor(
    kinds: readonly TokenKind[],
    options: { readonly audiences: readonly string[]; readonly anonymous?: AnonymousRules },
  ) {
    this.#kinds = kinds;
    this.#audiences = options.audiences;
    this.#anonymous = options.anonymous ?? everywhere;
  }

  /** From now on. */
  replace(kinds: readonly TokenKind[], anonymous: AnonymousRules = everywhere): void {
    this.#kinds = kinds;
    this.#anonymous = anonymous;
  }

  authenticate(request: ApiRequest): Authenticated | Promise<Authenticated> {
    if (request.caller) return { caller: request.caller, warnings: nothingToWarn };
    const { token, warnings } = presented(request.headers);
    if (token !== undefined) return this.#byToken(token, warnings);
    if (!this.#allowsAnonymous(request.path)) throw new ApiError('Unauthorized', 'Unauthorized');
    return { caller: anonymous, warnings };
  }

  #byToken(token: string, warnings: readonly string[]): Authenticated | Promise<Authenticated> {
    const known = this.reviewToken(token, []);
    return known instanceof Promise ? known.then((done) => believed(done, warnings)) : believed(known, warnings);
  }

  /**
   * Without audiences a token has to be for this server. Every error is told: to a reviewer, not to whoever asks. At
   * once where nobody has to be waited for.
   */
  reviewToken(token: string, audiences: readonly string[]): Reviewed | Promise<Reviewed> {
    const wanted = audiences.length > 0 ? audiences : this.#audiences;
    return this.#reviewed(0, { kinds: this.#kinds, token, wanted, errors: [] });
  }

  #reviewed(start: number, review: Review): Reviewed | Promise<Reviewed> {
    const { kinds, token, wanted } = review;
    for (let index = start; index < kinds.length; index++) {
      const answer = (kinds[index] as TokenKind).verify(token, wanted);
      if (answer instanceof Promise) {
        return answer.then((done) => judged(done, review) ?? this.#reviewed(index + 1, review));
      }
      const final = judged(answer, review);
      if (final) return final;
    }
    const failed = 'invalid bearer token';
    return { error: review.errors.length > 0 ? `[${failed}, ${errorList(review.errors)}]` : failed };
  }

  #allowsAnonymous(path: string): boolean {
    const { enabled, paths } = this.#anonymous;
    return enabled && (paths === undefined || paths.includes(path));
  }
}

function judged(answer: TokenAnswer, { errors }: Review): Reviewed | undefined {
  if (answer === undefined) return undefined;
  if (!('error' in answer)) return { ...answer, caller: withAuthenticated(answer.caller) };
  errors.push(answer.error);
  return undefined;
}

function believed(known: Reviewed, warnings: readonly string[]): Authenticated {
  if ('error' in known) throw new ApiError('Unauthorized', 'Unauthorized');
  return { caller: known.caller, warnings };
}

interface Presented {
  readonly token?: string;
  readonly warnings: readonly string[];
}

const presented = oncePerHeaders((headers): Presented => {
  const { authorization = '' } = headers;
  // As every client writes it.
  const plain = /^Bearer ([!-~]+)$/.exec(authorization)?.[1];
  if (plain !== undefined) return { token: plain, warnings: nothingToWarn };
  const [scheme = '', token, rest] = authorization.trim().split(' ', 3);
  if (scheme.toLowerCase() === 'bearer' && token !== undefined) {
    if (token !== '') return { token, warnings: [] };
    return { warnings: rest === undefined ? [] : [extraSpace] };
  }
  const protocols = headers['sec-websocket-protocol'];
  const fromSocket = protocols === undefined ? undefined : socketToken(protocols);
  return fromSocket === undefined ? { warnings: nothingToWarn } : { token: fromSocket, warnings: nothingToWarn };
});

/** Browsers cannot set headers on a WebSocket: the token travels as one of its protocols. */
function socketToken(protocols: string): string | undefined {
  const found = protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith(socketTokenPrefix));
  const bytes = found && decodeBase64Url(found.slice(socketTokenPrefix.length));
  if (!bytes) return undefined;
  try {
    return decodeText(bytes);
  } catch {
    return undefined;
  }
}

/** Callers of tokens that are remembered are asked for again and again. */
const completed = new WeakMap<Caller, Caller>();

function withAuthenticated(caller: Caller): Caller {
  const { groups } = caller;
  if (groups.includes(authenticatedGroup) || groups.includes('system:unauthenticated')) return caller;
  let whole = completed.get(caller);
  if (!whole) {
    whole = { ...caller, groups: [...groups, authenticatedGroup] };
    completed.set(caller, whole);
  }
  return whole;
}
