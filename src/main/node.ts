import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { Agent, type Runtimes } from '../agent/agent.ts';
import type { AgentFleet } from '../agent/fleet.ts';
import type { EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import type { Service } from '../api/kinds/service.ts';
import { type Env, forkEnv } from '../base/env.ts';
import type { Client } from '../client/client.ts';
import { type Addresses, NamedAddresses, RealAddresses } from '../host/runtime/process/addresses.ts';
import { ProcessRuntime } from '../host/runtime/process/process-runtime.ts';
import type { Cache } from '../machinery/cache.ts';
import { EventRecorder } from '../machinery/events.ts';

const podsMax = '110';

export interface NodeParts {
  readonly env: Env;
  readonly client: Client;
  readonly fleet: AgentFleet;
  readonly services: Cache<Service>;
  readonly slices?: Cache<EndpointSlice>;
}
export interface NodeChoice {
  readonly name: string;
  readonly folder: string;
  readonly podRange: string;
  /** Whether pods get addresses of their own on this machine. */
  readonly realAddresses: boolean;
  readonly hostIp: string;
}

/** A node of this machine, whose pods are plain processes. */
export function processNode(
  parts: NodeParts,
  choice: NodeChoice,
): { readonly agent: Agent; readonly runtime: ProcessRuntime } {
  const file = join(choice.folder, 'addresses.json');
  const addresses: Addresses = choice.realAddresses
    ? new RealAddresses({ file, cidr: choice.podRange })
    : new NamedAddresses({ file, cidr: choice.podRange });
  const env = forkEnv(parts.env, choice.name);
  const runtime = new ProcessRuntime(env, {
    root: join(choice.folder, 'pods'),
    addresses,
    from: process.cwd(),
    hostIp: choice.hostIp,
  });
  return { agent: agentOf(parts, env, { default: runtime }, choice), runtime };
}

export function agentOf(
  parts: NodeParts,
  env: Env,
  runtimes: Runtimes,
  choice: { readonly name: string; readonly hostIp: string; readonly skipProbes?: boolean },
): Agent {
  return new Agent(env, parts.client, runtimes, {
    node: choice.name,
    skipProbes: choice.skipProbes ?? false,
    fleet: parts.fleet,
    services: parts.services,
    ...(parts.slices ? { slices: parts.slices } : {}),
    events: new EventRecorder(env, parts.client, 'kubelet', choice.name),
    capacity: {
      cpu: String(cpus().length),
      memory: `${Math.floor(totalmem() / 1024)}Ki`,
      pods: podsMax,
      'ephemeral-storage': '100Gi',
    },
    addresses: [
      { type: 'InternalIP', address: choice.hostIp },
      { type: 'Hostname', address: choice.name },
    ],
    os: process.platform === 'win32' ? 'windows' : 'linux',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    runtimeVersion: `${runtimes.default.name}://${process.versions.node}`,
  });
}
