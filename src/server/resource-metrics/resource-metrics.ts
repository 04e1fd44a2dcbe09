import { ApiError } from '../../api/error.ts';
import type { Column, Kind, KindRules } from '../../api/kind.ts';
import { type Node, nodes as nodeKind } from '../../api/kinds/node.ts';
import { type Pod, pods as podKind } from '../../api/kinds/pod.ts';
import type { KubeObject, Labels } from '../../api/object.ts';
import { formatQuantity, quantityMillis } from '../../api/quantity.ts';
import { parseFieldSelector, parseLabelSelector } from '../../api/selector.ts';
import { type ApiRequest, type ApiResponse, queryValue } from '../../api/wire.ts';
import type { Env } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import { compareText, timestamp } from '../../base/text.ts';
import type { Store } from '../../store/store.ts';
import { encodedAnswer } from '../answer.ts';
import { storagePrefix } from '../kinds.ts';
import { negotiate } from '../negotiate.ts';
import type { NodeDoors } from '../node-doors.ts';
import { includeOf, partialMetadata, tableOf } from '../table.ts';
import { notServed } from '../unrouted.ts';
import { metricsGroup, metricsResources, metricsRoot, metricsVersion } from './group.ts';
import { type NodeUsage, type Usage, UsageCollector, windowText } from './usage.ts';

interface MetricsObject extends KubeObject {
  readonly window: string;
  readonly usage?: Labels;
  readonly containers?: readonly { readonly name: string; readonly usage: Labels }[];
}
interface Place {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

const columns: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name', description: 'Name of the resource' },
  { name: 'cpu', type: 'string' },
  { name: 'memory', type: 'string' },
  { name: 'Window', type: 'string', format: 'duration' },
];

/** `metrics.k8s.io` as metrics-server serves it, of what the agents of the nodes tell. */
export class ResourceMetrics {
  readonly #store: Store;
  readonly #usage: UsageCollector;
  readonly #env: Env;

  constructor(env: Env, store: Store, doors: NodeDoors) {
    this.#env = env;
    this.#store = store;
    this.#usage = new UsageCollector(env, store, doors);
  }

