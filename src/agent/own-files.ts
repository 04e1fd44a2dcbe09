import type { Container, Pod } from '../api/kinds/pod.ts';
import { podNames } from './pod-names.ts';
import type { Mount } from './runtime.ts';
import type { VolumeHost } from './volumes.ts';

const readableByAll = 0o644;
const hostsPath = '/etc/hosts';

export interface OwnFiles {
  readonly host: VolumeHost;
  readonly podIps: readonly string[];
  readonly domain: string;
}

/** What a node writes down for its pods: who they are. */
export async function ownFiles(pod: Pod, container: Container, given: OwnFiles): Promise<readonly Mount[]> {
  const { host, podIps, domain } = given;
  // That of the machine, where the pod has its network; and what the pod mounts itself is the pod's.
  const isTaken = (container.volumeMounts ?? []).some(({ mountPath }) => mountPath === hostsPath);
  if (pod.spec.hostNetwork || isTaken) return [];
  const content = { text: hostsText(pod, podIps, domain), mode: readableByAll };
  const source = await host.file(pod.metadata.uid, 'hosts', content);
  return [{ name: 'hosts', source, target: hostsPath, readOnly: false }];
}

const wellKnown = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

interface Alias {
  readonly ip: string;
  readonly hostnames?: readonly string[];
}

/** As users of kubectl know it. */
export function hostsText(pod: Pod, ips: readonly string[], domain: string): string {
  const { hostname, fullName } = podNames(pod, domain);
  const own = ips.map((ip) => `${ip}\t${fullName === undefined ? '' : `${fullName}\t`}${hostname}`);
  const lines = ['# Kubernetes-managed hosts file.', ...wellKnown, ...own];
  const aliases = (pod.spec as { readonly hostAliases?: readonly Alias[] }).hostAliases ?? [];
  if (aliases.length > 0) lines.push('', '# Entries added by HostAliases.');
  for (const { ip, hostnames = [] } of aliases) lines.push([ip, ...hostnames].join('\t'));
  return `${lines.join('\n')}\n`;
}
