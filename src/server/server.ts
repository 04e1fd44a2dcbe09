import { ApiError, statusOf } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import { leadershipHeader } from '../api/leadership.ts';
import { type ApiRequest, type ApiResponse, type Caller, jsonType, linesType, type Transport } from '../api/wire.ts';
import type { Env, Millis } from '../base/env.ts';
import { encodeText, type Json } from '../base/json.ts';
import { type Store, StoreClosed, StoreFull } from '../store/store.ts';
import { type AdmissionOptions, builtInPlugins } from './admission/built-in.ts';
import type { AdmissionPlugin } from './admission/plugin.ts';
import { MutatingPolicies } from './admission/policies/mutating-policies.ts';
import { ValidatingPolicies } from './admission/policies/validating-policies.ts';
import { Versions } from './admission/versions.ts';
import { webhookPlugins } from './admission/webhooks/plugins.ts';
import { type AggregatedDoor, Aggregator, type RemoteOpenApi } from './aggregation/aggregator.ts';
import { encodedAnswer } from './answer.ts';
import { Audit, type Audited, type AuditOptions } from './audit/audit.ts';
import { Access, type AccessOptions, type Admitted, type Creating } from './auth/access.ts';
import type { ClusterFacts } from './auth/bootstrap/objects.ts';
import { reconcileBootstrap } from './auth/bootstrap/reconcile.ts';
import { issuerPaths } from './auth/issuer-documents.ts';
import { backupLines, backupPath } from './backup.ts';
import { type CertificateAuthority, Certificates } from './certificates.ts';
import { Conversions } from './custom/conversions.ts';
import { ConvertingStore } from './custom/converting-store.ts';
import { CustomDefinitions } from './custom/definitions.ts';
import { deprecationOf } from './deprecated.ts';
import { Discovery } from './discovery.ts';
import { FairGate } from './fair-gate.ts';
import { FieldTracker } from './field-tracker.ts';
import { Health } from './health.ts';
import { healthChecks } from './health-checks.ts';
import { indented, isSpread } from './indented.ts';
import type { Judge } from './judge.ts';
import { KindRegistry } from './kinds.ts';
import { requireLeadership } from './leader-fence.ts';
import { MeasuredStore } from './measured-store.ts';
import { negotiatePlain } from './negotiate.ts';
import type { NodeDoors, Reach } from './node-doors.ts';
import { NodeLinks } from './node-links.ts';
import type { Outward } from './outward.ts';
import { Refusals } from './refusals.ts';
import { RequestFigures } from './request-figures.ts';
import { externalVersion, type MetricsMaker, OwnMetrics, resourceVersion } from './resource-metrics/own-metrics.ts';
import { type Asker, Resources } from './resources.ts';
import { type ResourceRoute, routeOf } from './route.ts';
import { ServiceGoods } from './service-goods.ts';
import { hasWaited, standingFigures } from './standing-figures.ts';
import type { Describe } from './table.ts';
import { pageNotFound, refused } from './unrouted.ts';
import { Views } from './views.ts';
import { withWarnings } from './warnings.ts';
import { Writer } from './write.ts';

