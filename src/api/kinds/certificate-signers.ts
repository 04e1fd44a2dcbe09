import type { CertificateRequest } from './certificate-request.ts';

export const clientSigner = 'kubernetes.io/kube-apiserver-client';
export const kubeletClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';
export const kubeletServingSigner = 'kubernetes.io/kubelet-serving';
const legacySigner = 'kubernetes.io/legacy-unknown';

/** Those whose certificates the cluster itself signs. */
export const ownSigners: readonly string[] = [clientSigner, kubeletClientSigner, kubeletServingSigner, legacySigner];

const nodesGroup = 'system:nodes';
const nodePrefix = 'system:node:';
const optional = ['digital signature', 'key encipherment'];

/** Why a signer does not sign; undefined: it does. */
export function signerFault(signer: string, asked: CertificateRequest, usages: readonly string[]): string | undefined {
  if (signer === clientSigner) return clientUsageFault(usages);
  if (signer === kubeletClientSigner) return kubeletClientFault(asked, usages);
  return signer === kubeletServingSigner ? kubeletServingFault(asked, usages) : undefined;
}

/** Whether a node asks for the certificate by which it is known. */
export function kubeletClientFault(asked: CertificateRequest, usages: readonly string[]): string | undefined {
  return (
    nodeFault(asked) ??
    (asked.dnsNames.length > 0 ? 'DNS subjectAltNames are not allowed' : undefined) ??
    (asked.emails.length > 0 ? 'Email subjectAltNames are not allowed' : undefined) ??
    (asked.addresses.length > 0 ? 'IP subjectAltNames are not allowed' : undefined) ??
    (asked.uris.length > 0 ? 'URI subjectAltNames are not allowed' : undefined) ??
    kubeletUsageFault(usages, 'client auth')
  );
}

function kubeletServingFault(asked: CertificateRequest, usages: readonly string[]): string | undefined {
  const isNamed = asked.dnsNames.length + asked.addresses.length > 0;
  return (
    nodeFault(asked) ??
    (isNamed ? undefined : 'DNS or IP subjectAltName is required') ??
    (asked.emails.length > 0 ? 'Email subjectAltNames are not allowed' : undefined) ??
    (asked.uris.length > 0 ? 'URI subjectAltNames are not allowed' : undefined) ??
    kubeletUsageFault(usages, 'server auth')
  );
}

function nodeFault({ organizations, commonName }: CertificateRequest): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== nodesGroup) return 'subject organization is not system:nodes';
  return commonName.startsWith(nodePrefix) ? undefined : 'subject common name does not begin with system:node: ';
}

function kubeletUsageFault(usages: readonly string[], own: string): string | undefined {
  const allowed = [[...optional, own].sort(), ['digital signature', own].sort()];
  const asked = [...new Set(usages)].sort();
  const fits = allowed.some((set) => set.length === asked.length && set.every((usage, at) => usage === asked[at]));
  return fits ? undefined : `usages did not match [${[own, ...optional].sort().join(' ')}]`;
}

function clientUsageFault(usages: readonly string[]): string | undefined {
  const foreign = usages.find((usage) => usage !== 'client auth' && !optional.includes(usage));
  if (foreign !== undefined) return `invalid usage for client certificate: ${foreign}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}
