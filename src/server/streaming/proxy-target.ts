import { ApiError, isApiError } from '../../api/error.ts';
import { type EndpointSlice, serviceNameLabel } from '../../api/kinds/endpoint-slice.ts';
import type { Pod } from '../../api/kinds/pod.ts';
import { type Service, services } from '../../api/kinds/service.ts';
import type { Store } from '../../store/store.ts';
import { storageKey } from '../kinds.ts';
import type { PodPlace, ReachTarget } from '../node-doors.ts';
import { notFound } from '../read.ts';
import type { ResourceRoute } from '../route.ts';
import { nodePlace } from './node-place.ts';

const slicesPrefix = '/discovery.k8s.io/endpointslices/';
const usualPorts = { http: 80, https: 443 } as const;

interface NameParts {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  readonly port: string;
}

/** [scheme:]name[:port], as the proxy subresources write whom they mean. */
export function splitName(text: string, what: string): NameParts {
  const parts = text.split(':');
  const [scheme = '', name = '', port = ''] =
    parts.length === 3 ? parts : ['', parts[0] as string, parts.length === 2 ? (parts[1] as string) : ''];
  if (parts.length > 3 || !/^(https?)?$/.test(scheme) || name === '') {
    throw new ApiError('BadRequest', `invalid ${what} request ${JSON.stringify(text)}`);
  }
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

export async function podTarget(store: Store, route: ResourceRoute, pod: Pod): Promise<ReachTarget> {
  const { scheme, port } = splitName(route.name, 'pod');
  const first = pod.spec.containers.find(({ ports = [] }) => ports.length > 0)?.ports?.[0]?.containerPort;
  const host = pod.status?.podIP ?? '';
  if (host === '') throw new ApiError('BadRequest', 'address not allowed');
  const { name, namespace = '' } = pod.metadata;
  const place = await placeOf(store, { namespace, name }, pod.spec.nodeName);
  const number = port === '' ? (first ?? usualPorts[scheme]) : numberOf(port);
  return { scheme, host: allowed(host), port: number, ...place };
}

/** One of the ready endpoints behind a Service. */
export async function serviceTarget(store: Store, route: ResourceRoute): Promise<ReachTarget> {
  const { namespace } = route;
  const { scheme, name, port } = splitName(route.name, 'service');
  const service = (await store.get(storageKey(services, namespace, name))).entry?.value as Service | undefined;
  if (!service) throw notFound(services, name);
  const portName = /^\d+$/.test(port) ? nameOfPort(service, Number(port)) : port;
  const { entries } = await store.list(`${slicesPrefix}${namespace}/`);
  for (const { value } of entries) {
    const slice = value as unknown as EndpointSlice;
    if (slice.metadata.labels?.[serviceNameLabel] !== name) continue;
    const number = slice.ports?.find((one) => (one.name ?? '') === portName)?.port;
    const ready = (slice.endpoints ?? []).find(({ conditions }) => conditions?.ready !== false);
    const host = ready?.addresses[0];
    if (number === undefined || !ready || !host) continue;
    const { targetRef } = ready;
    const pod = targetRef?.kind === 'Pod' && targetRef.name ? { namespace, name: targetRef.name } : undefined;
    const place = pod ? await placeOf(store, pod, ready.nodeName) : {};
    return { scheme, host: allowed(host), port: number, ...place };
  }
  throw new ApiError('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(name)}`);
}

async function placeOf(
  store: Store,
  pod: Omit<PodPlace, 'node'>,
  node: string | undefined,
): Promise<{ readonly pod?: PodPlace }> {
  if (!node) return {};
  try {
    return { pod: { ...pod, node: await nodePlace(store, node) } };
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    return {};
  }
}

function nameOfPort(service: Service, number: number): string {
  const found = service.spec.ports?.find(({ port }) => port === number);
  if (found) return found.name ?? '';
  const { name } = service.metadata;
  throw new ApiError('ServiceUnavailable', `no service port ${number} found for service ${JSON.stringify(name)}`);
}

function numberOf(port: string): number {
  const number = Number(port);
  if (!/^\d+$/.test(port) || number < 1 || number > 65_535) throw new ApiError('BadRequest', `invalid port ${port}`);
  return number;
}

/** Nobody is led to what only this machine may reach, or to the services that clouds keep on link-local addresses. */
function allowed(host: string): string {
  const inward = /^(127\.|169\.254\.|0\.|22[4-9]\.|23\d\.|::1$|::$|fe[89ab][0-9a-f]:|ff)/i;
  if (inward.test(host)) throw new ApiError('BadRequest', 'address not allowed');
  return host;
}
