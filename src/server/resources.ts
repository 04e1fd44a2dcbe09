import { ApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import type { Namespace } from '../api/kinds/namespace.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { KubeObject } from '../api/object.ts';
import { mergePatch } from '../api/patch/merge.ts';
import { type ApiRequest, type ApiResponse, type Caller, jsonType, objectType, queryValue } from '../api/wire.ts';
import { encodeText, type Json, type JsonObject } from '../base/json.ts';
import { checked, type Decoded, decodeObject, jsonBody, mediaTypeOf, objectBody } from './decode.ts';
import { deleteObject, deleteOptionsOf } from './delete.ts';
import { podLogs } from './logs.ts';
import { negotiate, type Wanted } from './negotiate.ts';
import type { NodeDoors } from './node-doors.ts';
import { patchOf } from './patch.ts';
import { getEntry, type Listed, listEntries } from './read.ts';
import type { ResourceRoute } from './route.ts';
import { bound, finalized, scaled, scaleOf } from './subresources.ts';
import { partialMetadata, tableOf } from './table.ts';
import { openWatch } from './watch.ts';
import type { WriteDeps, WriteOptions, Writer } from './write.ts';

export interface ResourceDeps extends WriteDeps {
  readonly writer: Writer;
  readonly nodes?: NodeDoors;
}

interface Call {
  readonly request: ApiRequest;
  readonly route: ResourceRoute;
  readonly wanted: Wanted;
  readonly options: WriteOptions;
}

/** Every verb of every kind: from a routed request to an answer. */
export class Resources {
  readonly #deps: ResourceDeps;

  constructor(deps: ResourceDeps) {
    this.#deps = deps;
  }

  handle(request: ApiRequest, route: ResourceRoute, caller: Caller): Promise<ApiResponse> {
    requireNamespace(route);
    const wanted = negotiate(request.headers.accept);
    const call: Call = { request, route, wanted, options: { caller, dryRun: isDryRun(request) } };
    return route.subresource === '' ? this.#main(call) : this.#subresource(call);
  }

  async #main(call: Call): Promise<ApiResponse> {
    const { request, route, wanted } = call;
    if (!(route.kind.verbs as readonly string[]).includes(route.verb)) throw notAllowed();
    switch (route.verb) {
      case 'get':
        return this.#get(call);
      case 'list':
        return this.#list(
          route.kind,
          await listEntries(this.#deps.store, this.#deps.views, route, request.query),
          call,
        );
      case 'watch':
        return openWatch({ ...this.#deps, clock: this.#deps.env.clock }, route, request, wanted);
      case 'create':
        return this.#create(call);
      case 'update':
        return this.#update(call);
      case 'patch':
        return this.#patch(call);
      case 'delete':
        return this.#delete(call);
      case 'deletecollection':
        return this.#deleteCollection(call);
      case 'connect':
        throw notAllowed();
    }
  }

  async #get(call: Call): Promise<ApiResponse> {
    const { route, wanted } = call;
    const entry = await getEntry(this.#deps.store, route);
    if (wanted.mediaType === jsonType && !wanted.as) {
      return { status: 200, mediaType: jsonType, chunks: [this.#deps.views.json(route.kind, entry)] };
    }
    return this.#one(200, this.#deps.views.object(route.kind, entry), call);
  }

  /** One object in the shape that the client wants. */
  #one(status: number, object: KubeObject, call: Call, warnings: readonly string[] = []): ApiResponse {
    const { wanted, route, request } = call;
    const headers = warnings.length > 0 ? { headers: { warning: warningText(warnings) } } : {};
    if (wanted.as === 'PartialObjectMetadata') return { status, ...headers, body: { object: partialMetadata(object) } };
    if (wanted.as === 'Table') {
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      return { status, ...headers, body: { object: this.#table(route.kind, [object], metadata, request) } };
    }
    return { status, ...headers, body: { object: object as unknown as Json } };
  }

  #table(kind: Kind, objects: readonly KubeObject[], metadata: Json, request: ApiRequest): Json {
    const include = queryValue(request.query, 'includeObject') ?? 'Metadata';
    return tableOf(kind, objects, { now: this.#deps.env.clock.now(), include, metadata });
  }

  #list(kind: Kind, listed: Listed, call: Call): ApiResponse {
    const { views } = this.#deps;
    const { wanted } = call;
    const metadata = {
      resourceVersion: String(listed.revision),
      ...(listed.continue ? { continue: listed.continue } : {}),
      ...(listed.remaining ? { remainingItemCount: listed.remaining } : {}),
    };
    const head = { kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata };
    if (wanted.mediaType === objectType) {
      return {
        status: 200,
        body: {
          object: { ...head, items: listed.entries.map((entry) => views.object(kind, entry)) } as unknown as Json,
        },
      };
    }
    if (wanted.as) {
      const objects = listed.entries.map((entry) => views.object(kind, entry));
      if (wanted.as === 'Table')
        return { status: 200, body: { object: this.#table(kind, objects, metadata, call.request) } };
      const items = objects.map(partialMetadata);
      return {
        status: 200,
        body: { object: { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items } },
      };
    }
    const comma = encodeText(',');
    const chunks: Uint8Array[] = [encodeText(`${JSON.stringify(head).slice(0, -1)},"items":[`)];
    listed.entries.forEach((entry, index) => {
      if (index > 0) chunks.push(comma);
      chunks.push(views.json(kind, entry));
    });
    chunks.push(encodeText(']}\n'));
    return { status: 200, mediaType: jsonType, chunks };
  }

  async #create(call: Call): Promise<ApiResponse> {
    const { request, route, options } = call;
    if (route.name !== '') throw notAllowed();
    const { object, warnings } = inRoute(route, decodeObject(request, route.kind));
    const made = await this.#deps.writer.create(route, object, options);
    return this.#one(201, made, call, [...warnings, ...(route.kind.rules.warnings?.(made, undefined) ?? [])]);
  }

  async #update(call: Call): Promise<ApiResponse> {
    const { request, route, options } = call;
    const { object, warnings } = inRoute(route, decodeObject(request, route.kind));
    if (object.metadata.name !== route.name) throw wrongName(object.metadata.name, route.name);
    try {
      return this.#one(200, await this.#deps.writer.update(route, () => object, options), call, warnings);
    } catch (error) {
      const creates = route.kind.rules.createOnUpdate && route.subresource === '' && !object.metadata.resourceVersion;
      if (!creates || !(error instanceof ApiError) || error.reason !== 'NotFound') throw error;
      return this.#one(201, await this.#deps.writer.create({ ...route, name: '' }, object, options), call, warnings);
    }
  }

  async #patch(call: Call): Promise<ApiResponse> {
    const { request, route, options } = call;
    const patch = patchOf(request, route.kind);
    let warnings: readonly string[] = [];
    const change = (live: KubeObject) => {
      const decoded = patch(live);
      warnings = decoded.warnings;
      return decoded.object;
    };
    return this.#one(200, await this.#deps.writer.update(route, change, options), call, warnings);
  }

  async #delete(call: Call): Promise<ApiResponse> {
    const { request, route, options } = call;
    const asked = deleteOptionsOf(request.body ? objectBody(request) : {}, new Map(request.query));
    const { object, gone } = await deleteObject(this.#deps, route, asked, options);
    const { kind } = route;
    // Upstream answers pods and whatever stays with the object itself, the rest with a Status.
    if (!gone || (kind.group === '' && kind.plural === 'pods')) return this.#one(200, object, call);
    const { name, uid } = object.metadata;
    const details = { name, ...(kind.group ? { group: kind.group } : {}), kind: kind.plural, uid };
    return {
      status: 200,
      body: { object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details } },
    };
  }

  async #deleteCollection(call: Call): Promise<ApiResponse> {
    const { request, route, options } = call;
    const asked = deleteOptionsOf(request.body ? objectBody(request) : {}, new Map(request.query));
    const listed = await listEntries(this.#deps.store, this.#deps.views, route, request.query);
    for (const entry of listed.entries) {
      const { name, namespace = '' } = this.#deps.views.object(route.kind, entry).metadata;
      await deleteObject(this.#deps, { ...route, name, namespace }, asked, options).catch((error: unknown) => {
        if (!(error instanceof ApiError) || error.reason !== 'NotFound') throw error;
      });
    }
    return this.#list(route.kind, listed, call);
  }

  #subresource(call: Call): Promise<ApiResponse> {
    const { route } = call;
    const facts = route.kind.subresources.find((subresource) => subresource.name === route.subresource);
    if (!facts) throw new ApiError('NotFound', 'the server could not find the requested resource', {});
    switch (route.subresource) {
      case 'status':
      case 'approval':
      case 'resize':
      case 'ephemeralcontainers':
        if (route.verb === 'get') return this.#get(call);
        if (route.verb === 'update') return this.#update(call);
        if (route.verb === 'patch') return this.#patch(call);
        throw notAllowed();
      case 'scale':
        return this.#scale(call);
      case 'binding':
        return this.#bind(call);
      case 'finalize':
        return this.#finalize(call);
      case 'log':
        return podLogs(this.#deps, route, call.request);
      default:
        throw new ApiError(
          'MethodNotAllowed',
          `the subresource ${route.subresource} of ${route.kind.plural} is not served yet`,
        );
    }
  }

  async #bind(call: Call): Promise<ApiResponse> {
    const { request, route, options } = call;
    if (route.verb !== 'create') throw notAllowed();
    const binding = objectBody(request);
    const now = this.#deps.env.clock.now();
    await this.#deps.writer.update(route, (live) => bound(route, live as Pod, binding, now), options);
    return {
      status: 201,
      body: { object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } },
    };
  }

  async #finalize(call: Call): Promise<ApiResponse> {
    const { request, route, options } = call;
    const patch = route.verb === 'patch' ? patchOf(request, route.kind) : undefined;
    const asked = patch ? undefined : inRoute(route, decodeObject(request, route.kind)).object;
    const change = (live: KubeObject) => finalized(live as Namespace, asked ?? patch?.(live).object ?? live);
    return this.#one(200, await this.#deps.writer.update(route, change, options), call);
  }

  async #scale(call: Call): Promise<ApiResponse> {
    const { request, route, options } = call;
    if (route.verb === 'get') {
      const entry = await getEntry(this.#deps.store, route);
      return { status: 200, body: { object: scaleOf(this.#deps.views.object(route.kind, entry)) } };
    }
    const main = { ...route, subresource: '' };
    const facts = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
    const whole = route.verb === 'update' ? decodeObject(request, facts).object : undefined;
    const isMerge = ['application/merge-patch+json', 'application/strategic-merge-patch+json'].includes(
      mediaTypeOf(request),
    );
    if (!whole && !isMerge) throw new ApiError('UnsupportedMediaType', 'a scale is changed by a merge patch');
    const patch = whole ? undefined : jsonBody(request);
    const change = (live: KubeObject) => {
      const next =
        whole ??
        checked(mergePatch(withoutRevision(scaleOf(live)), patch as Json) as JsonObject, facts, undefined).object;
      return scaled(live, next as unknown as JsonObject);
    };
    return { status: 200, body: { object: scaleOf(await this.#deps.writer.update(main, change, options)) } };
  }
}

function withoutRevision(scale: Json): Json {
  const { resourceVersion: _revision, ...metadata } = (scale as JsonObject).metadata as JsonObject;
  return { ...(scale as JsonObject), metadata };
}

const notAllowed = () =>
  new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

function requireNamespace(route: ResourceRoute): void {
  const needs = route.kind.namespaced && route.namespace === '' && (route.name !== '' || route.verb === 'create');
  if (needs) throw new ApiError('NotFound', 'the server could not find the requested resource', {});
}

function isDryRun(request: ApiRequest): boolean {
  const values = request.query.filter(([key]) => key === 'dryRun').map(([, value]) => value);
  for (const value of values) {
    if (value === 'All') continue;
    throw new ApiError('Invalid', `dryRun: Unsupported value: ${JSON.stringify(value)}: supported values: "All"`);
  }
  return values.length > 0;
}

/** The body's own namespace and the path's must agree. */
function inRoute(route: ResourceRoute, decoded: Decoded): Decoded {
  const { namespace } = decoded.object.metadata;
  if (namespace && route.kind.namespaced && namespace !== route.namespace) {
    throw new ApiError(
      'BadRequest',
      `the namespace of the provided object does not match the namespace sent on the request`,
    );
  }
  return decoded;
}

const wrongName = (given: string | undefined, expected: string) =>
  new ApiError(
    'BadRequest',
    `the name of the object (${given ?? ''}) does not match the name on the URL (${expected})`,
  );

const warningText = (warnings: readonly string[]) => warnings.map((text) => `299 - ${JSON.stringify(text)}`).join(', ');
