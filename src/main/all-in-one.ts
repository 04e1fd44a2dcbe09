import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentFleet } from '../agent/fleet.ts';
import { isApiError } from '../api/error.ts';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { networkPolicies } from '../api/kinds/network-policy.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { pods } from '../api/kinds/pod.ts';
import { services } from '../api/kinds/service.ts';
import type { Caller } from '../api/wire.ts';
import type { Component } from '../base/env.ts';
import { StopSource } from '../base/stop.ts';
import { UsageError } from '../cli/flags.ts';
import type { Client } from '../client/client.ts';
import { controllerManager, nodeNetwork, nodeSpeaker, scheduler } from '../client/speakers.ts';
import { allControllers } from '../controllers/all.ts';
import { timings } from '../controllers/timing.ts';
import type { Resolve } from '../host/network/listening.ts';
import type { Engine } from '../host/runtime/docker/engine.ts';
import { Caches } from '../machinery/caches.ts';
import { schedulerLoop } from '../scheduler/parts.ts';
import { balancerOf } from './balancer.ts';
import { type ClusterDns, openClusterDns, podNames, podVariables } from './cluster-dns.ts';
import { type ControlPlane, openControlPlane } from './control-plane.ts';
import { LocalDoors } from './doors.ts';
import { gatewayApi } from './gateway-api.ts';
import { lazyHttpEntry, offerIngressClass } from './lazy-http-entry.ts';
import { offerMetricsRole } from './metrics-role.ts';
import { type MachineNode, machineNode, type NodeParts } from './node.ts';
import { nodeSettings, nodeWords } from './node-settings.ts';
import {
  clusterIdentity,
  endPods,
  engineFor,
  type Machine,
  type NodeChoice,
  offerClasses,
  prepared,
} from './runtimes.ts';
import { openServiceNetwork, resolverOf, type ServiceNetwork } from './service-network.ts';
import { type ClusterSettings, httpChoices, nodeIpOf, nodeRange } from './settings.ts';
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
  const givenIp = nodeIpOf(settings);
  const wanted = await nodesWanted(settings.nodes);
  const engine = settings.runtime === 'sim' ? undefined : await engineFor(settings.runtime);
  const doors = new LocalDoors(() => plane.env);
  const local: MachineNode[] = [];
  let dns: ClusterDns | undefined;
  const resolve = resolverOf(
    () => local,
    (ip) => dns?.resolve(ip),
  );
  const plane = await openControlPlane(settings, { nodes: doors.find, resolve, resourceMetrics: !settings.bare });
  const { env, client } = plane;
  const stop = new StopSource();
  const caches = new Caches(env, managerOf(plane));
  const fleet = new AgentFleet(caches.of(pods));
  const parts = deciders(settings, plane, caches);
  const shared = { env, client, fleet, services: caches.of(services) };
  const network = await networkOf(settings, plane, { ...(engine ? { reachable: engine.reachable } : {}), resolve });
  const naming = { plane, caches, real: network.realAddresses, resolve };
  const leave = () => network.close().then(() => plane.close());
  const opening = openClusterDns(settings, naming).then((opened) => (dns = opened));
  const again: (() => MachineNode)[] = [];
  if (settings.runtime === 'sim') {
    parts.push(new SimulatedNodes({ ...shared, nodes: caches.of(nodes), doors, podRange: settings['pod-range'] }));
    await registerNodes(plane, wanted);
  } else {
    const machine = await machineOf(settings, { plane, caches, network }, engine);
    const names = network.realAddresses && !settings.bare ? { dns: podNames(shared.services) } : {};
    const nodeParts: NodeParts = { ...shared, ...names, slices: caches.of(endpointSlices) };
    const hostIp = givenIp ?? (await network.nodeAddress());
    for (const [index, { metadata }] of wanted.entries()) {
      const { name } = metadata;
      const podRange = nodeRange(settings['pod-range'], index);
      const choice = { name, folder: join(plane.folder, 'nodes', name), podRange, hostIp };
      const node = machineNode(nodeParts, machine, choice);
      local.push(node);
      again.push(() => machineNode(nodeParts, machine, choice));
      if (!settings.split) doors.add(name, node.agent);
      const how = { timing: settings.timing, words: nodeWords(settings) };
      parts.push(settings.split ? agentProcess(plane, machine, { ...choice, ...how }) : node.agent);
    }
    await prepared(local.flatMap(({ runtimes }) => runtimes)).catch(async (error: unknown) => {
      await (await opening)?.close();
      await leave();
      throw error;
    });
    if (!settings.bare) await offerClasses(client, engine ? ['docker', 'process'] : ['process']);
  }
  if (!settings.bare) await offerAddOns(client);
  if (settings.runtime !== 'sim') {
    parts.push(...leading(network, caches, wanted));
    if (settings['gateway-api']) parts.push(gatewayApi(env, client));
    parts.push(lazyHttpEntry({ env, client, caches, resolve, ...httpChoices(settings) }));
  }
  const running = supervise(env, [...caches.all(), ...parts], stop);
  return {
    plane,
    close: async () => {
      stop.stop();
      await running;
      await (await opening)?.close();
      // Where agents were processes of their own, what they did stands on the disk and not in our memory.
      const ending = settings.split ? again.map((make) => make()) : local;
      for (const { runtimes } of settings.split ? local : []) for (const runtime of runtimes) runtime.leave();
      await endPods(env.clock, ending);
      await leave();
    },
  };
}

