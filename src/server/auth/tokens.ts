import type { Caller } from '../../api/wire.ts';

/**
 * What became of a token: whom it stands for and for which of the audiences asked, why it is refused, or undefined
 * where it is not of this kind and somebody else may know it.
 */
export type TokenAnswer =
  | { readonly caller: Caller; readonly audiences: readonly string[] }
  | { readonly error: string }
  | undefined;

/** One kind of token: service account tokens, bootstrap tokens, an OIDC issuer's, ... */
export interface TokenKind {
  readonly name: string;
  verify(token: string, audiences: readonly string[]): Promise<TokenAnswer> | TokenAnswer;
}

export const authenticatedGroup = 'system:authenticated';
export const credentialKey = 'authentication.kubernetes.io/credential-id';

/** For tokens that know no audience: they are for the API server itself and nobody else. */
export function forServer(caller: Caller, asked: readonly string[], own: readonly string[]): TokenAnswer {
  const audiences = asked.filter((audience) => own.includes(audience));
  return audiences.length > 0 ? { caller, audiences } : undefined;
}

/** Compares in the same time wherever the texts differ: a secret is not to be found out letter by letter. */
export function sameSecret(left: string, right: string): boolean {
  let difference = left.length ^ right.length;
  for (let index = 0; index < left.length; index++) {
    difference |= left.charCodeAt(index) ^ right.charCodeAt(index % Math.max(1, right.length));
  }
  return difference === 0;
}
