import type { ConfigMap } from '../api/kinds/config-map.ts';
import type { Container, EnvVar, Pod } from '../api/kinds/pod.ts';
import type { Secret } from '../api/kinds/secret.ts';
import type { Service } from '../api/kinds/service.ts';
import { parseQuantity } from '../api/quantity.ts';
import { decodeBase64 } from '../base/base64.ts';
import { decodeText } from '../base/json.ts';
import { compareText } from '../base/text.ts';

export interface EnvironmentSources {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
  /** The text of a file in one of the pod's volumes. */
  file?(volume: string, path: string): string | undefined;
  /** All that a pod of this namespace may be told of: its own, and `default/kubernetes`. */
  readonly services: readonly Service[];
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  /** What the node has, where a container has no limit. */
  readonly allocatable: Readonly<Record<string, string>>;
}
export type Variables = readonly { readonly name: string; readonly value: string }[];

/** The container cannot be configured as it is: waiting, with this reason. */
export class ConfigError extends Error {
  readonly reason = 'CreateContainerConfigError';
}

/** The variables of one container: services first, then envFrom, then env; later ones win. */
export function containerEnvironment(pod: Pod, container: Container, sources: EnvironmentSources): Variables {
  const result = new Map<string, string>();
  for (const [name, value] of serviceVariables(pod, sources.services)) result.set(name, value);
  for (const from of container.envFrom ?? []) {
    for (const [name, value] of Object.entries(bulk(pod, from, sources)))
      result.set(`${from.prefix ?? ''}${name}`, value);
  }
  for (const variable of container.env ?? []) {
    const value = variableValue({ pod, container, sources, known: result }, variable);
    if (value !== undefined) result.set(variable.name, value);
  }
  return [...result].map(([name, value]) => ({ name, value }));
}

/** `$(NAME)` becomes its value, `$$` a dollar sign; what is not known stays as it is written. */
export function expand(text: string, known: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (known.get(name) ?? whole),
  );
}

interface Setting {
  readonly pod: Pod;
  readonly container: Container;
  readonly sources: EnvironmentSources;
  readonly known: ReadonlyMap<string, string>;
}

function variableValue({ pod, container, sources, known }: Setting, variable: EnvVar): string | undefined {
  const from = variable.valueFrom;
  if (!from) return expand(variable.value ?? '', known);
  if (from.fieldRef) return fieldValue(pod, from.fieldRef.fieldPath, sources);
  if (from.resourceFieldRef) {
    const { containerName, resource, divisor } = from.resourceFieldRef;
    const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
    const of = containerName ? all.find(({ name }) => name === containerName) : container;
    return resourceValue(of ?? container, { resource, divisor: divisor ?? '0' }, sources.allocatable);
  }
  const namespace = pod.metadata.namespace ?? '';
  if (from.configMapKeyRef) {
    const { name = '', key, optional } = from.configMapKeyRef;
    const map = sources.configMap(name);
    const value = map?.data?.[key];
    if (value !== undefined) return value;
    if (optional) return undefined;
    throw new ConfigError(
      map ? `couldn't find key ${key} in ConfigMap ${namespace}/${name}` : `configmap "${name}" not found`,
    );
  }
  if (from.secretKeyRef) {
    const { name = '', key, optional } = from.secretKeyRef;
    const secret = sources.secret(name);
    const value = secret?.data?.[key];
    if (value !== undefined) return decodeText(decodeBase64(value));
    if (optional) return undefined;
    throw new ConfigError(
      secret ? `couldn't find key ${key} in Secret ${namespace}/${name}` : `secret "${name}" not found`,
    );
  }
  return from.fileKeyRef && fileValue(from.fileKeyRef, sources);
}

type FileKey = NonNullable<NonNullable<EnvVar['valueFrom']>['fileKeyRef']>;

function fileValue({ volumeName, path, key, optional }: FileKey, sources: EnvironmentSources): string | undefined {
  const text = sources.file?.(volumeName, path);
  const value = text === undefined ? undefined : fileVariables(text, path).get(key);
  if (value !== undefined || optional) return value;
  const what = text === undefined ? `file "${path}" not found in volume "${volumeName}"` : `key not found in "${path}"`;
  throw new ConfigError(`environment variable key "${key}": ${what}`);
}

