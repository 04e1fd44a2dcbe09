import { type Part, partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { controllerOf, type Draft, type Key, keyOf } from '../api/object.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import { controllerReference } from './ownership.ts';

export interface EphemeralObserved {
  readonly pod: Pod;
  /** By name: the claims that stand where the pod's own are to be. */
  readonly claims: ReadonlyMap<string, PersistentVolumeClaim>;
}

/** Makes the claims of volumes that live as long as their pod. */
export class EphemeralVolumeController implements Controller<EphemeralObserved> {
  readonly name = 'ephemeral-volume-controller';
  readonly #pods: Cache<Pod>;
  readonly #claims: Cache<PersistentVolumeClaim>;

  constructor(pods: Cache<Pod>, claims: Cache<PersistentVolumeClaim>) {
    this.#pods = pods;
    this.#claims = claims;
  }

  sources(): readonly Source[] {
    return [
      source(this.#pods, (pod) => (ephemeralOf(pod).length > 0 ? [keyOf(pod)] : [])),
      source(this.#claims, (claim) => {
        const owner = controllerOf(claim);
        const { namespace = '' } = claim.metadata;
        return owner?.kind === 'Pod' ? [{ namespace, name: owner.name }] : [];
      }),
    ];
  }

  observe(key: Key): EphemeralObserved | undefined {
    const pod = this.#pods.get(key);
    if (!pod || pod.metadata.deletionTimestamp !== undefined) return undefined;
    const found = ephemeralOf(pod).flatMap(({ name }) => {
      const claim = this.#claims.get({ namespace: key.namespace, name: claimName(pod, name) });
      return claim ? [[claim.metadata.name, claim] as const] : [];
    });
    return { pod, claims: new Map(found) };
  }

  plan({ pod, claims }: EphemeralObserved): Plan {
    const actions = ephemeralOf(pod).flatMap(({ name, ephemeral }): readonly (Action | Notice)[] => {
      const claim = claims.get(claimName(pod, name));
      if (!claim) return [create(pod, textOf(name), partOf(partOf(ephemeral).volumeClaimTemplate))];
      if (controllerOf(claim)?.uid === pod.metadata.uid) return [];
      const { namespace = '', name: podName } = pod.metadata;
      const message = `ephemeral volume ${textOf(name)}: PVC ${namespace}/${claim.metadata.name} was not created for pod ${namespace}/${podName} (pod is not owner)`;
      return [{ verb: 'event', about: pod, type: 'Warning', reason: 'FailedBinding', message }];
    });
    return actions.length > 0 ? { actions: [actions] } : nothing;
  }
}

const ephemeralOf = ({ spec }: Pod): readonly Part[] =>
  partsOf((spec as { readonly volumes?: unknown }).volumes).filter(({ ephemeral }) => ephemeral !== undefined);

const claimName = (pod: Pod, volume: unknown): string => `${pod.metadata.name}-${textOf(volume)}`;

function create(pod: Pod, volume: string, template: Part): Action {
  const { labels, annotations } = partOf(template.metadata);
  const { namespace = '' } = pod.metadata;
  const object = {
    metadata: {
      name: claimName(pod, volume),
      namespace,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ownerReferences: [controllerReference(podKind, pod)],
    },
    spec: template.spec,
  } as unknown as Draft<PersistentVolumeClaim>;
  return act({ verb: 'create', kind: persistentVolumeClaims, object });
}
