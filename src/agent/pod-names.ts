import type { Pod } from '../api/kinds/pod.ts';

const hostnameLengthMax = 63;

interface Naming {
  readonly setHostnameAsFQDN?: boolean;
  readonly hostnameOverride?: string;
}

/** What the pod calls itself, and its name in the cluster's domain where it has one. */
export function podNames(pod: Pod, domain: string): { readonly hostname: string; readonly fullName?: string } {
  const { hostname, subdomain, setHostnameAsFQDN: full, hostnameOverride } = pod.spec as Pod['spec'] & Naming;
  const { name, namespace = '' } = pod.metadata;
  if (hostnameOverride) return { hostname: hostnameOverride };
  // A name of a pod may be longer than a host may be called; cut, it must not end in a mark.
  const short = hostname || name.slice(0, hostnameLengthMax).replace(/[-.]+$/, '');
  if (!subdomain) return { hostname: short };
  const fullName = `${short}.${subdomain}.${namespace}.svc.${domain}`;
  return { hostname: full ? fullName : short, fullName };
}
