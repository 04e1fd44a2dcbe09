import { type Part, partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { isFinished, type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { type ResourceClaim, resourceClaims } from '../api/kinds/resource-claim.ts';
import type { ResourceClaimTemplate } from '../api/kinds/resource-claim-template.ts';
import { controllerOf, type Draft, type Key, keyOf } from '../api/object.ts';
import type { Json } from '../base/json.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Cache, Index } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import { controllerReference } from './ownership.ts';

const podClaimAnnotation = 'resource.kubernetes.io/pod-claim-name';

export type DeviceObserved =
  | {
      readonly about: 'pod';
      readonly pod: Pod;
      /** The claims that were made for it. */
      readonly claims: readonly ResourceClaim[];
      readonly templates: ReadonlyMap<string, ResourceClaimTemplate>;
    }
  | {
      readonly about: 'claim';
      readonly claim: ResourceClaim;
      /** Those of its users that are there and at work. */
      readonly users: ReadonlySet<string>;
    };

const byPod: Index<ResourceClaim> = (claim) => {
  const owner = controllerOf(claim);
  return owner?.kind === 'Pod' ? [owner.uid] : [];
};

/** Makes the claims for devices that pods have templates of, and frees those whose pods are done. */
export class ResourceClaimController implements Controller<DeviceObserved> {
  readonly name = 'resourceclaim-controller';
  readonly #pods: Cache<Pod>;
  readonly #claims: Cache<ResourceClaim>;
  readonly #templates: Cache<ResourceClaimTemplate>;

  constructor(pods: Cache<Pod>, claims: Cache<ResourceClaim>, templates: Cache<ResourceClaimTemplate>) {
    this.#pods = pods;
    this.#claims = claims.index('pod', byPod);
    this.#templates = templates;
  }

  sources(): readonly Source[] {
    const podKey = ({ namespace, name }: Key): Key => ({ namespace: 'pod', name: `${namespace}/${name}` });
    const claimKey = ({ namespace, name }: Key): Key => ({ namespace: 'claim', name: `${namespace}/${name}` });
    return [
      source(this.#pods, (pod) => {
        if (templatesOf(pod).length + namesOf(pod).length === 0) return [];
        const { namespace = '' } = pod.metadata;
        return [podKey(keyOf(pod)), ...namesOf(pod).map((name) => claimKey({ namespace, name }))];
      }),
      source(this.#claims, (claim) => {
        const owner = controllerOf(claim);
        const { namespace = '' } = claim.metadata;
        return [claimKey(keyOf(claim)), ...(owner?.kind === 'Pod' ? [podKey({ namespace, name: owner.name })] : [])];
      }),
      source(this.#templates, ({ metadata }) =>
        this.#pods
          .list(metadata.namespace ?? '')
          .filter((pod) => templatesOf(pod).some((one) => one.resourceClaimTemplateName === metadata.name))
          .map((pod) => podKey(keyOf(pod))),
      ),
    ];
  }

  observe({ namespace: about, name: text }: Key): DeviceObserved | undefined {
    const slash = text.indexOf('/');
    const key = { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
    if (about === 'claim') {
      const claim = this.#claims.get(key);
      const working = claim && partsOf(partOf(claim.status).reservedFor).filter((user) => this.#works(key, user));
      return claim && { about, claim, users: new Set(working?.map(({ uid }) => textOf(uid))) };
    }
    const pod = this.#pods.get(key);
    if (!pod || pod.metadata.deletionTimestamp !== undefined || isFinished(pod)) return undefined;
    const found = templatesOf(pod).flatMap(({ resourceClaimTemplateName }) => {
      const name = textOf(resourceClaimTemplateName);
      const template = this.#templates.get({ namespace: key.namespace, name });
      return template ? [[name, template] as const] : [];
    });
    return { about: 'pod', pod, claims: this.#claims.by('pod', pod.metadata.uid), templates: new Map(found) };
  }

  /** Users that are no pods are somebody else's. */
  #works({ namespace }: Key, { resource, name, uid }: Part): boolean {
    if (resource !== 'pods') return true;
    const pod = this.#pods.get({ namespace, name: textOf(name) });
    return pod !== undefined && pod.metadata.uid === uid && !isFinished(pod);
  }

  plan(observed: DeviceObserved): Plan {
    return observed.about === 'claim' ? freed(observed.claim, observed.users) : claimed(observed);
  }
}

const claimsIn = ({ spec }: Pod): readonly Part[] =>
  partsOf((spec as { readonly resourceClaims?: unknown }).resourceClaims);
const templatesOf = (pod: Pod): readonly Part[] =>
  claimsIn(pod).filter(({ resourceClaimTemplateName }) => resourceClaimTemplateName !== undefined);
const statusesOf = ({ status }: Pod): readonly Part[] =>
  partsOf((status as { readonly resourceClaimStatuses?: unknown } | undefined)?.resourceClaimStatuses);
const namesOf = (pod: Pod): readonly string[] =>
  [...claimsIn(pod), ...statusesOf(pod)].flatMap(({ resourceClaimName }) =>
    resourceClaimName ? [textOf(resourceClaimName)] : [],
  );

function claimed({ pod, claims, templates }: DeviceObserved & { readonly about: 'pod' }): Plan {
  const before = statusesOf(pod);
  const missing: (Action | Notice)[] = [];
  const statuses = templatesOf(pod).flatMap(({ name, resourceClaimTemplateName }): readonly Part[] => {
    const claim = claims.find(({ metadata }) => metadata.annotations?.[podClaimAnnotation] === name);
    if (claim) return [{ name, resourceClaimName: claim.metadata.name }];
    const told = before.find((one) => one.name === name);
    if (told) return [told];
    const template = templates.get(textOf(resourceClaimTemplateName));
    missing.push(
      template ? create(pod, textOf(name), template) : untold(pod, textOf(name), textOf(resourceClaimTemplateName)),
    );
    return [];
  });
  if (missing.length > 0) return { actions: [missing] };
  const isTold = statuses.every((one) =>
    before.some((old) => old.name === one.name && old.resourceClaimName === one.resourceClaimName),
  );
  if (isTold) return nothing;
  const patch = { status: { resourceClaimStatuses: statuses as unknown as Json } };
  return { actions: [[act({ verb: 'patch', kind: podKind, key: keyOf(pod), patch, subresource: 'status' })]] };
}

function create(pod: Pod, name: string, template: ResourceClaimTemplate): Action {
  const { metadata = {}, spec } = partOf(template.spec);
  const { labels, annotations } = partOf(metadata);
  const object = {
    metadata: {
      generateName: `${pod.metadata.name}-${name}-`,
      namespace: pod.metadata.namespace ?? '',
      ...(labels ? { labels } : {}),
      annotations: { ...partOf(annotations), [podClaimAnnotation]: name },
      ownerReferences: [controllerReference(podKind, pod)],
    },
    spec,
  } as unknown as Draft<ResourceClaim>;
  return act({ verb: 'create', kind: resourceClaims, object });
}

function untold(about: Pod, name: string, template: string): Notice {
  const message = `PodResourceClaim ${name}: resource claim template "${template}": resourceclaimtemplate.resource.k8s.io "${template}" not found`;
  return { verb: 'event', about, type: 'Warning', reason: 'FailedResourceClaimCreation', message };
}

/** Who is done holds nothing any more; what nobody holds is free, once it was made for a pod. */
function freed(claim: ResourceClaim, users: ReadonlySet<string>): Plan {
  const before = partsOf(partOf(claim.status).reservedFor);
  const kept = before.filter(({ uid }) => users.has(textOf(uid)));
  if (kept.length === before.length) return nothing;
  const { uid, resourceVersion } = claim.metadata;
  const isOfPod = controllerOf(claim)?.kind === 'Pod';
  const status = {
    reservedFor: kept.length > 0 ? kept : null,
    ...(kept.length === 0 && isOfPod ? { allocation: null } : {}),
  };
  const patch = { metadata: { uid, resourceVersion }, status: status as unknown as Json };
  return { actions: [[act({ verb: 'patch', kind: resourceClaims, key: keyOf(claim), patch, subresource: 'status' })]] };
}
