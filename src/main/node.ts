import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { Agent, type AgentOptions } from '../agent/agent.ts';
import type { AgentFleet } from '../agent/fleet.ts';
import type { NodeApiPlace } from '../agent/node-registration.ts';
import type { DnsSetting } from '../agent/pod-dns.ts';
import type { Runtime } from '../agent/runtime.ts';
import type { Runtimes } from '../agent/runtime-choice.ts';
import type { VolumeHost } from '../agent/volumes.ts';
import type { EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import type { NodeStatus } from '../api/kinds/node.ts';
import type { Service } from '../api/kinds/service.ts';
import { localPathTopology } from '../api/local-path.ts';
import { policiesEnforcedLabel } from '../api/policy-enforcement.ts';
import { type Env, forkEnv } from '../base/env.ts';
import type { Client } from '../client/client.ts';
import { nodeSpeaker } from '../client/speakers.ts';
import { secureDuplex } from '../host/http/secure-duplex.ts';
import { ManifestFiles } from '../host/manifest-folder.ts';
import { diskBytes, nodeInfo } from '../host/node-info.ts';
import { MachineSignals } from '../host/node-signals.ts';
import { FolderVolumes } from '../host/volumes/folder-volumes.ts';
import type { Cache } from '../machinery/cache.ts';
import type { EventDesk } from '../machinery/event-desk.ts';
import { EventRecorder } from '../machinery/events.ts';
import { type Machine, type NodeChoice, type NodeRuntime, nodeRuntimes } from './runtimes.ts';

const podsMax = '110';
/** In a node's folder: pods that it has whatever the cluster says. */
const manifestsName = 'manifests';
const pretendedDisk = '100Gi';

export interface NodeParts {
  readonly env: Env;
  readonly client: Client;
  /** Without it a node looks for its own pods by itself. */
  readonly fleet?: AgentFleet;
  readonly services: Cache<Service>;
  readonly slices?: Cache<EndpointSlice>;
  /** Without it pods find the names that this machine finds. */
  readonly dns?: DnsSetting;
  /** Where the agents of many nodes write their events. */
  readonly desk?: EventDesk;
}
export interface MachineNode {
  readonly agent: Agent;
  readonly runtimes: readonly NodeRuntime[];
  readonly volumes: FolderVolumes;
}

/** A node of this machine, whose pods really run. */
export function machineNode(parts: NodeParts, machine: Machine, choice: NodeChoice): MachineNode {
  const env = forkEnv(parts.env, choice.name);
  const volumes = new FolderVolumes(choice.folder);
  const { byHandler, default: usual } = nodeRuntimes(env, machine, choice);
  const runtimeVersion = `${usual.name}://${machine.engine?.version ?? process.versions.node}`;
  const agent = agentOf(
    parts,
    env,
    { default: usual, byHandler },
    {
      ...choice,
      volumes,
      runtimeVersion,
      enforcesPolicies: machine.enforcesPolicies,
      manifests: new ManifestFiles(join(choice.folder, manifestsName)),
      pressure: {
        signals: new MachineSignals(choice.folder, machine.engine?.folder),
        settings: machine.settings.eviction,
      },
      unsafeSysctls: machine.settings.unsafeSysctls,
    },
  );
  return { agent, runtimes: Object.values(byHandler), volumes };
}

interface AgentChoice {
  readonly name: string;
  readonly hostIp: string;
  readonly podRange?: string;
  readonly pretends?: boolean;
  /** What a node that only pretends says of itself, where it says it. */
  readonly told?: NodeStatus;
  readonly volumes?: VolumeHost;
  readonly runtimeVersion?: string;
  readonly enforcesPolicies?: boolean;
  readonly api?: NodeApiPlace;
  readonly fences?: boolean;
  readonly folder?: string;
  readonly pressure?: AgentOptions['pressure'];
  readonly manifests?: AgentOptions['manifests'];
  readonly unsafeSysctls?: AgentOptions['unsafeSysctls'];
}

export function agentOf(parts: NodeParts, env: Env, runtimes: Runtimes, choice: AgentChoice): Agent {
  return new Agent(env, parts.client, runtimes, {
    node: choice.name,
    pretends: choice.pretends ?? false,
    fences: choice.fences ?? false,
    ...(parts.fleet ? { fleet: parts.fleet } : {}),
    services: parts.services,
    ...(parts.slices ? { slices: parts.slices } : {}),
    ...(parts.dns ? { dns: parts.dns } : {}),
    ...(choice.volumes ? { volumes: choice.volumes } : {}),
    labels: {
      ...(choice.volumes ? { [localPathTopology]: choice.name } : {}),
      ...(choice.enforcesPolicies === undefined ? {} : { [policiesEnforcedLabel]: String(choice.enforcesPolicies) }),
    },
    secure: secureDuplex,
    events: new EventRecorder(env, parts.client.as('kubelet', nodeSpeaker(choice.name)), 'kubelet', {
      host: choice.name,
      ...(parts.desk ? { desk: parts.desk } : {}),
    }),
    capacity: choice.told?.capacity ?? {
      cpu: String(cpus().length),
      memory: `${Math.floor(totalmem() / 1024)}Ki`,
      pods: podsMax,
      'ephemeral-storage': choice.folder === undefined ? pretendedDisk : String(diskBytes(choice.folder)),
    },
    ...(choice.manifests ? { manifests: choice.manifests } : {}),
    ...(choice.pressure ? { pressure: choice.pressure } : {}),
    unsafeSysctls: choice.unsafeSysctls ?? [],
    ...(choice.pretends ? {} : { nodeInfo: nodeInfo(), features: featuresOf(runtimes.default) }),
    ...(choice.told?.allocatable ? { allocatable: choice.told.allocatable } : {}),
    ...(choice.api ? { api: choice.api } : {}),
    ...(choice.podRange === undefined ? {} : { podRange: choice.podRange }),
    addresses: choice.told?.addresses ?? [
      { type: 'InternalIP', address: choice.hostIp },
      { type: 'Hostname', address: choice.name },
    ],
    os: process.platform === 'win32' ? 'windows' : 'linux',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    runtimeVersion: choice.runtimeVersion ?? `${runtimes.default.name}://${process.versions.node}`,
  });
}

const featuresOf = ({ leavesOutGroups = false }: Runtime) => ({ supplementalGroupsPolicy: leavesOutGroups });
