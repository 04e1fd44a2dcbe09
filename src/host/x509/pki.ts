import { createPublicKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Instant } from '../../base/env.ts';
import type { CryptoKeys } from '../crypto.ts';
import { readSealKeys } from '../seal-keys.ts';
import { readSigningKeys } from '../signing-keys.ts';
import {
  type Authority,
  keepPair,
  matching,
  openAuthority,
  readPair,
  renewBefore,
  retireAuthorities,
  rotateAuthority,
} from './authority.ts';
import { certify, issue, type LeafRequest, type Pair, type Subject, subjectOf } from './certificate.ts';

/** All keys and certificates of a cluster, in one folder, made when they are missing. */
export interface Pki {
  /** PEM: what clients must trust, and whose client certificates the server believes; the newest first. */
  readonly authority: string;
  readonly server: Pair;
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

const authorities = ['ca', 'front-proxy-ca'] as const;
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
  const authority = openAuthority(directory, authorities[0], now);
  const proxyAuthority = openAuthority(directory, authorities[1], now);
  const names = [...new Set([...serviceNames, '127.0.0.1', '::1', ...options.serverNames])];
  const leaf = (file: string, request: LeafRequest) => openLeaf({ directory, authority }, file, request);
  const server = leaf('apiserver', { subject: { name: 'kube-apiserver' }, use: ['server'], names, now });
  return {
    authority: authority.bundle,
    server,
    keys: { ...readSigningKeys(directory), ...readSealKeys(directory) },
    client: (file, subject) => leaf(file, { subject, use: ['client'], now }),
    frontProxy: {
      authority: proxyAuthority.bundle,
      client: () => {
        const request: LeafRequest = { subject: { name: frontProxyClient }, use: ['client'], now };
        return openLeaf({ directory, authority: proxyAuthority }, frontProxyClient, request);
      },
    },
    certify: ({ key, ...request }) =>
      certify(authority.pair, request, createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' })),
  };
}

/** New authorities, for clients and servers and for what is added to this one. Earlier ones stay believed. */
export function rotateAuthorities(directory: string, now: Instant): void {
  for (const file of authorities) rotateAuthority(directory, file, now);
}

/** Only the newest authorities are believed from now on. Answers how many are not any longer. */
export const retireEarlierAuthorities = (directory: string): number =>
  authorities.reduce((sum, file) => sum + retireAuthorities(directory, file), 0);

function openLeaf(
  at: { readonly directory: string; readonly authority: Authority },
  file: string,
  request: LeafRequest,
): Pair {
  const { pair: signer, path } = at.authority;
  const kept = readPair(at.directory, file);
  const good = kept && stillGood(kept, signer, request) ? kept : undefined;
  const { certificate, key } = good ?? keepPair(at.directory, file, issue(signer, request));
  return { certificate: certificate + path, key };
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
