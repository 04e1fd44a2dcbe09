import { ApiError } from '../../api/error.ts';
import type { Kind } from '../../api/kind.ts';
import { nodes } from '../../api/kinds/node.ts';
import { pods } from '../../api/kinds/pod.ts';
import type { KubeObject } from '../../api/object.ts';
import { equalJson, isObject, type JsonObject } from '../../base/json.ts';
import type { Store } from '../../store/store.ts';
import { forbidden } from '../auth/authorization.ts';
import { isNode } from '../auth/node-authorizer.ts';
import { storageKey } from '../kinds.ts';
import { forbiddenNodeLabels } from './node-labels.ts';
import { mirrorPodError } from './node-mirror-pods.ts';
import { TokenAudiences } from './node-token-audiences.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

/** Why a node may not do this; undefined where it may. */
type Refusal = string | undefined;
interface Write {
  readonly node: string;
  readonly object: JsonObject;
  readonly previous: JsonObject | undefined;
  readonly request: AdmissionRequest;
}
type Judge = (write: Write) => Promise<Refusal> | Refusal;

const userPrefix = 'system:node:';
const leaseNamespace = 'kube-node-lease';
const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** What the authorizer cannot see because it stands in the body: a node writes only about itself and its pods. */
export class NodeRestriction implements AdmissionPlugin {
  readonly name = 'NodeRestriction';
  readonly #store: Store;
  readonly #audiences: TokenAudiences;
  readonly #judges: Readonly<Record<string, Judge>>;

  constructor(store: Store) {
    this.#store = store;
    this.#audiences = new TokenAudiences(store);
    this.#judges = {
      '/pods': (write) => this.#pod(write),
      '/nodes': ownNode,
      '/persistentvolumeclaims': claim,
      '/serviceaccounts': (write) => this.#token(write),
      'coordination.k8s.io/leases': ownLease,
      'storage.k8s.io/csinodes': ownCsiNode,
      'resource.k8s.io/resourceslices': ownSlice,
    };
  }

  /** Before validation, as upstream. */
  mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> | KubeObject {
    if (!isNode(request.caller)) return object;
    const required = this.#require(object as unknown as JsonObject, request);
    return required ? required.then(() => object) : object;
  }

  validate(_object: KubeObject | undefined, request: AdmissionRequest): Promise<void> | void {
    if (request.operation === 'DELETE' && isNode(request.caller)) return this.#require({}, request);
  }

  #require(object: JsonObject, request: AdmissionRequest): Promise<void> | void {
    const { kind, caller } = request;
    const judge = this.#judges[`${kind.group}/${kind.plural}`];
    if (!judge) return;
    const node = caller.name.slice(userPrefix.length);
    const previous = request.previous as unknown as JsonObject | undefined;
    const refusal =
      node === ''
        ? `could not determine node from user ${JSON.stringify(caller.name)}`
        : judge({ node, object, previous, request });
    if (refusal instanceof Promise) return refusal.then((later) => requireNone(later, object, request));
    requireNone(refusal, object, request);
  }

  /** What an agent mostly writes is judged at once. */
  #pod(write: Write): Promise<Refusal> | Refusal {
    const { node, object, previous, request } = write;
    return request.route.subresource === 'status' ? podStatusError(node, object, previous) : this.#otherPod(write);
  }

  async #otherPod({ node, object, previous, request }: Write): Promise<Refusal> {
    const { operation, route } = request;
    const own = JSON.stringify(node);
    if (route.subresource === 'eviction') {
      const pod = await this.#get(pods as unknown as Kind, route.namespace, route.name);
      const elsewhere = pod !== undefined && objectOf(pod.spec).nodeName !== node;
      return elsewhere ? `node ${node} can only evict pods with spec.nodeName set to itself` : undefined;
    }
    if (route.subresource !== '') {
      return `unexpected pod subresource ${JSON.stringify(route.subresource)}, only 'status' and 'eviction' are allowed`;
    }
    if (operation === 'CREATE') {
      return mirrorPodError(node, object, await this.#get(nodes as unknown as Kind, '', node));
    }
    if (operation !== 'DELETE') {
      return `unexpected operation ${JSON.stringify(operation)}, node ${own} can only create and delete mirror pods`;
    }
    const bound = objectOf(previous?.spec).nodeName;
    return bound === node ? undefined : `node ${own} can only delete pods with spec.nodeName set to itself`;
  }

  async #token({ node, object, request }: Write): Promise<Refusal> {
    if (request.operation !== 'CREATE' || request.route.subresource !== 'token') return undefined;
    const { boundObjectRef, audiences } = objectOf(object.spec);
    const { apiVersion, kind, name, uid } = objectOf(boundObjectRef);
    if (apiVersion !== 'v1' || kind !== 'Pod' || !name) return 'node requested token not bound to a pod';
    if (!uid) return 'node requested token with a pod binding without a uid';
    const pod = await this.#get(pods as unknown as Kind, request.route.namespace, String(name));
    if (!pod) throw podNotFound(String(name));
    if (objectOf(pod.metadata).uid !== uid) {
      return `the UID in the bound object reference (${String(uid)}) does not match the UID in record. The object might have been deleted and then recreated`;
    }
    if (objectOf(pod.spec).nodeName !== node) {
      return 'node requested token bound to a pod scheduled on a different node';
    }
    const asked = Array.isArray(audiences) ? audiences.map(String) : [];
    if (asked.length > 1) return 'node may only request 0 or 1 audiences';
    return this.#audiences.error(pod, asked[0] ?? '', `${userPrefix}${node}`);
  }

  async #get(kind: Kind, namespace: string, name: string): Promise<JsonObject | undefined> {
    const { entry } = await this.#store.get(storageKey(kind, namespace, name));
    return entry?.value as JsonObject | undefined;
  }
}

