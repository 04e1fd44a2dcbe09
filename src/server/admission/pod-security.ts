import { invalidObject } from '../../api/field-error.ts';
import { mapOf, type Part, partOf, partsOf, textOf } from '../../api/kinds/defaulting.ts';
import { type Namespace, namespaces } from '../../api/kinds/namespace.ts';
import { type Pod, pods } from '../../api/kinds/pod.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Clock } from '../../base/env.ts';
import type { Store } from '../../store/store.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { detailsText, violations } from './pod-security/evaluate.ts';
import { existingPodWarnings } from './pod-security/existing-pods.ts';
import type { PodParts } from './pod-security/parts.ts';
import { compareLevels, levelText, openPolicy, type Policy, policyOf, sameLevel } from './pod-security/policy.ts';
import { isAbout, refusal } from './refusal.ts';

/** Whom the rules do not hold for. */
export interface PodSecurityExemptions {
  readonly usernames?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly runtimeClasses?: readonly string[];
}
export interface PodSecurityOptions {
  /** What holds in a namespace whose labels say nothing. */
  readonly defaults?: Policy;
  readonly exemptions?: PodSecurityExemptions;
}

const annotationPrefix = 'pod-security.kubernetes.io/';
/** Where the pods of a workload are described. */
const templates: Readonly<Record<string, readonly string[]>> = {
  '/podtemplates': ['template'],
  '/replicationcontrollers': ['spec', 'template'],
  'apps/replicasets': ['spec', 'template'],
  'apps/deployments': ['spec', 'template'],
  'apps/daemonsets': ['spec', 'template'],
  'apps/statefulsets': ['spec', 'template'],
  'batch/jobs': ['spec', 'template'],
  'batch/cronjobs': ['spec', 'jobTemplate', 'spec', 'template'],
};
const judgedKinds = [pods, namespaces, ...Object.keys(templates).map(kindOf)];
/** The doors to a pod that can change what it may do. */
const judgedSubresources = ['', 'ephemeralcontainers', 'resize'];

/** Holds the pods of a namespace to the level that its labels name, and tells who makes workloads what would happen. */
export class PodSecurity implements AdmissionPlugin {
  readonly name = 'PodSecurity';
  readonly kinds = judgedKinds;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #defaults: Policy;
  readonly #exemptions: PodSecurityExemptions;
  readonly #namespaces: ObjectIndex<Namespace>;

  constructor(store: Store, clock: Clock, { defaults, exemptions }: PodSecurityOptions = {}) {
    this.#store = store;
    this.#clock = clock;
    this.#defaults = defaults ?? openPolicy;
    this.#exemptions = exemptions ?? {};
    this.#namespaces = new ObjectIndex(store, namespaces);
  }

  validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> | void {
    const { operation, kind, route } = request;
    if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
    if (isAbout(request, namespaces)) return this.#judgeNamespace(object as Namespace, request);
    const path = templates[`${kind.group}/${kind.plural}`];
    const isPod = kind.group === pods.group && kind.plural === pods.plural;
    if (isPod ? !judgedSubresources.includes(route.subresource) : !path || route.subresource !== '') return;
    const exempted = this.#exemptBy(request);
    if (exempted !== undefined) return request.annotate?.(`${annotationPrefix}exempt`, exempted);
    return this.#namespaces.whenReady(() => this.#judgeBy(object, request, path));
  }

  #judgeBy(object: KubeObject, request: AdmissionRequest, path: readonly string[] | undefined): void {
    const { route } = request;
    const { policy } = policyOf(this.#namespaces.get('', route.namespace)?.metadata.labels, this.#defaults);
    if (!path) return this.#judgePod(object as Pod, request, policy);
    const template = path.reduce((part, member) => partOf(part[member]), object as unknown as Part);
    if (template.spec !== undefined) this.#judge(partsIn(template), request, { policy, enforced: false });
  }

