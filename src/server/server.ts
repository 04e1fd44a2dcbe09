import { ApiError, statusOf } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import {
  type ApiRequest,
  type ApiResponse,
  type Caller,
  jsonType,
  linesType,
  queryValue,
  type Transport,
} from '../api/wire.ts';
import type { Env } from '../base/env.ts';
import { encodeText, type Json } from '../base/json.ts';
import { type Store, StoreFull } from '../store/store.ts';
import { DefaultTolerationSeconds } from './admission/default-toleration-seconds.ts';
import { NamespaceLifecycle } from './admission/namespace-lifecycle.ts';
import type { AdmissionPlugin } from './admission/plugin.ts';
import { type Authorizer, anonymous, authorize, masters, publicInfo } from './attributes.ts';
import { backupLines, backupPath } from './backup.ts';
import { Discovery } from './discovery.ts';
import { KindRegistry } from './kinds.ts';
import type { NodeDoors } from './node-doors.ts';
import { Resources } from './resources.ts';
import { routeOf } from './route.ts';
import { ServiceGoods } from './service-goods.ts';
import { Views } from './views.ts';
import { Writer } from './write.ts';

export interface ServerOptions {
  readonly kinds: readonly Kind[];
  /** host:port, as discovery names it. */
  readonly address: string;
  readonly serviceRange?: string;
  readonly plugins?: readonly AdmissionPlugin[];
  readonly authorizers?: readonly Authorizer[];
  /** Who a bearer token stands for. */
  readonly tokens?: (token: string) => Caller | undefined;
  /** How the server reaches the nodes: logs and exec. */
  readonly nodes?: NodeDoors;
  /** The OpenAPI document at a path, where there is one. */
  readonly openapi?: (path: string) => { readonly body: Json; readonly etag?: string } | undefined;
  readonly metrics?: () => string;
}

const insufficientStorage = 507;
const gitVersion = 'v1.36.3';
const versionInfo = {
  major: '1',
  minor: '36',
  gitVersion,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'linux/amd64',
};

/** The API server as a function from request to answer. It has no socket: host/http and sim/net carry the bytes. */
export class ApiServer {
  readonly kinds: KindRegistry;
  readonly #env: Env;
  readonly #store: Store;
  readonly #options: ServerOptions;
  readonly #resources: Resources;
  readonly #discovery: Discovery;
  readonly #authorizers: readonly Authorizer[];

  constructor(env: Env, store: Store, options: ServerOptions) {
    this.#env = env;
    this.#store = store;
    this.#options = options;
    this.kinds = new KindRegistry(options.kinds);
    this.#discovery = new Discovery(this.kinds, options.address);
    this.#authorizers = [masters, publicInfo, ...(options.authorizers ?? [])];
    const views = new Views();
    const plugins = [new NamespaceLifecycle(store), new DefaultTolerationSeconds(), ...(options.plugins ?? [])];
    const goods = new ServiceGoods(store, { serviceRange: options.serviceRange ?? '10.96.0.0/16', random: env.random });
    const deps = { env, store, views, plugins, goods };
    const nodes = options.nodes ? { nodes: options.nodes } : {};
    this.#resources = new Resources({ ...deps, writer: new Writer(deps), ...nodes });
  }

