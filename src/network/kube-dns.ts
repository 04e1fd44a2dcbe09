import { isApiError } from '../api/error.ts';
import { type EndpointSlice, endpointSlices, serviceNameLabel } from '../api/kinds/endpoint-slice.ts';
import { type Service, services } from '../api/kinds/service.ts';
import type { Draft } from '../api/object.ts';
import type { Client } from '../client/client.ts';

// Loaded at every start: what answers is not, and must not be named here.

/** Where the cluster's own name server is found, by name. */
export const dnsService = { namespace: 'kube-system', name: 'kube-dns' } as const;
/** The endpoints of our own server. */
export const dnsSlice = { namespace: dnsService.namespace, name: `${dnsService.name}-host` } as const;
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const managedBy = 'mini-k8s';
const dnsPort = 53;

const ports = [
  { name: 'dns', protocol: 'UDP' },
  { name: 'dns-tcp', protocol: 'TCP' },
] as const;

export interface DnsPlace {
  /** The address of the Service. */
  readonly clusterIp: string;
  /** Where the server is heard. */
  readonly ip: string;
  readonly port: number;
  /** Where addresses of the cluster lead nowhere: what this machine offers instead. */
  readonly local?: LocalNames;
}
export interface LocalNames {
  /** ADDRESS:PORT of the server of names. */
  readonly dns: string;
  /** ADDRESS:PORT of an HTTP proxy that knows the names. */
  readonly proxy: string;
}

const dnsAnnotation = 'mini-k8s.io/dns';
const proxyAnnotation = 'mini-k8s.io/name-proxy';

/** What the endpoints of the server of names tell about its machine. */
export function localNames(slice: EndpointSlice | undefined): LocalNames | undefined {
  const { [dnsAnnotation]: dns, [proxyAnnotation]: proxy } = slice?.metadata.annotations ?? {};
  return dns && proxy ? { dns, proxy } : undefined;
}

/**
 * The Service by which pods find the cluster's names, as clusters made by kubeadm have it, and where it leads. It has
 * no selector: there is no pod behind it. A Service of that name that has one is somebody's own name server, and is
 * left alone. Answers whether ours is in force.
 */
export async function offerDnsService(client: Client, place: DnsPlace): Promise<boolean> {
  const draft: Draft<Service> = {
    metadata: {
      ...dnsService,
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'CoreDNS',
      },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: place.clusterIp,
      ports: ports.map((port) => ({ ...port, port: dnsPort, targetPort: dnsPort })),
    },
  };
  const service = await client.get(services, dnsService).catch((error: unknown) => {
    if (!isApiError(error, 'NotFound')) throw error;
    return client.send<Service>({ verb: 'create', kind: services, object: draft });
  });
  if (Object.keys(service.spec.selector ?? {}).length > 0) return false;
  const slice: Draft<EndpointSlice> = {
    metadata: {
      ...dnsSlice,
      annotations: {
        // Empty rather than absent: so a patch takes away what an earlier start has told.
        [dnsAnnotation]: place.local?.dns ?? '',
        [proxyAnnotation]: place.local?.proxy ?? '',
      },
      labels: { [serviceNameLabel]: dnsService.name, [managedByLabel]: managedBy, 'k8s-app': 'kube-dns' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: dnsService.name, uid: service.metadata.uid }],
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: [place.ip], conditions: { ready: true, serving: true, terminating: false } }],
    ports: ports.map((port) => ({ ...port, port: place.port })),
  };
  await client.send({ verb: 'create', kind: endpointSlices, object: slice }).catch((error: unknown) => {
    if (!isApiError(error, 'AlreadyExists')) throw error;
    const { endpoints, ports: own } = slice;
    const metadata = { annotations: slice.metadata.annotations };
    const patch = { metadata, endpoints, ports: own } as never;
    return client.send({ verb: 'patch', kind: endpointSlices, key: dnsSlice, patch });
  });
  return true;
}

/** The environment by which programs find such a proxy: curl, wget, git, Go, Python, and Node from 22.21 on. */
export function proxyVariables(place: string, namespace: string): Readonly<Record<string, string>> {
  const url = `http://${encodeURIComponent(namespace)}@${place}`;
  const own = 'localhost,127.0.0.1,::1';
  return {
    HTTP_PROXY: url,
    HTTPS_PROXY: url,
    NO_PROXY: own,
    http_proxy: url,
    https_proxy: url,
    no_proxy: own,
    NODE_USE_ENV_PROXY: '1',
  };
}

export const clusterAddresses = ({ spec }: Service): readonly string[] =>
  (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None');
