import { byClaim } from '../api/claim-users.ts';
import { isApiError } from '../api/error.ts';
import { pathOf } from '../api/kind.ts';
import { partOf, textOf } from '../api/kinds/defaulting.ts';
import type { PersistentVolume } from '../api/kinds/persistent-volume.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { StorageClass } from '../api/kinds/storage-class.ts';
import { type Key, keyOf, keyText, parseKey } from '../api/object.ts';
import { storageClassOf } from '../api/storage-class-of.ts';
import { claimRefOf, isBound } from '../api/volume-matching.ts';
import type { Instant, Random } from '../base/env.ts';
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
import { type ClaimObserved, planClaim } from './volume-claim.ts';
import { planVolume, type VolumeObserved } from './volume-reclaim.ts';

export interface VolumeCaches {
  readonly claims: Cache<PersistentVolumeClaim>;
  readonly volumes: Cache<PersistentVolume>;
  readonly classes: Cache<StorageClass>;
  readonly pods: Cache<Pod>;
}

/** Brings claims and volumes together, and decides what becomes of a volume whose claim has gone. */
export class VolumeBinder implements Controller<ClaimObserved | VolumeObserved> {
  readonly name = 'persistentvolume-controller';
  readonly #caches: VolumeCaches;
  /** What each claim that waits was last told: it is told again only when that has changed. */
  readonly #told = new Map<string, string>();

  constructor(caches: VolumeCaches) {
    this.#caches = caches;
    caches.claims.index('unbound', (claim) => (isBound(claim) ? [] : ['yes', `class/${storageClassOf(claim)}`]));
    caches.volumes.index('claim', (volume) => {
      const ref = claimRefOf(volume);
      return ref ? [`${textOf(ref.namespace)}/${textOf(ref.name)}`] : [];
    });
    caches.pods.index('claim', byClaim);
  }

  sources(): readonly Source[] {
    const { claims, volumes, classes } = this.#caches;
    return [
      source(claims, (claim) => {
        const named = textOf(partOf(claim.spec).volumeName);
        const bound = volumes.by('claim', keyText(keyOf(claim)));
        const names = new Set([...(named ? [named] : []), ...bound.map(({ metadata }) => metadata.name)]);
        return [claimKey(claim), ...[...names].map((name) => ({ namespace: 'volume', name }))];
      }),
      source(volumes, (volume) => {
        const ref = claimRefOf(volume);
        const own = ref ? [{ namespace: 'claim', name: `${textOf(ref.namespace)}/${textOf(ref.name)}` }] : [];
        const waiting = ref ? [] : claims.by('unbound', `class/${storageClassOf(volume)}`).map(claimKey);
        return [{ namespace: 'volume', name: volume.metadata.name }, ...own, ...waiting];
      }),
      source(classes, () => claims.by('unbound', 'yes').map(claimKey)),
    ];
  }

  observe({ namespace: about, name }: Key): ClaimObserved | VolumeObserved | undefined {
    return about === 'volume' ? this.#volume(name) : this.#claim(parseKey(name));
  }

  #claim(key: Key): ClaimObserved | undefined {
    const { claims, volumes, classes, pods } = this.#caches;
    const claim = claims.get(key);
    if (!claim) return undefined;
    const name = textOf(partOf(claim.spec).volumeName);
    const volume = name ? volumes.get({ namespace: '', name }) : undefined;
    const className = storageClassOf(claim);
    return {
      about: 'claim',
      claim,
      volume,
      volumes: isBound(claim) || name ? [] : volumes.list(),
      storageClass: className ? classes.get({ namespace: '', name: className }) : undefined,
      classes: classes.list(),
      pods: isBound(claim) ? [] : pods.by('claim', keyText(key)),
      told: this.#told.get(claim.metadata.uid),
    };
  }

  #volume(name: string): VolumeObserved | undefined {
    const volume = this.#caches.volumes.get({ namespace: '', name });
    if (!volume) return undefined;
    const ref = claimRefOf(volume);
    const claim = ref && this.#caches.claims.get({ namespace: textOf(ref.namespace), name: textOf(ref.name) });
    return { about: 'volume', volume, claim };
  }

  /** Before a volume is given up the server is asked for its claim: the cache may not have seen it yet. */
  wants(observed: ClaimObserved | VolumeObserved): readonly Question[] {
    if (observed.about !== 'volume') return [];
    const ref = claimRefOf(observed.volume);
    if (!ref?.uid || observed.claim?.metadata.uid === ref.uid) return [];
    if (['Released', 'Failed'].includes(textOf(partOf(observed.volume.status).phase))) return [];
    return [{ path: pathOf(persistentVolumeClaims, textOf(ref.namespace), textOf(ref.name)) }];
  }

  plan(observed: ClaimObserved | VolumeObserved, now: Instant, _random: Random, answers: readonly Answer[] = []): Plan {
    if (observed.about === 'claim') {
      const { uid } = observed.claim.metadata;
      const { tells, ...plan } = planClaim(observed, now);
      if (tells === undefined) this.#told.delete(uid);
      else this.#told.set(uid, tells);
      return plan;
    }
    const [answer] = answers;
    if (!answer) return planVolume(observed);
    if ('error' in answer) {
      return isApiError(answer.error, 'NotFound') ? planVolume({ ...observed, claim: undefined }) : nothing;
    }
    return planVolume({ ...observed, claim: answer.found as unknown as PersistentVolumeClaim });
  }
}

const claimKey = (claim: PersistentVolumeClaim): Key => ({ namespace: 'claim', name: keyText(keyOf(claim)) });
