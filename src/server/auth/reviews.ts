import { ApiError } from '../../api/error.ts';
import { invalidObject } from '../../api/field-error.ts';
import type { ApiRequest, ApiResponse, Caller } from '../../api/wire.ts';
import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { finish } from '../../base/steps.ts';
import type { Decision } from '../attributes.ts';
import { decodeObject } from '../decode.ts';
import { managerOf } from '../field-tracker.ts';
import { negotiate } from '../negotiate.ts';
import { type ResourceRoute, requireSameNamespace } from '../route.ts';
import type { Creating } from './access.ts';
import { accessReviewErrors } from './access-review-rules.ts';
import type { Authentication } from './authentication.ts';
import { type Authorization, errorList } from './authorization.ts';
import type { PolicyRule } from './policy-rule.ts';
import type { Rbac } from './rbac.ts';
import { reviewedAttributes, reviewedCaller, selectorErrors } from './review-attributes.ts';

export interface ReviewDeps {
  readonly authentication: Authentication;
  readonly authorization: Authorization;
  readonly rbac: Rbac;
}
type Asker = Pick<Creating, 'caller' | 'fields'>;
interface Review {
  readonly object: JsonObject;
  readonly spec: JsonObject;
  readonly route: ResourceRoute;
  readonly caller: Caller;
}

const reviewGroups = new Set(['authorization.k8s.io', 'authentication.k8s.io']);
const nodesGroup = 'system:nodes';

/** Questions that look like objects: asked with a create, answered in their status, and kept nowhere. */
export class Reviews {
  readonly #deps: ReviewDeps;

  constructor(deps: ReviewDeps) {
    this.#deps = deps;
  }

  serves({ kind, verb }: ResourceRoute): boolean {
    return reviewGroups.has(kind.group) && verb === 'create';
  }

  async handle(request: ApiRequest, route: ResourceRoute, { caller, fields }: Asker): Promise<ApiResponse> {
    if (negotiate(request.headers.accept).as) throw noTable();
    const decoded = decodeObject(request, route.kind);
    const owned = finish(fields.written(route, undefined, decoded.object, managerOf(request, caller)));
    const object = inNamespace(owned as unknown as JsonObject, route);
    const spec = isObject(object.spec) ? object.spec : {};
    const review = { object, spec, route, caller };
    const answer = { ...object, ...(route.kind.kind === 'SelfSubjectReview' ? {} : { spec }) };
    const status = await this.#status(review);
    const { warnings } = decoded;
    return {
      status: 201,
      body: { object: { ...answer, status } },
      ...(warnings.length > 0
        ? { headers: { warning: warnings.map((warning) => `299 - ${JSON.stringify(warning)}`).join(', ') } }
        : {}),
    };
  }

  #status(review: Review): Promise<Json> | Json {
    switch (review.route.kind.kind) {
      case 'TokenReview':
        return this.#token(review);
      case 'SelfSubjectReview':
        return { userInfo: userInfo(review.caller) };
      case 'SelfSubjectRulesReview':
        return this.#rules(review);
      default:
        return this.#access(review);
    }
  }

  async #access({ object, spec, route, caller }: Review): Promise<Json> {
    const self = route.kind.kind === 'SelfSubjectAccessReview';
    const local = route.kind.kind === 'LocalSubjectAccessReview';
    const errors = accessReviewErrors({ metadata: object.metadata as JsonObject, spec }, { self, local });
    if (errors.length > 0) throw invalidObject({ group: 'authorization.k8s.io', kind: '' }, '', errors);
    const subject = self ? caller : reviewedCaller(spec);
    const decision = await this.#deps.authorization.decide(reviewedAttributes(spec, subject));
    const problems = [...(decision.error ? [decision.error] : []), ...selectorErrors(spec)];
    return accessStatus(decision, problems.join('; '));
  }

  async #rules({ spec, caller }: Review): Promise<Json> {
    const namespace = typeof spec.namespace === 'string' ? spec.namespace : '';
    if (namespace === '') throw new ApiError('BadRequest', 'no namespace on request');
    const { rules, errors } = await this.#deps.rbac.rulesOf(caller, namespace);
    const isNode = caller.name.startsWith('system:node:') && caller.groups.includes(nodesGroup);
    const all = isNode ? ['node authorizer does not support user rule resolution', ...errors] : errors;
    return {
      resourceRules: rules.filter(({ resources }) => resources?.length).map(resourceRule),
      nonResourceRules: rules
        .filter(({ nonResourceURLs }) => nonResourceURLs?.length)
        .map(({ verbs, nonResourceURLs = [] }) => ({ verbs, nonResourceURLs })),
      incomplete: isNode,
      ...(all.length > 0 ? { evaluationError: errorList(all) } : {}),
    };
  }

  async #token({ spec, object }: Review): Promise<Json> {
    const metadata = object.metadata as JsonObject;
    if (metadata.namespace)
      throw new ApiError('BadRequest', `namespace is not allowed on this type: ${metadata.namespace}`);
    const token = typeof spec.token === 'string' ? spec.token : '';
    if (token === '') throw new ApiError('BadRequest', 'token is required for TokenReview in authentication');
    const audiences = Array.isArray(spec.audiences) ? (spec.audiences as readonly string[]) : [];
    const known = await this.#deps.authentication.reviewToken(token, audiences);
    if ('error' in known) return { user: {}, error: known.error };
    return {
      authenticated: true,
      user: userInfo(known.caller),
      ...(known.audiences.length > 0 ? { audiences: known.audiences } : {}),
    };
  }
}

function accessStatus({ verdict, reason }: Decision, error: string): Json {
  return {
    allowed: verdict === 'allow',
    ...(verdict === 'deny' ? { denied: true } : {}),
    ...(reason ? { reason } : {}),
    ...(error ? { evaluationError: error } : {}),
  };
}

const resourceRule = ({ verbs, apiGroups, resources, resourceNames }: PolicyRule): Json => ({
  verbs,
  ...(apiGroups?.length ? { apiGroups } : {}),
  ...(resources?.length ? { resources } : {}),
  ...(resourceNames?.length ? { resourceNames } : {}),
});

function userInfo({ name, uid, groups, extra }: Caller): Json {
  return {
    username: name,
    ...(uid ? { uid } : {}),
    ...(groups.length > 0 ? { groups } : {}),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

/** A review in a namespace is about that namespace, whether it says so or not. */
function inNamespace(object: JsonObject, route: ResourceRoute): JsonObject {
  const metadata = object.metadata as JsonObject;
  if (!route.kind.namespaced) return object;
  requireSameNamespace(route, metadata.namespace);
  return { ...object, metadata: { ...metadata, namespace: route.namespace } };
}

const noTable = () =>
  new ApiError(
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  );
