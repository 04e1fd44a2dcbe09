import { type EndpointSlice, serviceNameLabel } from '../api/kinds/endpoint-slice.ts';
import type { Service } from '../api/kinds/service.ts';
import { type Key, keyText, type Meta } from '../api/object.ts';
import type { ServiceWorld } from './http-backends.ts';

export const meta = (name: string, more: Partial<Meta> = {}): Meta => ({
  name,
  namespace: 'default',
  uid: name,
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
  ...more,
});

/** A Service with one ready pod per address, its port 80 (http) heard at 8080. */
export function service(
  name: string,
  addresses: readonly string[] = ['10.0.0.1'],
  more: Partial<Service['spec']> = {},
  namespace = 'default',
): { readonly service: Service; readonly slice: EndpointSlice } {
  const ports = more.ports ?? [{ name: 'http', port: 80, targetPort: 8080 }];
  return {
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta(name, { namespace }),
      spec: { type: 'ClusterIP', ...more, ports },
    },
    slice: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: meta(`${name}-a`, { namespace, labels: { [serviceNameLabel]: name } }),
      addressType: 'IPv4',
      ports: ports.map(({ name: port = '', targetPort }) => ({
        name: port,
        port: Number(targetPort),
        protocol: 'TCP',
      })),
      endpoints: addresses.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
    },
  };
}

export function serviceWorld(made: readonly ReturnType<typeof service>[]): ServiceWorld {
  const of = (key: Key) => made.find((each) => keyText(each.service.metadata as Key) === keyText(key));
  return {
    service: (key) => of(key)?.service,
    slices: (text) => made.filter((each) => keyText(each.service.metadata as Key) === text).map(({ slice }) => slice),
  };
}
