import type { CustomDefinition, WebhookConversion } from '../../api/custom/definition.ts';
import { ApiError } from '../../api/error.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Env } from '../../base/env.ts';
import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import type { Store } from '../../store/store.ts';
import { destinationOf, type Outward, post } from '../outward.ts';

const timeoutMs = 30_000;

/** A kind whose versions differ by more than their name: a webhook knows how. */
export interface Converting {
  readonly kind: string;
  readonly storage: string;
  /** The API versions that are served. */
  readonly served: readonly string[];
  readonly webhook: WebhookConversion;
}
type Outcome = KubeObject | ApiError;

/** Converts stored objects by webhooks, before anybody looks at them; what was converted is kept with the object. */
export class Conversions {
  readonly #env: Env;
  readonly #store: Store;
  readonly #outward: Outward | undefined;
  readonly #kinds = new Map<string, Converting>();
  /** By the stored value itself: it is forgotten together with it. */
  readonly #converted = new WeakMap<object, Map<string, Outcome>>();

  constructor(env: Env, store: Store, outward: Outward | undefined) {
    this.#env = env;
    this.#store = store;
    this.#outward = outward;
  }

  get isIdle(): boolean {
    return this.#kinds.size === 0;
  }

  /** What is stored under a prefix is converted as its definition says. */
  follow(prefix: string, { spec }: CustomDefinition): void {
    const { strategy, webhook } = spec.conversion ?? {};
    const versions = spec.versions ?? [];
    const storage = versions.find((version) => version.storage)?.name ?? '';
    if (strategy !== 'Webhook' || !webhook) {
      this.forget(prefix);
      return;
    }
    const of = (version: string) => `${spec.group}/${version}`;
    const served = versions.filter((version) => version.served).map(({ name }) => of(name));
    this.#kinds.set(prefix, { kind: spec.names?.kind ?? '', storage: of(storage), served, webhook });
  }

  forget(prefix: string): void {
    this.#kinds.delete(prefix);
  }

  /** The kind that a key or prefix belongs to. */
  of(key: string): Converting | undefined {
    if (this.isIdle) return undefined;
    const [, group, plural] = key.split('/');
    return this.#kinds.get(`/${group}/${plural}/`);
  }

  /** Makes every served version of these values, one call for each version. */
  async prepare(converting: Converting, values: readonly Json[]): Promise<void> {
    for (const version of converting.served) {
      const wanted = values.filter((value): value is JsonObject => this.#isWanted(value, version));
      if (wanted.length === 0) continue;
      const outcomes = await this.#convert(converting, wanted, version);
      for (const [index, value] of wanted.entries()) this.#remember(value, version, outcomes[index] as Outcome);
    }
  }

  #isWanted(value: Json, version: string): boolean {
    if (!isObject(value) || value.apiVersion === version) return false;
    const known = this.#converted.get(value)?.get(version);
    return known === undefined || known instanceof ApiError;
  }

  #remember(value: JsonObject, version: string, outcome: Outcome): void {
    let versions = this.#converted.get(value);
    if (!versions) {
      versions = new Map();
      this.#converted.set(value, versions);
    }
    versions.set(version, outcome);
  }

  /** What prepare made of a stored value. Throws why it could not. */
  converted(value: Json, version: string): KubeObject | undefined {
    const outcome = this.#converted.get(value as object)?.get(version);
    if (outcome instanceof ApiError) throw outcome;
    return outcome;
  }

  /** The form that is stored. */
  toStorage(converting: Converting, value: Json): Promise<Json> {
    return this.inVersion(converting, value, converting.storage);
  }

  /** The form that an object has in another version; nothing of it is kept. */
  async inVersion(converting: Converting, value: Json, version: string): Promise<Json> {
    if (!isObject(value) || value.apiVersion === version) return value;
    const [outcome] = await this.#convert(converting, [value], version);
    if (outcome instanceof ApiError) throw outcome;
    return outcome as unknown as Json;
  }

  async #convert(
    converting: Converting,
    objects: readonly JsonObject[],
    desiredAPIVersion: string,
  ): Promise<readonly Outcome[]> {
    try {
      return await this.#ask(converting, objects, desiredAPIVersion);
    } catch (error) {
      const from = String(objects[0]?.apiVersion);
      const why = `conversion webhook for ${from}, Kind=${converting.kind} failed: ${(error as Error).message}`;
      return objects.map(() => new ApiError('InternalError', why));
    }
  }

  async #ask(
    { webhook }: Converting,
    objects: readonly JsonObject[],
    desiredAPIVersion: string,
  ): Promise<readonly KubeObject[]> {
    if (!this.#outward) throw new Error('this server has no way to call webhooks');
    const uid = this.#env.random.uid();
    const version = webhook.conversionReviewVersions?.find((one) => one === 'v1' || one === 'v1beta1') ?? 'v1';
    const body: JsonObject = {
      kind: 'ConversionReview',
      apiVersion: `apiextensions.k8s.io/${version}`,
      request: { uid, desiredAPIVersion, objects },
    };
    const destination = await destinationOf(this.#store, webhook.clientConfig ?? {});
    const answer = await post(this.#outward, this.#env.clock, { destination, body, timeoutMs });
    return readAnswer(answer, { uid, objects, desiredAPIVersion });
  }
}

interface Asked {
  readonly uid: string;
  readonly objects: readonly JsonObject[];
  readonly desiredAPIVersion: string;
}

function readAnswer({ response }: JsonObject, { uid, objects, desiredAPIVersion }: Asked): readonly KubeObject[] {
  if (!isObject(response)) throw new Error('no response provided');
  if (response.uid !== uid) throw new Error(`expected response.uid="${uid}", got "${String(response.uid)}"`);
  const result = isObject(response.result) ? response.result : {};
  if (result.status !== 'Success') throw new Error(String(result.message ?? 'the webhook did not succeed'));
  const made = Array.isArray(response.convertedObjects) ? (response.convertedObjects as readonly Json[]) : [];
  if (made.length !== objects.length) {
    throw new Error(`returned ${made.length} objects, expected ${objects.length}`);
  }
  return made.map((object, index) => {
    const given = objects[index] as JsonObject;
    if (!isObject(object) || object.apiVersion !== desiredAPIVersion || object.kind !== given.kind) {
      throw new Error(`returned invalid converted object at index ${index}: invalid groupVersion or kind`);
    }
    return { ...object, metadata: keptMetadata(object.metadata, given.metadata) } as unknown as KubeObject;
  });
}

/** A conversion may change labels and annotations, and nothing else about who an object is. */
function keptMetadata(made: Json | undefined, given: Json | undefined): Json {
  const { labels: _l, annotations: _a, ...rest } = isObject(given) ? given : {};
  const { labels, annotations } = isObject(made) ? made : {};
  return { ...rest, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
}
