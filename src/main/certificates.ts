import { parseDuration } from '../api/schema/scalars.ts';
import type { Clock, Millis } from '../base/env.ts';
import { UsageError } from '../cli/flags.ts';
import type { CertificateAuthority } from '../server/certificates.ts';
import type { ClusterKeys } from './cluster-keys.ts';

/** The authority of the cluster's folder, for what the server is asked to sign. */
export const authorityOf = (keys: ClusterKeys, clock: Clock, longest: string): CertificateAuthority => ({
  longestMs: longestMs(longest),
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

function longestMs(text: string): Millis {
  const milliseconds = Number((parseDuration(text) ?? 0n) / 1_000_000n);
  // A certificate tells seconds.
  if (milliseconds >= 1_000) return milliseconds;
  throw new UsageError(`--cluster-signing-duration: "${text}" is no time of at least a second, such as 8760h`);
}
