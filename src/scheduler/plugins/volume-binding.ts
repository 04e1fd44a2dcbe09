import { claimsOf } from '../../api/claim-users.ts';
import { mapOf, partOf, partsOf, textOf, textsOf } from '../../api/kinds/defaulting.ts';
import type { Node } from '../../api/kinds/node.ts';
import type { PersistentVolume } from '../../api/kinds/persistent-volume.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims } from '../../api/kinds/persistent-volume-claim.ts';
import type { Pod } from '../../api/kinds/pod.ts';
import type { StorageClass } from '../../api/kinds/storage-class.ts';
import { keyOf } from '../../api/object.ts';
import { storageClassOf } from '../../api/storage-class-of.ts';
import { isAffine } from '../../api/volume-affinity.ts';
import { bestMatch, isBound, selectedNodeAnnotation, waitsForPod } from '../../api/volume-matching.ts';
import { type Action, act } from '../../client/action.ts';
import type { Cache } from '../../machinery/cache.ts';
import { ownVolume } from '../../machinery/own-volume.ts';
import { rejected, type SchedulerPlugin } from '../plugin.ts';

export interface VolumeCaches {
  readonly claims: Cache<PersistentVolumeClaim>;
  readonly volumes: Cache<PersistentVolume>;
  readonly classes: Cache<StorageClass>;
}
interface Wanted {
  /** The volumes that the pod's claims have already. */
  readonly bound: readonly PersistentVolume[];
  /** Claims that wait for the pod's node. */
  readonly open: readonly PersistentVolumeClaim[];
  readonly refusal: string | undefined;
}

const noProvisioner = 'kubernetes.io/no-provisioner';

/** Puts a pod where its volumes can be had, and chooses volumes for claims that waited for it. */
export class VolumeBinding implements SchedulerPlugin<Wanted> {
  readonly name = 'VolumeBinding';
  readonly #caches: VolumeCaches;

  constructor(caches: VolumeCaches) {
    this.#caches = caches;
  }

  prepare(pod: Pod): Wanted {
    const { claims, volumes, classes } = this.#caches;
    const bound: PersistentVolume[] = [];
    const open: PersistentVolumeClaim[] = [];
    const refused = (refusal: string): Wanted => ({ bound, open, refusal });
    for (const name of claimsOf(pod)) {
      const claim = claims.get({ namespace: pod.metadata.namespace ?? '', name });
      if (!claim) return refused(`persistentvolumeclaim "${name}" not found`);
      if (partOf(claim.status).phase === 'Lost') {
        return refused(`persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${volumeName(claim)}"`);
      }
      if (claim.metadata.deletionTimestamp !== undefined) {
        return refused(`persistentvolumeclaim "${name}" is being deleted`);
      }
      const volume = volumes.get({ namespace: '', name: volumeName(claim) });
      if (isBound(claim) && volume) bound.push(volume);
      else if (isBound(claim)) return refused(`persistentvolume "${volumeName(claim)}" not found`);
      else if (waitsForPod(classes.get({ namespace: '', name: storageClassOf(claim) }))) open.push(claim);
      else return refused('pod has unbound immediate PersistentVolumeClaims');
    }
    return { bound, open, refusal: undefined };
  }

  idle(_pod: Pod, { bound, open, refusal }: Wanted): boolean {
    return bound.length === 0 && open.length === 0 && refusal === undefined;
  }

  refuse(_pod: Pod, { refusal }: Wanted): string | undefined {
    return refusal;
  }

  filter(_pod: Pod, { node }: { readonly node: Node }, { bound, open }: Wanted) {
    if (!bound.every((volume) => isAffine(volume, node))) {
      return rejected("node(s) didn't match PersistentVolume's node affinity", true);
    }
    return open.every((claim) => this.#canHave(claim, node))
      ? undefined
      : rejected("node(s) didn't find available persistent volumes to bind", true);
  }

  #canHave(claim: PersistentVolumeClaim, node: Node): boolean {
    const chosen = claim.metadata.annotations?.[selectedNodeAnnotation];
    if (chosen !== undefined) return chosen === node.metadata.name;
    return this.#match(claim, node) !== undefined || this.#isProvisioned(claim, node);
  }

  #match(claim: PersistentVolumeClaim, node: Node): PersistentVolume | undefined {
    return bestMatch(claim, this.#caches.volumes.list(), { node });
  }

  #isProvisioned(claim: PersistentVolumeClaim, node: Node): boolean {
    const storageClass = partOf(this.#caches.classes.get({ namespace: '', name: storageClassOf(claim) }));
    if (textOf(storageClass.provisioner) === noProvisioner) return false;
    const terms = partsOf(storageClass.allowedTopologies);
    const labels = node.metadata.labels ?? {};
    const allows = (term: Readonly<Record<string, unknown>>) =>
      partsOf(term.matchLabelExpressions).every(({ key, values }) =>
        textsOf(values).includes(mapOf(labels)[textOf(key)] ?? ''),
      );
    return terms.length === 0 || terms.some(allows);
  }

  /** What must be written before the pod may go there; undefined: nothing. While it is empty others are at work. */
  choices(pod: Pod, node: Node): readonly Action[] | undefined {
    const { open } = this.prepare(pod);
    if (open.length === 0) return undefined;
    return open.flatMap((claim): readonly Action[] => {
      if (claim.metadata.annotations?.[selectedNodeAnnotation] !== undefined) return [];
      const volume = this.#match(claim, node);
      if (volume) return ownVolume(volume, claim);
      const { uid, resourceVersion } = claim.metadata;
      const annotations = { [selectedNodeAnnotation]: node.metadata.name };
      const patch = { metadata: { uid, resourceVersion, annotations } };
      return [act({ verb: 'patch', kind: persistentVolumeClaims, key: keyOf(claim), patch })];
    });
  }
}

const volumeName = (claim: PersistentVolumeClaim): string => textOf(partOf(claim.spec).volumeName);
