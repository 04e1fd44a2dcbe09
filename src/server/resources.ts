import { ApiError, isApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import type { ApiRequest, ApiResponse, Caller } from '../api/wire.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { finish } from '../base/steps.ts';
import type { Entry } from '../store/store.ts';
import { admittedThrough } from './admission/door.ts';
import type { AdmissionRequest, Annotate } from './admission/plugin.ts';
import { Answers, type Asked, encodedAnswer } from './answer.ts';
import { applyOf, scaleApplyOf } from './apply.ts';
import { bind, bindByName, bindingKind, isBinding } from './binding.ts';
import { requireShort, sentTypeOf } from './body.ts';
import { type Decoded, decodeObject, readObject } from './decode.ts';
import { deleteObject } from './delete.ts';
import { deleteOptionsOf } from './delete-options.ts';
import { evict } from './eviction.ts';
import { managerOf } from './field-tracker.ts';
import { refuseAtFirstLook, requireReadable } from './first-look.ts';
import { podLogs } from './logs.ts';
import { negotiate, negotiatePlain, type Wanted } from './negotiate.ts';
import { Pace } from './pace.ts';
import { applyType, type Patch, patchOf, patchOptionErrors, requireIdentity } from './patch.ts';
import { getAtLeast, getEntry, listEntries, type ReadDeps } from './read.ts';
import { type ResourceRoute, requireSameName, requireSameNamespace } from './route.ts';
import { type ConnectionDeps, Connections } from './streaming/connections.ts';
import { asksForSocket } from './streaming/log-socket.ts';
import { watchOverSocket } from './streaming/watch-socket.ts';
import { type ScalePaths, scaled, scaleOf } from './subresources.ts';
import type { Describe } from './table.ts';
import { notAllowed, notServed } from './unrouted.ts';
import { openWatch } from './watch.ts';
import type { WriteOptions, Writer } from './write.ts';
import { askedOptions, checkOptions, type WriteOptionsKind } from './write-options.ts';

export interface ResourceDeps extends ConnectionDeps {
  readonly writer: Writer;
  readonly describe?: Describe | undefined;
}

/** Somebody else made it in between, or took it away again. */
const applyTriesMax = 3;

interface Call {
  readonly request: ApiRequest;
  readonly route: ResourceRoute;
  readonly wanted: Wanted;
  readonly options: WriteOptions;
}

export interface Asker {
  readonly caller: Caller;
  readonly warn: (text: string) => void;
  readonly annotate?: Annotate;
}

/** Every verb of every kind: from a routed request to an answer. */
export class Resources {
  readonly #deps: ResourceDeps;
  readonly #answers: Answers;
  readonly #connections: Connections;
  readonly #reading: ReadDeps;

  constructor(deps: ResourceDeps) {
    this.#deps = deps;
    this.#reading = {
      store: deps.store,
      views: deps.views,
      clock: deps.env.clock,
      metrics: deps.env.metrics,
      describe: deps.describe,
    };
    this.#connections = new Connections(deps);
    this.#answers = new Answers(this.#reading);
  }

  /** At once where nothing has to be waited for, as for most gets. */
  handle(request: ApiRequest, route: ResourceRoute, by: Asker): ApiResponse | Promise<ApiResponse> {
    const { verb } = route;
    if (verb === 'connect') return this.#connections.handle(request, route, by);
    requireNamespace(route);
    refuseAtFirstLook(request, route);
    const wanted = negotiate(request.headers.accept, verb === 'watch');
    if (verb === 'create') requireReadable(request);
    const reads = verb === 'get' || verb === 'list' || verb === 'watch';
    const { caller, warn } = by;
    const options: WriteOptions = reads
      ? { caller, warn, dryRun: false }
      : { ...by, dryRun: isDryRun(request, route), manager: managerOf(request, caller) };
    if (verb === 'update') requireReadable(request);
    const call: Call = { request, route, wanted, options };
    return route.subresource === '' ? this.#main(call) : this.#subresource(call);
  }

  #watch({ request, route, wanted }: Call): Promise<ApiResponse> {
    const open = (asked: ApiRequest) => openWatch(this.#reading, route, asked, wanted);
    return asksForSocket(request) ? watchOverSocket(request, open) : open(request);
  }

  #main(call: Call): ApiResponse | Promise<ApiResponse> {
    const { request, route } = call;
    switch (route.verb) {
      case 'get':
        return this.#get(call);
      case 'list':
        return this.#list(call);
      case 'watch':
        return this.#watch(call);
      case 'create':
        if (!isBinding(route)) return this.#create(call);
        return bindByName(this.#deps, route, inRoute(route, decodeObject(request, route.kind)).object, call.options);
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

  #get(call: Call): ApiResponse | Promise<ApiResponse> {
    const found = getAtLeast(this.#deps.store, call.route, call.request.query);
    const answer = (entry: Entry) => this.#answers.entry(entry, asked(call));
    return found instanceof Promise ? found.then(answer) : answer(found);
  }

  async #list(call: Call): Promise<ApiResponse> {
    const { route, request } = call;
    return this.#answers.list(await listEntries(this.#reading, route, request.query), asked(call));
  }

  /** One object in the shape that the client wants. */
  #one(status: number, object: KubeObject, call: Call): ApiResponse {
    return this.#answers.one(status, object, asked(call));
  }

  async #create(call: Call): Promise<ApiResponse> {
    const { request, route } = call;
    const closed = route.kind.custom?.closed;
    if (closed !== undefined) throw new ApiError('MethodNotAllowed', closed);
    // Waits even for what is read already: first all that came together is read, then all of it is judged.
    const { object, warnings } = await this.#decoded(request, route);
    return this.#created(call, object, warnings);
  }

  /** A long body is read in turns of its own. */
  #decoded(request: ApiRequest, route: ResourceRoute): Promise<Decoded> | Decoded {
    const pace = new Pace(this.#deps.env.clock);
    const read = pace.run(readObject(request, route.kind));
    if (read instanceof Promise) return read.then((decoded) => inRoute(route, decoded));
    const decoded = inRoute(route, read);
    const rest = pace.rest();
    return rest ? rest.then(() => decoded) : decoded;
  }

  async #created(call: Call, object: KubeObject, warnings: readonly string[]): Promise<ApiResponse> {
    const { route, options } = call;
    for (const text of warnings) options.warn?.(text);
    const made = await this.#deps.writer.create({ ...route, name: '' }, object, options);
    return this.#answers.written(201, made, asked(call));
  }

  async #update(call: Call): Promise<ApiResponse> {
    const { request, route } = call;
    const { object, warnings } = await this.#decoded(request, route);
    requireSameName(route, object.metadata.name);
    try {
      return await this.#changed(call, () => ({ object, warnings }));
    } catch (error) {
      const creates = route.kind.rules.createOnUpdate && route.subresource === '' && !object.metadata.resourceVersion;
      if (!creates || !(error instanceof ApiError) || error.reason !== 'NotFound') throw error;
      return this.#created(call, object, warnings);
    }
  }

  async #patch(call: Call): Promise<ApiResponse> {
    const { request, route } = call;
    if (sentTypeOf(request) === applyType) return this.#apply(call);
    const pace = new Pace(this.#deps.env.clock);
    const patch = await this.#readPatch(call, pace);
    await pace.rest();
    return this.#changed(call, async (live) => {
      const patched = await pace.run(patch(live as unknown as JsonObject));
      await pace.rest();
      return { ...patched, object: requireIdentity(route, live, patched.object) };
    });
  }

  /** Of what is not there that is told, whatever the patch says. */
  async #readPatch({ request, route }: Call, pace: Pace): Promise<Patch> {
    try {
      return await pace.run(patchOf(request, route.kind, route.subresource));
    } catch (error) {
      await getEntry(this.#deps.store, route);
      throw error;
    }
  }

  /** Makes the object if it is not there. The owners are known already when it is written. */
  async #apply(call: Call): Promise<ApiResponse> {
    const { request, route } = call;
    const { manager: _said, ...options } = call.options;
    const own = { ...call, options: { ...options, applied: true } };
    const apply = await applyOf(request, route, { fields: this.#deps.fields, clock: this.#deps.env.clock });
    for (let tries = 0; ; tries++) {
      try {
        return await this.#changed(own, apply);
      } catch (error) {
        if (route.subresource !== '' || !isApiError(error, 'NotFound')) throw error;
      }
      try {
        const { object, warnings } = await apply(undefined);
        return await this.#created(own, object, warnings);
      } catch (error) {
        if (!isApiError(error, 'AlreadyExists') || tries >= applyTriesMax) throw error;
      }
    }
  }

  /** Changes an object and answers it, with what there is to warn about. */
  async #changed(call: Call, next: (live: KubeObject) => Decoded | Promise<Decoded>): Promise<ApiResponse> {
    const { route, options } = call;
    const change = async (live: KubeObject) => {
      const { object, warnings } = await next(live);
      for (const text of warnings) options.warn?.(text);
      return object;
    };
    const made = await this.#deps.writer.update(route, change, options);
    return this.#one(200, made, call);
  }

  async #delete(call: Call): Promise<ApiResponse> {
    const { request, route } = call;
    const how = deleteOptionsOf(request);
    const options = { ...call.options, dryRun: (how.dryRun?.length ?? 0) > 0 };
    const { object, gone } = await deleteObject(this.#deps, route, how, options);
    const { kind } = route;
    // What stays is shown as it is now, and some kinds always are.
    if (!gone || kind.rules.answersDeleted) return this.#one(200, object, call);
    const { name, uid } = object.metadata;
    const details = { name, ...(kind.group ? { group: kind.group } : {}), kind: kind.plural, uid };
    const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
    return encodedAnswer(200, status, negotiatePlain(request.headers.accept));
  }

  async #deleteCollection(call: Call): Promise<ApiResponse> {
    const { request, route } = call;
    const how = deleteOptionsOf(request);
    const options = { ...call.options, dryRun: (how.dryRun?.length ?? 0) > 0 };
    const listed = await listEntries(this.#reading, route, request.query);
    for (const entry of listed.entries) {
      const { name, namespace = '' } = this.#deps.views.object(route.kind, entry).metadata;
      await deleteObject(this.#deps, { ...route, name, namespace }, how, options).catch((error: unknown) => {
        if (!(error instanceof ApiError) || error.reason !== 'NotFound') throw error;
      });
    }
    return this.#answers.list(listed, asked(call));
  }

  #subresource(call: Call): ApiResponse | Promise<ApiResponse> {
    const { route } = call;
    switch (route.subresource) {
      case 'status':
      case 'approval':
      case 'resize':
      case 'ephemeralcontainers':
      case 'finalize':
        if (route.verb === 'get') return this.#get(call);
        return route.verb === 'update' ? this.#update(call) : this.#patch(call);
      case 'scale':
        return this.#scale(call);
      case 'binding':
        return this.#bind(call);
      case 'eviction':
        return this.#evict(call);
      case 'log':
        return podLogs(this.#deps, route, call.request);
      default:
        return this.#notServed(route);
    }
  }

  /** What is not there is told before what cannot be done with it. */
  async #notServed(route: ResourceRoute): Promise<ApiResponse> {
    await getEntry(this.#deps.store, route);
    const why = `the subresource ${route.subresource} of ${route.kind.plural} is not served yet`;
    throw new ApiError('MethodNotAllowed', why);
  }

  async #bind(call: Call): Promise<ApiResponse> {
    const { request, route, options, wanted } = call;
    const { manager: _unowned, ...by } = options;
    await bind(this.#deps, route, decodeObject(request, bindingKind).object as unknown as JsonObject, by);
    return encodedAnswer(201, succeeded, wanted.mediaType);
  }

  async #evict({ request, route, options, wanted }: Call): Promise<ApiResponse> {
    const { manager: _unowned, ...by } = options;
    await evict(this.#deps, route, request, by);
    return encodedAnswer(201, succeeded, wanted.mediaType);
  }

  async #scale(call: Call): Promise<ApiResponse> {
    const { request, route, options } = call;
    const paths = route.kind.custom?.scale;
    const answer = (object: KubeObject) => encodedAnswer(200, scaleOf(object, paths), call.wanted.mediaType);
    if (route.verb === 'get') {
      return answer(this.#deps.views.object(route.kind, await getEntry(this.#deps.store, route)));
    }
    requireShort(request);
    const main = { ...route, subresource: '' };
    const { manager: _unowned, ...by } = options;
    if (route.verb === 'patch' && sentTypeOf(request) === applyType) {
      const apply = scaleApplyOf(request, route, this.#deps.fields);
      const change = async (live: KubeObject) => {
        const { object } = apply(live);
        await this.#admitScale(scaleOf(object, paths), live, call);
        return object;
      };
      return answer(await this.#deps.writer.update(main, change, { ...by, admitted: true }));
    }
    const scaleFor = askedScale(request, route, paths);
    const change = async (live: KubeObject) => {
      const admitted = await this.#admitScale(scaleFor(live) as unknown as Json, live, call);
      return scaled(live, admitted as unknown as JsonObject, paths);
    };
    return answer(await this.#deps.writer.update(main, change, { ...options, through: 'scale', admitted: true }));
  }

  /** Admission sees the Scale that is sent, not the object that it scales. */
  #admitScale(scale: Json, live: KubeObject, { route, options }: Call): Promise<KubeObject> {
    const previous = scaleOf(live, route.kind.custom?.scale) as unknown as KubeObject;
    const { kind } = route;
    const request: AdmissionRequest = { operation: 'UPDATE', kind, route, previous, ...options };
    return admittedThrough(this.#deps.plugins, scale as unknown as KubeObject, request);
  }
}

const succeeded = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

const asked = ({ route, request, wanted }: Call): Asked => ({ kind: route.kind, request, wanted });

/** Over all namespaces things can only be looked at. */
function requireNamespace(route: ResourceRoute): void {
  if (!route.kind.namespaced || route.namespace !== '') return;
  if (route.name !== '') throw notServed();
  if (route.verb !== 'list' && route.verb !== 'watch' && !isReview(route.kind)) throw notAllowed();
}

/** What is only ever created, and never stored, may be asked without a namespace. */
const isReview = (kind: Kind): boolean => !kind.verbs.includes('get');

const optionsKinds: Readonly<Record<string, WriteOptionsKind>> = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
};

/** Also refuses what a write says wrongly about itself; a delete says it in its body, which is read later. */
function isDryRun(request: ApiRequest, route: ResourceRoute): boolean {
  const kind = optionsKinds[route.verb];
  if (!kind) return false;
  const options = askedOptions(request.query);
  checkOptions(kind, options, kind === 'PatchOptions' ? patchOptionErrors(request) : []);
  return (options.dryRun?.length ?? 0) > 0;
}

/** The body's own namespace and the path's must agree. */
function inRoute(route: ResourceRoute, decoded: Decoded): Decoded {
  requireSameNamespace(route, decoded.object.metadata.namespace);
  return decoded;
}

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** What an object's Scale is to be. */
function askedScale(
  request: ApiRequest,
  route: ResourceRoute,
  paths: ScalePaths | undefined,
): (live: KubeObject) => KubeObject {
  if (route.verb === 'update') {
    const whole = decodeObject(request, scaleKind).object;
    requireSameName(route, whole.metadata.name);
    return () => whole;
  }
  const patch = finish(patchOf(request, scaleKind));
  return (live) => requireIdentity(route, undefined, finish(patch(scaleOf(live, paths) as JsonObject)).object);
}