function requireNone(refusal: Refusal, object: JsonObject, { kind, route }: AdmissionRequest): void {
  if (refusal === undefined) return;
  const name = route.name || String(objectOf(object.metadata).name ?? '');
  throw forbidden({ resource: kind.plural, group: kind.group, name }, refusal);
}

const podNotFound = (name: string): ApiError =>
  new ApiError('NotFound', `pod ${JSON.stringify(name)} not found`, { name, kind: 'pod' });

function podStatusError(node: string, object: JsonObject, previous: JsonObject | undefined): Refusal {
  const own = JSON.stringify(node);
  if (objectOf(previous?.spec).nodeName !== node) {
    return `node ${own} can only update pod status for pods with spec.nodeName set to itself`;
  }
  const labels = (pod: JsonObject | undefined) => objectOf(objectOf(pod?.metadata).labels);
  if (!equalJson(labels(object), labels(previous))) return `node ${own} cannot update labels through pod status`;
  const claims = (pod: JsonObject | undefined) => objectOf(pod?.status).resourceClaimStatuses ?? [];
  if (!equalJson(claims(object), claims(previous))) return `node ${own} cannot update resource claim statuses`;
  return undefined;
}

function ownNode({ node, object, previous, request }: Write): Refusal {
  const own = JSON.stringify(node);
  const { name, labels, ownerReferences = [] } = objectOf(object.metadata);
  const spec = objectOf(object.spec);
  if (request.operation === 'CREATE') {
    if (spec.configSource) return `node ${own} is not allowed to create pods with a non-nil configSource`;
    const wrong = forbiddenNodeLabels(objectOf(labels), {});
    if (wrong.length > 0) return `node ${own} is not allowed to set the following labels: ${wrong.join(', ')}`;
  }
  const other = request.route.name || String(name ?? '');
  if (other !== node) return `node ${own} is not allowed to modify node ${JSON.stringify(other)}`;
  if (request.operation !== 'UPDATE') return undefined;
  const before = objectOf(previous?.spec);
  const metadata = objectOf(previous?.metadata);
  if (spec.configSource && !equalJson(spec.configSource, before.configSource)) {
    return `node ${own} is not allowed to update configSource to a new non-nil configSource`;
  }
  // Or it would call pods to itself, or away from what it does not like.
  if (!equalJson(spec.taints ?? [], before.taints ?? [])) return `node ${own} is not allowed to modify taints`;
  const wrong = forbiddenNodeLabels(objectOf(labels), objectOf(metadata.labels));
  if (wrong.length > 0) return `is not allowed to modify labels: ${wrong.join(', ')}`;
  const sameOwners = equalJson(ownerReferences, metadata.ownerReferences ?? []);
  return sameOwners ? undefined : `node ${own} is not allowed to modify ownerReferences`;
}

/** Growing a volume is finished by the node: it tells the new size, and nothing else. */
function claim({ node, object, previous, request }: Write): Refusal {
  if (request.route.subresource !== 'status') return 'may only update PVC status';
  const kept = (one: JsonObject | undefined) => {
    const { managedFields: _managed, resourceVersion: _revision, ...metadata } = objectOf(one?.metadata);
    const status = objectOf(one?.status);
    return { metadata, spec: one?.spec, phase: status.phase, accessModes: status.accessModes };
  };
  if (equalJson(kept(object), kept(previous))) return undefined;
  return `node ${JSON.stringify(node)} is not allowed to update fields other than status.quantity and status.conditions`;
}

function ownLease({ node, object, request }: Write): Refusal {
  if (request.route.namespace !== leaseNamespace) {
    return `can only access leases in the ${JSON.stringify(leaseNamespace)} system namespace`;
  }
  return ownName(node, object, request) ? undefined : namedLike('access node lease');
}

const ownCsiNode: Judge = ({ node, object, request }) =>
  ownName(node, object, request) ? undefined : namedLike('access CSINode');
const namedLike = (what: string) => `can only ${what} with the same name as the requesting node`;

function ownName(node: string, object: JsonObject, { route }: AdmissionRequest): boolean {
  return (route.name || String(objectOf(object.metadata).name ?? '')) === node;
}

function ownSlice({ node, object, previous, request }: Write): Refusal {
  const verb = request.operation.toLowerCase();
  const of = (slice: JsonObject | undefined) => objectOf(slice?.spec).nodeName;
  const own = request.operation === 'CREATE' ? of(object) === node : of(previous) === node;
  return own ? undefined : `can only ${verb} ResourceSlice with the same NodeName as the requesting node`;
}
