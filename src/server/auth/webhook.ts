import type { Caller, Transport } from '../../api/wire.ts';
import type { Clock, Millis } from '../../base/env.ts';
import { decodeText, isObject, type Json, type JsonObject } from '../../base/json.ts';
import { StopSource } from '../../base/stop.ts';
import { type Attributes, type Authorizer, type Decision, noOpinion } from '../attributes.ts';
import type { WebhookRules } from './authorization-configuration.ts';
import type { TokenAnswer, TokenKind } from './tokens.ts';

export interface WebhookOptions {
  /** Leads to whoever decides; its address is the whole address. */
  readonly transport: Transport;
  readonly clock: Clock;
  /** How an authorizer is asked, where a file says more than where it is. */
  readonly rules?: WebhookRules;
}

const usualRules: WebhookRules = {
  version: 'v1',
  timeoutMs: 30_000,
  allowedForMs: 5 * 60_000,
  refusedForMs: 30_000,
  failurePolicy: 'NoOpinion',
  conditions: [],
};
class Late extends Error {}

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
    const keptMs = rememberFor(status);
    if (keptMs === 0) return status;
    if (this.#known.size >= rememberedMax) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(key, { until: now + keptMs, status });
    return status;
  }

  async #asked(review: JsonObject): Promise<JsonObject> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once(review);
      } catch (error) {
        // Who waited that long once is not to wait again.
        if (tries >= triesMax || error instanceof Late) throw error;
      }
    }
  }

  async #once(review: JsonObject): Promise<JsonObject> {
    const { transport, clock, rules = usualRules } = this.#options;
    const stop = new StopSource();
    let isLate = false;
    const cancel = clock.after(rules.timeoutMs, () => {
      isLate = true;
      stop.stop();
    });
    const headers = { accept: 'application/json' };
    const response = await transport({ method: 'POST', path: '', query: [], headers, body: { object: review }, stop })
      .catch((error: unknown) => {
        throw isLate ? new Late(`the webhook did not answer within ${rules.timeoutMs / 1000} s`) : error;
      })
      .finally(cancel);
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
  readonly #rules: WebhookRules;

  constructor(options: WebhookOptions) {
    this.#reviews = new RemoteReviews(options);
    this.#rules = options.rules ?? usualRules;
  }

  authorize(attributes: Attributes): Decision | Promise<Decision> {
    const spec = { ...subjectOf(attributes.caller), ...askedOf(attributes) };
    const { isMeant, error } = this.#judged(spec);
    if (error !== undefined) return this.#failed(error);
    return isMeant ? this.#asked(spec) : noOpinion;
  }

  /** All conditions must hold. One that does not outvotes those that fail. */
  #judged(spec: JsonObject): { readonly isMeant: boolean; readonly error?: string } {
    let error: string | undefined;
    for (const condition of this.#rules.conditions) {
      try {
        if (!condition(spec)) return { isMeant: false };
      } catch (cause) {
        error ??= messageOf(cause);
      }
    }
    return error === undefined ? { isMeant: true } : { isMeant: true, error };
  }

  async #asked(spec: JsonObject): Promise<Decision> {
    const { version, allowedForMs, refusedForMs } = this.#rules;
    const { groups = [], ...older } = spec;
    const review = {
      apiVersion: `authorization.k8s.io/${version}`,
      kind: 'SubjectAccessReview',
      // The older version has another name for it.
      spec: version === 'v1' ? spec : { ...older, group: groups },
    };
    try {
      const status = await this.#reviews.status(review, ({ allowed }) => (allowed ? allowedForMs : refusedForMs));
      return decisionOf(status);
    } catch (error) {
      return this.#failed(messageOf(error));
    }
  }

  readonly #failed = (error: string): Decision =>
    this.#rules.failurePolicy === 'Deny' ? { verdict: 'deny', error } : { verdict: 'none', error };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

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
      return { error: messageOf(error) };
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
