import type { Json } from '../base/json.ts';
import type { TokenSigning } from '../server/auth/service-account-tokens.ts';
import type { MachineCrypto } from './crypto.ts';

const issuer = 'https://kubernetes.default.svc';

/** How this cluster signs tokens of ServiceAccounts, and what others need to verify them: as it is when asked. */
export function tokenSigning(crypto: MachineCrypto): TokenSigning {
  return {
    issuer,
    audiences: [issuer],
    get keyId() {
      return crypto.keyId;
    },
    get publicKeys() {
      return [...crypto.publicKeys].map(
        ([kid, key]) => ({ use: 'sig', kid, alg: 'ES256', ...key.export({ format: 'jwk' }) }) as unknown as Json,
      );
    },
    isBelieved: (keyId) => crypto.publicKeys.has(keyId),
  };
}
