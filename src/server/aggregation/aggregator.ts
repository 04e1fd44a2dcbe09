import { isApiError } from '../../api/error.ts';
import type { Kind } from '../../api/kind.ts';
import { type APIService, apiServices } from '../../api/kinds/api-service.ts';
import type { SwaggerPart } from '../../api/schema/openapi-remote.ts';
import { type ApiRequest, type ApiResponse, type Caller, jsonType, type Transport } from '../../api/wire.ts';
import { type Cancel, type Env, forkEnv, type Millis } from '../../base/env.ts';
import { encodeText, type Json } from '../../base/json.ts';
import { StopSource } from '../../base/stop.ts';
import { timestamp } from '../../base/text.ts';
import type { Change, Store } from '../../store/store.ts';
import { type KindRegistry, storagePrefix } from '../kinds.ts';
import { destinationOf, type OutwardTarget } from '../outward.ts';
import type { ResourceRoute } from '../route.ts';
import { relayedHeaders } from '../streaming/proxy.ts';
import type { WriteOptions, Writer } from '../write.ts';
import { no, obstacleOf, passed, type ServiceReference, type Verdict } from './availability.ts';
import { availableCondition, type LocalVersion, reconcileLocal } from './local-services.ts';
import { aggregatedResources } from './remote-discovery.ts';
import { type Answer, RemoteDocuments, textOf } from './remote-documents.ts';

/** Passes requests on to an API server that was added: with this one's own certificate, whatever its body or answer. */
export type AggregatedDoor = (target: OutwardTarget) => Transport;

export interface RemoteVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly Json[];
  readonly isFresh: boolean;
}
interface Remote {
  readonly spec: {
    readonly group: string;
    readonly version: string;
    readonly service: ServiceReference;
    readonly caBundle?: string;
    readonly insecureSkipTLSVerify?: boolean;
    readonly groupPriorityMinimum: number;
    readonly versionPriority: number;
  };
  readonly name: string;
  verdict: Verdict | undefined;
  resources: readonly Json[];
  readonly documents: RemoteDocuments;
  cancel: Cancel;
}
/** What the servers that are there publish of their APIs, and a number that rises whenever that changes. */
export interface RemoteOpenApi {
  readonly version: number;
  /** By the path of a group and version, where its document of OpenAPI v3 is. */
  readonly places: Readonly<Record<string, string>>;
  readonly swagger: readonly SwaggerPart[];
}
interface AggregatorDeps {
  readonly env: Env;
  readonly store: Store;
  readonly kinds: KindRegistry;
  readonly writer: Writer;
  readonly door: AggregatedDoor | undefined;
  /** What this server serves itself beside its kinds, for as long as nobody was added for it. */
  readonly own: readonly OwnVersion[];
}
export interface OwnVersion extends LocalVersion {
  /** An APIResourceList. */
  readonly resources: Json;
}

const kind = apiServices as unknown as Kind;
const options: WriteOptions = {
  caller: { name: 'system:apiserver', groups: ['system:masters'], extra: {} },
  dryRun: false,
  manager: 'kube-apiserver',
};
/** Whoever reads documents needs no rights for anything else. */
const reader: Caller = { name: 'system:aggregator', groups: ['system:authenticated'], extra: {} };
const lookAgainMs: Millis = 1_000;
const lookLaterMs: Millis = 30_000;
const answerWithinMs: Millis = 5_000;

/** API servers that were added to this one, and an object for every group and version that is served. */
export class Aggregator {
  readonly #deps: AggregatorDeps;
  /** By `group/version`. */
  readonly #remotes = new Map<string, Remote>();
  readonly #stop = new StopSource();
  #localVersion = -1;
  #openApiVersion = 0;
  #openApi: RemoteOpenApi | undefined;
  #reconciling = false;

  constructor(deps: AggregatorDeps) {
    this.#deps = { ...deps, env: forkEnv(deps.env, 'aggregator') };
  }

