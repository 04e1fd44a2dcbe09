import { ApiError, errorOf } from '../api/error.ts';
import { type Kind, pathOf } from '../api/kind.ts';
import type { Draft, Key, KubeObject } from '../api/object.ts';
import {
  type ApiRequest,
  type ApiResponse,
  type Caller,
  collected,
  jsonType,
  type Method,
  objectType,
  type Transport,
  type Watching,
} from '../api/wire.ts';
import { decodeText, encodeText, type Json, type JsonObject } from '../base/json.ts';
import { never, type Stop } from '../base/stop.ts';
import type { Action } from './action.ts';

export interface Query {
  readonly namespace?: string;
  readonly labels?: string;
  readonly fields?: string;
}
export interface List<T> {
  readonly items: readonly T[];
  readonly revision: string;
}

/** The only door to the cluster: controllers, scheduler, agents, commands and dashboard all use it. */
export class Client {
  readonly #transport: Transport;
  readonly #caller: Caller | undefined;
  readonly #agent: string | undefined;
  readonly #becomes: { readonly name?: string } | undefined;

  /** `caller` is who a direct call speaks for; over a network the connection says it. */
  constructor(transport: Transport, caller?: Caller, agent?: string, becomes?: { readonly name?: string }) {
    this.#transport = transport;
    this.#caller = caller;
    this.#agent = agent;
    this.#becomes = becomes;
  }

  /** Over a network: lets `as` take the names that it is given, which is a right of its own. */
  impersonating(): Client {
    return new Client(this.#transport, this.#caller, this.#agent, {});
  }

  /** The same door for a program of this name: what it writes is owned under that name. A direct call speaks for it. */
  as(agent: string, speaker?: Caller): Client {
    const becomes = this.#becomes && speaker ? { name: speaker.name } : this.#becomes;
    return new Client(this.#transport, this.#caller && (speaker ?? this.#caller), agent, becomes);
  }

  get<T extends KubeObject>(kind: Kind<T>, key: Key): Promise<T> {
    return this.#object<T>({ method: 'GET', path: pathOf(kind, key.namespace, key.name) });
  }

  async list<T extends KubeObject>(kind: Kind<T>, query: Query = {}): Promise<List<T>> {
    const list = await this.#object<{ items: readonly T[]; metadata: { resourceVersion: string } }>({
      method: 'GET',
      path: pathOf(kind, query.namespace),
      query: selectorQuery(query),
    });
    return { items: list.items.map((item) => typed(kind, item)), revision: list.metadata.resourceVersion };
  }

  /** Pushed in batches; with bookmarks, so that whoever waits for a revision learns of it on a quiet kind too. */
  async watch<T extends KubeObject>(
    kind: Kind<T>,
    query: Query & { readonly since: string },
    stop: Stop,
  ): Promise<Watching<T>> {
    const response = await this.request({
      method: 'GET',
      path: pathOf(kind, query.namespace),
      headers: { accept: `${objectType}, ${jsonType}` },
      query: [
        ...selectorQuery(query),
        ['watch', 'true'],
        ['allowWatchBookmarks', 'true'],
        ['resourceVersion', query.since],
      ],
      stop,
    });
    if (!('watch' in response)) throw new Error(`a watch of ${kind.plural} was answered without one`);
    return response.watch as Watching<T>;
  }

