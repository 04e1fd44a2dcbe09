import { hostname } from 'node:os';
import { join } from 'node:path';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { networkPolicies } from '../api/kinds/network-policy.ts';
import { nodes } from '../api/kinds/node.ts';
import { pods } from '../api/kinds/pod.ts';
import { services } from '../api/kinds/service.ts';
import type { Component, Env } from '../base/env.ts';
import { never } from '../base/stop.ts';
import { defineFlags, UsageError } from '../cli/flags.ts';
import { Client } from '../client/client.ts';
import { allControllers } from '../controllers/all.ts';
import { timings } from '../controllers/timing.ts';
import { followedTransport, httpTransport } from '../host/http/client.ts';
import { followKubeconfig } from '../host/kubeconfig-file.ts';
import { schedulerLoop } from '../scheduler/parts.ts';
import { balancerOf } from './balancer.ts';
import { nameCaches, podNames, podVariables } from './cluster-dns.ts';
import { machineNode } from './node.ts';
import { NodeDns } from './node-dns.ts';
import { isEverywhere, listenAsNode } from './node-listener.ts';
import { nodeSettings } from './node-settings.ts';
import { part } from './part-process.ts';
import { clusterIdentity, engineFor, type Machine, prepared } from './runtimes.ts';
import { openServiceNetwork, resolverOf } from './service-network.ts';
import {
  addressOf,
  controllersFlags,
  dataplaneFlag,
  nodeFlags,
  nodeIpOf,
  partFlags,
  schedulerFlags,
  timing,
} from './settings.ts';

export const controllers = part(
  {
    name: 'controllers',
    summary: 'Run the controllers against any API server',
    flags: controllersFlags,
    lease: 'kube-controller-manager',
  },
  ({ env, client, caches }, { values }) => {
    const podRange = values['pod-range'];
    const { rebalance, timing } = values;
    const shared = {
      env,
      client: values['use-service-account-credentials'] ? client.impersonating() : client,
      caches,
      timing: timings[timing],
      rebalance,
      ...balancerOf(values['load-balancer-pool']),
    };
    return allControllers({ ...shared, ...(podRange === undefined ? {} : { podRange }) });
  },
);

export const scheduler = part(
  {
    name: 'scheduler',
    summary: 'Run the scheduler against any API server',
    flags: schedulerFlags,
    lease: 'kube-scheduler',
  },
  ({ env, client, caches }) => [schedulerLoop(env, client, caches)],
);

const agentFlags = defineFlags({
  ...partFlags,
  ...nodeFlags,
  node: { type: 'text', default: hostname().toLowerCase(), value: 'NAME', help: 'the name of the node' },
  'node-kubeconfig': {
    type: 'text',
    value: 'FILE',
    help: 'by whose right the node speaks; --kubeconfig is then only for what leads to services and holds policies',
  },
  'bootstrap-kubeconfig': {
    type: 'text',
    value: 'FILE',
    help: 'by whose right the node asks for a certificate of its own, which it then keeps and renews, and speaks by',
  },
  'data-dir': { type: 'text', required: true, value: 'DIR', help: 'where the pods of the node are kept' },
  listen: {
    type: 'text',
    default: '127.0.0.1:0',
    value: 'ADDRESS:PORT',
    help: "where the node's own API is served, and the node's address unless it is loopback; port 0 takes any",
  },
  'pod-range': { type: 'text', default: '10.244.0.0/24', value: 'CIDR', help: 'addresses of the pods of the node' },
  'cluster-pod-range': { type: 'text', default: '10.244.0.0/16', value: 'CIDR', help: 'addresses of all pods' },
  runtime: {
    type: 'choice',
    choices: ['process', 'docker', 'auto'],
    default: 'auto',
    help: 'what runs pods; auto is docker where an engine answers',
  },
  timing,
  'service-range': { type: 'text', default: '10.96.0.0/16', value: 'CIDR', help: 'addresses of Services' },
  dataplane: dataplaneFlag,
  'policies-enforced': { type: 'switch', help: 'somebody else sees to it that network policies hold on this node' },
});