  /** Makes the objects of what is served here, now and whenever that changes, and learns of servers elsewhere. */
  async start(): Promise<void> {
    const { store } = this.#deps;
    await this.#reconcile();
    this.#deps.kinds.onChange(() => void this.#reconcile());
    const prefix = storagePrefix(kind);
    const { entries, revision } = await store.list(prefix);
    for (const { value } of entries) this.#put(value as unknown as APIService);
    store.watch(prefix, revision, { take: (batch) => this.#take(batch), closed: () => this.#stop.stop() }, this.#stop);
  }

  /** What others serve, the most important first. */
  get versions(): readonly RemoteVersion[] {
    const own = this.#deps.own
      .filter((one) => this.servesItself(one))
      .map(({ group, version, resources }) => {
        return { group, version, resources: aggregatedResources(resources, group, version), isFresh: true };
      });
    const remotes = [...this.#remotes.values()].sort(
      ({ spec: a }, { spec: b }) =>
        b.groupPriorityMinimum - a.groupPriorityMinimum || b.versionPriority - a.versionPriority,
    );
    const added = remotes.map(({ spec, resources, documents, verdict }) => ({
      group: spec.group,
      version: spec.version,
      resources: documents.resources ?? resources,
      isFresh: verdict?.status === 'True',
    }));
    return [...added, ...own];
  }

  /** Whether nobody was added for it. */
  servesItself({ group, version }: Pick<OwnVersion, 'group' | 'version'>): boolean {
    return !this.#remotes.has(`${group}/${version}`);
  }

  /** The documents of those who are there now. */
  get openApi(): RemoteOpenApi {
    if (this.#openApi?.version === this.#openApiVersion) return this.#openApi;
    const there = [...this.#remotes.values()].filter(({ verdict }) => verdict?.status === 'True');
    const places = there.flatMap(({ spec: { group, version }, documents: { place } }) =>
      place === undefined ? [] : [[`apis/${group}/${version}`, place] as const],
    );
    const swagger = there.flatMap(({ documents }) => (documents.swagger ? [documents.swagger] : []));
    this.#openApi = { version: this.#openApiVersion, places: Object.fromEntries(places), swagger };
    return this.#openApi;
  }

  /** The answer of whoever serves this path; undefined where that is this server itself. */
  answer(request: ApiRequest, caller: Caller): Promise<ApiResponse> | undefined {
    if (this.#remotes.size === 0) return undefined;
    const remote = this.#remoteAt(request.path);
    return remote && this.#passedOn(remote, request, caller);
  }

  #remoteAt(path: string): Remote | undefined {
    const [, root, ...rest] = path.split('/', 6);
    if (root === 'apis') return this.#remotes.get(`${rest[0]}/${rest[1]}`);
    if (root !== 'openapi') return undefined;
    const place = rest.slice(1).join('/');
    if (rest[0] !== 'v3' || this.openApi.places[place] === undefined) return undefined;
    return this.#remotes.get(place.slice('apis/'.length));
  }

  async #passedOn(remote: Remote, request: ApiRequest, caller: Caller): Promise<ApiResponse> {
    if (remote.verdict?.status !== 'True') return unavailable;
    let transport: Transport;
    try {
      transport = await this.#transport(remote);
    } catch {
      return unavailable;
    }
    const { body } = request;
    const bytes = body && 'object' in body ? encodeText(JSON.stringify(body.object)) : body?.bytes;
    const mediaType = body && 'mediaType' in body ? body.mediaType : 'application/json';
    try {
      return await transport({
        ...request,
        headers: {
          ...relayedHeaders(request),
          ...identityHeaders(caller),
          ...(bytes ? { 'content-type': mediaType } : {}),
        },
        ...(bytes ? { body: { bytes, mediaType } } : {}),
      });
    } catch (error) {
      if (!isApiError(error, 'ServiceUnavailable')) throw error;
      // It was there a moment ago: whether it still is is found out at once.
      remote.cancel();
      void this.#look(remote);
      return textAnswer(503, `error trying to reach service: ${error.message}`);
    }
  }

  async #transport({ spec }: Remote): Promise<Transport> {
    const { store, door } = this.#deps;
    if (!door) throw new Error('this server cannot reach others');
    const { service, caBundle, insecureSkipTLSVerify: insecure = false } = spec;
    const { target } = await destinationOf(store, { service, ...(caBundle ? { caBundle } : {}) });
    return door({ ...target, insecure });
  }

  async #reconcile(): Promise<void> {
    const { env, store, kinds, own } = this.#deps;
    if (this.#reconciling) return;
    this.#reconciling = true;
    try {
      while (this.#localVersion !== kinds.version) {
        this.#localVersion = kinds.version;
        await reconcileLocal(env, store, { kinds: kinds.all(), own });
      }
    } catch (error) {
      env.log.error('the API services of what is served here could not be written', { error: String(error) });
    } finally {
      this.#reconciling = false;
    }
  }

  #take(batch: readonly Change[]): 'more' {
    for (const { type, entry } of batch) {
      const service = entry.value as unknown as APIService;
      if (type === 'put') this.#put(service);
      else {
        this.#forget(service.metadata.name);
        this.#reoffer(service.metadata.name);
      }
    }
    return 'more';
  }

  /** Whoever took our place is gone, and we are back. */
  #reoffer(name: string): void {
    if (!this.#deps.own.some(({ group, version }) => `${version}.${group}` === name)) return;
    this.#localVersion = -1;
    void this.#reconcile();
  }

  #forget(name: string): void {
    for (const [place, remote] of this.#remotes) {
      if (remote.name !== name) continue;
      remote.cancel();
      this.#remotes.delete(place);
      this.#openApiVersion++;
    }
  }