  send<T extends KubeObject>(action: Action<T>): Promise<T> {
    switch (action.verb) {
      case 'create': {
        const path = pathOf(action.kind, action.object.metadata.namespace);
        return this.#object<T>({ method: 'POST', path, body: named(action.kind, action.object) });
      }
      case 'update':
      case 'status': {
        const { namespace, name } = action.object.metadata;
        const path = pathOf(action.kind, namespace, name, action.verb === 'status' ? 'status' : action.subresource);
        return this.#object<T>({ method: 'PUT', path, body: named(action.kind, action.object) });
      }
      case 'patch': {
        const path = pathOf(action.kind, action.key.namespace, action.key.name, action.subresource);
        const mediaType = `application/${action.type ?? 'merge'}-patch+json`;
        return this.#object<T>({ method: 'PATCH', path, body: action.patch, mediaType });
      }
      case 'delete':
        return this.#object<T>({
          method: 'DELETE',
          path: pathOf(action.kind, action.key.namespace, action.key.name),
          body: deleteOptions(action),
        });
      case 'evict': {
        const { name, namespace } = action.key;
        const preconditions = { preconditions: { uid: action.uid } };
        return this.#object<T>({
          method: 'POST',
          path: pathOf(action.kind, namespace, name, 'eviction'),
          body: {
            apiVersion: 'policy/v1',
            kind: 'Eviction',
            metadata: { name, namespace },
            deleteOptions: { apiVersion: 'v1', kind: 'DeleteOptions', ...preconditions },
          },
        });
      }
      case 'bind':
        return this.#object<T>({
          method: 'POST',
          path: pathOf(action.kind, action.key.namespace, action.key.name, 'binding'),
          body: {
            apiVersion: 'v1',
            kind: 'Binding',
            metadata: { name: action.key.name, namespace: action.key.namespace, uid: action.uid },
            target: { apiVersion: 'v1', kind: 'Node', name: action.node },
          },
        });
    }
  }

  /** Any request at all; a Status that says failure is thrown as an ApiError. */
  async request(
    request: Partial<ApiRequest> & { readonly method: Method; readonly path: string },
  ): Promise<ApiResponse> {
    const response = await this.#transport({
      query: [],
      stop: never,
      ...(this.#caller ? { caller: this.#caller } : {}),
      ...request,
      headers: {
        ...(this.#agent ? { 'user-agent': this.#agent } : {}),
        ...(this.#becomes?.name ? { 'impersonate-user': this.#becomes.name } : {}),
        ...request.headers,
      },
    });
    if (response.status >= 400) throw errorOf(await failureOf(response), response.status);
    return response;
  }

  async #object<T>(call: {
    readonly method: Method;
    readonly path: string;
    readonly query?: ApiRequest['query'];
    readonly body?: Json;
    readonly mediaType?: string;
  }): Promise<T> {
    const { body, mediaType, ...rest } = call;
    const payload =
      body === undefined
        ? {}
        : { body: mediaType ? { bytes: encodeText(JSON.stringify(body)), mediaType } : { object: body } };
    return (await jsonOf(
      await this.request({ headers: { accept: `${objectType}, ${jsonType}` }, ...rest, ...payload }),
    )) as T;
  }
}

/** The JSON of an answer, however it travelled. */
export async function jsonOf(response: ApiResponse): Promise<Json> {
  if ('body' in response)
    return 'object' in response.body ? response.body.object : JSON.parse(decodeText(response.body.bytes));
  if ('pieces' in response) return JSON.parse(decodeText(await collected(response.pieces)));
  if ('chunks' in response) return JSON.parse(response.chunks.map((chunk) => decodeText(chunk)).join(''));
  throw new ApiError('InternalError', 'the server answered with a stream where an object was expected');
}

/** A path that nobody knows is answered in plain words. */
async function failureOf(response: ApiResponse): Promise<Json> {
  try {
    return await jsonOf(response);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return response.status === 404 ? { message: 'the server could not find the requested resource' } : {};
  }
}

function selectorQuery(query: Query): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  if (query.labels) pairs.push(['labelSelector', query.labels]);
  if (query.fields) pairs.push(['fieldSelector', query.fields]);
  return pairs;
}

/** Items of a list over a network do not say what they are: the list does. */
const typed = <T extends KubeObject>({ apiVersion, kind }: Kind<T>, item: T): T =>
  item.kind === undefined ? { ...item, apiVersion, kind } : item;

const named = (kind: { readonly apiVersion: string; readonly kind: string }, object: Draft<KubeObject>): JsonObject =>
  ({ ...object, apiVersion: kind.apiVersion, kind: kind.kind }) as unknown as JsonObject;

function deleteOptions(action: Action & { readonly verb: 'delete' }): JsonObject {
  const { uid, resourceVersion } = action;
  const preconditions = { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) };
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(Object.keys(preconditions).length > 0 ? { preconditions } : {}),
    ...(action.graceSeconds === undefined ? {} : { gracePeriodSeconds: action.graceSeconds }),
    ...(action.propagation ? { propagationPolicy: action.propagation } : {}),
  };
}
