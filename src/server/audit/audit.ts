import { addressBytes, canonicalAddress } from '../../api/kinds/addresses.ts';
import type { ApiRequest, ApiResponse, Caller } from '../../api/wire.ts';
import { type Env, forkEnv, type Instant } from '../../base/env.ts';
import { decodeText, isObject, type Json, type JsonObject } from '../../base/json.ts';
import { finish } from '../../base/steps.ts';
import { microTimestamp } from '../../base/text.ts';
import type { Attributes } from '../attributes.ts';
import { attributesOf } from '../auth/request-attributes.ts';
import { readBody } from '../body.ts';
import type { AuditPolicy, Decided, Stage } from './policy.ts';

export interface AuditOptions {
  readonly policy: AuditPolicy;
  /** Takes one event. It must not wait: what cannot be written is lost, the request is not. */
  write(event: JsonObject): void;
}

const nobody: Caller = { name: '', groups: [], extra: {} };
/** Bodies above this are left out: an event is a line, not an archive. */
const bodyBytesMax = 1024 * 1024;

/** Writes down who asked for what and what came of it, as audit.k8s.io/v1 has it. */
export class Audit {
  readonly #env: Env;
  readonly #options: AuditOptions;

  constructor(env: Env, options: AuditOptions) {
    this.#env = forkEnv(env, 'audit');
    this.#options = options;
  }

  begin(request: ApiRequest): Audited {
    return new Audited(this.#env, this.#options, request);
  }
}

/** One request on its way. */
export class Audited {
  readonly #env: Env;
  readonly #options: AuditOptions;
  readonly #request: ApiRequest;
  readonly #id: string;
  readonly #received: Instant;
  #caller: Caller | undefined;
  #decided: Decided | undefined;
  #asked: Attributes | undefined;
  readonly #annotations = new Map<string, string>();

  constructor(env: Env, options: AuditOptions, request: ApiRequest) {
    this.#env = env;
    this.#options = options;
    this.#request = request;
    this.#id = request.headers['audit-id'] || env.random.uid();
    this.#received = env.clock.now();
    this.#caller = request.caller;
  }

  /** Somebody who may go on. */
  known(caller: Caller): void {
    this.#caller = caller;
    this.#decide();
    this.#write('RequestReceived', undefined);
  }

