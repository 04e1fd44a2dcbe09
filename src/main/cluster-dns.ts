import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DnsSetting } from '../agent/pod-dns.ts';
import { type EndpointSlice, endpointSlices, serviceKeyOf } from '../api/kinds/endpoint-slice.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { type Service, services } from '../api/kinds/service.ts';
import type { Env } from '../base/env.ts';
import { hash32 } from '../base/hash.ts';
import { DnsServer } from '../host/network/dns-server.ts';
import type { Place, Resolve } from '../host/network/listening.ts';
import type { FindWays, NameProxy } from '../host/network/name-proxy.ts';
import { RealAddresses } from '../host/runtime/process/addresses.ts';
import type { Cache } from '../machinery/cache.ts';
import type { Caches } from '../machinery/caches.ts';
import type { NameCaches } from '../network/cluster-names.ts';
import {
  clusterAddresses,
  dnsService,
  dnsSlice,
  localNames,
  offerDnsService,
  proxyVariables,
} from '../network/kube-dns.ts';
import { parseResolverFile, type ResolverFile } from '../network/resolv-conf.ts';
import type { ControlPlane } from './control-plane.ts';
import type { ClusterSettings } from './settings.ts';

export const clusterDomain = 'cluster.local';
const dnsPort = 53;
/** The tenth address of the service range, as everywhere. */
const dnsAddress = 10;
const holder = 'kube-dns';
const loopback = '127.0.0.1';
const localPortMin = 20_000;
const localPortCount = 9_000;
const machineFile = '/etc/resolv.conf';
/** What systemd has behind the address of its own that it writes into the usual file. */
const systemdFile = '/run/systemd/resolve/resolv.conf';

export interface ClusterDns {
  /** Where the server of names is really heard; nothing for any other address. */
  resolve(ip: string): Place | undefined;
  close(): Promise<void>;
}

interface ClusterDnsParts {
  readonly plane: Pick<ControlPlane, 'env' | 'client' | 'folder'>;
  readonly caches: Caches;
  /** Whether this machine can have the addresses of pods and services for its own. */
  readonly real: boolean;
  /** Where a pod's port is really heard. */
  readonly resolve: Resolve;
}

/**
 * Names for pods: a server at an address among those of pods, and the Service that leads to it. They may come a moment
 * after the rest of the cluster: nobody waits for them who does not ask.
 */
export async function openClusterDns(
  settings: ClusterSettings,
  { plane, caches, real, resolve }: ClusterDnsParts,
): Promise<ClusterDns | undefined> {
  if (settings.bare || settings.runtime === 'sim') return undefined;
  const { env, client, folder } = plane;
  const clusterIp = addressAt(settings['service-range'], dnsAddress);
  const cidr = lastAddresses(settings['pod-range']);
  let addresses: RealAddresses | undefined;
  const own: string[] = [clusterIp];
  const parts: AnsweringParts = { env, names: nameCaches(caches), own: () => own, resolve };
  const failed = (error: unknown) => env.log.error('a query for a name failed', { error: String(error) });
  const loaded = () => import('./dns-answering.ts');
  const server = new DnsServer(() => loaded().then(({ answering }) => answering(parts)), failed);
  let proxy: NameProxy | undefined;
  const close = async () => {
    await Promise.all([server.close(), proxy?.close()]);
    await addresses?.release(holder);
  };
  try {
    if (real) addresses = new RealAddresses({ file: join(folder, 'dns-address.json'), cidr });
    const ip = (await addresses?.allocate(holder)) ?? addressAt(cidr, 1);
    own.push(ip);
    // Without addresses of their own both are found again after a restart: pods remember where the proxy was.
    const port = localPortMin + (hash32(`names ${folder}`) % localPortCount);
    const place = await (real ? server.listen({ host: ip, port: dnsPort }) : listenNear(server, port));
    if (!real) proxy = await proxyFor(() => loaded().then(({ findWays }) => findWays(parts)));
    const proxied = await proxy?.listen({ host: loopback, port: port + 1 });
    const local = proxied ? { local: { dns: `${loopback}:${place.port}`, proxy: `${loopback}:${proxied.port}` } } : {};
    if (!(await offerDnsService(client, { clusterIp, ip, port: dnsPort, ...local })))
      env.log.info('kube-system/kube-dns is somebody else, names are left to it');
    return { resolve: (asked) => (asked === ip ? place : undefined), close };
  } catch (error) {
    env.log.error('the names of the cluster are not answered', { error: String(error) });
    await close().catch(() => {});
    return undefined;
  }
}

async function proxyFor(find: () => Promise<FindWays>): Promise<NameProxy> {
  const { NameProxy: Proxy } = await import('../host/network/name-proxy.ts');
  return new Proxy(find);
}

/** At this port of the machine, or at any where somebody else has it. */
const listenNear = (server: DnsServer, port: number): Promise<Place> =>
  server.listen({ host: loopback, port }).catch(() => server.listen({ host: loopback, port: 0 }));

/** Asked for before they run. */
export const nameCaches = (caches: Caches): NameCaches => ({
  services: caches.of(services),
  slices: caches.of(endpointSlices).index('service', (slice) => [serviceKeyOf(slice)]),
  namespaces: caches.of(namespaces),
});

export interface AnsweringParts {
  readonly env: Env;
  readonly names: NameCaches;
  /** Addresses at which we answer ourselves. */
  readonly own: () => readonly string[];
  readonly resolve: Resolve;
}

/** What pods that are processes are told where they can have no resolver file. */
export function podVariables(slices: Cache<EndpointSlice>): (namespace: string) => Readonly<Record<string, string>> {
  return (namespace) => {
    const known = localNames(slices.get(dnsSlice));
    return known ? proxyVariables(known.proxy, namespace) : {};
  };
}

/** What pods of this machine are told about names: where the Service for them leads. */
export function podNames(cache: Cache<Service>): DnsSetting {
  return {
    domain: clusterDomain,
    servers: () => {
      const service = cache.get(dnsService);
      return service ? clusterAddresses(service) : [];
    },
    machine: machineNames,
  };
}

/** What the machine uses, as far as a pod with a network of its own can use it too. */
export function machineNames(): ResolverFile {
  const found = fileAt(machineFile);
  const isOwn = (server: string) => server.startsWith('127.') || server === '::1';
  return found.servers.every(isOwn) && existsSync(systemdFile) ? fileAt(systemdFile) : found;
}

function fileAt(path: string): ResolverFile {
  try {
    return parseResolverFile(readFileSync(path, 'utf8'));
  } catch {
    return { servers: [], searches: [], options: [] };
  }
}

/** Addresses that no node gives to its pods, unless there are as many nodes as there can be. */
function lastAddresses(range: string): string {
  const [base = '', bits = '24'] = range.split('/');
  const first = numberOf(base);
  const size = 2 ** (32 - Number(bits));
  return `${textOf(first - (first % size) + size - 16)}/28`;
}

const addressAt = (range: string, index: number): string => textOf(numberOf(range.split('/')[0] ?? '') + index);
const numberOf = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const textOf = (ip: number): string => [24, 16, 8, 0].map((shift) => (ip >>> shift) & 255).join('.');
