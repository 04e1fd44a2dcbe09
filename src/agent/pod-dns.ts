import type { Pod } from '../api/kinds/pod.ts';
import type { SandboxSpec } from './runtime.ts';

type ResolverFile = SandboxSpec['dns'];

/** What a node knows about names. */
export interface DnsSetting {
  /** Such as cluster.local. */
  readonly domain: string;
  /** Where the cluster's names are answered, as pods of this node reach it; none where the node has no such place. */
  servers(): readonly string[];
  /** What the machine itself uses. */
  machine(): ResolverFile;
}

export interface PodDns {
  readonly file: ResolverFile;
  /** What was asked for and could not be given: a reason and a sentence each. */
  readonly warnings: readonly (readonly [reason: string, message: string])[];
}

interface DnsConfig {
  readonly nameservers?: readonly string[];
  readonly searches?: readonly string[];
  readonly options?: readonly { readonly name: string; readonly value?: string }[];
}

// What resolvers read; upstream's limits are the same.
const serversMax = 3;
const searchesMax = 32;
const searchLengthMax = 2_048;

const nothing: ResolverFile = { servers: [], searches: [], options: [] };

/** On a node that knows nothing of names. */
export const unknownNames: PodDns = { file: nothing, warnings: [] };

/** The resolver file of a pod, after its policy and its own wishes. Without servers it is the engine's own affair. */
export function podDns(pod: Pod, setting: DnsSetting): PodDns {
  const { dnsConfig } = pod.spec as { readonly dnsConfig?: DnsConfig };
  const warnings: (readonly [string, string])[] = [];
  let file = policyFile(pod, setting, warnings);
  if (dnsConfig) {
    // Wishes without a policy's servers are added to what the machine uses.
    if (file === undefined) file = setting.machine();
    file = {
      servers: [...new Set([...file.servers, ...(dnsConfig.nameservers ?? [])])],
      searches: [...new Set([...file.searches, ...(dnsConfig.searches ?? [])])],
      options: mergedOptions(file.options, dnsConfig.options ?? []),
    };
  }
  return { file: limited(file ?? nothing, warnings), warnings };
}

/** Nothing: as the machine has it. */
function policyFile(pod: Pod, setting: DnsSetting, warnings: (readonly [string, string])[]): ResolverFile | undefined {
  const { dnsPolicy = 'ClusterFirst', hostNetwork = false } = pod.spec;
  if (dnsPolicy === 'None') return nothing;
  // The machine's network comes with the machine's names, unless the pod says that it knows better.
  if (dnsPolicy === 'Default' || (dnsPolicy === 'ClusterFirst' && hostNetwork)) return undefined;
  const servers = setting.servers();
  if (servers.length === 0) {
    const { namespace = '', name } = pod.metadata;
    const why = `pod: "${namespace}/${name}". this node has no address where the names of the cluster are answered and cannot create Pod using "${dnsPolicy}" policy. Falling back to "Default" policy.`;
    warnings.push(['MissingClusterDNS', why]);
    return undefined;
  }
  const { domain } = setting;
  const own = [`${pod.metadata.namespace ?? ''}.svc.${domain}`, `svc.${domain}`, domain];
  return { servers, searches: [...new Set([...own, ...setting.machine().searches])], options: ['ndots:5'] };
}

/** A later option of the same name wins. */
function mergedOptions(known: readonly string[], wanted: NonNullable<DnsConfig['options']>): readonly string[] {
  const options = new Map(known.map((text) => [text.split(':', 1)[0] ?? text, text]));
  for (const { name, value } of wanted) options.set(name, value ? `${name}:${value}` : name);
  return [...options.values()];
}

function limited(file: ResolverFile, warnings: (readonly [string, string])[]): ResolverFile {
  const servers = file.servers.slice(0, serversMax);
  const searches = file.searches.slice(0, searchesMax);
  while (searches.join(' ').length > searchLengthMax) searches.pop();
  const tell = (what: string, message: string) => warnings.push(['DNSConfigForming', `${what} ${message}`]);
  if (servers.length < file.servers.length) {
    const applied = `the applied nameserver line is: ${servers.join(' ')}`;
    tell('Nameserver limits were exceeded,', `some nameservers have been omitted, ${applied}`);
  }
  if (searches.length < file.searches.length) {
    const applied = `the applied search line is: ${searches.join(' ')}`;
    tell('Search Line limits were exceeded,', `some search paths have been omitted, ${applied}`);
  }
  return { servers, searches, options: file.options };
}
