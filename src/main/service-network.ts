import type { EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import type { Node } from '../api/kinds/node.ts';
import type { Service } from '../api/kinds/service.ts';
import { type Component, type Env, forkEnv } from '../base/env.ts';
import { CommandFailure } from '../cli/command.ts';
import type { Place, Resolve } from '../host/network/listening.ts';
import { PodRoutes } from '../host/network/pod-routes.ts';
import { addServiceAddresses, removeServiceAddresses } from '../host/network/service-addresses.ts';
import { loopbackAddress, machineAddress } from '../host/node-address.ts';
import type { Cache } from '../machinery/cache.ts';
import type { Dataplane, PolicyDataplane } from '../network/dataplane.ts';
import type { HealthCheck, HealthPorts } from '../network/health-check.ts';
import { NodeRouter } from '../network/node-routes.ts';
import { PolicyProxy, type PolicyProxyParts } from '../network/policy-proxy.ts';
import { ServiceProxy } from '../network/proxy.ts';

export interface ServiceNetworkChoice {
  readonly env: Env;
  readonly choice: 'auto' | 'nftables' | 'userspace' | 'none';
  /** Whose addresses and rules they are: several clusters live on one machine. */
  readonly cluster: string;
  readonly podRange: string;
  /** Addresses of services that are made this machine's own. */
  readonly ranges: readonly string[];
  /** Whether the addresses of an engine's containers lead there from here. */
  readonly reachable?: boolean;
  readonly resolve: Resolve;
}

export interface ServiceNetwork {
  /** Whether pods that are processes get addresses of their own. */
  readonly realAddresses: boolean;
  proxy(parts: {
    readonly services: Cache<Service>;
    readonly slices: Cache<EndpointSlice>;
    readonly nodes: Cache<Node>;
    /** The one node of this machine. Several share one network, where none of them is nearer. */
    readonly node?: string;
  }): readonly Component[];
  /** Whether network policies hold for containers here. */
  readonly enforcesPolicies: boolean;
  /** The way to the pods of other machines, for a node that is not this machine alone. */
  routes(nodes: Cache<Node>, own: string): readonly Component[];
  policies(parts: Omit<PolicyProxyParts, 'dataplane'>): readonly Component[];
  /** By which address a node of this machine is known: loopback, where nobody else could reach a port of it. */
  nodeAddress(): Promise<string>;
  /** Everything is as it was on this machine. */
  close(): Promise<void>;
}

const nobody = { enforcesPolicies: false, policies: () => [] };
const nowhere = {
  ...nobody,
  proxy: () => [],
  routes: () => [],
  nodeAddress: machineAddress,
  close: async () => {},
};

/** What leads to services on this machine: the kernel's tables where that can be, else this process. */
export async function openServiceNetwork(options: ServiceNetworkChoice): Promise<ServiceNetwork> {
  const { choice, cluster } = options;
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  if (choice === 'none') return { ...nowhere, realAddresses: isRoot };
  const env = forkEnv(options.env, 'dataplane');
  const adding = options.ranges.map(async (range) => ((await addServiceAddresses(range, cluster)) ? [range] : []));
  // Both ask tools of the machine, which takes a moment: they need not wait for each other.
  const [kernel, ...added] = await Promise.all([inKernel(env, options), ...adding]);
  const owned = added.flat();
  const dataplane = kernel?.plane ?? (await inProcess(env, options, owned.length > 0));
  const health = lazyHealth(env);
  const table = new PodRoutes(options.podRange, cluster);
  return {
    ...(kernel?.enforcing ? enforcedBy(options.env, kernel.enforcing) : nobody),
    realAddresses: owned.length > 0,
    proxy: (parts) => [new ServiceProxy(options.env, { ...parts, dataplane, health })],
    nodeAddress: async () => (kernel ? machineAddress() : loopbackAddress),
    routes: (nodes, own) => (isRoot ? [new NodeRouter(options.env, { nodes, own, table })] : []),
    close: async () => {
      await dataplane.close();
      health.close();
      if (isRoot) await table.close();
      for (const range of owned) await removeServiceAddresses(range, cluster);
    },
  };
}

function enforcedBy(env: Env, dataplane: PolicyDataplane) {
  return {
    enforcesPolicies: true,
    policies: (parts: Omit<PolicyProxyParts, 'dataplane'>) => [new PolicyProxy(env, { ...parts, dataplane })],
  };
}

interface InKernel {
  readonly plane: Open;
  readonly enforcing?: PolicyDataplane;
}
/** Hardly a cluster has such a port: what listens there is loaded with the first. */
function lazyHealth(env: Env): HealthPorts & { close(): void } {
  let wanted: readonly HealthCheck[] = [];
  let made: (HealthPorts & { close(): void }) | undefined;
  let closed = false;
  const load = async () => {
    const { HealthCheckPorts } = await import('../host/network/health-check-ports.ts');
    if (closed) return;
    made ??= new HealthCheckPorts(env);
    made.replace(wanted);
  };
  return {
    replace: (checks) => {
      wanted = checks;
      if (made) made.replace(checks);
      else if (checks.length > 0) void load();
    },
    close: () => {
      closed = true;
      made?.close();
    },
  };
}

type Open = Dataplane & { close(): void | Promise<void> };

/** Containers that cannot be reached by their addresses are beyond what a kernel's table could name. */
async function inKernel(env: Env, options: ServiceNetworkChoice): Promise<InKernel | undefined> {
  const { choice, cluster, podRange, reachable = true } = options;
  if (choice === 'userspace' || (choice === 'auto' && !reachable)) return undefined;
  const { hasNftables, NftablesDataplane } = await import('../host/network/nftables/nftables.ts');
  const { bridgesAreFiltered } = await import('../host/network/nftables/pod-links.ts');
  if (await hasNftables()) {
    const bridged = bridgesAreFiltered();
    const tables = new NftablesDataplane({ env, cluster, podRange, bridged });
    const plane = await withClaims(env, tables);
    // Processes have no network of their own that anybody could be kept out of.
    return { plane, ...(bridged && options.reachable !== undefined ? { enforcing: tables } : {}) };
  }
  if (choice === 'auto') return undefined;
  throw new CommandFailure('--dataplane nftables needs root on Linux, and the tool nft (package nftables)');
}

async function inProcess(env: Env, { resolve }: ServiceNetworkChoice, serviceAddresses: boolean): Promise<Open> {
  const { UserspaceDataplane } = await import('../host/network/userspace.ts');
  return new UserspaceDataplane({ env, serviceAddresses, resolve });
}

/** Services on localhost must not be led to where something else of this machine listens. */
async function withClaims(env: Env, plane: Open): Promise<Open> {
  const { ClaimedPorts } = await import('../host/network/claimed-ports.ts');
  const claims = new ClaimedPorts(env, plane);
  return {
    replace: (table) => claims.replace(table),
    close: async () => {
      await claims.close();
      await plane.close();
    },
  };
}

interface Resolving {
  readonly runtimes: readonly { resolve(ip: string, port: number): Place }[];
}

/** Where a pod's port is really heard, as the first of these nodes knows that has it elsewhere than at its address. */
export function resolverOf(
  nodes: () => readonly Resolving[],
  other: (ip: string) => Place | undefined = () => undefined,
): Resolve {
  return (ip, port) => {
    const known = other(ip);
    if (known) return known;
    const places = nodes().flatMap(({ runtimes }) => runtimes.map((runtime) => runtime.resolve(ip, port)));
    return places.find((place) => place.host !== ip) ?? { host: ip, port };
  };
}
