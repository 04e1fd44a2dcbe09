import { isApiError } from '../../api/error.ts';
import type { Kind } from '../../api/kind.ts';
import { type APIService, apiServices } from '../../api/kinds/api-service.ts';
import type { ApiRequest, ApiResponse, Caller, Transport } from '../../api/wire.ts';
import { type Cancel, type Env, forkEnv, type Millis } from '../../base/env.ts';
import { decodeText, encodeText, isObject, type Json } from '../../base/json.ts';
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
  cancel: Cancel;
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
    const added = remotes.map(({ spec, resources, verdict }) => ({
      group: spec.group,
      version: spec.version,
      resources,
      isFresh: verdict?.status === 'True',
    }));
    return [...added, ...own];
  }

  /** Whether nobody was added for it. */
  servesItself({ group, version }: Pick<OwnVersion, 'group' | 'version'>): boolean {
    return !this.#remotes.has(`${group}/${version}`);
  }

  /** The answer of whoever serves this path; undefined where that is this server itself. */
  answer(request: ApiRequest, caller: Caller): Promise<ApiResponse> | undefined {
    if (this.#remotes.size === 0) return undefined;
    const [, root, group, version] = request.path.split('/', 4);
    const remote = root === 'apis' ? this.#remotes.get(`${group}/${version}`) : undefined;
    return remote && this.#passedOn(remote, request, caller);
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
      verdict: undefined,
      resources: known?.resources ?? [],
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
    if (this.#remotes.get(`${group}/${version}`) !== remote || this.#stop.stopped) return;
    const before = remote.verdict;
    remote.verdict = verdict;
    env.metrics.gauge('aggregator_unavailable_apiservice', verdict.status === 'True' ? 0 : 1, { name: remote.name });
    if (before?.status !== verdict.status || before.message !== verdict.message) await this.#tell(remote, verdict);
    const delay = verdict.status === 'True' ? lookLaterMs : lookAgainMs;
    remote.cancel = env.clock.after(delay, () => void this.#look(remote));
  }

  async #judge(remote: Remote): Promise<Verdict> {
    const { env, store } = this.#deps;
    const { group, version, service } = remote.spec;
    const obstacle = await obstacleOf(store, service);
    if (obstacle) return obstacle;
    const path = `/apis/${group}/${version}`;
    const place = `https://${service.name}.${service.namespace}.svc:${service.port}${path}`;
    const stop = new StopSource();
    const cancel = env.clock.after(answerWithinMs, () => stop.stop());
    try {
      const headers = { accept: 'application/json', ...identityHeaders(options.caller) };
      const transport = await this.#transport(remote);
      const answer = await transport({ method: 'GET', path, query: [], headers, stop });
      const list = await jsonOf(answer);
      if (answer.status >= 200 && answer.status < 300) {
        remote.resources = aggregatedResources(list, group, version);
        return passed;
      }
      throw new Error(`bad status from ${place}: ${answer.status}`);
    } catch (error) {
      const why = stop.stopped ? `Get ${JSON.stringify(place)}: context deadline exceeded` : (error as Error).message;
      return no('FailedDiscoveryCheck', `failing or missing response from ${place}: ${why}`);
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

async function jsonOf(answer: ApiResponse): Promise<Json | undefined> {
  let text = '';
  if ('stream' in answer) {
    const parts: Uint8Array[] = [];
    for await (const part of answer.stream) parts.push(part);
    text = parts.map((part) => decodeText(part)).join('');
  } else if ('body' in answer) {
    if ('object' in answer.body) return answer.body.object;
    text = decodeText(answer.body.bytes);
  }
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
