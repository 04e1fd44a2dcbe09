import { ApiError } from '../api/error.ts';
import { type EndpointSlice, serviceNameLabel } from '../api/kinds/endpoint-slice.ts';
import { type Service, services } from '../api/kinds/service.ts';
import type { Transport } from '../api/wire.ts';
import { decodeBase64 } from '../base/base64.ts';
import type { Clock, Millis } from '../base/env.ts';
import { decodeText, isObject, type Json, type JsonObject } from '../base/json.ts';
import { type Stop, StopSource } from '../base/stop.ts';
import type { Store } from '../store/store.ts';
import { storageKey } from './kinds.ts';

/** Where a call of the server's own goes. */
export interface OutwardTarget {
  /** https://host:port, without a path. */
  readonly server: string;
  /** The name that its certificate has to be for, where the address has another. */
  readonly serverName?: string;
  /** PEM; without one, the authorities that the machine believes. */
  readonly authority?: string;
  /** Whatever certificate is shown is believed: only where somebody said so. */
  readonly insecure?: boolean;
}
/** How the server reaches others: webhooks, aggregated servers. Given by whoever has a network. */
export type Outward = (target: OutwardTarget) => Transport;

/** Of a webhook, a conversion, an APIService: either a URL or a Service of this cluster. */
export interface ClientConfig {
  readonly url?: string;
  readonly service?: {
    readonly namespace: string;
    readonly name: string;
    readonly path?: string;
    readonly port?: number;
  };
  readonly caBundle?: string;
}

export interface Destination {
  readonly target: OutwardTarget;
  readonly path: string;
  /** As errors name it. */
  readonly text: string;
}

const httpsPort = 443;
const slicesPrefix = '/discovery.k8s.io/endpointslices/';

/** A Service is reached at one of its ready pods: its own address may be nobody's on this machine. */
export async function destinationOf(store: Store, { url, service, caBundle }: ClientConfig): Promise<Destination> {
  const authority = caBundle ? { authority: decodeText(decodeBase64(caBundle)) } : {};
  if (!service) {
    const parsed = /^(https:\/\/[^/?#]+)([^#]*)$/.exec(url ?? '');
    if (!parsed) throw new Error(`${JSON.stringify(url)} is no https URL`);
    return { target: { server: parsed[1] as string, ...authority }, path: parsed[2] || '/', text: url as string };
  }
  const { namespace, name, port = httpsPort } = service;
  const path = `/${(service.path ?? '').replace(/^\//, '')}`;
  const serverName = `${name}.${namespace}.svc`;
  const found = (await store.get(storageKey(services, namespace, name))).entry?.value as Service | undefined;
  if (!found) throw new Error(`service ${JSON.stringify(name)} not found`);
  const server = `https://${await addressOf(store, found, { namespace, name, port })}`;
  return { target: { server, serverName, ...authority }, path, text: `https://${serverName}:${port}${path}` };
}

async function addressOf(
  store: Store,
  service: Service,
  { namespace, name, port }: { readonly namespace: string; readonly name: string; readonly port: number },
): Promise<string> {
  const wanted = service.spec.ports?.find((one) => one.port === port);
  if (!wanted) throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  if (service.spec.type === 'ExternalName') return `${service.spec.externalName}:${port}`;
  const { entries } = await store.list(`${slicesPrefix}${namespace}/`);
  for (const { value } of entries) {
    const slice = value as unknown as EndpointSlice;
    if (slice.metadata.labels?.[serviceNameLabel] !== name) continue;
    const number = slice.ports?.find((one) => (one.name ?? '') === (wanted.name ?? ''))?.port;
    const ready = (slice.endpoints ?? []).find(({ conditions }) => conditions?.ready !== false);
    const ip = ready?.addresses[0];
    if (number !== undefined && ip) return `${ip.includes(':') ? `[${ip}]` : ip}:${number}`;
  }
  throw new Error(`no endpoints available for service ${JSON.stringify(name)}`);
}

interface Call {
  readonly destination: Destination;
  readonly body: JsonObject;
  readonly timeoutMs: Millis;
}

/** Posts JSON and answers JSON, within a time. */
export async function post(
  outward: Outward,
  clock: Clock,
  { destination, body, timeoutMs }: Call,
): Promise<JsonObject> {
  const { target, path } = destination;
  const text = withTimeout(destination.text, timeoutMs);
  const stop = new StopSource();
  const late = new Promise<never>((_resolve, reject) => {
    stop.onStop(() => reject(new Error(`Post ${JSON.stringify(text)}: context deadline exceeded`)));
  });
  late.catch(() => {});
  const cancel = clock.after(timeoutMs, () => stop.stop());
  try {
    return await Promise.race([answered(outward(target), { path: withTimeout(path, timeoutMs), body, stop }), late]);
  } catch (error) {
    if (error instanceof ApiError) throw new Error(`Post ${JSON.stringify(text)}: ${error.message}`);
    throw error;
  } finally {
    cancel();
  }
}

/** Whoever is asked is told how long he is waited for, as upstream does. */
const withTimeout = (place: string, timeoutMs: Millis): string =>
  `${place}${place.includes('?') ? '&' : '?'}timeout=${timeoutMs / 1000}s`;

async function answered(
  transport: Transport,
  { path, body, stop }: { readonly path: string; readonly body: JsonObject; readonly stop: Stop },
): Promise<JsonObject> {
  const [bare = '', query = ''] = path.split('?');
  const pairs = [...new URLSearchParams(query)];
  const response = await transport({
    method: 'POST',
    path: bare,
    query: pairs,
    headers: {},
    body: { object: body },
    stop,
  });
  const value: Json | undefined =
    'body' in response
      ? 'object' in response.body
        ? response.body.object
        : parsed(decodeText(response.body.bytes))
      : undefined;
  if (response.status >= 300) throw new Error(`the server answered ${response.status}`);
  if (!isObject(value)) throw new Error('the answer is not a JSON object');
  return value;
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
