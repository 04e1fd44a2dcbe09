import { constants, createPublicKey, verify, type webcrypto } from 'node:crypto';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { isObject, type JsonObject } from '../base/json.ts';
import type { IssuerKeys, IssuerRules } from '../server/auth/oidc-tokens.ts';

const answerMs = 10_000;
const answerBytesMax = 1_000_000;

/** The keys of issuers, over HTTPS, and signatures judged with them. */
export const fetchedKeys: IssuerKeys = {
  async fetch(issuer) {
    const discovery = await getObject(issuer.discoveryUrl, issuer);
    if (discovery.issuer !== issuer.url) throw new Error(`the issuer calls itself ${String(discovery.issuer)}`);
    const address = String(discovery.jwks_uri ?? '');
    if (!address.startsWith('https://')) throw new Error('jwks_uri is not an https address');
    const { keys } = await getObject(address, issuer);
    return Array.isArray(keys) ? keys.filter(isObject) : [];
  },
  verify(key, algorithm, signed, signature) {
    const hash = `sha${algorithm.slice(2)}`;
    try {
      const publicKey = createPublicKey({ key: key as webcrypto.JsonWebKey, format: 'jwk' });
      return verify(hash, signed, { key: publicKey, ...paddingOf(algorithm) }, signature);
    } catch {
      // A key that cannot be read signs nothing.
      return false;
    }
  },
};

function paddingOf(algorithm: string) {
  if (algorithm.startsWith('ES')) return { dsaEncoding: 'ieee-p1363' as const };
  if (algorithm.startsWith('RS')) return { padding: constants.RSA_PKCS1_PADDING };
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

/** Redirects are not followed: the address that was configured is the one that is believed. */
async function getObject(address: string, { authority }: IssuerRules): Promise<JsonObject> {
  const answer = await new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    const options = {
      headers: { accept: 'application/json' },
      timeout: answerMs,
      ...(authority ? { ca: authority } : {}),
    };
    const asked = request(address, options, (response) => {
      let size = 0;
      response.on('data', (part: Buffer) => {
        size += part.length;
        if (size > answerBytesMax) response.destroy(new Error(`${address} answers with more than a key set`));
      });
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    asked.on('timeout', () => asked.destroy(new Error(`${address} does not answer`)));
    asked.on('error', reject);
    asked.end();
  });
  if (answer.status !== 200) throw new Error(`${address} answers ${answer.status}`);
  const value: unknown = JSON.parse(answer.body);
  if (!isObject(value)) throw new Error(`${address} does not answer with an object`);
  return value;
}
