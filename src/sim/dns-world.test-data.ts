import { builtInKinds } from '../api/kinds/all.ts';
import { type EndpointSlice, endpointSlices, serviceKeyOf, serviceNameLabel } from '../api/kinds/endpoint-slice.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { type Service, type ServiceSpec, services } from '../api/kinds/service.ts';
import { seeded } from '../base/random.ts';
import { StopSource } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import { bootstrap } from '../machinery/bootstrap.ts';
import { Caches } from '../machinery/caches.ts';
import type { Elsewhere } from '../network/dns-forwarder.ts';
import { type DnsRecord, decodeMessage, encodeMessage, type Message } from '../network/dns-message.ts';
import { ApiServer } from '../server/server.ts';
import { MemoryStore } from '../store/memory.ts';
import { type Drain, SimClock } from './clock.ts';
import { simEnv } from './env.ts';

const admin = { name: 'admin', groups: ['system:masters'], extra: {} };

export interface Asked {
  readonly name: string;
  readonly type?: number;
  readonly class?: number;
  readonly id?: number;
  readonly size?: number;
  readonly version?: number;
}

/** A query as clients send it; with a size it is extended. */
export function queryOf({ name, type = 1, class: of = 1, id = 0x1234, size, version = 0 }: Asked): Uint8Array {
  const extension =
    size === undefined ? {} : { extension: { size, version, dnssec: false, options: new Uint8Array() } };
  return encodeMessage({ ...empty, id, recursionWanted: true, questions: [{ name, type, class: of }], ...extension });
}

export const empty: Message = {
  id: 0,
  isAnswer: false,
  operation: 0,
  authoritative: false,
  truncated: false,
  recursionWanted: false,
  recursionOffered: false,
  code: 0,
  questions: [],
  answers: [],
  authority: [],
  additional: [],
};

/** What a resolver of the world answers to these very bytes. */
export function answerTo(query: Uint8Array, answers: readonly DnsRecord[], more: Partial<Message> = {}): Uint8Array {
  const { id, questions } = decodeMessage(query);
  return encodeMessage({ ...empty, id, isAnswer: true, recursionOffered: true, questions, answers, ...more });
}

export const nobody: Elsewhere = {
  servers: () => [],
  exchange: () => Promise.reject(new Error('nobody was to be asked')),
};

/** A server with its objects and the caches of it, on virtual time. */
export async function dnsWorld(drain: Drain) {
  const clock = new SimClock();
  const env = simEnv({ clock, random: seeded('dns') });
  const server = new ApiServer(env, new MemoryStore(), { kinds: builtInKinds, address: '127.0.0.1:6443' });
  const client = new Client(server.handle, admin);
  await bootstrap(client, { apiServiceIp: '10.96.0.1', serviceRange: '10.96.0.0/16', port: 6443 });
  const all = new Caches(env, client);
  const caches = {
    services: all.of(services),
    slices: all.of(endpointSlices).index('service', (slice) => [serviceKeyOf(slice)]),
    namespaces: all.of(namespaces),
  };
  const stop = new StopSource();
  const pass = (ms = 10) => clock.run(ms, drain);
  const begin = async () => {
    for (const cache of all.all()) void cache.run(stop);
    await pass();
  };
  const service = async (name: string, spec: ServiceSpec) => {
    const object = { metadata: { name, namespace: 'default' }, spec } as Service;
    await client.send({ verb: 'create', kind: services, object });
  };
  const endpoints = async (name: string, addresses: readonly string[]) => {
    const object = {
      metadata: { name, namespace: 'default', labels: { [serviceNameLabel]: name } },
      addressType: 'IPv4',
      endpoints: addresses.map((address) => ({ addresses: [address] })),
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    } as unknown as EndpointSlice;
    await client.send({ verb: 'create', kind: endpointSlices, object });
  };
  return { env, clock, client, caches, begin, pass, service, endpoints, end: () => stop.stop() };
}
