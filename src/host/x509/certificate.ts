import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import type { Instant, Millis } from '../../base/env.ts';
import { der } from './der.ts';

/** A certificate and its key, PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

export interface Subject {
  /** CN: the user's name. */
  readonly name: string;
  /** O: the user's groups. */
  readonly groups?: readonly string[];
}

export interface LeafRequest {
  readonly subject: Subject;
  readonly use: readonly ('server' | 'client')[];
  /** DNS names and IP addresses. */
  readonly names?: readonly string[];
  readonly now: Instant;
  readonly lifetime?: Millis;
  readonly encipher?: boolean;
}

const day = 24 * 60 * 60 * 1000;
const authorityLifetime: Millis = 10 * 365 * day;
const leafLifetime: Millis = 365 * day;
// Clocks of other machines may be a little behind.
const backdate: Millis = 5 * 60 * 1000;
/** But a short time is not to begin long ago. */
const backdatedShare = 0.1;

const oid = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
};

/** A certificate authority of its own, on P-256. */
export function createAuthority(name: string, now: Instant): Pair {
  const { privateKey, publicKey } = newKey();
  const certificate = signed(privateKey, {
    issuer: { name },
    subject: { name },
    publicKey,
    from: now - backdate,
    until: now + authorityLifetime,
    extensions: authorityExtensions(publicKey),
  });
  return { certificate, key: pemOf(privateKey) };
}

/** One authority vouches for another: who believes the first believes the second. */
export function crossCertificate(by: Pair, of: Pair, now: Instant): string {
  const parent = new X509Certificate(by.certificate);
  const child = new X509Certificate(of.certificate);
  return signed(createPrivateKey(by.key), {
    issuer: subjectOf(parent),
    subject: subjectOf(child),
    publicKey: child.publicKey,
    from: now - backdate,
    until: Math.min(child.validToDate.getTime(), parent.validToDate.getTime()),
    extensions: [...authorityExtensions(child.publicKey), issuedBy(parent)],
  });
}

const authorityExtensions = (publicKey: KeyObject) => [
  extension(oid.basicConstraints, true, der.sequence(der.boolean(true))),
  // digitalSignature, keyEncipherment, keyCertSign
  extension(oid.keyUsage, true, der.bits(Buffer.of(0xa4), 2)),
  extension(oid.subjectKeyId, false, der.octets(keyIdentifier(publicKey))),
];
const issuedBy = (parent: X509Certificate) =>
  extension(oid.authorityKeyId, false, der.sequence(der.implicit(0, keyIdentifier(parent.publicKey))));

/** One after another, where PEM holds several. */
export const certificatesIn = (pem: string): readonly string[] =>
  pem.split(/(?<=-----END CERTIFICATE-----)\s*/).filter(Boolean);

/** A server's or client's certificate, with a fresh key. The authority's common name is its whole name. */
export function issue(authority: Pair, request: LeafRequest): Pair {
  const { privateKey, publicKey } = newKey();
  return { certificate: certify(authority, request, publicKey), key: pemOf(privateKey) };
}

/** The same for a key that somebody else has. */
export function certify(authority: Pair, request: LeafRequest, publicKey: KeyObject): string {
  const parent = new X509Certificate(authority.certificate);
  const names = (request.names ?? []).map(alternativeName);
  const until = Math.min(request.now + (request.lifetime ?? leafLifetime), parent.validToDate.getTime());
  return signed(createPrivateKey(authority.key), {
    issuer: subjectOf(parent),
    subject: request.subject,
    publicKey,
    from: request.now - Math.min(backdate, (until - request.now) * backdatedShare),
    until,
    extensions: [
      // digitalSignature, and keyEncipherment where it was asked for
      extension(oid.keyUsage, true, request.encipher ? der.bits(Buffer.of(0xa0), 5) : der.bits(Buffer.of(0x80), 7)),
      extension(oid.extendedKeyUsage, false, der.sequence(...request.use.map((use) => der.objectId(oid[use])))),
      extension(oid.basicConstraints, true, der.sequence()),
      extension(oid.subjectKeyId, false, der.octets(keyIdentifier(publicKey))),
      issuedBy(parent),
      ...(names.length > 0 ? [extension(oid.alternativeNames, false, der.sequence(...names))] : []),
    ],
  });
}

/** A new key, and a request (PKCS #10) to have it certified for this subject. */
export function requestFor(subject: Subject): { readonly request: string; readonly key: string } {
  const { privateKey, publicKey } = newKey();
  // No attributes: a client needs no other names.
  const body = der.sequence(der.integer(Buffer.of(0)), distinguishedName(subject), spki(publicKey), der.explicit(0));
  return { request: signedText('CERTIFICATE REQUEST', body, privateKey), key: pemOf(privateKey) };
}

export function subjectOf(certificate: X509Certificate): Subject {
  const { CN, O } = certificate.toLegacyObject().subject as { CN?: string | string[]; O?: string | string[] };
  // Where a name stands twice, the last one counts, as in Go.
  return { name: [CN ?? ''].flat().at(-1) ?? '', groups: [O ?? []].flat() };
}

/** A P-256 key, PKCS #8 PEM: for tokens. */
export function createSigningKey(): string {
  return pemOf(newKey().privateKey);
}

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }) as string;
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });
const keyIdentifier = (key: KeyObject) => createHash('sha256').update(spki(key)).digest().subarray(0, 20);

interface Draft {
  readonly issuer: Subject;
  readonly subject: Subject;
  readonly publicKey: KeyObject;
  readonly from: number;
  readonly until: number;
  readonly extensions: readonly Uint8Array[];
}

function signed(key: KeyObject, draft: Draft): string {
  const algorithm = der.sequence(der.objectId(oid.ecdsaWithSha256));
  const serial = randomBytes(16);
  // Never zero, never of 17 bytes.
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  const body = der.sequence(
    der.explicit(0, der.integer(Buffer.of(2))),
    der.integer(serial),
    algorithm,
    distinguishedName(draft.issuer),
    der.sequence(der.time(draft.from), der.time(draft.until)),
    distinguishedName(draft.subject),
    spki(draft.publicKey),
    der.explicit(3, der.sequence(...draft.extensions)),
  );
  return signedText('CERTIFICATE', body, key);
}

function signedText(what: string, body: Buffer, key: KeyObject): string {
  const bytes = der.sequence(
    body,
    der.sequence(der.objectId(oid.ecdsaWithSha256)),
    der.bits(sign('sha256', body, key)),
  );
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${what}-----\n${lines.join('\n')}\n-----END ${what}-----\n`;
}

/** Organizations first, as Go writes them; each in a set of its own. */
function distinguishedName(subject: Subject): Buffer {
  const part = (id: string, text: string) => der.set(der.sequence(der.objectId(id), der.utf8(text)));
  const groups = (subject.groups ?? []).map((group) => part(oid.organization, group));
  return der.sequence(...groups, part(oid.commonName, subject.name));
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  return der.sequence(der.objectId(id), ...(critical ? [der.boolean(true)] : []), der.octets(value));
}

function alternativeName(name: string): Buffer {
  return isIP(name) ? der.implicit(7, addressBytes(name)) : der.implicit(2, Buffer.from(name, 'ascii'));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser knows every spelling of an IPv6 address; :: stands for the groups that are missing.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined) => (text ? text.split(':') : []);
  const [left, right] = [groups(head), groups(tail)];
  const middle = new Array<string>(8 - left.length - right.length).fill('0');
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...left, ...middle, ...right].entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  }
  return bytes;
}