/** The kinds that definitions made, and a number that rises whenever they change. */
export interface CustomKinds {
  readonly kinds: readonly Kind[];
  readonly version: number;
}
export interface OpenApiQuestion {
  readonly path: string;
  readonly accept: string;
  readonly custom: CustomKinds;
  /** What API servers that were added publish of theirs. */
  readonly remote: RemoteOpenApi;
}
export interface OpenApiAnswer {
  readonly body: Json;
  readonly etag?: string;
  /** Instead of the body, in this media type. */
  readonly bytes?: Uint8Array;
  readonly mediaType?: string;
}
export interface ServerOptions {
  readonly kinds: readonly Kind[];
  /** host:port, as discovery names it. */
  readonly address: string;
  readonly serviceRange?: string;
  readonly plugins?: readonly AdmissionPlugin[];
  /** Which of upstream's plugins are on, and how. */
  readonly admission?: AdmissionOptions;
  /** Who is believed, and who may do what. */
  readonly access?: AccessOptions;
  /** How the server reaches the nodes: logs and exec. */
  readonly nodes?: NodeDoors;
  /** How the server reaches pods, for the proxy subresources. */
  readonly reach?: Reach;
  /** How the server reaches API servers that are added to it. */
  readonly aggregated?: AggregatedDoor;
  /** How the server reaches webhooks; without it there are none. */
  readonly outward?: Outward;
  /** The OpenAPI document at a path, where there is one. */
  /** What the fields of types are for, as tables tell it of kinds without columns of their own. */
  readonly describe?: Describe;
  readonly openapi?: (asked: OpenApiQuestion) => OpenApiAnswer | undefined;
  readonly metrics?: () => string;
  /** Serves what nodes and pods use; loaded when it is first asked. */
  readonly resourceMetrics?: (env: Env, store: Store, nodes: NodeDoors) => ReturnType<MetricsMaker>;
  /** Serves what is measured outside of the cluster. */
  readonly externalMetrics?: (env: Env) => ReturnType<MetricsMaker>;
  /** Where it is written down who did what. */
  readonly audit?: AuditOptions;
  /** Who signs certificates; without it nobody does. */
  readonly authority?: CertificateAuthority;
  /** Where long objects are judged; without it, here. */
  readonly judge?: Judge;
  /** Reads the keys of the cluster again, where they may change while it runs. */
  readonly renewKeys?: () => Promise<void>;
}