  /** Noted by whoever looked at the request on its way. */
  readonly annotate = (key: string, value: string): void => {
    if (!this.#annotations.has(key)) this.#annotations.set(key, value);
  };

  answered(response: ApiResponse): ApiResponse {
    if (!this.#decided) this.#decide();
    const isLong = 'watch' in response || 'upgrade' in response || 'stream' in response;
    if (isLong) {
      this.#write('ResponseStarted', response);
      this.#request.stop.onStop(() => this.#write('ResponseComplete', response));
    } else this.#write('ResponseComplete', response);
    return { ...response, headers: { ...response.headers, 'audit-id': this.#id } };
  }

  #decide(): void {
    try {
      this.#asked = attributesOf(this.#request, this.#caller ?? nobody);
    } catch {
      this.#asked = {
        caller: this.#caller ?? nobody,
        verb: this.#request.method.toLowerCase(),
        path: this.#request.path,
      };
    }
    this.#decided = this.#options.policy(this.#asked, this.#caller);
  }

  #write(stage: Stage, response: ApiResponse | undefined): void {
    const decided = this.#decided;
    if (!decided || decided.level === 'None' || decided.omitStages.includes(stage)) return;
    try {
      this.#options.write(this.#event(stage, decided, response));
    } catch (error) {
      this.#env.metrics.count('apiserver_audit_error_total', { plugin: 'log' });
      this.#env.log.error('an audit event was lost', { error: String(error) });
      return;
    }
    this.#env.metrics.count('apiserver_audit_event_total');
  }

  #event(stage: Stage, { level, omitManagedFields }: Decided, response: ApiResponse | undefined): JsonObject {
    const { path, query, headers } = this.#request;
    const words = query.length > 0 ? `?${new URLSearchParams(query.map(([name, value]) => [name, value]))}` : '';
    const asked = this.#asked as Attributes;
    const caller = this.#caller;
    const shown = (value: Json | undefined) => (omitManagedFields ? withoutManaged(value) : value);
    const sent = level === 'Metadata' && asked.verb !== 'create' ? undefined : sentObject(this.#request);
    const isObjects = !('path' in asked);
    const requestObject = isObjects && level !== 'Metadata' && stage !== 'RequestReceived' ? shown(sent) : undefined;
    const responseObject =
      isObjects && level === 'RequestResponse' && response ? shown(answeredObject(response)) : undefined;
    return {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level,
      auditID: this.#id,
      stage,
      requestURI: `${path}${words}`,
      verb: asked.verb,
      user: caller ? userOf(caller.by ?? caller) : {},
      ...(caller?.by ? { impersonatedUser: userOf(caller) } : {}),
      ...withSource(this.#request),
      ...(headers['user-agent'] ? { userAgent: headers['user-agent'] } : {}),
      ...(isObjects ? { objectRef: referenceOf(asked, sent) } : {}),
      ...(response ? { responseStatus: statusOf(response) } : {}),
      ...(requestObject === undefined ? {} : { requestObject }),
      ...(responseObject === undefined ? {} : { responseObject }),
      requestReceivedTimestamp: microTimestamp(this.#received),
      stageTimestamp: microTimestamp(this.#env.clock.now()),
      ...(response && caller
        ? { annotations: { ...decisionOf(response), ...Object.fromEntries(this.#annotations) } }
        : {}),
    };
  }
}

/** Who stands between and says for whom, and last the one whom the connection leads to. */
function withSource({ headers, from }: ApiRequest): JsonObject {
  const told = [...(headers['x-forwarded-for'] ?? '').split(','), headers['x-real-ip'] ?? '', from ?? ''];
  const addresses = told.map((one) => one.trim()).filter((one) => addressBytes(one) !== undefined);
  const sourceIPs = addresses.map(canonicalAddress).filter((one, index, all) => one !== all[index - 1]);
  return sourceIPs.length > 0 ? { sourceIPs } : {};
}

const userOf = ({ name, uid, groups, extra }: Caller): JsonObject => ({
  username: name,
  ...(uid ? { uid } : {}),
  ...(groups.length > 0 ? { groups } : {}),
  ...(Object.keys(extra).length > 0 ? { extra } : {}),
});

function referenceOf(asked: Exclude<Attributes, { readonly path: string }>, sent: Json | undefined): JsonObject {
  const { group, version, resource, subresource, namespace } = asked;
  const metadata = isObject(sent) && isObject(sent.metadata) ? sent.metadata : {};
  const name = asked.name || metadata.name || '';
  return {
    ...(resource ? { resource } : {}),
    ...(namespace ? { namespace } : {}),
    ...(name ? { name } : {}),
    ...(metadata.uid ? { uid: metadata.uid } : {}),
    ...(group ? { apiGroup: group } : {}),
    apiVersion: version,
    ...(metadata.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {}),
    ...(subresource ? { subresource } : {}),
  };
}

function statusOf(response: ApiResponse): JsonObject {
  const { status: code } = response;
  const said = code >= 400 ? answeredObject(response) : undefined;
  if (!isObject(said) || said.kind !== 'Status') return { metadata: {}, code };
  const { status = 'Failure', message, reason, details } = said;
  return {
    metadata: {},
    status,
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    ...(details ? { details } : {}),
    code,
  };
}

const decisionOf = ({ status }: ApiResponse): JsonObject => ({
  'authorization.k8s.io/decision': status === 403 ? 'forbid' : 'allow',
  'authorization.k8s.io/reason': '',
});

function sentObject(request: ApiRequest): Json | undefined {
  const { body } = request;
  if (!body) return undefined;
  if ('object' in body) return body.object;
  if (body.bytes.length > bodyBytesMax) return undefined;
  try {
    // A patch is shown as it was sent.
    return /patch\+json/.test(body.mediaType)
      ? (JSON.parse(decodeText(body.bytes)) as Json)
      : finish(readBody(request, false)).value;
  } catch {
    return undefined;
  }
}

function answeredObject(response: ApiResponse): Json | undefined {
  if ('body' in response && 'object' in response.body) return response.body.object;
  const parts =
    'chunks' in response
      ? response.chunks
      : 'body' in response && 'bytes' in response.body
        ? [response.body.bytes]
        : [];
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const mediaType = 'chunks' in response ? response.mediaType : 'application/json';
  if (size === 0 || size > bodyBytesMax || !mediaType.includes('json')) return undefined;
  try {
    return JSON.parse(parts.map((part) => decodeText(part)).join('')) as Json;
  } catch {
    return undefined;
  }
}

function withoutManaged(value: Json | undefined): Json | undefined {
  if (!isObject(value)) return value;
  const items = Array.isArray(value.items) ? { items: value.items.map((item) => withoutManaged(item) as Json) } : {};
  if (!isObject(value.metadata)) return { ...value, ...items };
  const { managedFields: _managed, ...metadata } = value.metadata;
  return { ...value, ...items, metadata };
}
