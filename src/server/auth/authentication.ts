import { ApiError } from '../../api/error.ts';
import type { ApiRequest, Caller } from '../../api/wire.ts';
import { decodeText } from '../../base/json.ts';
import { anonymous } from '../attributes.ts';
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

const socketPrefix = 'base64url.bearer.authorization.k8s.io.';
const extraSpace = 'the provided Authorization header contains extra space before the bearer token, and is ignored';

/** Who is asking: a certificate that the connection showed, a token, or nobody in particular. */
export class Authentication {
  readonly #kinds: readonly TokenKind[];
  readonly #audiences: readonly string[];
  readonly #anonymous: AnonymousRules;

  constructor(
    kinds: readonly TokenKind[],
    options: { readonly audiences: readonly string[]; readonly anonymous?: AnonymousRules },
  ) {
    this.#kinds = kinds;
    this.#audiences = options.audiences;
    this.#anonymous = options.anonymous ?? { enabled: true };
  }

  authenticate(request: ApiRequest): Authenticated | Promise<Authenticated> {
    if (request.caller) return { caller: request.caller, warnings: [] };
    const { token, warnings } = presented(request);
    if (token !== undefined) return this.#byToken(token, warnings);
    if (!this.#allowsAnonymous(request.path)) throw new ApiError('Unauthorized', 'Unauthorized');
    return { caller: anonymous, warnings };
  }

  async #byToken(token: string, warnings: readonly string[]): Promise<Authenticated> {
    const known = await this.reviewToken(token, []);
    if ('error' in known) throw new ApiError('Unauthorized', 'Unauthorized');
    return { caller: known.caller, warnings };
  }

  /** Without audiences a token has to be for this server. Every error is told: to a reviewer, not to whoever asks. */
  async reviewToken(token: string, audiences: readonly string[]): Promise<Exclude<TokenAnswer, undefined>> {
    const errors: string[] = [];
    const wanted = audiences.length > 0 ? audiences : this.#audiences;
    for (const kind of this.#kinds) {
      const answer = await kind.verify(token, wanted);
      if (answer === undefined) continue;
      if (!('error' in answer)) return { ...answer, caller: withAuthenticated(answer.caller) };
      errors.push(answer.error);
    }
    const failed = 'invalid bearer token';
    return { error: errors.length > 0 ? `[${failed}, ${errorList(errors)}]` : failed };
  }

  #allowsAnonymous(path: string): boolean {
    const { enabled, paths } = this.#anonymous;
    return enabled && (paths === undefined || paths.includes(path));
  }
}

function presented(request: ApiRequest): { readonly token?: string; readonly warnings: readonly string[] } {
  const [scheme = '', token, rest] = (request.headers.authorization ?? '').trim().split(' ', 3);
  if (scheme.toLowerCase() === 'bearer' && token !== undefined) {
    if (token !== '') return { token, warnings: [] };
    return { warnings: rest === undefined ? [] : [extraSpace] };
  }
  const fromSocket = socketToken(request.headers['sec-websocket-protocol'] ?? '');
  return fromSocket === undefined ? { warnings: [] } : { token: fromSocket, warnings: [] };
}

/** Browsers cannot set headers on a WebSocket: the token travels as one of its protocols. */
function socketToken(protocols: string): string | undefined {
  const found = protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith(socketPrefix));
  const bytes = found && decodeBase64Url(found.slice(socketPrefix.length));
  if (!bytes) return undefined;
  try {
    return decodeText(bytes);
  } catch {
    return undefined;
  }
}

const withAuthenticated = (caller: Caller): Caller =>
  caller.groups.includes(authenticatedGroup) || caller.groups.includes('system:unauthenticated')
    ? caller
    : { ...caller, groups: [...caller.groups, authenticatedGroup] };
