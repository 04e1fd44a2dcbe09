import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentFleet } from '../agent/fleet.ts';
import { isApiError } from '../api/error.ts';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { pods } from '../api/kinds/pod.ts';
import { services } from '../api/kinds/service.ts';
import { type Component, forkEnv } from '../base/env.ts';
import { StopSource } from '../base/stop.ts';
import { UsageError } from '../cli/flags.ts';
import type { Client } from '../client/client.ts';
import { allControllers } from '../controllers/all.ts';
import { timings } from '../controllers/timing.ts';
import { addServiceAddresses, removeServiceAddresses } from '../host/network/service-addresses.ts';
import { UserspaceDataplane } from '../host/network/userspace.ts';
import { Caches } from '../machinery/caches.ts';
import { ServiceProxy } from '../network/proxy.ts';
import { schedulerLoop } from '../scheduler/parts.ts';
import { type ClusterDns, openClusterDns, podNames, podVariables } from './cluster-dns.ts';
import { type ControlPlane, openControlPlane } from './control-plane.ts';
import { LocalDoors } from './doors.ts';
import { gatewayApi } from './gateway-api.ts';
import { lazyHttpEntry, offerIngressClass } from './lazy-http-entry.ts';
import { offerMetricsRole } from './metrics-role.ts';
import { type MachineNode, machineNode, type NodeParts } from './node.ts';
import {
  clusterIdentity,
  endPods,
  engineFor,
  type Machine,
  type NodeChoice,
  offerClasses,
  prepared,
} from './runtimes.ts';
import { type ClusterSettings, httpChoices, nodeRange } from './settings.ts';
import { SimulatedNodes } from './simulated-nodes.ts';
import { ChildPart } from './split.ts';
import { offerStorage } from './storage.ts';
import { supervise } from './supervise.ts';

export interface Cluster {
  readonly plane: ControlPlane;
  /** Ends everything, the pods too: the next start runs them again. After a SIGKILL it adopts them instead. */
  close(): Promise<void>;
}

/** The whole cluster in one process: the same classes as in many, with a direct call for a network. */
export async function startCluster(settings: ClusterSettings): Promise<Cluster> {
  const wanted = await nodesWanted(settings.nodes);
  const engine = settings.runtime === 'sim' ? undefined : await engineFor(settings.runtime);
  const doors = new LocalDoors(() => plane.env);
  const local: MachineNode[] = [];
  let dns: ClusterDns | undefined;
  const resolve = resolver(local, () => dns);
  const plane = await openControlPlane(settings, { nodes: doors.find, resolve, resourceMetrics: !settings.bare });
  const { env, client } = plane;
  const stop = new StopSource();
  const caches = new Caches(env, client);
  const fleet = new AgentFleet(caches.of(pods));
  const parts: Component[] = deciders(settings, plane, caches);
  const shared = { env, client, fleet, services: caches.of(services) };
  const real = settings.runtime === 'sim' ? false : await addServiceAddresses(settings['service-range'], plane.folder);
  const opening = openClusterDns(settings, { plane, caches, real, resolve });
  const again: (() => MachineNode)[] = [];
  if (settings.runtime === 'sim') {
    parts.push(new SimulatedNodes({ ...shared, nodes: caches.of(nodes), doors, podRange: settings['pod-range'] }));
    await registerNodes(plane, wanted);
  } else {
    const cluster = await clusterIdentity(env, client);
    const variables = podVariables(caches.of(endpointSlices));
    const addresses = { realAddresses: real, podRange: settings['pod-range'], names: variables };
    const machine: Machine = { cluster, ...addresses, ...(engine ? { engine } : {}) };
    const names = real && !settings.bare ? { dns: podNames(shared.services) } : {};
    const nodeParts: NodeParts = { ...shared, ...names, slices: caches.of(endpointSlices) };
    for (const [index, { metadata }] of wanted.entries()) {
      const { name } = metadata;
      const podRange = nodeRange(settings['pod-range'], index);
      const choice = { name, folder: join(plane.folder, 'nodes', name), podRange, hostIp: '127.0.0.1' };
      const node = machineNode(nodeParts, machine, choice);
      local.push(node);
      again.push(() => machineNode(nodeParts, machine, choice));
      if (!settings.split) doors.add(name, node.agent);
      parts.push(settings.split ? agentProcess(plane, machine, { ...choice, timing: settings.timing }) : node.agent);
    }
    await prepared(local.flatMap(({ runtimes }) => runtimes)).catch(async (error: unknown) => {
      await (await opening)?.close();
      await plane.close();
      throw error;
    });
    if (!settings.bare) await offerClasses(client, engine ? ['docker', 'process'] : ['process']);
  }
  if (!settings.bare) await offerAddOns(client);
  const dataplane = new UserspaceDataplane({ env: forkEnv(env, 'dataplane'), serviceAddresses: real, resolve });
  if (settings.runtime !== 'sim') {
    parts.push(new ServiceProxy(env, { services: caches.of(services), slices: caches.of(endpointSlices), dataplane }));
    if (settings['gateway-api']) parts.push(gatewayApi(env, client));
    parts.push(lazyHttpEntry({ env, client, caches, resolve, ...httpChoices(settings) }));
  }
  const running = supervise(env, [...caches.all(), ...parts], stop);
  dns = await opening;
  return {
    plane,
    close: async () => {
      stop.stop();
      await running;
      await dns?.close();
      await dataplane.close();
      // Where agents were processes of their own, what they did stands on the disk and not in our memory.
      const ending = settings.split ? again.map((make) => make()) : local;
      for (const { runtimes } of settings.split ? local : []) for (const runtime of runtimes) runtime.leave();
      await endPods(ending);
      if (real) await removeServiceAddresses(settings['service-range'], plane.folder);
      await plane.close();
    },
  };
}

