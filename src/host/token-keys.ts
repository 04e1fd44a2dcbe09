import { createPublicKey } from 'node:crypto';
import type { Json } from '../base/json.ts';
import type { TokenSigning } from '../server/auth/service-account-tokens.ts';
import type { MachineCrypto } from './crypto.ts';

const issuer = 'https://kubernetes.default.svc';

/** How this cluster signs tokens of ServiceAccounts, and what others need to verify them. */
export function tokenSigning(crypto: MachineCrypto, publicKey: string): TokenSigning {
  const key = createPublicKey(publicKey).export({ format: 'jwk' });
  const published = { use: 'sig', kid: crypto.keyId, alg: 'ES256', ...key } as unknown as Json;
  return { issuer, audiences: [issuer], keyId: crypto.keyId, publicKeys: [published] };
}