  #exemptBy({ caller, route }: AdmissionRequest): string | undefined {
    const { usernames, namespaces: spaces } = this.#exemptions;
    if (spaces?.includes(route.namespace)) return 'namespace';
    return usernames?.includes(caller.name) ? 'user' : undefined;
  }

  #judgePod(pod: Pod, request: AdmissionRequest, policy: Policy): void {
    const { previous } = request;
    if (request.operation === 'UPDATE' && previous && !isSignificant(pod, previous as Pod)) return;
    this.#judge(partsIn(pod as unknown as Part), request, { policy, enforced: true });
  }

  #judge(
    pod: PodParts,
    request: AdmissionRequest,
    { policy, enforced }: { readonly policy: Policy; readonly enforced: boolean },
  ): void {
    const runtime = textOf(pod.spec.runtimeClassName);
    if (runtime !== '' && this.#exemptions.runtimeClasses?.includes(runtime))
      return request.annotate?.(`${annotationPrefix}exempt`, 'runtimeClass');
    const audited = violations(pod, policy.audit);
    if (audited.length > 0) {
      const text = `would violate PodSecurity "${levelText(policy.audit)}": ${detailsText(audited)}`;
      request.annotate?.(`${annotationPrefix}audit-violations`, text);
    }
    if (enforced) {
      request.annotate?.(`${annotationPrefix}enforce-policy`, levelText(policy.enforce));
      const found = violations(pod, policy.enforce);
      if (found.length > 0) {
        throw refusal(request, `violates PodSecurity "${levelText(policy.enforce)}": ${detailsText(found)}`);
      }
    }
    const found = violations(pod, policy.warn);
    if (found.length === 0) return;
    request.warn?.(`would violate PodSecurity "${levelText(policy.warn)}": ${detailsText(found)}`);
  }

  async #judgeNamespace(namespace: Namespace, request: AdmissionRequest): Promise<void> {
    const { policy, errors } = policyOf(namespace.metadata.labels, this.#defaults);
    const { previous } = request;
    const before = previous && policyOf(previous.metadata.labels, this.#defaults);
    const told = (list: typeof errors) => list.map(({ path, text }) => `${path} ${text}`).join('\n');
    if (errors.length > 0 && (!before || told(errors) !== told(before.errors))) {
      throw invalidObject(request.kind, namespace.metadata.name, errors);
    }
    const { name } = namespace.metadata;
    const { enforce } = policy;
    if (before) {
      if (sameLevel(enforce, before.policy.enforce) || enforce.level === 'privileged') return;
      const relaxed = compareLevels(enforce.level, before.policy.enforce.level) < 1;
      if (enforce.minor === before.policy.enforce.minor && relaxed) return;
    }
    if (this.#exemptions.namespaces?.includes(name)) {
      request.warn?.(exemptText(name, policy));
      return;
    }
    if (!before) return;
    const { runtimeClasses = [] } = this.#exemptions;
    const warnings = await existingPodWarnings({ store: this.#store, clock: this.#clock }, name, {
      enforce,
      runtimeClasses,
    });
    for (const text of warnings) request.warn?.(text);
  }
}

const exemptText = (name: string, { enforce, audit, warn }: Policy): string => {
  const says = `enforce=${levelText(enforce)}, audit=${levelText(audit)}, warn=${levelText(warn)}`;
  return `namespace "${name}" is exempt from Pod Security, and the policy (${says}) will be ignored`;
};

const partsIn = (whole: Part): PodParts => ({
  annotations: mapOf(partOf(whole.metadata).annotations),
  spec: partOf(whole.spec),
});

const seccompPrefix = 'container.seccomp.security.alpha.kubernetes.io/';
const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

/** Hardly anything of a pod can change, and of that hardly anything matters. */
function isSignificant(pod: Pod, before: Pod): boolean {
  const [next, previous] = [pod.spec as unknown as Part, before.spec as unknown as Part];
  const lists = ['containers', 'initContainers', 'ephemeralContainers'];
  if (lists.some((list) => partsOf(next[list]).length !== partsOf(previous[list]).length)) return true;
  const notes = pod.metadata.annotations ?? {};
  const old = before.metadata.annotations ?? {};
  return lists.some((list) =>
    partsOf(next[list]).some(({ name, image }, index) => {
      const keys = [seccompPrefix, appArmorPrefix].map((prefix) => prefix + textOf(name));
      return image !== partsOf(previous[list])[index]?.image || keys.some((key) => notes[key] !== old[key]);
    }),
  );
}

function kindOf(name: string): { readonly group: string; readonly plural: string } {
  const [group = '', plural = ''] = name.split('/');
  return { group, plural };
}
