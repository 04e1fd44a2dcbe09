import type { Clock } from '../base/env.ts';
import type { CertificateAuthority } from '../server/certificates.ts';
import type { ClusterKeys } from './cluster-keys.ts';

/** The authority of the cluster's folder, for what the server is asked to sign. */
export const authorityOf = (keys: ClusterKeys, clock: Clock): CertificateAuthority => ({
  certify: ({ asked, usages, lifetimeMs }) =>
    keys.pki.certify({
      subject: { name: asked.commonName, groups: asked.organizations },
      names: [...asked.dnsNames, ...asked.addresses],
      use: [
        ...(usages.includes('server auth') ? (['server'] as const) : []),
        ...(usages.includes('client auth') ? (['client'] as const) : []),
      ],
      encipher: usages.includes('key encipherment'),
      now: clock.now(),
      lifetime: lifetimeMs,
      key: asked.key,
    }),
});