async function machineOf(
  settings: ClusterSettings,
  {
    plane,
    caches,
    network,
  }: { readonly plane: ControlPlane; readonly caches: Caches; readonly network: ServiceNetwork },
  engine: Engine | undefined,
): Promise<Machine> {
  return {
    cluster: await clusterIdentity(plane.env, plane.client),
    realAddresses: network.realAddresses,
    enforcesPolicies: network.enforcesPolicies,
    podRange: settings['pod-range'],
    names: podVariables(caches.of(endpointSlices)),
    settings: nodeSettings(settings),
    ...(engine ? { engine } : {}),
  };
}

async function offerAddOns(client: Client): Promise<void> {
  await offerStorage(client);
  await offerMetricsRole(client);
  await offerIngressClass(client);
}

function leading(network: ServiceNetwork, caches: Caches, nodesHere: readonly Wanted[]): readonly Component[] {
  const first = nodesHere[0]?.metadata.name;
  const alone = first !== undefined && nodesHere.length === 1 ? { node: first } : {};
  const known = { policies: caches.of(networkPolicies), namespaces: caches.of(namespaces), pods: caches.of(pods) };
  const led = { services: caches.of(services), slices: caches.of(endpointSlices), nodes: caches.of(nodes) };
  const ways = first === undefined ? [] : network.routes(led.nodes, first);
  return [...network.proxy({ ...led, ...alone }), ...ways, ...network.policies(known)];
}

function networkOf(
  settings: ClusterSettings,
  { env, folder }: ControlPlane,
  engine: { readonly reachable?: boolean; readonly resolve: Resolve },
) {
  const { balancer } = balancerOf(settings['load-balancer-pool']);
  return openServiceNetwork({
    env,
    choice: settings.runtime === 'sim' ? 'none' : settings.dataplane,
    cluster: folder,
    podRange: settings['pod-range'],
    ranges: [settings['service-range'], ...(balancer?.pool ? [balancer.pool] : [])],
    ...engine,
  });
}

const managerOf = ({ client }: ControlPlane) => client.as('kube-controller-manager', controllerManager);

/** Controllers and scheduler: in this process, or each in one of its own with no change in them. */
function deciders(settings: ClusterSettings, plane: ControlPlane, caches: Caches): Component[] {
  const { env } = plane;
  const timing = timings[settings.timing];
  // A plain control plane has nobody who balances, and pods that only pretend have nowhere to be led to.
  const pool = settings.bare || settings.runtime === 'sim' ? undefined : settings['load-balancer-pool'];
  if (!settings.split) {
    const { rebalance } = settings;
    const client = managerOf(plane);
    const controllers = allControllers({ env, client, caches, timing, rebalance, ...balancerOf(pool) });
    return [...controllers, schedulerLoop(env, plane.client, caches)];
  }
  const more = [
    ...(pool === undefined ? [] : ['--load-balancer-pool', pool]),
    ...(settings.rebalance ? ['--rebalance'] : []),
  ];
  // Each is the only one, and started again here when it ends.
  const alone = (speaker: Caller) => ['--kubeconfig', plane.kubeconfigOf(speaker), '--leader-elect', 'false'];
  const managing = ['--use-service-account-credentials', '--timing', settings.timing];
  return [
    new ChildPart(env, ['controllers', ...managing, ...alone(controllerManager), ...more]),
    new ChildPart(env, ['scheduler', ...alone(scheduler)]),
  ];
}

function agentProcess(
  { env, kubeconfigOf, folder }: ControlPlane,
  { podRange, engine, enforcesPolicies }: Machine,
  node: NodeChoice & Pick<ClusterSettings, 'timing'> & { readonly words: readonly string[] },
): Component {
  const files = ['--kubeconfig', kubeconfigOf(nodeNetwork), '--node-kubeconfig', kubeconfigOf(nodeSpeaker(node.name))];
  const words = ['agent', ...files, '--node', node.name, '--node-ip', node.hostIp, '--data-dir', folder];
  // What leads to services is of the machine, and this process has it.
  const shared = ['--dataplane', 'none', ...(enforcesPolicies ? ['--policies-enforced'] : [])];
  const ranges = ['--pod-range', node.podRange, '--cluster-pod-range', podRange];
  const how = ['--runtime', engine ? 'docker' : 'process', '--timing', node.timing];
  return new ChildPart(env, [...words, ...ranges, ...shared, ...how, ...node.words]);
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
