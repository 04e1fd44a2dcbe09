import { byClaim, claimsOf } from '../api/claim-users.ts';
import type { Kind } from '../api/kind.ts';
import { pathOf } from '../api/kind.ts';
import { partOf, textOf } from '../api/kinds/defaulting.ts';
import { type PersistentVolume, persistentVolumes } from '../api/kinds/persistent-volume.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { type VolumeAttributesClass, volumeAttributesClasses } from '../api/kinds/volume-attributes-class.ts';
import { type Key, type KubeObject, keyOf, keyText } from '../api/object.ts';
import type { Instant, Random } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import {
  type Answer,
  type Controller,
  nothing,
  type Plan,
  type Question,
  type Source,
  source,
} from '../machinery/controller.ts';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const classFinalizer = 'kubernetes.io/vac-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';

export interface ClaimUse {
  readonly claim: PersistentVolumeClaim;
  readonly pods: readonly Pod[];
}

/** Keeps a claim as long as a pod that has its node uses it. */
export class ClaimProtectionController implements Controller<ClaimUse> {
  readonly name = 'persistentvolumeclaim-protection-controller';
  readonly #claims: Cache<PersistentVolumeClaim>;
  readonly #pods: Cache<Pod>;

  constructor(claims: Cache<PersistentVolumeClaim>, pods: Cache<Pod>) {
    this.#claims = claims;
    this.#pods = pods.index('claim', byClaim);
  }

  sources(): readonly Source[] {
    return [
      source(this.#claims, (claim) => [keyOf(claim)]),
      source(this.#pods, (pod) => claimsOf(pod).map((name) => ({ namespace: pod.metadata.namespace ?? '', name }))),
    ];
  }

  observe(key: Key): ClaimUse | undefined {
    const claim = this.#claims.get(key);
    return claim && { claim, pods: this.#pods.by('claim', keyText(key)) };
  }

  /** A pod that the cache does not show yet may have been placed already. */
  wants({ claim, pods }: ClaimUse): readonly Question[] {
    return isHeld(claim, claimFinalizer) && !pods.some(usesIt)
      ? [{ path: pathOf(podKind, claim.metadata.namespace ?? '') }]
      : [];
  }

  plan({ claim, pods }: ClaimUse, _now: Instant, _random: Random, answers: readonly Answer[] = []): Plan {
    if (claim.metadata.deletionTimestamp === undefined) return protect(persistentVolumeClaims, claim, claimFinalizer);
    if (!isHeld(claim, claimFinalizer) || pods.some(usesIt)) return nothing;
    const [answer] = answers;
    if (!answer || 'error' in answer) return { actions: [], again: 1_000 };
    const live = ((answer.found as { readonly items?: readonly unknown[] }).items ?? []) as readonly Pod[];
    const users = live.filter((pod) => claimsOf(pod).includes(claim.metadata.name));
    return users.some(usesIt) ? nothing : release(persistentVolumeClaims, claim, claimFinalizer);
  }
}

/** Keeps a volume as long as it is bound. */
export class VolumeProtectionController implements Controller<PersistentVolume> {
  readonly name = 'persistentvolume-protection-controller';
  readonly #volumes: Cache<PersistentVolume>;

  constructor(volumes: Cache<PersistentVolume>) {
    this.#volumes = volumes;
  }

  sources(): readonly Source[] {
    return [source(this.#volumes, (volume) => [keyOf(volume)])];
  }

  observe(key: Key): PersistentVolume | undefined {
    return this.#volumes.get(key);
  }

  plan(volume: PersistentVolume): Plan {
    if (volume.metadata.deletionTimestamp === undefined) return protect(persistentVolumes, volume, volumeFinalizer);
    if (!isHeld(volume, volumeFinalizer) || partOf(volume.status).phase === 'Bound') return nothing;
    return release(persistentVolumes, volume, volumeFinalizer);
  }
}

export interface AttributesClassUse {
  readonly attributes: VolumeAttributesClass;
  readonly used: boolean;
}

/** Keeps a class of attributes as long as a claim or a volume has it, or is on the way to it. */
export class AttributesClassProtectionController implements Controller<AttributesClassUse> {
  readonly name = 'volumeattributesclass-protection-controller';
  readonly #classes: Cache<VolumeAttributesClass>;
  readonly #claims: Cache<PersistentVolumeClaim>;
  readonly #volumes: Cache<PersistentVolume>;

  constructor(
    classes: Cache<VolumeAttributesClass>,
    claims: Cache<PersistentVolumeClaim>,
    volumes: Cache<PersistentVolume>,
  ) {
    this.#classes = classes;
    this.#claims = claims.index('attributes class', classesOfClaim);
    this.#volumes = volumes.index('attributes class', classesOfVolume);
  }

  sources(): readonly Source[] {
    const named = (name: string): Key => ({ namespace: '', name });
    return [
      source(this.#classes, (attributes) => [keyOf(attributes)]),
      source(this.#claims, (claim) => classesOfClaim(claim).map(named)),
      source(this.#volumes, (volume) => classesOfVolume(volume).map(named)),
    ];
  }

  observe(key: Key): AttributesClassUse | undefined {
    const attributes = this.#classes.get(key);
    const users = () =>
      [this.#claims, this.#volumes].some((cache) => cache.by('attributes class', key.name).length > 0);
    return attributes && { attributes, used: users() };
  }

  plan({ attributes, used }: AttributesClassUse): Plan {
    if (attributes.metadata.deletionTimestamp === undefined) {
      return protect(volumeAttributesClasses, attributes, classFinalizer);
    }
    return used || !isHeld(attributes, classFinalizer)
      ? nothing
      : release(volumeAttributesClasses, attributes, classFinalizer);
  }
}

function classesOfClaim({ spec, status }: PersistentVolumeClaim): readonly string[] {
  const { currentVolumeAttributesClassName: current, modifyVolumeStatus } = partOf(status);
  const target = partOf(modifyVolumeStatus).targetVolumeAttributesClassName;
  return namesIn(partOf(spec).volumeAttributesClassName, current, target);
}
const classesOfVolume = ({ spec }: PersistentVolume): readonly string[] =>
  namesIn(partOf(spec).volumeAttributesClassName);
const namesIn = (...values: readonly unknown[]): readonly string[] => [
  ...new Set(values.map(textOf).filter((name) => name !== '')),
];

const usesIt = ({ spec }: Pod): boolean => Boolean(spec.nodeName);

const isHeld = ({ metadata }: KubeObject, finalizer: string): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(finalizer) === true;

const protect = <T extends KubeObject>(kind: Kind<T>, object: T, finalizer: string): Plan => {
  const { finalizers = [] } = object.metadata;
  return finalizers.includes(finalizer) ? nothing : written(kind, object, [...finalizers, finalizer]);
};
const release = <T extends KubeObject>(kind: Kind<T>, object: T, finalizer: string): Plan =>
  written(kind, object, object.metadata.finalizers?.filter((one) => one !== finalizer) ?? []);

function written<T extends KubeObject>(kind: Kind<T>, object: T, finalizers: readonly string[]): Plan {
  const { uid, resourceVersion } = object.metadata;
  const patch = { metadata: { uid, resourceVersion, finalizers: finalizers.length > 0 ? (finalizers as Json) : null } };
  return { actions: [[act({ verb: 'patch', kind, key: keyOf(object), patch })]] };
}
