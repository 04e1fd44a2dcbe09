import { ApiError } from '../../api/error.ts';
import { invalid, invalidObject } from '../../api/field-error.ts';
import { type Kind, makeKind } from '../../api/kind.ts';
import { filled, partOf } from '../../api/kinds/defaulting.ts';
import { nodes } from '../../api/kinds/node.ts';
import { type Pod, pods } from '../../api/kinds/pod.ts';
import { secrets } from '../../api/kinds/secret.ts';
import { serviceAccounts } from '../../api/kinds/service-account.ts';
import type { KubeObject } from '../../api/object.ts';
import type { ApiRequest, ApiResponse } from '../../api/wire.ts';
import type { Env, Instant } from '../../base/env.ts';
import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { finish } from '../../base/steps.ts';
import { timestamp } from '../../base/text.ts';
import type { Store } from '../../store/store.ts';
import { admittedThrough } from '../admission/door.ts';
import type { AdmissionRequest } from '../admission/plugin.ts';
import { decodeObject } from '../decode.ts';
import { managerOf } from '../field-tracker.ts';
import { storageKey } from '../kinds.ts';
import { notFound } from '../read.ts';
import { type ResourceRoute, requireNameParameter, requireSameName, requireSameNamespace } from '../route.ts';
import type { Creating } from './access.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';
import type { BoundClaims } from './token-bindings.ts';

const defaultSeconds = 3600;
const secondsMin = 600;
const secondsMax = 2 ** 32;
/** What agents ask for a pod's own token. It lives longer than said, and the server warns from then on. */
const warnedSeconds = 3607;
const extendedSeconds = 365 * 24 * 3600;

export interface TokenRequestDeps {
  readonly env: Env;
  readonly store: Store;
  readonly tokens: ServiceAccountTokens;
  readonly audiences: readonly string[];
}
interface Reference {
  readonly kind: string;
  readonly apiVersion: string;
  readonly name: string;
  readonly uid: string;
}

/** serviceaccounts/NAME/token: a token for what the request says, and nothing is stored. */
export class TokenRequests {
  readonly #deps: TokenRequestDeps;

  constructor(deps: TokenRequestDeps) {
    this.#deps = deps;
  }

  serves({ kind, subresource, verb }: ResourceRoute): boolean {
    return kind.group === '' && kind.plural === 'serviceaccounts' && subresource === 'token' && verb === 'create';
  }

  async handle(request: ApiRequest, route: ResourceRoute, by: Creating): Promise<ApiResponse> {
    const { env, tokens } = this.#deps;
    const asked = withSeconds(decodeObject(request, tokenRequests).object);
    const manager = managerOf(request, by.caller);
    const owned = finish(by.fields.written({ ...route, kind: tokenRequests }, undefined, asked, manager));
    const metadata = namedLike(owned.metadata as unknown as JsonObject, route);
    const admitted = await this.#admitted({ ...asked, metadata } as unknown as JsonObject, route, { request, by });
    const account = await this.#get(serviceAccounts as unknown as Kind, route.namespace, route.name);
    const spec = isObject(admitted.spec) ? admitted.spec : {};
    const seconds = secondsOf(spec);
    const audiences = audiencesOr(spec, this.#deps.audiences);
    const reference = referenceOf(spec.boundObjectRef);
    const bound = await this.#bound(account, reference);
    const forServer = audiences.every((audience) => this.#deps.audiences.includes(audience));
    const extended = seconds === warnedSeconds && bound.pod !== undefined && forServer;
    const order = extended ? { seconds: extendedSeconds, warnAfterSeconds: seconds } : { seconds };
    const token = tokens.issue({ bound, audiences, ...order });
    const now = env.clock.now();
    return {
      status: 201,
      body: {
        object: {
          kind: 'TokenRequest',
          apiVersion: 'authentication.k8s.io/v1',
          metadata: { ...metadata, creationTimestamp: timestamp(now) },
          spec: { audiences, expirationSeconds: seconds, boundObjectRef: spec.boundObjectRef ?? null },
          status: { token, expirationTimestamp: timestamp((now + seconds * 1000) as Instant) },
        },
      },
    };
  }

  async #admitted(
    object: JsonObject,
    route: ResourceRoute,
    { request, by }: { readonly request: ApiRequest; readonly by: Creating },
  ): Promise<JsonObject> {
    const dryRun = request.query.some(([key]) => key === 'dryRun');
    const admission: AdmissionRequest = { operation: 'CREATE', kind: route.kind, route, caller: by.caller, dryRun };
    const admitted = await admittedThrough(by.plugins, object as unknown as KubeObject, admission);
    return admitted as unknown as JsonObject;
  }

  async #bound(account: KubeObject, reference: Reference | undefined): Promise<BoundClaims> {
    const { namespace = '', name, uid } = account.metadata;
    const claims: BoundClaims = { namespace, serviceaccount: { name, uid } };
    if (!reference) return claims;
    const bound = await this.#object(reference, namespace);
    if (reference.uid !== '' && reference.uid !== bound.metadata.uid) throw otherUid(reference);
    const own = { name: bound.metadata.name, uid: bound.metadata.uid };
    if (reference.kind === 'Secret') return { ...claims, secret: own };
    if (reference.kind === 'Node') return { ...claims, node: own };
    const { spec } = bound as Pod;
    if ((spec.serviceAccountName ?? '') !== name) {
      const text = `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`;
      throw new ApiError('BadRequest', text);
    }
    const node = spec.nodeName ? await this.#nodeOf(spec.nodeName) : undefined;
    return { ...claims, ...(node ? { node } : {}), pod: own };
  }

