import { type EndpointSlice, serviceNameLabel } from '../../api/kinds/endpoint-slice.ts';
import { type Service, services } from '../../api/kinds/service.ts';
import type { Store } from '../../store/store.ts';
import { storageKey } from '../kinds.ts';

export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}
export interface Verdict {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

const slicesPrefix = '/discovery.k8s.io/endpointslices/';
export const passed: Verdict = { status: 'True', reason: 'Passed', message: 'all checks passed' };
export const no = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });

/** What keeps the service behind an API from being asked, before anybody asks it. */
export async function obstacleOf(store: Store, reference: ServiceReference): Promise<Verdict | undefined> {
  const { namespace, name, port } = reference;
  const place = `service/${name} in ${JSON.stringify(namespace)}`;
  const service = (await store.get(storageKey(services, namespace, name))).entry?.value as Service | undefined;
  if (!service) return no('ServiceNotFound', `${place} is not present`);
  if (service.spec.type === 'ExternalName') return undefined;
  const found = service.spec.ports?.find((one) => one.port === port);
  if (!found) return no('ServicePortError', `${place} is not listening on port ${port}`);
  const { entries } = await store.list(`${slicesPrefix}${namespace}/`);
  const slices = entries
    .map(({ value }) => value as unknown as EndpointSlice)
    .filter(({ metadata }) => metadata.labels?.[serviceNameLabel] === name);
  if (slices.length === 0) return no('EndpointsNotFound', `cannot find endpointslices for ${place}`);
  const portName = found.name ?? '';
  const isServed = slices.some(
    (slice) =>
      (slice.ports ?? []).some((one) => (one.name ?? '') === portName) &&
      (slice.endpoints ?? []).some(({ conditions }) => conditions?.ready !== false),
  );
  if (isServed) return undefined;
  const named = JSON.stringify(portName);
  return no('MissingEndpoints', `endpoints for ${place} have no addresses with port name ${named}`);
}
