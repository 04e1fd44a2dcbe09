import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { ApiError } from '../api/error.ts';
import { builtInKinds } from '../api/kinds/all.ts';
import { documentHash, openApiV2, openApiV3, openApiV3Index } from '../api/schema/openapi.ts';
import { customDocuments } from '../api/schema/openapi-custom.ts';
import { openApiProtobuf, openApiProtobufAccept, openApiProtobufType } from '../api/schema/openapi-protobuf.ts';
import { withSwaggerParts } from '../api/schema/openapi-remote.ts';
import type { Caller, Transport } from '../api/wire.ts';
import type { JsonObject } from '../base/json.ts';
import { Client } from '../client/client.ts';
import { describer } from '../host/descriptions.ts';
import { type HostEnv, hostEnv } from '../host/env.ts';
import { httpsOutward, type Place } from '../host/http/outward.ts';
import { relay } from '../host/http/relay.ts';
import { type HttpServer, serveHttp } from '../host/http/server.ts';
import { JudgeThread } from '../host/judge-thread.ts';
import { openSqliteStore } from '../host/store/sqlite.ts';
import type { Pair } from '../host/x509/certificate.ts';
import { frontProxyClient, type Pki } from '../host/x509/pki.ts';
import { bootstrap } from '../machinery/bootstrap.ts';
import type { NodePlace, ReachTarget } from '../server/node-doors.ts';
import { nodeLeaseRenewals } from '../server/node-leases.ts';
import type { OutwardTarget } from '../server/outward.ts';
import { SealingStore } from '../server/sealing-store.ts';
import { ApiServer, type OpenApiAnswer, type OpenApiQuestion, type ServerOptions } from '../server/server.ts';
import { podConnection } from '../server/streaming/pod-connection.ts';
import { MemoryStore } from '../store/memory.ts';
import type { Store } from '../store/store.ts';
import { accessOf } from './access.ts';
import { admissionOf } from './admission.ts';
import { auditOf } from './audit.ts';
import { authorityOf } from './certificates.ts';
import { ClusterKeys } from './cluster-keys.ts';
import { externalMetricsOf } from './external-metrics.ts';
import { Kubeconfigs } from './kubeconfigs.ts';
import {
  addressOf,
  dataFolder,
  firstAddress,
  inMemory,
  pkiFolder,
  type ServerSettings,
  storeFolder,
} from './settings.ts';

export const admin: Caller = { name: 'admin', groups: ['system:masters', 'system:authenticated'], extra: {} };

export interface ControlPlane {
  readonly env: HostEnv;
  readonly folder: string;
  readonly url: string;
  readonly kubeconfig: string;
  /** Direct calls, without a socket between. */
  readonly client: Client;
  /** Written for a part that is a process of its own, with the rights of this user and no more. */
  kubeconfigOf(speaker: Caller): string;
  close(): Promise<void>;
}

/** The nodes of this process, as the server reaches them; a server alone has none. */
export interface Surroundings {
  readonly nodes?: (name: string) => Transport | undefined;
  /** Where a pod's port is really heard. */
  readonly resolve?: (ip: string, port: number) => Place;
  /** Whether it serves what nodes and pods use. */
  readonly resourceMetrics?: boolean;
}

/** Store, API server and its listener. Ready when it answers; the kubeconfig is written then. */
export async function openControlPlane(settings: ServerSettings, around: Surroundings = {}): Promise<ControlPlane> {
  const listen = addressOf('listen', settings.listen);
  const insecure = settings['insecure-listen'];
  const apiServiceIp = firstAddress(settings['service-range']);
  const given = dataFolder(settings);
  const folder = given === inMemory ? mkdtempSync(join(tmpdir(), 'mini-k8s-')) : given;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const keys = new ClusterKeys(join(folder, pkiFolder), [listen.host, apiServiceIp]);
  const { pki } = keys;
  const env = hostEnv({ keys: pki.keys, log: { level: settings['log-level'] } });
  const kept: Store =
    given === inMemory ? new MemoryStore() : openSqliteStore(join(folder, storeFolder), { losable: nodeLeaseRenewals });
  const store = new SealingStore(kept, env.crypto);
  const admission = await admissionOf(settings);
  const access = await accessOf(settings, env);
  const judge = new JudgeThread();
  let server: ApiServer | undefined;
  const http = await serveHttp(env, (request) => (server as ApiServer).handle(request), {
    listen,
    pair: pki.server,
    clientAuthority: pki.authority,
    ...(insecure ? { insecure: { ...addressOf('insecure-listen', insecure), caller: admin } } : {}),
  });
  const address = `${listen.host}:${http.port}`;
  server = new ApiServer(env, store, {
    kinds: builtInKinds,
    address,
    serviceRange: settings['service-range'],
    openapi,
    describe,
    metrics: () => env.metrics.render(),
    access,
    authority: authorityOf(keys, env.clock, settings['cluster-signing-duration']),
    renewKeys: () => keys.renew(),
    judge,
    admission,
    ...waysOut(around, keys),
    ...(around.resourceMetrics ? { resourceMetrics } : {}),
    ...externalMetricsOf(settings),
    ...auditOf(settings, env),
  });
  const client = new Client(server.handle, admin);
  const facts = { ip: listen.host, port: http.port };
  await server.bootstrap({ ...facts, ...authoritiesOf(pki) });
  await bootstrap(client, { serviceRange: settings['service-range'], apiServiceIp, port: http.port });
  const kubeconfig = settings.kubeconfig ?? join(folder, 'kubeconfig');
  const files = new Kubeconfigs(`mini-k8s-${settings.name}`, `https://${address}`, keys);
  files.write(kubeconfig, admin);
  keys.follow(async (next) => {
    env.crypto.renewSigning(next.keys);
    http.replaceTrust(next.server, next.authority);
    files.renew();
    await (server as ApiServer).believe({ ...facts, ...authoritiesOf(next) });
  });
  const forget = keys.renewInTime((error) => env.log.error('the keys were not renewed', { error: String(error) }));
  return {
    env,
    folder,
    url: `https://${address}`,
    kubeconfig,
    client,
    kubeconfigOf: (speaker) =>
      files.write(join(folder, 'parts', `${speaker.name.replaceAll(':', '-')}.kubeconfig`), speaker),
    close: () => {
      forget();
      judge.close();
      return close(http, store, given === inMemory ? folder : undefined);
    },
  };
}