async function offerAddOns(client: Client): Promise<void> {
  await offerStorage(client);
  await offerMetricsRole(client);
  await offerIngressClass(client);
}

/** Where a pod's port is really heard, as the first of these nodes knows that has it elsewhere than at its address. */
function resolver(nodes: readonly MachineNode[], dns: () => ClusterDns | undefined) {
  return (ip: string, port: number) => {
    const server = dns()?.resolve(ip);
    if (server) return server;
    const places = nodes.flatMap(({ runtimes }) => runtimes.map((runtime) => runtime.resolve(ip, port)));
    return places.find((place) => place.host !== ip) ?? { host: ip, port };
  };
}

/** Controllers and scheduler: in this process, or each in one of its own with no change in them. */
function deciders(settings: ClusterSettings, plane: ControlPlane, caches: Caches): Component[] {
  const { env, client, kubeconfig } = plane;
  const timing = timings[settings.timing];
  if (!settings.split)
    return [
      ...allControllers({ env, client, caches, timing, rebalance: settings.rebalance }),
      schedulerLoop(env, client, caches),
    ];
  // Each is the only one, and started again here when it ends.
  const alone = ['--kubeconfig', kubeconfig, '--leader-elect', 'false'];
  return [
    new ChildPart(env, [
      'controllers',
      '--timing',
      settings.timing,
      ...(settings.rebalance ? ['--rebalance'] : []),
      ...alone,
    ]),
    new ChildPart(env, ['scheduler', ...alone]),
  ];
}

function agentProcess(
  { env, kubeconfig, folder }: ControlPlane,
  { podRange, engine }: Machine,
  node: NodeChoice & Pick<ClusterSettings, 'timing'>,
): Component {
  const words = ['agent', '--kubeconfig', kubeconfig, '--node', node.name, '--data-dir', folder];
  const ranges = ['--pod-range', node.podRange, '--cluster-pod-range', podRange];
  const how = ['--runtime', engine ? 'docker' : 'process', '--timing', node.timing];
  return new ChildPart(env, [...words, ...ranges, ...how]);
}

type Wanted = { readonly metadata: { readonly name: string } };

/** `3`, or a file of Node objects. */
async function nodesWanted(text: string): Promise<readonly Wanted[]> {
  if (/^\d+$/.test(text))
    return Array.from({ length: Number(text) }, (_, index) => ({ metadata: { name: `node-${index}` } }));
  let content: string;
  try {
    content = readFileSync(text, 'utf8');
  } catch {
    throw new UsageError(`--nodes is a number or a file of Node objects, and ${JSON.stringify(text)} is neither`);
  }
  // Loaded for this alone: a cluster that was given a number starts sooner and stays smaller.
  const { parseAllDocuments } = await import('yaml');
  const documents = parseAllDocuments(content, { version: '1.1' }).map(
    (document) => document.toJS() as { kind?: string; items?: unknown[] } | null,
  );
  const objects = documents.flatMap((document) => (document?.items ? document.items : document ? [document] : []));
  return objects.map((object) => {
    const node = object as { kind?: string; metadata?: { name?: string } };
    if (node.kind !== 'Node' || !node.metadata?.name)
      throw new UsageError(`--nodes ${text} holds something that is not a Node with a name`);
    return node as Wanted;
  });
}

async function registerNodes(plane: ControlPlane, wanted: readonly Wanted[]): Promise<void> {
  for (const node of wanted) {
    try {
      await plane.client.send<Node>({ verb: 'create', kind: nodes, object: { spec: {}, ...node } as Node });
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
    const { status } = node as Partial<Node>;
    if (status)
      await plane.client.send({
        verb: 'patch',
        kind: nodes,
        key: { namespace: '', name: node.metadata.name },
        patch: { status } as never,
        subresource: 'status',
      });
  }
}