  async answer(request: ApiRequest): Promise<ApiResponse> {
    const words = request.path.slice(metricsRoot.length).split('/').filter(Boolean).map(decodeURIComponent);
    if (request.method !== 'GET') {
      throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
    }
    if (words.length === 0) return { status: 200, body: { object: metricsResources } };
    const place = placeOf(words);
    if (queryValue(request.query, 'watch') === 'true') {
      throw new ApiError('MethodNotAllowed', `watch is not supported on resources of kind "${place.kind.kind}"`, {});
    }
    // A client of everything takes JSON where there is nothing else.
    const wanted = negotiate(request.headers.accept?.replaceAll('application/vnd.kubernetes.protobuf', 'none/none'));
    const measured = await this.#usage.current();
    const found = place.kind === podMetrics ? await this.#pods(place, measured) : await this.#nodes(place, measured);
    if (place.name !== '') {
      const [one] = found;
      if (!one) throw missing(place);
      return encodedAnswer(200, this.#shaped(request, place.kind, [one], wanted.as), wanted.mediaType);
    }
    const chosen = selected(found, request.query);
    const list = {
      kind: `${place.kind.kind}List`,
      apiVersion: place.kind.apiVersion,
      metadata: {},
      items: chosen.map(({ kind: _kind, apiVersion: _version, ...item }) => item) as unknown as Json,
    };
    const body = wanted.as ? this.#shaped(request, place.kind, chosen, wanted.as) : list;
    return encodedAnswer(200, body, wanted.mediaType);
  }

  #shaped(request: ApiRequest, kind: Kind, objects: readonly MetricsObject[], as: string | undefined): Json {
    const [first] = objects;
    if (as === undefined) return first as unknown as Json;
    if (as === 'Table') {
      return tableOf(kind, objects, { now: this.#env.clock.now(), include: includeOf(request.query), metadata: {} });
    }
    if (as === 'PartialObjectMetadata' && first) return partialMetadata(kind, first);
    const items = objects.map((object) => partialMetadata(kind, object));
    return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: {}, items };
  }

  async #nodes({ name }: Place, measured: readonly NodeUsage[]): Promise<readonly MetricsObject[]> {
    const { entries } = await this.#store.list(storagePrefix(nodeKind));
    const byName = new Map(measured.map((usage) => [usage.node, usage]));
    return entries.flatMap(({ value }): MetricsObject[] => {
      const { metadata } = value as unknown as Node;
      const usage = byName.get(metadata.name);
      if (!usage || (name !== '' && metadata.name !== name)) return [];
      return [{ ...this.#head(nodeMetrics, metadata, usage), usage: usageText(usage) }];
    });
  }

  async #pods({ namespace, name }: Place, measured: readonly NodeUsage[]): Promise<readonly MetricsObject[]> {
    const byNode = new Map(measured.map((usage) => [usage.node, usage]));
    const { entries } = await this.#store.list(`${storagePrefix(podKind)}${namespace === '' ? '' : `${namespace}/`}`);
    return entries.flatMap(({ value }): MetricsObject[] => {
      const { metadata, spec, status } = value as unknown as Pod;
      if (name !== '' && metadata.name !== name) return [];
      const usage = byNode.get(spec.nodeName ?? '');
      const pod = usage?.pods.get(`${metadata.namespace}/${metadata.name}`);
      if (!usage || pod?.uid !== metadata.uid || status?.phase !== 'Running') return [];
      const containers = pod.containers.map((one) => ({ name: one.name, usage: usageText(one) }));
      return [{ ...this.#head(podMetrics, metadata, usage), containers }];
    });
  }

  #head(kind: Kind, { name, namespace, labels }: KubeObject['metadata'], { at, windowMs }: NodeUsage) {
    const creationTimestamp = timestamp(this.#env.clock.now());
    const metadata = {
      name,
      ...(namespace ? { namespace } : {}),
      creationTimestamp,
      ...(labels ? { labels } : {}),
    } as unknown as KubeObject['metadata'];
    const window = windowText(windowMs);
    return { kind: kind.kind, apiVersion: kind.apiVersion, metadata, timestamp: timestamp(at), window };
  }
}

function placeOf(words: readonly string[]): Place {
  const [first, second = '', third, fourth = '', ...rest] = words;
  if (first === 'nodes' && third === undefined) return { kind: nodeMetrics, namespace: '', name: second };
  if (first === 'pods' && second === '') return { kind: podMetrics, namespace: '', name: '' };
  if (first === 'namespaces' && third === 'pods' && rest.length === 0) {
    return { kind: podMetrics, namespace: second, name: fourth };
  }
  throw notServed();
}

function selected(found: readonly MetricsObject[], query: ApiRequest['query']): readonly MetricsObject[] {
  const matches = parseLabelSelector(queryValue(query, 'labelSelector') ?? '');
  const fields = parseFieldSelector(queryValue(query, 'fieldSelector') ?? '');
  const valueOf: Readonly<Record<string, (object: MetricsObject) => string>> = {
    'metadata.name': ({ metadata }) => metadata.name,
    'metadata.namespace': ({ metadata }) => metadata.namespace ?? '',
  };
  const unknown = fields.find(({ field }) => !valueOf[field]);
  if (unknown) {
    throw new ApiError('BadRequest', `field label not supported: ${JSON.stringify(unknown.field)}`, {});
  }
  return found
    .filter(
      (object) =>
        matches(object.metadata.labels) &&
        fields.every(({ field, equal, value }) => (valueOf[field]?.(object) === value) === equal),
    )
    .toSorted(
      (a, b) =>
        compareText(a.metadata.namespace ?? '', b.metadata.namespace ?? '') ||
        compareText(a.metadata.name, b.metadata.name),
    );
}

function missing({ kind, namespace, name }: Place): ApiError {
  const text = namespace === '' ? name : `${namespace}/${name}`;
  const plural = `${kind.kind.toLowerCase()}`;
  return new ApiError('NotFound', `${plural}.${metricsGroup} ${JSON.stringify(text)} not found`, {
    name: text,
    group: metricsGroup,
    kind: plural,
  });
}

const nanosPerByte = 1_000_000_000n;
const usageText = ({ cpuNanos, memoryBytes }: Usage): Labels => ({
  cpu: formatQuantity({ nanos: BigInt(cpuNanos), format: 'decimal' }),
  memory: formatQuantity({ nanos: BigInt(Math.round(memoryBytes)) * nanosPerByte, format: 'binary' }),
});

/** A row tells millicores and mebibytes, rounded up, however finely they were measured. */
function cells(object: MetricsObject): readonly Json[] {
  const usages = object.usage ? [object.usage] : (object.containers ?? []).map(({ usage }) => usage);
  const total = (resource: string) => usages.reduce((sum, usage) => sum + quantityMillis(usage[resource] ?? '0'), 0);
  const memory = BigInt(Math.round(total('memory'))) * 1_000_000n;
  return [object.metadata.name, `${total('cpu')}m`, formatQuantity({ nanos: memory, format: 'binary' }), object.window];
}

function metricsKind(kind: string, plural: string, namespaced: boolean): Kind {
  const apiVersion = `${metricsGroup}/${metricsVersion}`;
  const facts = { group: metricsGroup, version: metricsVersion, kind, plural, singular: '', namespaced };
  const rules = { columns, cells } as unknown as KindRules;
  return { ...facts, verbs: ['get', 'list'], shortNames: [], categories: [], subresources: [], apiVersion, rules };
}
const nodeMetrics = metricsKind('NodeMetrics', 'nodes', false);
const podMetrics = metricsKind('PodMetrics', 'pods', true);
