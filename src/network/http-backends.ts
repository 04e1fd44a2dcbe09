import { type Endpoint, type EndpointSlice, serviceKeyOf } from '../api/kinds/endpoint-slice.ts';
import type { Service, ServicePort } from '../api/kinds/service.ts';
import { type Key, keyText } from '../api/object.ts';
import type { Cache } from '../machinery/cache.ts';
import type { HttpBackend, HttpPool } from './http-table.ts';

/** What a reference to a Service is looked up in. */
export interface ServiceWorld {
  service(key: Key): Service | undefined;
  /** Of a Service, by `namespace/name`. */
  slices(service: string): readonly EndpointSlice[];
}

export type PortChoice = { readonly number: number } | { readonly name: string };

/** Why a reference leads nowhere, in words for whoever made it. */
export interface NoPool {
  readonly problem: string;
  readonly missing: 'service' | 'port' | 'protocol';
}

const affinityDefaultSeconds = 10_800;
const clearTextHttp2 = new Set(['kubernetes.io/h2c', 'h2c', 'grpc']);
const encrypted = new Set(['https', 'kubernetes.io/wss', 'wss', 'tls']);

/** A Service's port as the proxy needs it. Empty where nobody is ready: that is an answer too. */
export function poolOf(world: ServiceWorld, key: Key, choice: PortChoice): HttpPool | NoPool {
  const service = world.service(key);
  const name = keyText(key);
  if (!service) return { missing: 'service', problem: `there is no Service ${name}` };
  if (service.spec.type === 'ExternalName') {
    // Whoever may write a Service could make this proxy ask anything that this machine reaches.
    return { missing: 'service', problem: `Service ${name} is only another name (ExternalName): it has no backends` };
  }
  const ports = service.spec.ports ?? [];
  const wanted = (port: ServicePort) => ('number' in choice ? port.port === choice.number : port.name === choice.name);
  const port = ports.find((found) => wanted(found) && (found.protocol ?? 'TCP') === 'TCP');
  if (!port) {
    const asked = 'number' in choice ? choice.number : JSON.stringify(choice.name);
    const known = ports.map((found) => (found.name ? `${found.port} (${found.name})` : String(found.port))).join(', ');
    return { missing: 'port', problem: `Service ${name} has no TCP port ${asked}: it has ${known || 'none'}` };
  }
  return poolOfPort(service, port, world.slices(name));
}

function poolOfPort(service: Service, port: ServicePort, slices: readonly EndpointSlice[]): HttpPool | NoPool {
  const { namespace = '', name } = service.metadata;
  const appProtocol = port.appProtocol ?? '';
  if (encrypted.has(appProtocol)) {
    const problem = `Service ${namespace}/${name} wants ${appProtocol} at port ${port.port}: only plain HTTP is spoken to pods`;
    return { missing: 'protocol', problem };
  }
  const seconds = service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinityDefaultSeconds;
  return {
    name: `${namespace}/${name}:${port.port}`,
    protocol: clearTextHttp2.has(appProtocol) ? 'h2c' : 'http1',
    backends: backendsOf(service, port, slices),
    ...(service.spec.sessionAffinity === 'ClientIP' ? { affinityMs: seconds * 1000 } : {}),
  };
}

/** Who is ready; where nobody is, who still serves while it ends. In one order for the same slices. */
function backendsOf(service: Service, port: ServicePort, slices: readonly EndpointSlice[]): readonly HttpBackend[] {
  const ready = new Map<string, HttpBackend>();
  const leaving = new Map<string, HttpBackend>();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN' || slice.metadata.deletionTimestamp) continue;
    const number = slice.ports?.find((found) => {
      return (found.name ?? '') === (port.name ?? '') && (found.protocol ?? 'TCP') === 'TCP';
    })?.port;
    if (number === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const into = isReady(service, endpoint) ? ready : isLeaving(endpoint) ? leaving : undefined;
      const [ip] = endpoint.addresses;
      // A pod with an address of each family stands in two slices, and is one backend.
      const pod = endpoint.targetRef?.uid ?? `${ip}`;
      if (ip !== undefined && !into?.has(`${pod}:${number}`)) into?.set(`${pod}:${number}`, { ip, port: number });
    }
  }
  const found = [...(ready.size > 0 ? ready : leaving).values()];
  return found.sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}

const isReady = (service: Service, { conditions }: Endpoint): boolean =>
  service.spec.publishNotReadyAddresses === true || conditions?.ready !== false;
const isLeaving = ({ conditions }: Endpoint): boolean =>
  conditions?.terminating === true && conditions.serving !== false;

/** The world as caches have it, noting which Services were asked for. */
export function cachedServices(
  services: Cache<Service>,
  slices: Cache<EndpointSlice>,
  asked: Set<string>,
): ServiceWorld {
  return {
    service: (key) => {
      asked.add(keyText(key));
      return services.get(key);
    },
    slices: (service) => slices.by('service', service),
  };
}

/** The index that `cachedServices` reads. */
export const indexSlices = (slices: Cache<EndpointSlice>): Cache<EndpointSlice> =>
  slices.index('service', (slice) => [serviceKeyOf(slice)]);
