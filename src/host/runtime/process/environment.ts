import type { ContainerSpec, Mount, SandboxSpec } from '../../../agent/runtime.ts';

export interface Place {
  readonly sandbox: SandboxSpec;
  readonly ip: string;
  /** Where the container is to listen. */
  readonly host: string;
  portFor(containerPort: number): number;
  /** How programs of this namespace find names where they have no resolver file of their own. */
  names?(namespace: string): Readonly<Record<string, string>>;
}

/** The little of the agent's own environment that a process cannot do without. Secrets of the shell stay out. */
const inherited: readonly string[] = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'NODE'];

/**
 * What a container finds in its environment:
 * - the few inherited names;
 * - POD_IP, HOST (the address to listen on), PORT (the first declared port) and PORT_<declared port> for each, since
 *   processes on one machine share its ports and without an address of their own must be told which one is theirs;
 * - VOLUME_<NAME> for each mount, the folder where it really is: a process has no file system of its own, so nothing
 *   can be mounted at the asked path;
 * - where addresses of Services lead nowhere, the variables of a proxy that knows their names;
 * - and the pod's own `env`, which wins, but for a PORT or HOST that names a declared port or "all addresses".
 */
export function environmentOf(spec: ContainerSpec, place: Place): Readonly<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const name of inherited) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  Object.assign(env, place.names?.(place.sandbox.namespace));
  env['POD_IP'] = place.ip;
  env['HOST'] = place.host;
  env['HOSTNAME'] = place.sandbox.hostname;
  const ports = place.sandbox.ports.filter((port) => port.protocol === 'TCP').map((port) => port.container);
  for (const port of ports) env[`PORT_${port}`] = String(place.portFor(port));
  if (ports[0] !== undefined) env['PORT'] = String(place.portFor(ports[0]));
  for (const mount of spec.mounts) env[volumeName(mount)] = mount.source;
  for (const { name, value } of spec.env) env[name] = own(name, value, ports, place);
  return env;
}

/** Two replicas that both say "port 8080 of all addresses" would meet: their own port and address is what they mean. */
function own(name: string, value: string, ports: readonly number[], place: Place): string {
  if (name === 'PORT' && ports.includes(Number(value))) return String(place.portFor(Number(value)));
  if (name === 'HOST' && (value === '0.0.0.0' || value === '::')) return place.host;
  return value;
}

export function volumeName(mount: Mount): string {
  // The token of the pod's account stands in a volume whose name ends as it pleases.
  const text = mount.name?.replace(/^(kube-api-access)-\w{5}$/, '$1') ?? mount.target.replace(/^\/+/, '');
  return `VOLUME_${text.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}