export const agent = part(
  { name: 'agent', summary: 'Run a node of this machine against any API server', flags: agentFlags },
  async (parts, { values }) => {
    const { env, caches } = parts;
    const listen = addressOf('listen', values.listen);
    const givenIp = nodeIpOf(values);
    const folder = join(values['data-dir'], 'nodes', values.node);
    const { client = parts.client, renewal = [] } = await nodeClient(env, values, folder);
    const shared = {
      env,
      client,
      services: caches.of(services),
      slices: caches.of(endpointSlices),
    };
    const engine = await engineFor(values.runtime);
    const network = await openServiceNetwork({
      env,
      choice: values.dataplane,
      cluster: folder,
      podRange: values['cluster-pod-range'],
      ranges: [values['service-range']],
      ...(engine ? { reachable: engine.reachable } : {}),
      resolve: (ip, port) => resolverOf(() => [node])(ip, port),
    });
    parts.atEnd(() => network.close());
    const machine: Machine = {
      cluster: await clusterIdentity(env, client),
      realAddresses: network.realAddresses,
      podRange: values['cluster-pod-range'],
      names: podVariables(shared.slices),
      enforcesPolicies: network.enforcesPolicies || values['policies-enforced'],
      settings: nodeSettings(values),
      ...(engine ? { engine } : {}),
    };
    const hostIp = givenIp ?? (isOwnAddress(listen.host) ? listen.host : await network.nodeAddress());
    const listener = await listenAsNode(env, client, {
      node: values.node,
      nodeIp: hostIp,
      listen,
      access: parts.access,
    });
    const { host, port, authority } = listener;
    // As upstream has it, a node that is silent keeps its pods.
    const fences = values.timing === 'quick';
    const podRange = values['pod-range'];
    const choice = { name: values.node, folder, podRange, hostIp, fences, api: { host, port, authority } };
    const names = machine.realAddresses ? { dns: podNames(shared.services) } : {};
    const node = machineNode({ ...shared, ...names }, machine, choice);
    // What runs, runs on; but who listens to an engine would never end.
    parts.atEnd(() => {
      for (const runtime of node.runtimes) runtime.leave();
    });
    await prepared(node.runtimes);
    const answered = machine.realAddresses
      ? [new NodeDns({ env, names: nameCaches(caches), slices: shared.slices })]
      : [];
    const here = { node: values.node };
    const known = { policies: caches.of(networkPolicies), namespaces: caches.of(namespaces), pods: caches.of(pods) };
    return [
      ...renewal,
      node.agent,
      listener.open(node.agent),
      ...answered,
      ...network.proxy({ services: shared.services, slices: shared.slices, nodes: caches.of(nodes), ...here }),
      ...network.routes(caches.of(nodes), values.node),
      ...network.policies({ ...known, ...here }),
    ];
  },
);

/** Whether an address that is listened at is also one by which others may know the node. */
const isOwnAddress = (host: string): boolean => !isEverywhere(host) && !/^(127\.|::1$|localhost$)/.test(host);

/** Who the node is to the server, where it is not whoever the agent is. */
async function nodeClient(
  env: Env,
  values: {
    readonly node: string;
    readonly 'node-kubeconfig'?: string | undefined;
    readonly 'bootstrap-kubeconfig'?: string | undefined;
  },
  folder: string,
): Promise<{ readonly client?: Client; readonly renewal?: readonly Component[] }> {
  const { node, 'node-kubeconfig': own, 'bootstrap-kubeconfig': first } = values;
  if (own !== undefined && first !== undefined)
    throw new UsageError('--bootstrap-kubeconfig is for a node that has no --node-kubeconfig: give one of them');
  if (own !== undefined) return { client: new Client(followedTransport(followKubeconfig(env, own))) };
  if (first === undefined) return {};
  const { NodeIdentity } = await import('./node-identity.ts');
  const bootstrap = followKubeconfig(env, first);
  const identity = new NodeIdentity({ env, node, folder: join(folder, 'pki'), bootstrap, connect: httpTransport });
  await identity.obtain(never);
  return { client: new Client(identity.transport), renewal: [identity] };
}
