import { appliedResources, periodMicros } from '../../../agent/container-resources.ts';
import type { ContainerSpec, Mount, Resources, SandboxSpec } from '../../../agent/runtime.ts';
import type { Json, JsonObject } from '../../../base/json.ts';
import type { Identity } from './accounts.ts';
import type { Labels } from './identity.ts';
import { type ProfileReader, securityOf, userOf } from './security.ts';

/** Whose namespaces a container lives in. */
export type Namespaces =
  /** Its own, which are the pod's. */
  | Held
  /** Those of the container with this id of the engine. */
  | { readonly joins: string; readonly shareProcesses: boolean; readonly hostPid?: boolean; readonly sees?: string };

interface Held {
  readonly holds: SandboxSpec;
  readonly network: string;
  readonly address: string;
  readonly publish: boolean;
  /** The engine has nothing to do with its network. */
  readonly ownLink?: boolean;
}

const sharesMin = 2;
/** Kept by the engine, and put aside by it, so that a talkative container does not fill the disk. */
const logs = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '5' } };

export interface ContainerSetting {
  readonly labels: Labels;
  readonly imageUser: string;
  /** Who runs it, where that was looked up in the image. */
  readonly identity?: Identity;
  readonly machine?: {
    readonly profile?: ProfileReader;
    /** The engine can keep what is mounted below a mount from being written. */
    readonly mountsRecursively?: boolean;
    /** Capabilities that the engine does not have itself. */
    readonly withheld?: readonly string[];
  };
}
export type CreateBody = JsonObject & { readonly Labels: Labels; readonly Tty?: boolean };

/** What the engine is asked to create for a container of a pod. */
export function containerBody(
  spec: ContainerSpec,
  namespaces: Namespaces,
  { labels, imageUser, identity, machine = {} }: ContainerSetting,
): CreateBody {
  const user = userOf(spec, imageUser, identity);
  const { config, host, networking } = namespaceParts(namespaces);
  return {
    Image: spec.image,
    Labels: labels,
    Env: spec.env.map(({ name, value }) => `${name}=${value}`),
    ...(spec.command.length > 0 ? { Entrypoint: spec.command } : {}),
    ...(spec.args.length > 0 ? { Cmd: spec.args } : {}),
    ...(spec.workingDir ? { WorkingDir: spec.workingDir } : {}),
    ...(user === undefined ? {} : { User: user }),
    ...(spec.stopSignal ? { StopSignal: spec.stopSignal } : {}),
    Tty: spec.tty,
    OpenStdin: spec.stdin,
    ...(spec.stdinOnce ? { StdinOnce: true } : {}),
    ...config,
    HostConfig: {
      RestartPolicy: { Name: 'no' },
      LogConfig: logs,
      Mounts: spec.mounts.map((mount) => mountOf(mount, machine.mountsRecursively ?? false)),
      ...resourcesOf(spec.resources),
      ...securityOf(spec, machine.profile, { identity, withheld: machine.withheld ?? [] }),
      ...host,
    },
    ...networking,
  };
}

/** The container that does nothing but hold the namespaces of a pod. */
export function sandboxBody(namespaces: Held, image: string, labels: Labels): CreateBody {
  const { config, host, networking } = namespaceParts(namespaces);
  return {
    Image: image,
    Labels: labels,
    ...config,
    HostConfig: {
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'none', Config: {} },
      CpuShares: sharesMin,
      // Filters of system calls take as long to make as all the rest, and this one makes two of them.
      SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'],
      CapDrop: ['ALL'],
      ...host,
    },
    ...networking,
  };
}

interface NamespaceParts {
  readonly config: JsonObject;
  readonly host: JsonObject;
  readonly networking: JsonObject;
}

function namespaceParts(namespaces: Namespaces): NamespaceParts {
  if ('joins' in namespaces) {
    const of = `container:${namespaces.joins}`;
    const sees = namespaces.shareProcesses ? namespaces.joins : namespaces.sees;
    const processes = sees ? { PidMode: `container:${sees}` } : namespaces.hostPid ? { PidMode: 'host' } : {};
    return { config: {}, host: { NetworkMode: of, IpcMode: of, ...processes }, networking: {} };
  }
  const { holds: spec, network, address, publish, ownLink } = namespaces;
  const modes = { ...(spec.hostPid ? { PidMode: 'host' } : {}), IpcMode: spec.hostIpc ? 'host' : 'shareable' };
  const sysctls = Object.keys(spec.sysctls).length > 0 ? { Sysctls: spec.sysctls } : {};
  if (spec.hostNetwork) return { config: {}, host: { NetworkMode: 'host', ...modes, ...sysctls }, networking: {} };
  if (ownLink) {
    const config = { Hostname: spec.hostname, NetworkDisabled: true };
    return { config, host: { ...modes, ...sysctls }, networking: {} };
  }
  const { ports, bindings } = portsOf(spec, publish);
  return {
    config: { Hostname: spec.hostname, ExposedPorts: ports },
    host: { NetworkMode: network, PortBindings: bindings, ...dnsOf(spec), ...modes, ...sysctls },
    networking: { NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: address } } } } },
  };
}

/** Host ports as they are asked for; and a free one of this machine for the others, where addresses do not reach. */
function portsOf(spec: SandboxSpec, publish: boolean): { readonly ports: JsonObject; readonly bindings: JsonObject } {
  const ports: Record<string, Json> = {};
  const bindings: Record<string, Json> = {};
  for (const port of spec.ports) {
    const key = `${port.container}/${port.protocol.toLowerCase()}`;
    ports[key] = {};
    if (port.host) bindings[key] = [{ HostIp: port.hostIp ?? '', HostPort: String(port.host) }];
    else if (publish) bindings[key] = [{ HostIp: '127.0.0.1', HostPort: '' }];
  }
  return { ports, bindings };
}

function dnsOf({ dns, hosts }: SandboxSpec): JsonObject {
  const extra = (hosts ?? []).flatMap(({ ip, names }) => names.map((name) => `${name}:${ip}`));
  return {
    ...(dns.servers.length > 0 ? { Dns: dns.servers } : {}),
    ...(dns.searches.length > 0 ? { DnsSearch: dns.searches } : {}),
    ...(dns.options.length > 0 ? { DnsOptions: dns.options } : {}),
    ...(extra.length > 0 ? { ExtraHosts: extra } : {}),
  };
}

export function resourcesOf(resources: Resources): JsonObject {
  const { cpuShares, cpuQuotaMicros, memoryBytes } = appliedResources(resources);
  return {
    CpuShares: cpuShares,
    ...(cpuQuotaMicros === undefined ? {} : { CpuPeriod: periodMicros, CpuQuota: cpuQuotaMicros }),
    // The same limit for memory and swap together: no swap.
    ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
  };
}

const propagations: Readonly<Record<string, string>> = { HostToContainer: 'rslave', Bidirectional: 'rshared' };

function mountOf({ source, target, readOnly, propagation, recursive }: Mount, able: boolean): JsonObject {
  const mode = propagation && propagations[propagation];
  if (recursive === 'Enabled' && !able) {
    throw new Error(`${target}: this engine cannot mount anything recursively read-only (API 1.44 can)`);
  }
  // Engines that can do it do it unasked.
  const depth = able && readOnly ? { [recursive ? 'ReadOnlyForceRecursive' : 'ReadOnlyNonRecursive']: true } : {};
  return {
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: readOnly,
    BindOptions: { Propagation: mode ?? 'rprivate', ...depth },
  };
}
