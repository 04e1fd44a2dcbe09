import { join } from 'node:path';
import type { NodeApiPlace } from '../agent/node-registration.ts';
import type { Runtime } from '../agent/runtime.ts';
import { endInOrder } from '../agent/shutdown.ts';
import { isApiError } from '../api/error.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { runtimeClasses } from '../api/kinds/runtime-class.ts';
import { type Clock, type Env, sleep } from '../base/env.ts';
import { CommandFailure } from '../cli/command.ts';
import type { Client } from '../client/client.ts';
import { secureDuplex } from '../host/http/secure-duplex.ts';
import { DockerRuntime } from '../host/runtime/docker/docker-runtime.ts';
import { type Engine, findEngine } from '../host/runtime/docker/engine.ts';
import { NamedAddresses, RealAddresses } from '../host/runtime/process/addresses.ts';
import { ProcessRuntime } from '../host/runtime/process/process-runtime.ts';
import type { FolderVolumes } from '../host/volumes/folder-volumes.ts';
import type { NodeSettings } from './node-settings.ts';

/** What runs the pods of this machine's nodes: found once for all of them. */
export interface Machine {
  /** The engine, where containers are the default; processes are then one class away. */
  readonly engine?: Engine;
  /** Whose containers they are on an engine that others use too. */
  readonly cluster: string;
  /** Whether pods that are processes get addresses of their own. */
  readonly realAddresses: boolean;
  readonly podRange: string;
  /** How pods that are processes find names where they have no addresses. */
  readonly names?: (namespace: string) => Readonly<Record<string, string>>;
  /** Whether network policies hold for containers here. */
  readonly enforcesPolicies: boolean;
  readonly settings: NodeSettings;
}
export interface NodeChoice {
  readonly name: string;
  readonly folder: string;
  /** The node's part of the pod range. */
  readonly podRange: string;
  readonly hostIp: string;
  /** Where the node's own API is heard, when its agent is a process of its own. */
  readonly api?: NodeApiPlace;
  /** Its agent may lose the server, which then gives its stateful pods to others. */
  readonly fences?: boolean;
}
export interface NodeRuntime extends Runtime {
  /** Where a pod's port is really heard. */
  resolve(ip: string, port: number): { readonly host: string; readonly port: number };
  /** Lets go of what runs, which runs on. */
  leave(): void;
}
export type RuntimeName = 'process' | 'docker' | 'auto';

const askAgainMs = 250;
const endGraceMs = 5_000;

/** `auto` is docker when an engine answers, else process. An engine that was asked for and is not there is an error. */
export async function engineFor(runtime: RuntimeName): Promise<Engine | undefined> {
  if (runtime === 'process') return undefined;
  const found = await findEngine();
  if ('engine' in found) return found.engine;
  if (runtime === 'auto') return undefined;
  throw new CommandFailure(`--runtime docker needs a container engine: ${found.missing}`);
}

/** The cluster's own name for itself, as upstream has it: the same after each restart, another for each cluster. */
export async function clusterIdentity(env: Env, client: Client): Promise<string> {
  for (;;) {
    try {
      return (await client.get(namespaces, { namespace: '', name: 'kube-system' })).metadata.uid;
    } catch (error) {
      if (!isApiError(error)) throw error;
      env.log.debug('the cluster does not say who it is', { error: error.message });
      await sleep(env.clock, askAgainMs);
    }
  }
}

/** The runtimes of one node, by the handler that a RuntimeClass names. */
export function nodeRuntimes(
  env: Env,
  { engine, ...machine }: Machine,
  node: NodeChoice,
): { readonly default: NodeRuntime; readonly byHandler: Readonly<Record<string, NodeRuntime>> } {
  const { first, second } = halves(node.podRange);
  const file = join(node.folder, 'addresses.json');
  const cidr = engine ? first : node.podRange;
  const process = new ProcessRuntime(env, {
    root: join(node.folder, 'pods'),
    addresses: machine.realAddresses ? new RealAddresses({ file, cidr }) : new NamedAddresses({ file, cidr }),
    hostIp: node.hostIp,
    ...(machine.names && !machine.realAddresses ? { names: machine.names } : {}),
  });
  if (!engine) return { default: process, byHandler: { process } };
  const docker = new DockerRuntime(env, {
    engine,
    owner: { cluster: machine.cluster, node: node.name },
    podRange: machine.podRange,
    nodeRange: node.podRange,
    reserved: second,
    hostIp: node.hostIp,
    folder: join(node.folder, 'containers'),
    holdFile: join(node.folder, 'holds.json'),
    pulledFile: join(node.folder, 'pulled-images.json'),
    profileFolder: join(node.folder, 'seccomp'),
  });
  return { default: docker, byHandler: { docker, process } };
}

/** One class for each handler, so that a pod can choose. */
export async function offerClasses(client: Client, handlers: readonly string[]): Promise<void> {
  for (const name of handlers) {
    try {
      await client.send({
        verb: 'create',
        kind: runtimeClasses,
        object: { metadata: { name }, handler: name } as never,
      });
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
  }
}

/** What can only fail at the start fails then, in one line. */
export async function prepared(runtimes: readonly NodeRuntime[]): Promise<void> {
  try {
    await Promise.all(runtimes.map((runtime) => (runtime instanceof DockerRuntime ? runtime.prepare() : undefined)));
  } catch (error) {
    throw new CommandFailure(error instanceof Error ? error.message : String(error));
  }
}

interface Ending {
  readonly runtimes: readonly NodeRuntime[];
  readonly volumes: FolderVolumes;
  /** What is known of its pods, so that each ends as it wants to; nothing, where its agent was another process. */
  readonly agent?: { pods(): readonly Pod[] };
}

/** Nothing of the nodes' pods stays on this machine. */
export async function endPods(clock: Clock, nodes: readonly Ending[]): Promise<void> {
  await Promise.all(nodes.map((node) => endNode(clock, node)));
  const runtimes = nodes.flatMap((node) => node.runtimes);
  // What the nodes of a cluster share on an engine goes last: until then it is in use.
  await Promise.all(runtimes.map((runtime) => (runtime instanceof DockerRuntime ? runtime.tidy() : undefined)));
  for (const runtime of runtimes) runtime.leave();
}

async function endNode(clock: Clock, { runtimes, volumes, agent }: Ending): Promise<void> {
  await Promise.all(
    runtimes.map(async (runtime) => {
      const pods = agent?.pods() ?? [];
      await endInOrder({ clock, runtime, pods, graceMs: endGraceMs, secure: secureDuplex });
      const { sandboxes, containers } = await runtime.list();
      await Promise.all(containers.map(({ id }) => runtime.stop(id, endGraceMs)));
      const left = new Set([...sandboxes.map(({ id }) => id), ...containers.map(({ sandbox }) => sandbox)]);
      await Promise.all([...left].map((id) => runtime.closeSandbox(id)));
    }),
  );
  for (const pod of await volumes.held()) await volumes.release(pod);
}

/** Processes in the first half of a node's addresses, containers in the second: neither knows of the other. */
function halves(range: string): { readonly first: string; readonly second: number } {
  const [base, prefix] = range.split('/');
  const bits = Number(prefix);
  return { first: `${base}/${bits + 1}`, second: 2 ** (32 - bits - 1) };
}