const authoritiesOf = (pki: Pki) => ({
  clientAuthority: pki.authority,
  frontProxy: { authority: pki.frontProxy.authority, client: frontProxyClient },
});

/** Loaded when it is first asked. */
const resourceMetrics: NonNullable<ServerOptions['resourceMetrics']> = async (env, store, nodes) => {
  const { ResourceMetrics } = await import('../server/resource-metrics/resource-metrics.ts');
  return new ResourceMetrics(env, store, nodes);
};

const nodeClient = 'kube-apiserver-kubelet-client';

/** How the server reaches others: webhooks, nodes, pods. A node of this process is reached by a call. */
function waysOut({ nodes, resolve = (host, port) => ({ host, port }) }: Surroundings, keys: ClusterKeys) {
  const own = kept(keys, (pki) => pki.client(nodeClient, { name: nodeClient, groups: ['system:masters'] }));
  const proxy = kept(keys, (pki) => pki.frontProxy.client());
  const remote = ({ name, host, port, authority }: NodePlace): Transport => {
    if (host === '') throw new ApiError('ServiceUnavailable', `node ${name} has told no address`);
    const { certificate, key } = own();
    return relay({ scheme: 'https', host, port, certificate, key, ...(authority ? { authority } : {}) });
  };
  return {
    outward: httpsOutward(resolve),
    nodes: (place: NodePlace) => nodes?.(place.name) ?? remote(place),
    aggregated: ({ server, serverName, authority, insecure }: OutwardTarget) => {
      const { hostname, port } = new URL(server);
      const place = resolve(hostname.replace(/^\[|\]$/g, ''), Number(port || 443));
      const believed = authority ?? (insecure ? undefined : rootCertificates.join('\n'));
      return relay({
        scheme: 'https',
        ...place,
        ...proxy(),
        ...(serverName === undefined ? {} : { serverName }),
        ...(believed === undefined ? {} : { authority: believed }),
      });
    },
    reach: ({ scheme, host, port, pod }: ReachTarget) => {
      // The addresses of pods elsewhere need not lead there from here; their node's does.
      if (!pod || nodes?.(pod.node.name)) return relay({ scheme, ...resolve(host, port) });
      return relay({ scheme, host, port, dial: () => podConnection(remote(pod.node), pod, port) });
    },
  };
}

/** Made once for each state of the keys. */
function kept(keys: ClusterKeys, make: (pki: Pki) => Pair): () => Pair {
  let of: Pki | undefined;
  let pair: Pair | undefined;
  return () => {
    if (of !== keys.pki || !pair) pair = make(keys.pki);
    of = keys.pki;
    return pair;
  };
}

async function close(http: HttpServer, store: Store, temporary: string | undefined): Promise<void> {
  await http.close();
  await store.close();
  if (temporary) rmSync(temporary, { recursive: true, force: true });
}

/** Made when first asked for, once: start-up loads no schema. When what others add changes, all are made anew. */
let documentsVersion = '';
const documents = new Map<string, OpenApiAnswer>();
function openapi(asked: OpenApiQuestion): OpenApiAnswer | undefined {
  const { path, accept, custom, remote } = asked;
  const version = `${custom.version} ${remote.version}`;
  if (version !== documentsVersion) {
    documents.clear();
    documentsVersion = version;
  }
  const known = documents.get(path);
  const document = known ?? madeDocument(asked);
  if (!document) return undefined;
  if (!known) documents.set(path, document);
  if (path !== '/openapi/v2' || !accept.includes(openApiProtobufAccept)) return document;
  const key = `${path} protobuf`;
  const encoded = documents.get(key) ?? {
    ...document,
    bytes: openApiProtobuf(document.body as JsonObject),
    mediaType: openApiProtobufType,
  };
  documents.set(key, encoded);
  return encoded;
}

function madeDocument(asked: OpenApiQuestion): OpenApiAnswer | undefined {
  const body = openApiDocument(asked);
  return body && { body, etag: `"${documentHash(body)}"` };
}

const describe = describer();
function openApiDocument({ path, custom: { kinds }, remote }: OpenApiQuestion): JsonObject | undefined {
  if (path !== '/openapi/v2' && !path.startsWith('/openapi/v3')) return undefined;
  if (path === '/openapi/v2') {
    const own = openApiV2(describe, [...customDocuments(kinds, describe, 2).values()]);
    return withSwaggerParts(own, remote.swagger);
  }
  const own = customDocuments(kinds, describe);
  if (path === '/openapi/v3') {
    const hashes = [...own].map(([root, document]) => [root, documentHash(document)] as const);
    const index = openApiV3Index(Object.fromEntries(hashes), describe);
    return { paths: { ...(index.paths as JsonObject), ...placesOf(remote) } };
  }
  const root = path.slice('/openapi/v3/'.length);
  return own.get(root) ?? openApiV3(root, describe);
}

const placesOf = ({ places }: OpenApiQuestion['remote']): JsonObject =>
  Object.fromEntries(Object.entries(places).map(([path, serverRelativeURL]) => [path, { serverRelativeURL }]));
