import type { Kind } from '../api/kind.ts';
import type { ApiRequest, ApiResponse } from '../api/wire.ts';
import type { Env, Labels, Metrics, Millis } from '../base/env.ts';
import { mediaTypeOf } from './body.ts';
import { deprecationOf } from './deprecated.ts';
import { applyType } from './patch.ts';
import type { ResourceRoute } from './route.ts';

/** What is known about a request when it is counted: most is only known once it was routed. */
interface Counted {
  readonly request: ApiRequest;
  readonly route: ResourceRoute | undefined;
  readonly response: ApiResponse;
  readonly tookMs: Millis;
}
interface Names {
  readonly total: Map<number, Labels>;
  readonly plain: Labels;
  /** Under which the sizes of what is sent are told; none where no resource is. */
  readonly sent: Labels | undefined;
}

/** A bound for what is remembered by names that clients choose. */
const rememberedMax = 5_000;

/** Counts every request under upstream's names. Labels are made once per kind of request, so that counting is cheap. */
export class RequestFigures {
  readonly #metrics: Metrics;
  readonly #names = new Map<string, Names>();
  /** Of reads and writes that are no dry runs, by words that are always the same: nothing is put together. */
  readonly #ofKinds = new WeakMap<Kind, Map<string, Map<string, Map<string, Names>>>>();
  readonly #watches = new Map<Labels, number>();

  constructor(env: Pick<Env, 'metrics'>) {
    this.#metrics = env.metrics;
  }

  count({ request, route, response, tookMs }: Counted): void {
    const { total, plain, sent } = this.#namesOf(request, route);
    let labels = total.get(response.status);
    if (!labels) {
      labels = Object.freeze({ ...plain, code: String(response.status), dry_run: dryRunOf(request) });
      total.set(response.status, labels);
    }
    const metrics = this.#metrics;
    metrics.count('apiserver_request_total', labels);
    const seconds = tookMs / 1000;
    if ('watch' in response) this.#watched(request, plain);
    else if (!('upgrade' in response) && !('stream' in response)) {
      metrics.observe('apiserver_request_duration_seconds', seconds, plain);
      metrics.observe('apiserver_request_sli_duration_seconds', seconds, plain);
    }
    const { body } = request;
    if (sent && body && 'bytes' in body) metrics.observe('apiserver_request_body_size_bytes', body.bytes.length, sent);
    const sized = (size: number) => {
      if (size > 0 && request.method === 'GET') metrics.observe('apiserver_response_sizes', size, plain);
    };
    if ('pieces' in response) response.pieces.onEnd(sized);
    else sized(sizeOf(response));
    const deprecation = route && deprecationOf(route.kind);
    if (deprecation) {
      const { group, version, resource = '', subresource = '' } = plain;
      const { removedRelease: removed_release } = deprecation;
      const names = { group: group ?? '', version: version ?? '', resource, subresource, removed_release };
      metrics.gauge('apiserver_requested_deprecated_apis', 1, names);
    }
  }

  #watched(request: ApiRequest, labels: Labels): void {
    const change = (by: number) => {
      const open = (this.#watches.get(labels) ?? 0) + by;
      this.#watches.set(labels, open);
      this.#metrics.gauge('apiserver_longrunning_requests', open, labels);
    };
    change(1);
    request.stop.onStop(() => change(-1));
  }

  #namesOf(request: ApiRequest, route: ResourceRoute | undefined): Names {
    const verb = route ? verbOf(request, route) : request.method;
    // A subresource that is not served has whatever name a client makes up.
    const isServed = route && (route.subresource === '' || route.kind.subresources.some(isNamed(route.subresource)));
    if (!route || !isServed || dryRunOf(request) !== '') return this.#namesBy(request, route, verb);
    const bySubresource = entryOf(this.#ofKinds, route.kind, newMap<string, Map<string, Map<string, Names>>>);
    const byVerb = entryOf(bySubresource, route.subresource, newMap<string, Map<string, Names>>);
    const byScope = entryOf(byVerb, verb, newMap<string, Names>);
    return entryOf(byScope, scopeOf(route), () => this.#namesBy(request, route, verb));
  }

  #namesBy(request: ApiRequest, route: ResourceRoute | undefined, verb: string): Names {
    const place = route ? `${route.kind.apiVersion}/${route.kind.plural}/${route.subresource}` : pageOf(request.path);
    const key = `${verb} ${place} ${route ? scopeOf(route) : ''} ${dryRunOf(request)}`;
    let names = this.#names.get(key);
    if (!names) {
      const sent = route && Object.freeze({ group: route.kind.group, resource: route.kind.plural, verb: route.verb });
      names = { total: new Map(), plain: Object.freeze(labelsOf(request, route, verb)), sent };
      if (this.#names.size < rememberedMax) this.#names.set(key, names);
    }
    return names;
  }
}

const isNamed =
  (wanted: string) =>
  ({ name }: { readonly name: string }): boolean =>
    name === wanted;

const newMap = <K, V>(): Map<K, V> => new Map<K, V>();

interface Keeps<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

function entryOf<K, V>(kept: Keeps<K, V>, key: K, make: () => V): V {
  let value = kept.get(key);
  if (value === undefined) {
    value = make();
    kept.set(key, value);
  }
  return value;
}

function labelsOf(request: ApiRequest, route: ResourceRoute | undefined, verb: string): Labels {
  const component = 'apiserver';
  if (!route) {
    return { component, verb, group: '', version: '', resource: '', subresource: pageOf(request.path), scope: '' };
  }
  const { group, version, plural: resource } = route.kind;
  return { component, verb, group, version, resource, subresource: route.subresource, scope: scopeOf(route) };
}

function verbOf(request: ApiRequest, { verb }: ResourceRoute): string {
  switch (verb) {
    case 'create':
      return 'POST';
    case 'update':
      return 'PUT';
    case 'patch':
      return mediaTypeOf(request) === applyType ? 'APPLY' : 'PATCH';
    default:
      return verb.toUpperCase();
  }
}

function scopeOf({ name, verb, namespace }: ResourceRoute): string {
  if (name !== '' || verb === 'create') return 'resource';
  return namespace !== '' ? 'namespace' : 'cluster';
}

/** Only the first word of what is no resource: the rest is whatever a client makes up. */
function pageOf(path: string): string {
  const first = path.split('/', 2)[1] ?? '';
  return /^(api|apis|healthz|livez|metrics|openapi|readyz|version)$/.test(first) ? `/${first}` : '';
}

const dryRunOf = ({ query }: ApiRequest): string =>
  query.some(([key, value]) => key === 'dryRun' && value === 'All') ? 'All' : '';

function sizeOf(response: ApiResponse): number {
  if ('chunks' in response) return response.chunks.reduce((sum, { length }) => sum + length, 0);
  return 'body' in response && 'bytes' in response.body ? response.body.bytes.length : 0;
}
