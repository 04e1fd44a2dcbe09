import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import type { Crypto } from '../base/env.ts';

export interface CryptoKeys {
  /** 32 bytes, AES-256. A fresh one when absent: what it sealed is then lost with the process. */
  readonly sealKey?: Uint8Array;
  /** Earlier ones, by which what they sealed is still opened. */
  readonly oldSealKeys?: readonly Uint8Array[];
  /** PKCS #8 PEM of a P-256 key. */
  readonly signingKey?: string;
  /** Public keys, PEM, of earlier signing keys that are still believed. */
  readonly verifyKeys?: readonly string[];
}

export interface MachineCrypto extends Crypto {
  /** Names the signing key: the `kid` of the tokens that it signs. */
  readonly keyId: string;
  /** By which signatures are believed, the signing key's own first. */
  readonly publicKeys: ReadonlyMap<string, KeyObject>;
  /** From now on the first of these signs, and the others verify beside it. */
  renewSigning(keys: Pick<CryptoKeys, 'signingKey' | 'verifyKeys'>): void;
}

const nonceBytes = 12;
const tagBytes = 16;

/** sha256, AES-256-GCM (nonce, tag, text) and ES256 with signatures as JWS has them: r and s, 64 bytes. */
export function machineCrypto(keys: CryptoKeys = {}): MachineCrypto {
  const sealKey = keys.sealKey ?? randomBytes(32);
  let signing = signingWith(keys);
  return {
    get keyId() {
      return signing.keyId;
    },
    get publicKeys() {
      return signing.believed;
    },
    renewSigning: (next) => {
      signing = signingWith(next);
    },
    digest: (bytes) => createHash('sha256').update(bytes).digest('hex'),
    seal: (plain) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', sealKey, nonce);
      const text = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]);
    },
    open: (sealed) => {
      if (sealed.length < nonceBytes + tagBytes)
        throw new Error('sealed bytes are too short to hold a nonce and a tag');
      return openedBy([sealKey, ...(keys.oldSealKeys ?? [])], sealed);
    },
    sign: (bytes) => sign('sha256', bytes, { key: signing.key, dsaEncoding: 'ieee-p1363' }),
    verify: (bytes, signature, keyId) => {
      const key = signing.believed.get(keyId);
      return key !== undefined && verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature);
    },
  };
}

function signingWith({ signingKey, verifyKeys = [] }: Pick<CryptoKeys, 'signingKey' | 'verifyKeys'>) {
  const key = signingKey ? createPrivateKey(signingKey) : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const own = createPublicKey(key);
  const believed = new Map<string, KeyObject>();
  for (const one of [own, ...verifyKeys.map((pem) => createPublicKey(pem))]) believed.set(keyIdOf(one), one);
  return { key, keyId: keyIdOf(own), believed };
}

/** As the service account issuer names its keys: the digest of the public key in DER, base64url. */
export function keyIdOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

/** By the first key that fits. */
function openedBy(sealKeys: readonly Uint8Array[], sealed: Uint8Array): Uint8Array {
  let failure: unknown;
  for (const key of sealKeys) {
    try {
      const nonce = sealed.subarray(0, nonceBytes);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
      decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
      return Buffer.concat([decipher.update(sealed.subarray(nonceBytes + tagBytes)), decipher.final()]);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
