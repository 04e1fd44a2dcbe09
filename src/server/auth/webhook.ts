import type { Caller, Transport } from '../../api/wire.ts';
import type { Clock, Millis } from '../../base/env.ts';
import { decodeText, isObject, type Json, type JsonObject } from '../../base/json.ts';
import { never } from '../../base/stop.ts';
import type { Attributes, Authorizer, Decision } from '../attributes.ts';
import type { TokenAnswer, TokenKind } from './tokens.ts';

export interface WebhookOptions {
  /** Leads to whoever decides; its address is the whole address. */
  readonly transport: Transport;
  readonly clock: Clock;
}

const allowedForMs: Millis = 5 * 60_000;
const refusedForMs: Millis = 30_000;
const tokenForMs: Millis = 2 * 60_000;
const rememberedMax = 1_000;
const triesMax = 3;

/** Asks somebody else by posting a review to them, and remembers for a while what they said. */
class RemoteReviews {
  readonly #options: WebhookOptions;
  readonly #known = new Map<string, { readonly until: number; readonly status: JsonObject }>();

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  async status(review: JsonObject, rememberFor: (status: JsonObject) => Millis): Promise<JsonObject> {
    const key = JSON.stringify(review.spec);
    const now = this.#options.clock.monotonic();
    const known = this.#known.get(key);
    if (known && known.until > now) return known.status;
    const status = await this.#asked(review);
    this.#known.delete(key);
    if (this.#known.size >= rememberedMax) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(key, { until: now + rememberFor(status), status });
    return status;
  }

  async #asked(review: JsonObject): Promise<JsonObject> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once(review);
      } catch (error) {
        if (tries >= triesMax) throw error;
      }
    }
  }

  async #once(review: JsonObject): Promise<JsonObject> {
    const response = await this.#options.transport({
      method: 'POST',
      path: '',
      query: [],
      headers: { accept: 'application/json' },
      body: { object: review },
      stop: never,
    });
    if (response.status >= 300) throw new Error(`the webhook answers ${response.status}`);
    const body = 'body' in response ? response.body : undefined;
    const value: unknown = body && ('object' in body ? body.object : JSON.parse(decodeText(body.bytes)));
    const status = isObject(value) ? value.status : undefined;
    if (!isObject(status)) throw new Error('the webhook answers without a status');
    return status;
  }
}

/** Leaves what roles do not allow to somebody else. One that does not answer allows nothing. */
export class WebhookAuthorizer implements Authorizer {
  readonly name = 'Webhook';
  readonly #reviews: RemoteReviews;

  constructor(options: WebhookOptions) {
    this.#reviews = new RemoteReviews(options);
  }

  async authorize(attributes: Attributes): Promise<Decision> {
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { ...subjectOf(attributes.caller), ...askedOf(attributes) },
    };
    try {
      const status = await this.#reviews.status(review, ({ allowed }) => (allowed ? allowedForMs : refusedForMs));
      return decisionOf(status);
    } catch (error) {
      return { verdict: 'none', error: error instanceof Error ? error.message : String(error) };
    }
  }
}

function decisionOf({ allowed, denied, reason }: JsonObject): Decision {
  const told = typeof reason === 'string' && reason ? { reason } : {};
  if (allowed === true && denied === true) return { verdict: 'none', error: 'the webhook both allows and denies' };
  if (denied === true) return { verdict: 'deny', ...told };
  return { verdict: allowed === true ? 'allow' : 'none', ...told };
}

/** Knows tokens that only somebody else can verify. */
export class WebhookTokens implements TokenKind {
  readonly name = 'Webhook';
  readonly #reviews: RemoteReviews;

  constructor(options: WebhookOptions) {
    this.#reviews = new RemoteReviews(options);
  }

  async verify(token: string, audiences: readonly string[]): Promise<TokenAnswer> {
    const review = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences },
    };
    try {
      const status = await this.#reviews.status(review, () => tokenForMs);
      if (status.authenticated !== true || !isObject(status.user)) {
        return typeof status.error === 'string' && status.error ? { error: status.error } : undefined;
      }
      const caller = callerOf(status.user);
      const meant = texts(status.audiences).filter((audience) => audiences.includes(audience));
      // Who says nothing about audiences has not looked at them: such a token is for nobody.
      return caller && meant.length > 0 ? { caller, audiences: meant } : undefined;
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }
}

const texts = (value: Json | undefined): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

function callerOf({ username, uid, groups, extra }: JsonObject): Caller | undefined {
  if (typeof username !== 'string' || username === '') return undefined;
  const more = isObject(extra) ? Object.entries(extra).map(([key, values]) => [key, texts(values)] as const) : [];
  return {
    name: username,
    groups: texts(groups),
    extra: Object.fromEntries(more),
    ...(typeof uid === 'string' && uid ? { uid } : {}),
  };
}

function subjectOf({ name, groups, extra, uid }: Caller): JsonObject {
  return { user: name, groups, extra, ...(uid ? { uid } : {}) };
}

function askedOf(attributes: Attributes): JsonObject {
  const { verb } = attributes;
  if ('path' in attributes) return { nonResourceAttributes: { path: attributes.path, verb } };
  const { group, version, resource, subresource, namespace, name, fields, labels } = attributes;
  const given = { namespace, verb, group, version, resource, subresource, name };
  const requirements = fields?.map(({ field, equal, value }) => ({
    key: field,
    operator: equal ? 'In' : 'NotIn',
    values: [value],
  }));
  return {
    resourceAttributes: {
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '')),
      ...(requirements ? { fieldSelector: { requirements } } : {}),
      ...(labels ? { labelSelector: { requirements: labels as unknown as Json } } : {}),
    },
  };
}