  async #nodeOf(name: string): Promise<{ readonly name: string; readonly uid: string }> {
    const { entry } = await this.#deps.store.get(storageKey(nodes as unknown as Kind, '', name));
    return { name, uid: (entry?.value as unknown as KubeObject | undefined)?.metadata.uid ?? '' };
  }

  #object(reference: Reference, namespace: string): Promise<KubeObject> {
    const { kind, apiVersion, name } = reference;
    const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] as string) : '';
    const found = group === '' ? { Pod: pods, Secret: secrets, Node: nodes }[kind] : undefined;
    if (!found) {
      const version = apiVersion.split('/').at(-1);
      throw new ApiError('BadRequest', `cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
    }
    requireNameParameter(name);
    return this.#get(found as unknown as Kind, kind === 'Node' ? '' : namespace, name);
  }

  async #get(kind: Kind, namespace: string, name: string): Promise<KubeObject> {
    const { entry } = await this.#deps.store.get(storageKey(kind, namespace, name));
    if (!entry) throw notFound(kind, name);
    return entry.value as unknown as KubeObject;
  }
}

const tokenRequests = makeKind({
  ...{ group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
  ...{ plural: 'tokenrequests', singular: 'tokenrequest', namespaced: true, verbs: ['create'] },
  ...{ shortNames: [], categories: [], subresources: [] },
});

const withSeconds = (asked: KubeObject): KubeObject => ({
  ...asked,
  spec: filled(partOf(asked.spec), { expirationSeconds: defaultSeconds }),
});

function namedLike(metadata: JsonObject, route: ResourceRoute): JsonObject {
  const { name, namespace } = route;
  requireSameNamespace(route, metadata.namespace);
  if (metadata.name) requireSameName(route, metadata.name);
  return { ...metadata, name, namespace };
}

function secondsOf({ expirationSeconds }: JsonObject): number {
  const seconds = typeof expirationSeconds === 'number' ? expirationSeconds : defaultSeconds;
  const wrong = (text: string) => invalidObject(tokenRequests, '', [invalid('spec.expirationSeconds', seconds, text)]);
  if (seconds < secondsMin) throw wrong('may not specify a duration less than 10 minutes');
  if (seconds > secondsMax) throw wrong('may not specify a duration larger than 2^32 seconds');
  return seconds;
}

function audiencesOr({ audiences }: JsonObject, own: readonly string[]): readonly string[] {
  return Array.isArray(audiences) && audiences.length > 0 ? (audiences as readonly string[]) : own;
}

function referenceOf(value: Json | undefined): Reference | undefined {
  if (!isObject(value)) return undefined;
  const text = (key: string) => (typeof value[key] === 'string' ? value[key] : '');
  return { kind: text('kind'), apiVersion: text('apiVersion'), name: text('name'), uid: text('uid') };
}

function otherUid({ kind, name, uid }: Reference): ApiError {
  const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
  return new ApiError('Conflict', `Operation cannot be fulfilled on ${kind} ${JSON.stringify(name)}: ${why}`, {
    name,
    kind,
  });
}