/** Where the server is told that its keys have changed. No path of Kubernetes. */
export const keysPath = '/mini-k8s/keys';
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
  readonly #refusals: Refusals;
  readonly #store: Store;
  readonly #options: ServerOptions;
  readonly #resources: Resources;
  readonly #discovery: Discovery;
  readonly #access: Access;
  readonly #creating: Pick<Creating, 'plugins' | 'fields'>;
  readonly #gate = new FairGate();
  readonly #figures: RequestFigures;
  readonly #health: Health;
  readonly #audit: Audit | undefined;
  #isStarting = false;
  readonly #custom: CustomDefinitions;
  readonly #aggregator: Aggregator;
  readonly #links: NodeLinks;
  readonly #ownMetrics: readonly OwnMetrics[];
  readonly #certificates: Certificates;

  constructor(env: Env, store: Store, options: ServerOptions) {
    this.#env = env;
    this.#refusals = new Refusals(env);
    this.#store = store;
    this.#options = options;
    this.#figures = new RequestFigures(env);
    this.#audit = options.audit && new Audit(env, options.audit);
    const isServing = () => this.#custom.isReady;
    this.#health = new Health(healthChecks({ store, isServing, isStarting: () => this.#isStarting }));
    this.#links = new NodeLinks(env.clock);
    this.#certificates = new Certificates(store, options.authority);
    this.kinds = new KindRegistry(options.kinds);
    this.#discovery = new Discovery(this.kinds, options.address, {
      crypto: env.crypto,
      remote: () => this.#aggregator.versions,
    });
    this.#access = new Access(env, store, options.access ?? {});
    const views = new Views();
    const conversions = new Conversions(env, store, options.outward);
    const policies = {
      ...{ env, store, views, kinds: this.kinds, authorization: this.#access.authorization },
      conversions: new Versions(conversions),
    };
    const builtIn = builtInPlugins({ ...policies, self: (request) => this.handle(request) }, options.admission);
    const plugins = [
      ...builtIn.first,
      ...(options.plugins ?? []),
      ...this.#access.plugins,
      new MutatingPolicies(policies),
      new ValidatingPolicies(policies),
      ...(options.outward ? webhookPlugins({ ...policies, outward: options.outward }) : []),
      ...builtIn.last,
    ];
    const goods = new ServiceGoods(store, { serviceRange: options.serviceRange ?? '10.96.0.0/16', random: env.random });
    const fields = new FieldTracker(this.kinds, env.clock);
    this.#creating = { plugins, fields };
    const deps = {
      env,
      store: new ConvertingStore(new MeasuredStore(env, store), conversions),
      views,
      plugins,
      goods,
      fields,
      judge: options.judge,
    };
    const ways = {
      ...(options.nodes ? { nodes: options.nodes } : {}),
      ...(options.reach ? { reach: options.reach } : {}),
      authorization: this.#access.authorization,
    };
    const writer = new Writer(deps);
    this.#resources = new Resources({ ...deps, describe: options.describe, writer, ...ways });
    this.#custom = new CustomDefinitions({ ...deps, writer, conversions, kinds: this.kinds });
    this.#ownMetrics = ownMetrics(env, store, options);
    const own = this.#ownMetrics.map(({ served }) => served);
    this.#aggregator = new Aggregator({ env, store, kinds: this.kinds, writer, door: options.aggregated, own });
  }

  /** What can be answered at once is: most gets wait for nothing. */
  readonly handle: Transport = (request) => {
    const handling = new Handling(request, this.#env.clock.monotonic(), this.#audit?.begin(request));
    try {
      const answer = this.#handle(handling);
      if (!(answer instanceof Promise)) return Promise.resolve(this.#finished(handling, answer));
      return answer.then(
        (response) => this.#finished(handling, response),
        (error: unknown) => this.#finished(handling, this.#failure(handling, error)),
      );
    } catch (error) {
      return Promise.resolve(this.#finished(handling, this.#failure(handling, error)));
    }
  };

  #finished(handling: Handling, answer: ApiResponse): ApiResponse {
    const { warnings, audited, started } = handling;
    let response = warnings ? withWarnings(answer, [...warnings]) : answer;
    if (isSpread(handling.request, handling.route)) response = indented(response, this.#env.clock);
    if (audited) response = audited.answered(response);
    this.#told(handling, response, this.#env.clock.monotonic() - started);
    return response;
  }

  /** Counted, and told to whoever reads the log that closely; never what is in it. */
  #told({ request, route: known }: Handling, response: ApiResponse, tookMs: number): void {
    let route = known;
    try {
      route ??= routeOf(request, this.kinds);
    } catch {
      // What cannot be routed is counted as no resource.
    }
    this.#figures.count({ request, route, response, tookMs });
    const { method, path, headers } = request;
    this.#env.log.debug('request', { method, path, code: response.status, tookMs, userAgent: headers['user-agent'] });
  }

  /** Makes what every cluster has from the start, and puts back what was taken from the system's own roles. */
  async bootstrap(facts: ClusterFacts): Promise<void> {
    this.#isStarting = true;
    await reconcileBootstrap(this.#env, this.#store, facts);
    await this.#access.legacyTokens.start(facts.clientAuthority);
    if (!this.#custom.isReady) await this.#custom.ready;
    await this.#aggregator.start();
    this.#isStarting = false;
  }

  /** From now on others are believed: whoever is told whom to believe is told anew. */
  async believe(facts: ClusterFacts): Promise<void> {
    await reconcileBootstrap(this.#env, this.#store, facts);
    this.#access.legacyTokens.renew(facts.clientAuthority);
  }

  #handle(handling: Handling): ApiResponse | Promise<ApiResponse> {
    if (!this.#custom.isReady) return this.#custom.ready.then(() => this.#admitted(handling));
    return this.#admitted(handling);
  }

  #admitted(handling: Handling): ApiResponse | Promise<ApiResponse> {
    const admitting = this.#access.admit(handling.request, handling.started);
    return admitting instanceof Promise
      ? admitting.then((admitted) => this.#inTurn(handling, admitted))
      : this.#inTurn(handling, admitting);
  }

  #inTurn(handling: Handling, { caller, warnings }: Admitted): ApiResponse | Promise<ApiResponse> {
    const { request, warn } = handling;
    for (const text of warnings) warn(text);
    handling.caller = caller;
    handling.audited?.known(caller);
    const annotate = handling.audited?.annotate;
    const asker = annotate ? { caller, warn, annotate } : { caller, warn };
    if (this.#links.owns(request)) return this.#answered(handling, asker);
    const waiting = this.#gate.enter(caller.name, changes(request));
    if (!waiting) return this.#inside(handling, asker);
    const from = this.#env.clock.monotonic();
    return waiting.then(() => {
      hasWaited(this.#env.metrics, this.#env.clock.monotonic() - from);
      return this.#inside(handling, asker);
    });
  }

  /** Watches, logs and the like hold no place: they are answered once they have begun. */
  #inside(handling: Handling, asker: Asker): ApiResponse | Promise<ApiResponse> {
    const leave = () => this.#gate.leave(asker.caller.name, changes(handling.request));
    let answer: ApiResponse | Promise<ApiResponse>;
    try {
      answer = this.#answer(handling, asker);
    } catch (error) {
      leave();
      throw error;
    }
    if (!(answer instanceof Promise)) {
      leave();
      return answer;
    }
    // Not by finally(): that takes three more turns of the queue.
    return answer.then(
      (response) => {
        leave();
        return response;
      },
      (error: unknown) => {
        leave();
        throw error;
      },
    );
  }

  #answer(handling: Handling, asker: Asker): Promise<ApiResponse> | ApiResponse {
    const { request } = handling;
    if (request.headers[leadershipHeader] === undefined || !changes(request)) return this.#answered(handling, asker);
    return requireLeadership(this.#store, request).then(() => this.#answered(handling, asker));
  }

  #answered(handling: Handling, asker: Asker): Promise<ApiResponse> | ApiResponse {
    const { request } = handling;
    const aggregated = this.#aggregator.answer(request, asker.caller);
    if (aggregated) return aggregated;
    const route = routeOf(request, this.kinds);
    handling.route = route;
    if (!route) return this.#other(request);
    const own = this.#access.answer(request, route, { ...this.#creating, caller: asker.caller });
    if (own) return own;
    const warning = route.kind.custom?.warning ?? deprecationOf(route.kind)?.sentence;
    if (warning !== undefined) {
      asker.warn(warning);
      asker.annotate?.('k8s.io/deprecated', 'true');
    }
    return this.#resources.handle(request, route, asker);
  }

  #other(request: ApiRequest): Promise<ApiResponse> | ApiResponse {
    const { path } = request;
    const inner = this.#links.answer(request) ?? this.#certificates.answer(request) ?? this.#measured(request);
    if (inner) return inner;
    const groups = this.#aggregator.versions.map(({ group }) => group);
    const refusal = groups.includes(path.split('/')[2] ?? '') ? undefined : refused(request, this.kinds);
    if (refusal) return refusal;
    const document = this.#discovery.at(path, request.headers.accept ?? '');
    if (document && !document.etag) return encodedAnswer(200, document.body, negotiatePlain(request.headers.accept));
    if (document) return withETag(request, document.body, document);
    if (path === '/version' || path === '/version/') return { status: 200, body: { object: versionInfo } };
    const health = this.#health.answer(request);
    if (health) return health;
    if (path === '/metrics' && this.#options.metrics) return this.#metrics(this.#options.metrics);
    if (path === backupPath) {
      return { status: 200, mediaType: linesType, stream: backupLines(this.#store, this.#env) };
    }
    if (path === keysPath && request.method === 'POST' && this.#options.renewKeys) {
      return this.#options.renewKeys().then(() => ({ status: 200, body: { object: { renewed: true } } }));
    }
    const issuer = this.#access.document(path, request.headers.accept ?? '', this.#options.address);
    if (issuer) return issuer;
    const openapi = this.#options.openapi?.({
      path,
      accept: request.headers.accept ?? '',
      custom: this.#customKinds(),
      remote: this.#aggregator.openApi,
    });
    if (openapi)
      return openapi.bytes ? withBytes(request, openapi.bytes, openapi) : withETag(request, openapi.body, openapi);
    if (path === '/') return { status: 200, body: { object: { paths: this.#paths() } } };
    return pageNotFound();
  }

  #measured(request: ApiRequest): Promise<ApiResponse> | undefined {
    for (const metrics of this.#ownMetrics) {
      const answer = metrics.answer(request);
      if (answer) return answer;
    }
    return undefined;
  }

  #customKinds(): CustomKinds {
    return { kinds: this.kinds.all().filter(({ custom }) => custom), version: this.kinds.version };
  }

  async #metrics(render: () => string): Promise<ApiResponse> {
    const asked = { kinds: this.kinds, store: this.#store, gate: this.#gate, version: versionInfo };
    await standingFigures(this.#env.metrics, asked);
    return textAnswer(render());
  }

  #paths(): readonly string[] {
    const versions = this.kinds
      .all()
      .map(({ group, version }) => (group ? `/apis/${group}/${version}` : `/api/${version}`));
    const groups = this.kinds.all().flatMap(({ group }) => (group ? [`/apis/${group}`] : []));
    const own = [
      ...issuerPaths,
      '/api',
      '/apis',
      ...this.#health.paths,
      '/metrics',
      '/openapi/v2',
      '/openapi/v3',
      '/version',
    ];
    return [...new Set([...own, ...versions, ...groups])].sort();
  }

  #failure({ request, caller }: Handling, error: unknown): ApiResponse {
    if (error instanceof StoreFull) {
      const full = new ApiError('InternalError', error.message, undefined, insufficientStorage);
      return statusAnswer(request, full);
    }
    if (error instanceof ApiError) {
      this.#refusals.tell(request, caller, error);
      return statusAnswer(request, error);
    }
    // Whoever still asks while it ends hears so: thousands of events may be on their way.
    if (error instanceof StoreClosed) {
      return statusAnswer(request, new ApiError('ServiceUnavailable', 'the server is shutting down'));
    }
    // A bug of ours: told in the log in full, to the client without its insides.
    const { method, path } = request;
    this.#env.log.error('a request failed', {
      method,
      path,
      error: error instanceof Error ? error.stack : String(error),
    });
    return statusAnswer(request, new ApiError('InternalError', `Internal error occurred: ${String(error)}`));
  }
}

/** One request on its way through. */
class Handling {
  readonly request: ApiRequest;
  readonly started: Millis;
  readonly audited: Audited | undefined;
  /** Once he may go on. */
  caller: Caller | undefined;
  route: ResourceRoute | undefined;
  /** What is told by the way is told whatever becomes of the request, and once. */
  warnings: Set<string> | undefined;

  constructor(request: ApiRequest, started: Millis, audited: Audited | undefined) {
    this.request = request;
    this.started = started;
    this.audited = audited;
  }

  readonly warn = (text: string): void => {
    this.warnings ??= new Set();
    this.warnings.add(text);
  };
}

/** The APIs of metrics that this server serves itself. */
function ownMetrics(env: Env, store: Store, options: ServerOptions): readonly OwnMetrics[] {
  const { resourceMetrics, externalMetrics, nodes } = options;
  return [
    ...(resourceMetrics && nodes ? [new OwnMetrics(resourceVersion, () => resourceMetrics(env, store, nodes))] : []),
    ...(externalMetrics ? [new OwnMetrics(externalVersion, () => externalMetrics(env))] : []),
  ];
}

const changes = ({ method }: ApiRequest): boolean => method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';

/** An error in the encoding that the client asked for. */
function statusAnswer(request: ApiRequest, error: ApiError): ApiResponse {
  const answer = encodedAnswer(error.code, statusOf(error), negotiatePlain(request.headers.accept));
  const retry = error.details?.retryAfterSeconds;
  return retry === undefined ? answer : { ...answer, headers: { 'retry-after': String(retry) } };
}

function withBytes(
  request: ApiRequest,
  bytes: Uint8Array,
  { etag = '', mediaType = jsonType }: OpenApiAnswer,
): ApiResponse {
  const headers = { etag, vary: 'Accept' };
  if (request.headers['if-none-match'] === etag) return { status: 304, headers, chunks: [], mediaType };
  return { status: 200, headers, chunks: [bytes], mediaType };
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
