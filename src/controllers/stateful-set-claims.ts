import { type PersistentVolumeClaim, persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { type StatefulSet, statefulSets } from '../api/kinds/stateful-set.ts';
import type { Draft, KubeObject, Owner } from '../api/object.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import { controllerReference, own } from './ownership.ts';
import { isInRange, ordinalOf, setSpecOf } from './stateful-set-shape.ts';

export type Claims = ReadonlyMap<string, PersistentVolumeClaim>;

export const claimName = (set: StatefulSet, template: string, ordinal: number): string =>
  `${template}-${set.metadata.name}-${ordinal}`;

const templatesOf = (set: StatefulSet): readonly PersistentVolumeClaim[] => setSpecOf(set).volumeClaimTemplates ?? [];

export const claimNames = (set: StatefulSet, ordinal: number): readonly string[] =>
  templatesOf(set).map(({ metadata }) => claimName(set, metadata.name, ordinal));

/** Whether a claim may be one of the set's, by its name. */
export const mayClaim = (set: StatefulSet, claim: string): boolean =>
  templatesOf(set).some(({ metadata }) => claim.startsWith(`${metadata.name}-${set.metadata.name}-`));

/** The claims of a pod that are not there yet, each told of. */
export function missingClaims(set: StatefulSet, ordinal: number, claims: Claims): readonly (Action | Notice)[] {
  const { selector } = setSpecOf(set);
  return templatesOf(set).flatMap(({ metadata, spec }) => {
    const name = claimName(set, metadata.name, ordinal);
    if (claims.has(name)) return [];
    const owners = wantedOwners(set, { inRange: isInRange(set, ordinal), pod: undefined });
    const object: Draft<PersistentVolumeClaim> = {
      metadata: {
        name,
        namespace: set.metadata.namespace ?? '',
        labels: { ...metadata.labels, ...selector.matchLabels },
        ...(metadata.annotations ? { annotations: metadata.annotations } : {}),
        ...(owners.length > 0 ? { ownerReferences: owners } : {}),
      },
      ...(spec ? { spec } : {}),
    };
    const action = act({ verb: 'create', kind: persistentVolumeClaims, object });
    const pod = `${set.metadata.name}-${ordinal}`;
    const message = `Create Claim ${name} Pod ${pod} in StatefulSet ${set.metadata.name} success`;
    return [action, { verb: 'event', about: set, reason: 'SuccessfulCreate', message, after: action } as const];
  });
}

/** A claim that is on its way out: the pod waits for the next. */
export const leavingClaim = (set: StatefulSet, ordinal: number, claims: Claims): string | undefined =>
  claimNames(set, ordinal).find((name) => claims.get(name)?.metadata.deletionTimestamp !== undefined);

/** A claim that belongs to an earlier pod of this name goes with it: it must not be taken over. */
export function hasStaleClaim(set: StatefulSet, ordinal: number, claims: Claims): boolean {
  if (setSpecOf(set).persistentVolumeClaimRetentionPolicy?.whenScaled !== 'Delete') return false;
  const pod = `${set.metadata.name}-${ordinal}`;
  return claimNames(set, ordinal).some((name) =>
    claims.get(name)?.metadata.ownerReferences?.some((owner) => owner.kind === 'Pod' && owner.name === pod),
  );
}

/** Lets claims go with the set, with the pod, or with neither, as the set asks for. */
export function repairOwners(set: StatefulSet, pod: Pod, claims: Claims): readonly Action[] {
  const ordinal = ordinalOf(set, pod);
  if (ordinal === undefined) return [];
  const wanted = wantedOwners(set, { inRange: isInRange(set, ordinal), pod });
  return claimNames(set, ordinal).flatMap((name) => {
    const claim = claims.get(name);
    if (!claim || claim.metadata.deletionTimestamp) return [];
    const owners = claim.metadata.ownerReferences ?? [];
    const isOurs = (owner: Owner) => refersTo(owner, 'StatefulSet', set) || refersTo(owner, 'Pod', pod);
    const others = owners.filter((owner) => !isOurs(owner));
    // Somebody else has taken the claim over: whether it stays is theirs to say.
    const next = others.some(({ controller }) => controller) ? others : [...others, ...wanted];
    const same = next.length === owners.length && next.every((one) => owners.some((owner) => isSame(one, owner)));
    return same ? [] : [own(persistentVolumeClaims, claim, next)];
  });
}

const refersTo = (owner: Owner, kind: string, { metadata }: KubeObject): boolean =>
  owner.kind === kind && owner.name === metadata.name;
const isSame = (a: Owner, b: Owner): boolean => a.uid === b.uid && a.controller === b.controller;

interface Place {
  readonly inRange: boolean;
  readonly pod: Pod | undefined;
}

function wantedOwners(set: StatefulSet, { inRange, pod }: Place): readonly Owner[] {
  const { whenDeleted, whenScaled } = setSpecOf(set).persistentVolumeClaimRetentionPolicy ?? {};
  if (whenScaled === 'Delete' && !inRange) return pod ? [controllerReference(pods, pod)] : [];
  return whenDeleted === 'Delete' ? [controllerReference(statefulSets, set)] : [];
}
