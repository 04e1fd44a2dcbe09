import { ApiError } from '../../api/error.ts';
import type { KubeObject } from '../../api/object.ts';
import { equalJson, isObject, type JsonObject } from '../../base/json.ts';
import { isMaster, type ResourceAttributes } from '../attributes.ts';
import { type Authorization, forbidden } from '../auth/authorization.ts';
import { rbacGroup } from '../auth/binding-index.ts';
import type { PolicyRule } from '../auth/policy-rule.ts';
import type { Rbac } from '../auth/rbac.ts';
import { compacted, missingRules, quotedList, ruleText } from '../auth/rule-coverage.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

const roleKinds = new Set(['roles', 'clusterroles']);
const bindingKinds = new Set(['rolebindings', 'clusterrolebindings']);
const allRights: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Nobody gives rights away that they do not have, unless they may `escalate` roles or `bind` this very role. */
export class RoleEscalation implements AdmissionPlugin {
  readonly name = 'RoleEscalation';
  readonly #rbac: Rbac;
  readonly #authorization: Authorization;

  constructor(rbac: Rbac, authorization: Authorization) {
    this.#rbac = rbac;
    this.#authorization = authorization;
  }

  /** Before validation, as upstream: who may not give a right does not learn what else is wrong. */
  mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> | KubeObject {
    const { kind, caller, route, operation } = request;
    if (kind.group !== rbacGroup || route.subresource !== '' || isMaster(caller)) return object;
    if (operation !== 'CREATE' && operation !== 'UPDATE') return object;
    if (request.previous && changesOnlyHousekeeping(object, request.previous)) return object;
    if (roleKinds.has(kind.plural)) return this.#judgedRole(object, request);
    return bindingKinds.has(kind.plural) ? this.#judgedBinding(object, request) : object;
  }

  async #judgedRole(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> {
    if (await this.#authorization.allows(attributes(request, 'escalate'))) return object;
    const role = object as unknown as JsonObject;
    await this.#requireHeld((role.rules ?? []) as unknown as readonly PolicyRule[], request);
    const before = request.previous as unknown as JsonObject | undefined;
    // An aggregated role takes in whatever is labelled for it, now and later: that is every right there is.
    if (isObject(role.aggregationRule) || isObject(before?.aggregationRule)) {
      const missing = await this.#missing(allRights, request);
      if (missing.length > 0) throw refused(request, 'must have cluster-admin privileges to use the aggregationRule');
    }
    return object;
  }

  async #judgedBinding(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> {
    const reference = (object as unknown as JsonObject).roleRef;
    const { apiGroup, kind, name } = (isObject(reference) ? reference : {}) as Readonly<Record<string, string>>;
    if (kind === 'Role' || kind === 'ClusterRole') {
      const resource = kind === 'Role' ? 'roles' : 'clusterroles';
      const bind = { ...attributes(request, 'bind'), group: apiGroup ?? '', version: '*', resource, name: name ?? '' };
      if (await this.#authorization.allows(bind)) return object;
      const rules = await this.#rbac.roleRules(kind, request.route.namespace, name ?? '');
      if (!rules) throw missingRole(request, name ?? '');
      await this.#requireHeld(rules, request);
      return object;
    }
    throw new ApiError('', `unsupported role reference kind: ${JSON.stringify(kind ?? '')}`);
  }

  async #requireHeld(wanted: readonly PolicyRule[], request: AdmissionRequest): Promise<void> {
    const missing = await this.#missing(wanted, request);
    if (missing.length === 0) return;
    const texts = [...new Set(compacted(missing).map(ruleText))].sort();
    const { name, groups } = request.caller;
    const who = `user ${JSON.stringify(name)} (groups=${quotedList(groups)})`;
    const text = `${who} is attempting to grant RBAC permissions not currently held:\n${texts.join('\n')}`;
    const { errors } = await this.#rbac.rulesOf(request.caller, request.route.namespace);
    throw refused(request, errors.length > 0 ? `${text}; resolution errors: [${errors.join(', ')}]` : text);
  }

  async #missing(wanted: readonly PolicyRule[], { caller, route }: AdmissionRequest): Promise<readonly PolicyRule[]> {
    const { rules } = await this.#rbac.rulesOf(caller, route.namespace);
    return missingRules(rules, wanted);
  }
}

function attributes({ caller, route, kind }: AdmissionRequest, verb: string): ResourceAttributes {
  const { namespace, name } = route;
  return { caller, verb, group: kind.group, version: '*', resource: kind.plural, subresource: '', namespace, name };
}

/** What the garbage collector writes gives nobody anything. */
function changesOnlyHousekeeping(next: KubeObject, previous: KubeObject): boolean {
  const { ownerReferences, finalizers, managedFields } = previous.metadata;
  const housekeeping = { ownerReferences, finalizers, managedFields };
  const metadata = { ...next.metadata, ...housekeeping };
  return equalJson({ ...next, metadata }, { ...previous, metadata: { ...previous.metadata, ...housekeeping } });
}

const refused = ({ kind, route }: AdmissionRequest, text: string): ApiError =>
  forbidden({ resource: kind.plural, group: kind.group, name: route.name }, text);

function missingRole({ kind }: AdmissionRequest, name: string): ApiError {
  const details = { name, group: kind.group, kind: kind.plural };
  return new ApiError('NotFound', `${kind.plural}.${kind.group} ${JSON.stringify(name)} not found`, details);
}
