import type { Kind } from '../api/kind.ts';
import { controllerOf, type KubeObject, keyOf, type Labels, type Owner } from '../api/object.ts';
import { type LabelSelector, matcherOf } from '../api/selector.ts';
import type { Json } from '../base/json.ts';
import { type Action, act } from '../client/action.ts';
import type { Index } from '../machinery/cache.ts';

/** The objects of a namespace that no controller manages: the ones that may be adopted. */
export const byOrphan: Index<KubeObject> = (object) =>
  controllerOf(object) === undefined ? [object.metadata.namespace ?? ''] : [];

export const controllerReference = (
  kind: { readonly apiVersion: string; readonly kind: string },
  owner: KubeObject,
): Owner => ({
  apiVersion: kind.apiVersion,
  kind: kind.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
});

export interface Claimed<T> {
  readonly mine: readonly T[];
  readonly actions: readonly Action[];
}

export interface ClaimBy {
  readonly kind: { readonly apiVersion: string; readonly kind: string };
  readonly owner: KubeObject;
  readonly selector: LabelSelector;
  /** Put on what is adopted, taken off what is released. */
  readonly finalizer?: string;
}

/** Sorts candidates into those that belong to the owner and those that do not, adopting and releasing as needed. */
export function claim<T extends KubeObject>(kind: Kind<T>, by: ClaimBy, candidates: readonly T[]): Claimed<T> {
  const matches = onceForEach(matcherOf(by.selector));
  const leaving = by.owner.metadata.deletionTimestamp !== undefined;
  const mine: T[] = [];
  const actions: Action[] = [];
  for (const object of candidates) {
    const { ownerReferences = [], labels, deletionTimestamp } = object.metadata;
    const controller = controllerOf(object);
    if (controller?.uid === by.owner.metadata.uid) {
      if (matches(labels)) mine.push(object);
      else if (!leaving) {
        const rest = ownerReferences.filter((owner) => owner.uid !== by.owner.metadata.uid);
        actions.push(own(kind, object, rest, finalizersWithout(object, by.finalizer)));
      }
    } else if (!controller && !leaving && deletionTimestamp === undefined && matches(labels)) {
      const owners = [...ownerReferences, controllerReference(by.kind, by.owner)];
      actions.push(own(kind, object, owners, finalizersWith(object, by.finalizer)));
      mine.push(object);
    }
  }
  return { mine, actions };
}

/** Pods that one template made mostly share their labels: the same ones in a row are judged once. */
export function onceForEach(matches: (labels: Labels | undefined) => boolean): (labels: Labels | undefined) => boolean {
  let last: Labels | undefined;
  let isMatch = matches(last);
  return (labels) => {
    if (labels !== last) {
      last = labels;
      isMatch = matches(labels);
    }
    return isMatch;
  };
}

/** Guarded by uid and revision: whoever else changed the object in between wins, and we look again. */
export function own<T extends KubeObject>(
  kind: Kind<T>,
  object: T,
  owners: readonly Owner[],
  finalizers?: readonly string[],
): Action {
  const { uid, resourceVersion } = object.metadata;
  const ownerReferences = owners.length > 0 ? (owners as unknown as Json) : null;
  const metadata = { uid, resourceVersion, ownerReferences, ...(finalizers ? { finalizers: finalizers as Json } : {}) };
  return act({ verb: 'patch', kind, key: keyOf(object), patch: { metadata } });
}

function finalizersWith({ metadata }: KubeObject, finalizer: string | undefined): readonly string[] | undefined {
  const { finalizers = [] } = metadata;
  return finalizer === undefined || finalizers.includes(finalizer) ? undefined : [...finalizers, finalizer];
}

function finalizersWithout({ metadata }: KubeObject, finalizer: string | undefined): readonly string[] | undefined {
  const { finalizers = [] } = metadata;
  if (finalizer === undefined || !finalizers.includes(finalizer)) return undefined;
  return finalizers.filter((one) => one !== finalizer);
}
