import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Instant, Millis } from '../../base/env.ts';
import type { CryptoKeys } from '../crypto.ts';
import { readIfThere, writePrivateFile } from '../private-file.ts';
import { readSealKeys } from '../seal-keys.ts';
import {
  certify,
  createAuthority,
  createSigningKey,
  issue,
  type LeafRequest,
  type Pair,
  publicKeyPem,
  type Subject,
  subjectOf,
} from './certificate.ts';

/** All keys and certificates of a cluster, in one folder, made when they are missing. */
export interface Pki {
  /** PEM: what clients must trust, and whose client certificates the server believes. */
  readonly authority: string;
  readonly server: Pair;
  /** PEM of the service account public key. */
  readonly tokenPublicKey: string;
  readonly keys: CryptoKeys;
  /** The certificate of a user; kept under `file`, so that a restart gives out the same. */
  client(file: string, subject: Subject): Pair;
  /** Proves to servers that are added to this one that it is this one which tells them who asks. */
  readonly frontProxy: { readonly authority: string; client(): Pair };
  /** A certificate for somebody else's key, PEM. */
  certify(request: ForeignRequest): string;
}
export interface ForeignRequest extends LeafRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly key: Uint8Array;
}

export interface PkiOptions {
  readonly directory: string;
  readonly now: Instant;
  /** DNS names and IP addresses under which the server is reached. */
  readonly serverNames: readonly string[];
}

const day = 24 * 60 * 60 * 1000;
const renewBefore: Millis = 60 * day;
// The name by which pods know the server, whatever else it is called.
const serviceNames = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

export const frontProxyClient = 'front-proxy-client';

export function openPki(options: PkiOptions): Pki {
  const { directory, now } = options;
  const authority = openAuthority(directory, 'ca', now);
  const proxyAuthority = openAuthority(directory, 'front-proxy-ca', now);
  const names = [...new Set([...serviceNames, '127.0.0.1', '::1', ...options.serverNames])];
  const leaf = (file: string, request: LeafRequest) => openLeaf({ directory, authority }, file, request);
  const server = leaf('apiserver', { subject: { name: 'kube-apiserver' }, use: ['server'], names, now });
  const signingKey = keep(join(directory, 'sa.key'), createSigningKey);
  const sealKeys = readSealKeys(directory);
  return {
    authority: authority.certificate,
    server,
    tokenPublicKey: publicKeyPem(signingKey),
    keys: { signingKey, ...sealKeys },
    client: (file, subject) => leaf(file, { subject, use: ['client'], now }),
    frontProxy: {
      authority: proxyAuthority.certificate,
      client: () => {
        const request: LeafRequest = { subject: { name: frontProxyClient }, use: ['client'], now };
        return openLeaf({ directory, authority: proxyAuthority }, frontProxyClient, request);
      },
    },
    certify: ({ key, ...request }) =>
      certify(authority, request, createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' })),
  };
}

/** Never replaced silently: everything that was ever given out hangs on it. */
function openAuthority(directory: string, file: 'ca' | 'front-proxy-ca', now: Instant): Pair {
  const pair = readPair(directory, file);
  if (!pair) return keepPair(directory, file, createAuthority(`mini-k8s-${file}`, now));
  const certificate = matching(pair);
  if (!certificate)
    throw new Error(`${file}.crt and ${file}.key in ${directory} do not belong together: restore them or remove both`);
  if (certificate.validToDate.getTime() - now < renewBefore)
    return keepPair(directory, file, createAuthority(`mini-k8s-${file}`, now));
  return pair;
}

function openLeaf(
  at: { readonly directory: string; readonly authority: Pair },
  file: string,
  request: LeafRequest,
): Pair {
  const pair = readPair(at.directory, file);
  if (pair && stillGood(pair, at.authority, request)) return pair;
  return keepPair(at.directory, file, issue(at.authority, request));
}

function stillGood(pair: Pair, authority: Pair, request: LeafRequest): boolean {
  const certificate = matching(pair);
  if (!certificate) return false;
  const parent = new X509Certificate(authority.certificate);
  const subject = subjectOf(certificate);
  return (
    certificate.verify(parent.publicKey) &&
    certificate.validToDate.getTime() - request.now > renewBefore &&
    subject.name === request.subject.name &&
    (subject.groups ?? []).join('\n') === (request.subject.groups ?? []).join('\n') &&
    (request.names ?? []).every((name) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)))
  );
}

function matching(pair: Pair): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(pair.certificate);
    return certificate.checkPrivateKey(createPrivateKey(pair.key)) ? certificate : undefined;
  } catch {
    // Half a file of another program; it says the same as a pair that does not match.
    return undefined;
  }
}

function readPair(directory: string, file: string): Pair | undefined {
  const certificate = readIfThere(join(directory, `${file}.crt`));
  const key = readIfThere(join(directory, `${file}.key`));
  return certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
}

/** The key first: a crash in between leaves a pair that is not read, never one that is believed. */
function keepPair(directory: string, file: string, pair: Pair): Pair {
  writePrivateFile(join(directory, `${file}.key`), pair.key);
  writePrivateFile(join(directory, `${file}.crt`), pair.certificate);
  return pair;
}

function keep(path: string, make: () => string): string {
  const kept = readIfThere(path);
  if (kept !== undefined) return kept;
  const made = make();
  writePrivateFile(path, made);
  return made;
}