  readonly handle: Transport = async (request) => {
    const started = this.#env.clock.monotonic();
    let response: ApiResponse;
    try {
      response = await this.#handle(request);
    } catch (error) {
      response = this.#failure(request, error);
    }
    const seconds = (this.#env.clock.monotonic() - started) / 1000;
    this.#env.metrics.observe('apiserver_request_duration_seconds', seconds, { verb: request.method });
    this.#env.metrics.count('apiserver_request_total', { verb: request.method, code: String(response.status) });
    return response;
  };

  async #handle(request: ApiRequest): Promise<ApiResponse> {
    const caller = this.#authenticate(request);
    const route = routeOf(request, this.kinds);
    if (!route) return this.#other(request, caller);
    authorize({ caller, verb: route.verb, route }, this.#authorizers);
    return this.#resources.handle(request, route, caller);
  }

  #authenticate(request: ApiRequest): Caller {
    if (request.caller) return request.caller;
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) return anonymous;
    const caller = this.#options.tokens?.(token.trim());
    if (!caller) throw new ApiError('Unauthorized', 'Unauthorized');
    return caller;
  }

  #other(request: ApiRequest, caller: Caller): ApiResponse {
    const { path } = request;
    authorize({ caller, verb: request.method.toLowerCase(), path }, this.#authorizers);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
    }
    const document = this.#discovery.at(path, request.headers.accept ?? '');
    if (document) return withETag(request, document.body, document);
    if (path === '/version' || path === '/version/') return { status: 200, body: { object: versionInfo } };
    if (['/healthz', '/livez', '/readyz'].includes(path)) return this.#health(request);
    if (path === '/metrics' && this.#options.metrics) return textAnswer(this.#options.metrics());
    if (path === backupPath) {
      return { status: 200, mediaType: linesType, stream: backupLines(this.#store, this.#env.crypto) };
    }
    const openapi = this.#options.openapi?.(path);
    if (openapi) return withETag(request, openapi.body, openapi);
    if (path === '/') return { status: 200, body: { object: { paths: this.#paths() } } };
    throw new ApiError('NotFound', 'the server could not find the requested resource', {});
  }

  #health(request: ApiRequest): ApiResponse {
    const name = request.path.slice(1);
    if (queryValue(request.query, 'verbose') === undefined) return textAnswer('ok');
    return textAnswer(`[+]ping ok\n[+]log ok\n[+]store ok: revision ${this.#store.revision}\n${name} check passed\n`);
  }

  #paths(): readonly string[] {
    const versions = this.kinds
      .all()
      .map(({ group, version }) => (group ? `/apis/${group}/${version}` : `/api/${version}`));
    const groups = this.kinds.all().flatMap(({ group }) => (group ? [`/apis/${group}`] : []));
    const own = [
      '/api',
      '/apis',
      '/healthz',
      '/livez',
      '/metrics',
      '/openapi/v2',
      '/openapi/v3',
      '/readyz',
      '/version',
    ];
    return [...new Set([...own, ...versions, ...groups])].sort();
  }

  #failure(request: ApiRequest, error: unknown): ApiResponse {
    if (error instanceof StoreFull) {
      const full = new ApiError('InternalError', error.message, undefined, insufficientStorage);
      return { status: full.code, body: { object: statusOf(full) } };
    }
    if (error instanceof ApiError) {
      const retry = error.details?.retryAfterSeconds;
      return {
        status: error.code,
        body: { object: statusOf(error) },
        ...(retry === undefined ? {} : { headers: { 'retry-after': String(retry) } }),
      };
    }
    // A bug of ours: told in the log in full, to the client without its insides.
    const { method, path } = request;
    this.#env.log.error('a request failed', {
      method,
      path,
      error: error instanceof Error ? error.stack : String(error),
    });
    return {
      status: 500,
      body: { object: statusOf(new ApiError('InternalError', `Internal error occurred: ${String(error)}`)) },
    };
  }
}

function withETag(
  request: ApiRequest,
  body: Json,
  how: { readonly etag?: string; readonly mediaType?: string },
): ApiResponse {
  const { etag, mediaType = jsonType } = how;
  const headers = etag ? { headers: { etag, vary: 'Accept' } } : {};
  if (etag && request.headers['if-none-match'] === etag) return { status: 304, ...headers, chunks: [], mediaType };
  if (mediaType === jsonType) return { status: 200, ...headers, body: { object: body } };
  return { status: 200, ...headers, body: { bytes: encodeText(JSON.stringify(body)), mediaType } };
}

function textAnswer(text: string): ApiResponse {
  return { status: 200, body: { bytes: encodeText(text), mediaType: 'text/plain; charset=utf-8' } };
}
