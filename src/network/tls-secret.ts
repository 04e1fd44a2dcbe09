import type { Secret } from '../api/kinds/secret.ts';
import { decodeBase64 } from '../base/base64.ts';

/** The certificate and key of a Secret, PEM, or what is wrong with it in one sentence. */
export function certificateOf(
  secret: Secret | undefined,
  name: string,
): { readonly certificate: string; readonly key: string } | { readonly problem: string } {
  if (!secret) return { problem: `there is no Secret ${name}` };
  const text = (key: string) => new TextDecoder().decode(decodeBase64(secret.data?.[key] ?? ''));
  const certificate = text('tls.crt');
  const key = text('tls.key');
  if (!certificate.includes('-----BEGIN CERTIFICATE-----')) {
    return { problem: `tls.crt of Secret ${name} is no certificate in PEM form` };
  }
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(key)) {
    return { problem: `tls.key of Secret ${name} is no private key in PEM form` };
  }
  return { certificate, key };
}