  #put({ metadata: { name }, spec }: APIService): void {
    const { group, version, service } = spec as unknown as Remote['spec'];
    const known = this.#remotes.get(`${group}/${version}`);
    if (known?.name === name && JSON.stringify(known.spec) === JSON.stringify(spec)) return;
    this.#forget(name);
    if (!service) return;
    const whole = { ...(spec as unknown as Remote['spec']) };
    const remote: Remote = {
      spec: whole,
      name,
      // What was said of it holds until it was looked at again: whoever changes its priority does not take it away.
      verdict: known?.name === name ? known.verdict : undefined,
      resources: known?.resources ?? [],
      documents: new RemoteDocuments(group, version),
      cancel: () => {},
    };
    this.#remotes.set(`${group}/${version}`, remote);
    void this.#look(remote);
  }

  /** Asks whether it is there, tells what came of it in its object, and looks again later. */
  async #look(remote: Remote): Promise<void> {
    const { env } = this.#deps;
    const verdict = await this.#judge(remote).catch((error: unknown) =>
      no('FailedDiscoveryCheck', error instanceof Error ? error.message : String(error)),
    );
    const { group, version } = remote.spec;
    const isKnown = () => this.#remotes.get(`${group}/${version}`) === remote && !this.#stop.stopped;
    if (!isKnown()) return;
    const before = remote.verdict;
    remote.verdict = verdict;
    env.metrics.gauge('aggregator_unavailable_apiservice', verdict.status === 'True' ? 0 : 1, { name: remote.name });
    if (before?.status !== verdict.status) this.#openApiVersion++;
    if (before?.status !== verdict.status || before.message !== verdict.message) await this.#tell(remote, verdict);
    if (verdict.status === 'True') await this.#learn(remote);
    if (!isKnown()) return;
    const delay = verdict.status === 'True' ? lookLaterMs : lookAgainMs;
    remote.cancel = env.clock.after(delay, () => void this.#look(remote));
  }

  /** What it publishes of its API. Whether it is there does not depend on it. */
  async #learn(remote: Remote): Promise<void> {
    const { log } = this.#deps.env;
    const ask = async (path: string, headers: Readonly<Record<string, string>>): Promise<Answer> =>
      this.#read(remote, path, { ...headers, ...identityHeaders(reader) });
    const failed = (path: string, error: string): void =>
      log.error('a document of an API server could not be read', { name: remote.name, path, error });
    if (await remote.documents.learn(ask, failed)) this.#openApiVersion++;
  }

  async #judge(remote: Remote): Promise<Verdict> {
    const { store } = this.#deps;
    const { group, version, service } = remote.spec;
    const obstacle = await obstacleOf(store, service);
    if (obstacle) return obstacle;
    const path = `/apis/${group}/${version}`;
    const place = `https://${service.name}.${service.namespace}.svc:${service.port}${path}`;
    try {
      const headers = { accept: jsonType, ...identityHeaders(options.caller) };
      const { status, text } = await this.#read(remote, path, headers);
      if (status < 200 || status >= 300) throw new Error(`bad status from ${place}: ${status}`);
      remote.resources = aggregatedResources(jsonIn(text), group, version);
      return passed;
    } catch (error) {
      const why = error instanceof Late ? `Get ${JSON.stringify(place)}: ${error.message}` : (error as Error).message;
      return no('FailedDiscoveryCheck', `failing or missing response from ${place}: ${why}`);
    }
  }

  /** A whole answer, for as long as a server may take. */
  async #read(remote: Remote, path: string, headers: ApiRequest['headers']): Promise<Answer> {
    const stop = new StopSource();
    const cancel = this.#deps.env.clock.after(answerWithinMs, () => stop.stop());
    try {
      const transport = await this.#transport(remote);
      const answer = await transport({ method: 'GET', path, query: [], headers, stop });
      return { status: answer.status, headers: answer.headers ?? {}, text: await textOf(answer) };
    } catch (error) {
      throw stop.stopped ? new Late('context deadline exceeded') : error;
    } finally {
      cancel();
    }
  }

  async #tell({ name }: Remote, verdict: Verdict): Promise<void> {
    const { env, writer } = this.#deps;
    const route: ResourceRoute = { kind, namespace: '', name, subresource: 'status', rest: '', verb: 'update' };
    const { status, reason, message } = verdict;
    const conditions = [availableCondition(timestamp(env.clock.now()), status, reason, message)];
    const done = writer.update(route, (live) => ({ ...live, status: { conditions } }) as typeof live, options);
    await done.catch((error: unknown) => {
      if (isApiError(error, 'NotFound', 'Conflict')) return;
      env.log.error('an API service could not be told whether it is available', { name, error: String(error) });
    });
  }
}

class Late extends Error {}

function jsonIn(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

const textAnswer = (status: number, words: string): ApiResponse => ({
  status,
  headers: { 'x-content-type-options': 'nosniff' },
  body: { bytes: encodeText(`${words}\n`), mediaType: 'text/plain; charset=utf-8' },
});
const unavailable = textAnswer(503, 'service unavailable');

/** Who asks, in the headers that this server's certificate makes believable. A line for each value. */
function identityHeaders({ name, uid, groups, extra }: Caller): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { 'x-remote-user': name };
  if (uid) headers['x-remote-uid'] = uid;
  if (groups.length > 0) headers['x-remote-group'] = groups.join('\n');
  for (const [key, values] of Object.entries(extra)) {
    if (values.length > 0) headers[`x-remote-extra-${encodeURIComponent(key.toLowerCase())}`] = values.join('\n');
  }
  return headers;
}
