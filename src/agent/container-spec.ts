import { isApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import { configMaps } from '../api/kinds/config-map.ts';
import type { Container, EphemeralContainer, Pod } from '../api/kinds/pod.ts';
import { secrets } from '../api/kinds/secret.ts';
import type { Service } from '../api/kinds/service.ts';
import type { KubeObject, Labels } from '../api/object.ts';
import type { Json } from '../base/json.ts';
import type { Client } from '../client/client.ts';
import { containerResources } from './container-resources.ts';
import { containerEnvironment, type EnvironmentSources, expand } from './environment.ts';
import { podNames } from './pod-names.ts';
import { containerId } from './pod-view.ts';
import type { ContainerSpec, SandboxSpec } from './runtime.ts';

export interface SpecSetting {
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  readonly allocatable: Labels;
  readonly services: readonly Service[];
  /** A file of one of the pod's volumes, for variables that are kept in one. */
  readonly fileIn?: (volume: string, path: string) => Promise<string | undefined>;
}

/** What the runtime is asked to run. Throws ConfigError where the pod names what is not there. */
export async function containerSpec(
  client: Client,
  pod: Pod,
  { container, attempt }: { readonly container: Container; readonly attempt: number },
  setting: SpecSetting,
): Promise<ContainerSpec> {
  const env = containerEnvironment(pod, container, {
    ...setting,
    ...(await namedSources(client, pod, container)),
    file: await namedFiles(container, setting),
  });
  const known = new Map(env.map(({ name, value }) => [name, value]));
  return {
    id: containerId(pod.metadata.uid, container.name, attempt),
    sandbox: pod.metadata.uid,
    name: container.name,
    attempt,
    image: container.image ?? '',
    command: (container.command ?? []).map((word) => expand(word, known)),
    args: (container.args ?? []).map((word) => expand(word, known)),
    ...(container.workingDir ? { workingDir: container.workingDir } : {}),
    env,
    mounts: [],
    resources: containerResources(container),
    security: { ...pod.spec.securityContext, ...container.securityContext } as Readonly<Record<string, Json>>,
    tty: container.tty ?? false,
    stdin: container.stdin ?? false,
    ...(container.stdinOnce ? { stdinOnce: true } : {}),
    ...targetOf(container),
    ...stopSignalOf(container),
  };
}

export function sandboxSpec(pod: Pod, dns: SandboxSpec['dns'], domain: string): SandboxSpec {
  const { name, namespace = '', uid } = pod.metadata;
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  return {
    id: uid,
    namespace,
    name,
    uid,
    hostname: podNames(pod, domain).hostname,
    hostNetwork: pod.spec.hostNetwork ?? false,
    dns,
    ports: containers
      .flatMap((container) => container.ports ?? [])
      .filter((port) => port.protocol !== 'SCTP')
      .map((port) => ({
        container: port.containerPort,
        protocol: port.protocol === 'UDP' ? ('UDP' as const) : ('TCP' as const),
        ...(port.hostPort ? { host: port.hostPort } : {}),
        ...(port.hostIP ? { hostIp: port.hostIP } : {}),
      })),
    ...sharedOf(pod),
  };
}

interface Shared {
  readonly hostAliases?: readonly { readonly ip: string; readonly hostnames?: readonly string[] }[];
  readonly shareProcessNamespace?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly securityContext?: {
    readonly sysctls?: readonly { readonly name: string; readonly value: string }[];
  };
}

/** What the containers of a pod have in common besides their network. */
function sharedOf(pod: Pod): Partial<SandboxSpec> & Pick<SandboxSpec, 'sysctls'> {
  const spec = pod.spec as Shared;
  return {
    sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
    ...(spec.hostAliases
      ? { hosts: spec.hostAliases.map(({ ip, hostnames = [] }) => ({ ip, names: hostnames })) }
      : {}),
    ...(spec.shareProcessNamespace ? { shareProcesses: true } : {}),
    ...(spec.hostPID ? { hostPid: true } : {}),
    ...(spec.hostIPC ? { hostIpc: true } : {}),
  };
}

function targetOf({ targetContainerName: target }: EphemeralContainer): { readonly target?: string } {
  return target ? { target } : {};
}

function stopSignalOf(container: Container): { readonly stopSignal?: string } {
  const signal = (container.lifecycle as { readonly stopSignal?: string } | undefined)?.stopSignal;
  return signal ? { stopSignal: signal } : {};
}

/** The files that variables are taken from, each read once. */
async function namedFiles(
  container: Container,
  { fileIn }: SpecSetting,
): Promise<NonNullable<EnvironmentSources['file']>> {
  const wanted = (container.env ?? []).flatMap(({ valueFrom }) => valueFrom?.fileKeyRef ?? []);
  const texts = new Map<string, string | undefined>();
  for (const { volumeName, path } of wanted) texts.set(`${volumeName} ${path}`, await fileIn?.(volumeName, path));
  return (volume, path) => texts.get(`${volume} ${path}`);
}

/** Only the objects that the container names are read, each once. */
async function namedSources(
  client: Client,
  pod: Pod,
  container: Container,
): Promise<Pick<EnvironmentSources, 'configMap' | 'secret'>> {
  const namespace = pod.metadata.namespace ?? '';
  const from = container.envFrom ?? [];
  const single = (container.env ?? []).flatMap(({ valueFrom }) => (valueFrom ? [valueFrom] : []));
  const read = async <T extends KubeObject>(kind: Kind<T>, names: readonly (string | undefined)[]) => {
    const wanted = [...new Set(names.filter((name) => name !== undefined && name !== ''))] as readonly string[];
    const found = await Promise.all(wanted.map((name) => client.get(kind, { namespace, name }).catch(absent)));
    return new Map(wanted.map((name, index) => [name, found[index]]));
  };
  const [maps, hidden] = await Promise.all([
    read(configMaps, [...from.map((one) => one.configMapRef?.name), ...single.map((one) => one.configMapKeyRef?.name)]),
    read(secrets, [...from.map((one) => one.secretRef?.name), ...single.map((one) => one.secretKeyRef?.name)]),
  ]);
  return { configMap: (name) => maps.get(name), secret: (name) => hidden.get(name) };
}

function absent(error: unknown): undefined {
  if (!isApiError(error, 'NotFound')) throw error;
  return undefined;
}
