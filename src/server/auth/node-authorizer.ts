import type { Caller } from '../../api/wire.ts';
import type { Store } from '../../store/store.ts';
import { type Attributes, type Authorizer, type Decision, noOpinion, type ResourceAttributes } from '../attributes.ts';
import { NodeGraph } from './node-graph.ts';
import { type PolicyRule, ruleAllows } from './policy-rule.ts';

const userPrefix = 'system:node:';
const nodesGroup = 'system:nodes';
const leaseNamespace = 'kube-node-lease';
const ownVerbs = new Set(['get', 'create', 'update', 'patch', 'delete']);
const reads = new Set(['get', 'list', 'watch']);

const allow: Decision = { verdict: 'allow' };
const because = (reason: string): Decision => ({ verdict: 'none', reason });

type Judge = (node: string, asked: ResourceAttributes) => Decision;

export const isNode = ({ name, groups }: Caller): boolean => name.startsWith(userPrefix) && groups.includes(nodesGroup);

/** Only of whoever is one. */
export const nodeOf = ({ name }: Caller): string => name.slice(userPrefix.length);

/** Nodes may read what the pods bound to them need, and write about themselves: a stolen node is one node's loss. */
export class NodeAuthorizer implements Authorizer {
  readonly name = 'Node';
  readonly #graph: NodeGraph;
  readonly #rules: readonly PolicyRule[];
  readonly #judges: Readonly<Record<string, Judge>>;

  constructor(store: Store, rules: readonly PolicyRule[]) {
    this.#graph = new NodeGraph(store);
    this.#rules = rules;
    const read: Judge = (node, asked) => this.#readsNamespaced(node, asked);
    const get: Judge = (node, asked) => this.#gets(node, asked);
    this.#judges = {
      '/secrets': read,
      '/configmaps': read,
      '/persistentvolumeclaims': (node, asked) =>
        asked.subresource === 'status' ? this.#updatesStatus(node, asked) : this.#gets(node, asked),
      '/persistentvolumes': get,
      'resource.k8s.io/resourceclaims': get,
      'storage.k8s.io/volumeattachments': get,
      '/serviceaccounts': (node, asked) => this.#serviceAccount(node, asked),
      'coordination.k8s.io/leases': ownLease,
      'storage.k8s.io/csinodes': ownCsiNode,
      'resource.k8s.io/resourceslices': (node, asked) => this.#slice(node, asked),
      '/nodes': ownNode,
      '/pods': (node, asked) => this.#pod(node, asked),
    };
  }

  authorize(attributes: Attributes): Decision | Promise<Decision> {
    const { caller } = attributes;
    if (!isNode(caller)) return noOpinion;
    const node = nodeOf(caller);
    if (node === '') return because(`unknown node for user ${JSON.stringify(caller.name)}`);
    const judge = 'path' in attributes ? undefined : this.#judges[`${attributes.group}/${attributes.resource}`];
    if (!judge) return this.#rules.some((rule) => ruleAllows(rule, attributes)) ? allow : noOpinion;
    const wait = this.#graph.ready();
    const asked = attributes as ResourceAttributes;
    return wait ? wait.then(() => judge(node, asked)) : judge(node, asked);
  }

  #related(node: string, asked: ResourceAttributes): Decision {
    if (asked.name === '') return because('No Object name found');
    if (this.#graph.concerns(node, asked.resource, asked)) return allow;
    return because(`no relationship found between node '${node}' and this object`);
  }

  #readsNamespaced(node: string, asked: ResourceAttributes): Decision {
    if (!reads.has(asked.verb)) return because('can only read resources of this type');
    if (asked.subresource !== '') return because('cannot read subresource');
    if (asked.namespace === '') return because('can only read namespaced object of this type');
    return this.#related(node, asked);
  }

  #gets(node: string, asked: ResourceAttributes): Decision {
    if (asked.verb !== 'get') return because('can only get individual resources of this type');
    if (asked.subresource !== '') return because('cannot get subresource');
    return this.#related(node, asked);
  }

  #updatesStatus(node: string, asked: ResourceAttributes): Decision {
    if (asked.verb !== 'update' && asked.verb !== 'patch') return because('can only update/patch status of this type');
    return this.#related(node, asked);
  }

  #serviceAccount(node: string, asked: ResourceAttributes): Decision {
    if (asked.verb === 'get' && asked.subresource === '') return this.#related(node, asked);
    if (asked.verb !== 'create' || asked.name === '') {
      return because('can only create tokens for individual service accounts');
    }
    if (asked.subresource !== 'token') return because('can only create token subresource of service account');
    return this.#related(node, asked);
  }

  #slice(node: string, asked: ResourceAttributes): Decision {
    if (asked.subresource !== '') return because('cannot authorize ResourceSlice subresources');
    switch (asked.verb) {
      case 'create':
        // Whose slice it is stands in its body: admission looks at that.
        return allow;
      case 'get':
      case 'update':
      case 'patch':
      case 'delete':
        return this.#related(node, asked);
      case 'list':
      case 'watch':
      case 'deletecollection':
        return isLimitedTo(node, asked)
          ? allow
          : because('can only list/watch/deletecollection resourceslices with nodeName field selector');
      default:
        return because('only the verbs of ResourceSlices are allowed');
    }
  }

  #pod(node: string, asked: ResourceAttributes): Decision {
    const { verb, subresource, name } = asked;
    if (subresource === 'status') return verb === 'update' || verb === 'patch' ? allow : noOpinion;
    if (subresource === 'eviction') return verb === 'create' ? allow : noOpinion;
    if (subresource !== '') return noOpinion;
    if (verb === 'get') return this.#gets(node, asked);
    // Which pods it may make and remove is admission's matter.
    if (verb === 'create' || verb === 'delete') return allow;
    if (verb !== 'list' && verb !== 'watch') return noOpinion;
    if (isLimitedTo(node, asked)) return allow;
    if (name !== '') return this.#related(node, asked);
    return because('can only list/watch pods with spec.nodeName field selector');
  }
}

const isLimitedTo = (node: string, { fields }: ResourceAttributes): boolean =>
  fields?.some(({ field, equal, value }) => field === 'spec.nodeName' && equal && value === node) ?? false;

function ownLease(node: string, { verb, namespace, name }: ResourceAttributes): Decision {
  if (!ownVerbs.has(verb)) return because('can only get, create, update, patch, or delete a node lease');
  if (namespace !== leaseNamespace) {
    return because(`can only access leases in the ${JSON.stringify(leaseNamespace)} system namespace`);
  }
  // A create has its name in its body: admission looks at that.
  if (verb !== 'create' && name !== node) {
    return because('can only access node lease with the same name as the requesting node');
  }
  return allow;
}

function ownCsiNode(node: string, { verb, subresource, name }: ResourceAttributes): Decision {
  if (!ownVerbs.has(verb)) return because('can only get, create, update, patch, or delete a CSINode');
  if (subresource !== '') return because('cannot authorize CSINode subresources');
  if (verb !== 'create' && name !== node) {
    return because('can only access CSINode with the same name as the requesting node');
  }
  return allow;
}

function ownNode(node: string, { verb, subresource, name }: ResourceAttributes): Decision {
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? allow : noOpinion;
  if (subresource !== '') return noOpinion;
  if (verb === 'create' || verb === 'update' || verb === 'patch') return allow;
  if (!reads.has(verb) || name === node) return reads.has(verb) ? allow : noOpinion;
  const other = name === '' ? 'all nodes' : `'${name}'`;
  return because(`node '${node}' cannot read ${other}, only its own Node object`);
}
