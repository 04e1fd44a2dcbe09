import { ApiError, statusOf } from '../api/error.ts';
import type { ApiRequest, Caller, Transport } from '../api/wire.ts';
import type { Clock, Millis } from '../base/env.ts';
import { canonicalJson, isObject, type Json, type JsonObject } from '../base/json.ts';
import { type Client, jsonOf } from '../client/client.ts';

const allowedForMs: Millis = 60_000;
const refusedForMs: Millis = 10_000;
const answersMax = 1_000;

const verbs: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

interface Remembered {
  readonly value: Json;
  readonly until: Millis;
}

/** Lets in to a node's API whom the cluster lets in: it asks the API server who somebody is and what they may do. */
export class NodeGate {
  readonly #clock: Clock;
  readonly #client: Client;
  readonly #node: string;
  readonly #inside: Transport;
  readonly #answers = new Map<string, Remembered>();

  constructor(clock: Clock, client: Client, node: string, inside: Transport) {
    this.#clock = clock;
    this.#client = client;
    this.#node = node;
    this.#inside = inside;
  }

  readonly handle: Transport = async (request) => {
    try {
      const caller = request.caller ?? (await this.#bearer(request));
      if (!caller) throw new ApiError('Unauthorized', 'Unauthorized');
      await this.#require(request, caller);
      return await this.#inside({ ...request, caller });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { status: error.code, body: { object: statusOf(error) } };
    }
  };

  async #bearer({ headers }: ApiRequest): Promise<Caller | undefined> {
    const token = /^bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    if (!token) return undefined;
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token } };
    const status = await this.#asked('/apis/authentication.k8s.io/v1/tokenreviews', review);
    const user = isObject(status) && status.authenticated === true ? status.user : undefined;
    if (!isObject(user)) return undefined;
    return {
      name: String(user.username ?? ''),
      groups: (user.groups ?? []) as unknown as readonly string[],
      extra: (user.extra ?? {}) as unknown as Caller['extra'],
      ...(user.uid ? { uid: String(user.uid) } : {}),
    };
  }

  async #require({ method, path }: ApiRequest, caller: Caller): Promise<void> {
    const verb = verbs[method] ?? '';
    const subresources = subresourcesOf(path);
    for (const subresource of subresources) if (await this.#allows(caller, verb, subresource)) return;
    const what = `(user=${caller.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}])`;
    throw new ApiError('Forbidden', `Forbidden ${what}`);
  }

  async #allows(caller: Caller, verb: string, subresource: string): Promise<boolean> {
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: {
        user: caller.name,
        groups: caller.groups,
        extra: caller.extra,
        ...(caller.uid ? { uid: caller.uid } : {}),
        resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: this.#node },
      },
    };
    const status = await this.#asked('/apis/authorization.k8s.io/v1/subjectaccessreviews', review as unknown as Json);
    return isObject(status) && status.allowed === true;
  }

  /** The status of a review, remembered for a while: sooner forgotten when it says no. */
  async #asked(path: string, review: Json): Promise<Json> {
    const key = canonicalJson(review);
    const now = this.#clock.monotonic();
    const known = this.#answers.get(key);
    if (known && known.until > now) return known.value;
    const answer = await jsonOf(await this.#client.request({ method: 'POST', path, body: { object: review } }));
    const status = (answer as JsonObject).status ?? null;
    const yes = isObject(status) && (status.allowed === true || status.authenticated === true);
    if (this.#answers.size >= answersMax) this.#answers.clear();
    this.#answers.set(key, { value: status, until: now + (yes ? allowedForMs : refusedForMs) });
    return status;
  }
}

/** What one may be allowed alone; to whom everything is open that reaches into the node, these are too. */
function subresourcesOf(path: string): readonly string[] {
  const [first = ''] = path.split('/').filter(Boolean);
  if (first === 'stats' || first === 'metrics') return [first];
  return first === 'pods' || first === 'healthz' ? [first, 'proxy'] : ['proxy'];
}
