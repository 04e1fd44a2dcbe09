import { type LimitRange, limitRanges } from '../../api/kinds/limit-range.ts';
import { persistentVolumeClaims } from '../../api/kinds/persistent-volume-claim.ts';
import { type Container, type Pod, pods } from '../../api/kinds/pod.ts';
import type { KubeObject, Labels } from '../../api/object.ts';
import type { Store } from '../../store/store.ts';
import { claimFaults, type Limit, podFaults } from './limit-range-checks.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout, joinedReasons, refusal } from './refusal.ts';

const annotation = 'kubernetes.io/limit-ranger';

/** Gives containers what a namespace's limits say by default, and holds pods and claims to them. */
export class LimitRanger implements AdmissionPlugin {
  readonly name = 'LimitRanger';
  readonly kinds = [pods, persistentVolumeClaims];
  readonly #ranges: ObjectIndex<LimitRange>;

  constructor(store: Store) {
    this.#ranges = new ObjectIndex(store, limitRanges);
  }

  mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> | KubeObject {
    if (!isLimited(request) || request.kind.plural !== pods.plural) return object;
    return this.#ranges.whenReady(() =>
      this.#limits(request).reduce((pod, limits) => defaulted(pod, limits), object as Pod),
    );
  }

  validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> | void {
    if (!object || !isLimited(request)) return;
    return this.#ranges.whenReady(() => this.#check(object, request));
  }

  #check(object: KubeObject, request: AdmissionRequest): void {
    const isClaim = isAbout(request, persistentVolumeClaims);
    for (const limits of this.#limits(request)) {
      const faults = isClaim ? claimFaults(limits, object) : podFaults(limits, object as Pod);
      if (faults.length > 0) throw refusal(request, joinedReasons(faults));
    }
  }

  #limits({ route }: AdmissionRequest): readonly (readonly Limit[])[] {
    return this.#ranges
      .list(route.namespace)
      .map(({ spec }) => (spec as { readonly limits?: readonly Limit[] } | undefined)?.limits ?? []);
  }
}

/** What a pod asks for is settled when it is made, and again when it is resized. */
function isLimited(request: AdmissionRequest): boolean {
  const { operation, kind, route, previous } = request;
  if (previous?.metadata.deletionTimestamp !== undefined) return false;
  if (isAbout(request, persistentVolumeClaims)) return operation === 'CREATE' || operation === 'UPDATE';
  if (kind.group !== pods.group || kind.plural !== pods.plural) return false;
  return (
    (operation === 'CREATE' && route.subresource === '') || (operation === 'UPDATE' && route.subresource === 'resize')
  );
}

function defaulted(pod: Pod, limits: readonly Limit[]): Pod {
  const own = limits.filter(({ type }) => type === 'Container');
  const byDefault: Labels = Object.assign({}, ...own.map((limit) => limit.default ?? {}));
  const byDefaultRequest: Labels = Object.assign({}, ...own.map((limit) => limit.defaultRequest ?? {}));
  const told: string[] = [];
  const fill = (what: string) => (container: Container) => {
    const requests = lacking(byDefaultRequest, container.resources?.requests);
    const most = lacking(byDefault, container.resources?.limits);
    if (requests.length === 0 && most.length === 0) return container;
    if (requests.length > 0) told.push(`${requests.join(', ')} request for ${what} ${container.name}`);
    if (most.length > 0) told.push(`${most.join(', ')} limit for ${what} ${container.name}`);
    return {
      ...container,
      resources: {
        ...container.resources,
        ...(most.length > 0 ? { limits: { ...byDefault, ...container.resources?.limits } } : {}),
        ...(requests.length > 0 ? { requests: { ...byDefaultRequest, ...container.resources?.requests } } : {}),
      },
    };
  };
  const containers = pod.spec.containers?.map(fill('container'));
  const initContainers = pod.spec.initContainers?.map(fill('init container'));
  if (told.length === 0) return pod;
  const text = `LimitRanger plugin set: ${told.join('; ')}`;
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, [annotation]: text } },
    spec: { ...pod.spec, containers, ...(initContainers ? { initContainers } : {}) },
  };
}

const lacking = (wanted: Labels, given: Labels = {}): readonly string[] =>
  Object.keys(wanted)
    .filter((name) => given[name] === undefined)
    .sort();