/** Lines of NAME='value', as a shell writes them; a value in marks may have several lines. */
export function fileVariables(text: string, path: string): ReadonlyMap<string, string> {
  const line =
    /[ \t]*(?:#[^\n]*|(?:export[ \t]+)?([A-Za-z_][\w.-]*)=(?:'([^']*)'|"([^"]*)"|([^\n'"]*))[ \t]*)?(?:\r?\n|$)/y;
  const found = new Map<string, string>();
  while (line.lastIndex < text.length) {
    const number = text.slice(0, line.lastIndex).split('\n').length;
    const [, name, single, double, plain] = line.exec(text) ?? failed(path, number);
    if (name !== undefined) found.set(name, single ?? double ?? (plain ?? '').trim());
  }
  return found;
}

function failed(path: string, line: number): never {
  throw new ConfigError(`line ${line} of "${path}" is not of the form NAME='value'`);
}

function bulk(
  _pod: Pod,
  from: NonNullable<Container['envFrom']>[number],
  sources: EnvironmentSources,
): Readonly<Record<string, string>> {
  if (from.configMapRef) {
    const { name = '', optional } = from.configMapRef;
    const map = sources.configMap(name);
    if (!map && !optional) throw new ConfigError(`configmap "${name}" not found`);
    return map?.data ?? {};
  }
  if (!from.secretRef) return {};
  const { name = '', optional } = from.secretRef;
  const secret = sources.secret(name);
  if (!secret && !optional) throw new ConfigError(`secret "${name}" not found`);
  const data = Object.entries(secret?.data ?? {});
  return Object.fromEntries(data.map(([key, value]) => [key, decodeText(decodeBase64(value))]));
}

/** A field of the pod, as the downward API names it. */
export function fieldValue(
  pod: Pod,
  path: string,
  { podIps, hostIps }: { readonly podIps: readonly string[]; readonly hostIps: readonly string[] },
): string {
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (keyed) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid;
    case 'metadata.labels':
      return listing(metadata.labels ?? {});
    case 'metadata.annotations':
      return listing(metadata.annotations ?? {});
    case 'spec.nodeName':
      return spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? '';
    case 'status.podIP':
      return podIps[0] ?? '';
    case 'status.podIPs':
      return podIps.join(',');
    case 'status.hostIP':
      return hostIps[0] ?? '';
    case 'status.hostIPs':
      return hostIps.join(',');
    default:
      throw new ConfigError(`unsupported fieldPath: ${path}`);
  }
}

const listing = (values: Readonly<Record<string, string>>): string =>
  Object.keys(values)
    .sort()
    .map((key) => `${key}=${JSON.stringify(values[key])}`)
    .join('\n');

/** A request or limit, divided and rounded up. */
export function resourceValue(
  container: Container,
  { resource, divisor }: { readonly resource: string; readonly divisor: string },
  allocatable: Readonly<Record<string, string>>,
): string {
  const [list, name = ''] = resource.split('.', 2);
  const { requests, limits } = container.resources ?? {};
  const amount = list === 'limits' ? (limits?.[name] ?? allocatable[name]) : (requests?.[name] ?? limits?.[name]);
  const unit = divisor === '0' ? 1_000_000_000n : parseQuantity(divisor).nanos;
  const { nanos } = parseQuantity(amount ?? '0');
  return String((nanos + unit - 1n) / unit);
}

function serviceVariables(pod: Pod, services: readonly Service[]): readonly (readonly [string, string])[] {
  const links = (pod.spec as { readonly enableServiceLinks?: boolean }).enableServiceLinks !== false;
  const isApi = ({ metadata }: Service) => metadata.namespace === 'default' && metadata.name === 'kubernetes';
  const own = (service: Service) => links && service.metadata.namespace === pod.metadata.namespace;
  const told = services.filter((service) => isApi(service) || own(service));
  told.sort((a, b) => compareText(a.metadata.name, b.metadata.name));
  return told.flatMap(variablesOf);
}

function variablesOf(service: Service): readonly (readonly [string, string])[] {
  const ip = service.spec.clusterIP;
  const ports = service.spec.ports ?? [];
  const first = ports[0];
  if (!ip || ip === 'None' || !first) return [];
  const name = envName(service.metadata.name);
  const variables: [string, string][] = [
    [`${name}_SERVICE_HOST`, ip],
    [`${name}_SERVICE_PORT`, String(first.port)],
  ];
  for (const port of ports) {
    if (port.name) variables.push([`${name}_SERVICE_PORT_${envName(port.name)}`, String(port.port)]);
  }
  const url = (port: typeof first) => `${(port.protocol ?? 'TCP').toLowerCase()}://${ip}:${port.port}`;
  variables.push([`${name}_PORT`, url(first)]);
  for (const port of ports) {
    const protocol = port.protocol ?? 'TCP';
    const prefix = `${name}_PORT_${port.port}_${protocol}`;
    variables.push([prefix, url(port)], [`${prefix}_PROTO`, protocol.toLowerCase()]);
    variables.push([`${prefix}_PORT`, String(port.port)], [`${prefix}_ADDR`, ip]);
  }
  return variables;
}

const envName = (name: string): string => name.toUpperCase().replaceAll('-', '_');
