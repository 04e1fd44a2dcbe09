import { ApiError } from '../../api/error.ts';
import type { Pod } from '../../api/kinds/pod.ts';
import type { KubeObject } from '../../api/object.ts';
import { type ApiRequest, type ApiResponse, type Caller, queryValue } from '../../api/wire.ts';
import type { JsonObject } from '../../base/json.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission/plugin.ts';
import type { Authorization } from '../auth/authorization.ts';
import { flagged } from '../list-options.ts';
import type { NodeDoors, Reach } from '../node-doors.ts';
import { getEntry } from '../read.ts';
import type { ResourceRoute } from '../route.ts';
import { notServed } from '../unrouted.ts';
import type { WriteDeps } from '../write.ts';
import { nodePlace } from './node-place.ts';
import { containerOf } from './pod-container.ts';
import { proxied, proxyRest, relayedHeaders } from './proxy.ts';
import { podTarget, serviceTarget, splitName } from './proxy-target.ts';

export interface ConnectionDeps extends WriteDeps {
  readonly plugins: readonly AdmissionPlugin[];
  readonly nodes?: NodeDoors;
  readonly reach?: Reach;
  readonly authorization?: Authorization;
}

export interface ConnectionAsker {
  readonly caller: Caller;
  readonly warn: (text: string) => void;
}

const noNodes = 'this server was started without a way to reach nodes';
const streamFlags = ['stdin', 'stdout', 'stderr', 'tty'] as const;
/** What the node calls the streams that the API names after the command's own. */
const nodeFlags = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' } as const;

/** exec, attach, portforward and proxy: a way through the server to a node, a pod or a Service. */
export class Connections {
  readonly #deps: ConnectionDeps;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
  }

  async handle(request: ApiRequest, route: ResourceRoute, by: ConnectionAsker): Promise<ApiResponse> {
    const facts = route.kind.subresources.find(({ name }) => name === route.subresource);
    if (!facts) throw new ApiError('NotFound', 'the server could not find the requested resource', {});
    if (route.name === '' || (route.kind.namespaced && route.namespace === '')) throw notServed();
    if (route.subresource === 'proxy') return this.#proxy(request, route, by);
    if (request.method !== 'GET' && request.method !== 'POST') {
      throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
    }
    await this.#requireCreate(request, route, by.caller);
    await this.#admit(request, route, by);
    const pod = await this.#pod(route);
    const container = route.subresource === 'portforward' ? '' : containerOf(pod, text(request, 'container'));
    const { name, namespace = '' } = pod.metadata;
    if (!pod.spec.nodeName) throw new ApiError('BadRequest', `pod ${name} does not have a host assigned`);
    const door = route.subresource === 'portforward' ? 'portForward' : route.subresource;
    const words = [door, namespace, name, ...(container ? [container] : [])];
    const query = route.subresource === 'portforward' ? portsIn(request) : streamsIn(request);
    return this.#toNode(pod.spec.nodeName, { ...request, path: `/${words.map(encodeURIComponent).join('/')}`, query });
  }

  async #pod(route: ResourceRoute): Promise<Pod> {
    return this.#deps.views.object<Pod>(route.kind, await getEntry(this.#deps.store, route));
  }

  async #toNode(node: string, request: ApiRequest): Promise<ApiResponse> {
    if (!this.#deps.nodes) throw new ApiError('ServiceUnavailable', noNodes);
    const place = await nodePlace(this.#deps.store, node);
    return this.#deps.nodes(place)({ ...request, headers: relayedHeaders(request) });
  }

  async #proxy(request: ApiRequest, route: ResourceRoute, by: ConnectionAsker): Promise<ApiResponse> {
    await this.#admit(request, route, by);
    const rest = proxyRest(request);
    const { plural } = route.kind;
    if (plural === 'nodes') {
      const { name } = splitName(route.name, 'node');
      const relay = (inner: ApiRequest) => this.#toNode(name, inner);
      return proxied(request, { rest, relay });
    }
    const { reach, store } = this.#deps;
    if (!reach) throw new ApiError('ServiceUnavailable', 'this server was started without a way to reach pods');
    const target =
      plural === 'pods'
        ? await podTarget(store, route, await this.#pod({ ...route, name: splitName(route.name, 'pod').name }))
        : await serviceTarget(store, route);
    return proxied(request, { rest, relay: reach(target), target });
  }

  /** A WebSocket can only begin with a GET: the right to look is not the right to run commands. */
  async #requireCreate({ headers, method }: ApiRequest, route: ResourceRoute, caller: Caller): Promise<void> {
    if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return;
    const { kind, namespace, name, subresource } = route;
    const { group, version, plural: resource } = kind;
    const attributes = { caller, verb: 'create', group, version, resource, subresource, namespace, name };
    await this.#deps.authorization?.require(attributes);
  }

  async #admit(request: ApiRequest, route: ResourceRoute, by: ConnectionAsker): Promise<void> {
    const facts = route.kind.subresources.find(({ name }) => name === route.subresource);
    const kind = { ...route.kind, kind: facts?.kind ?? route.kind.kind };
    const admission: AdmissionRequest = { operation: 'CONNECT', kind, route, ...by, dryRun: false };
    let object = optionsObject(request, kind.kind);
    for (const plugin of this.#deps.plugins) object = (await plugin.mutate?.(object, admission)) ?? object;
    for (const plugin of this.#deps.plugins) await plugin.validate?.(object, admission);
  }
}

const text = (request: ApiRequest, name: string): string => queryValue(request.query, name) ?? '';

/** The options in the query as the object that admission looks at. */
function optionsObject(request: ApiRequest, kind: string): KubeObject {
  const flags = streamFlags.filter((name) => flagged(request.query, name));
  const command = request.query.flatMap(([name, value]) => (name === 'command' ? [value] : []));
  const container = text(request, 'container');
  const path = kind.endsWith('ProxyOptions') ? proxyRest(request) : '';
  const options: JsonObject = {
    kind,
    apiVersion: 'v1',
    ...Object.fromEntries(flags.map((name) => [name, true])),
    ...(container ? { container } : {}),
    ...(kind === 'PodExecOptions' ? { command } : {}),
    ...(path ? { path } : {}),
  };
  return { ...options, metadata: {} } as unknown as KubeObject;
}

function streamsIn(request: ApiRequest): ApiRequest['query'] {
  const flags = streamFlags
    .filter((name) => flagged(request.query, name))
    .map((name) => [nodeFlags[name], '1'] as const);
  return [...flags, ...request.query.filter(([name]) => name === 'command')];
}

function portsIn(request: ApiRequest): ApiRequest['query'] {
  return request.query.flatMap(([name, value]) => (name === 'ports' ? [['port', value] as const] : []));
}
