import { compareText } from '../base/text.ts';
import { mapOf, type Part, partOf, textOf, textsOf } from './kinds/defaulting.ts';
import type { Node } from './kinds/node.ts';
import type { PersistentVolume } from './kinds/persistent-volume.ts';
import type { PersistentVolumeClaim } from './kinds/persistent-volume-claim.ts';
import type { StorageClass } from './kinds/storage-class.ts';
import type { KubeObject } from './object.ts';
import { compareQuantity, parseQuantity, type Quantity } from './quantity.ts';
import { type LabelSelector, matcherOf } from './selector.ts';
import { storageClassOf } from './storage-class-of.ts';
import { isAffine } from './volume-affinity.ts';

export const boundByController = 'pv.kubernetes.io/bound-by-controller';
export const bindCompleted = 'pv.kubernetes.io/bind-completed';
/** The node that was chosen for the first pod of a claim: what the claim gets must be had there. */
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';

export const isBound = ({ metadata }: PersistentVolumeClaim): boolean =>
  metadata.annotations?.[bindCompleted] !== undefined;

/** Whether the claims of a class wait for their first pod. */
export const waitsForPod = (storageClass: StorageClass | undefined): boolean =>
  partOf(storageClass).volumeBindingMode === 'WaitForFirstConsumer';

export const claimRefOf = (volume: PersistentVolume): Part | undefined => {
  const ref = partOf(volume.spec).claimRef;
  return ref === undefined ? undefined : partOf(ref);
};

/** Whether a volume is meant for this very claim, by name and, where it says, by uid. */
export function isFor(volume: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const ref = claimRefOf(volume);
  if (!ref || ref.name !== metadata.name || ref.namespace !== metadata.namespace) return false;
  return !ref.uid || ref.uid === metadata.uid;
}

export const requestOf = (claim: PersistentVolumeClaim): Quantity =>
  parseQuantity(mapOf(partOf(partOf(claim.spec).resources).requests).storage ?? '0');
export const capacityOf = (volume: PersistentVolume): Quantity =>
  parseQuantity(mapOf(partOf(volume.spec).capacity).storage ?? '0');

const modeOf = (object: KubeObject<Part, unknown>): string => textOf(object.spec?.volumeMode) || 'Filesystem';

/** Why a claim that names a volume cannot have it. */
export function misfit(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (compareQuantity(capacityOf(volume), requestOf(claim)) < 0) return 'requested PV is too small';
  if (storageClassOf(volume) !== storageClassOf(claim)) return 'storageClassName does not match';
  if (modeOf(volume) !== modeOf(claim)) return 'incompatible volumeMode';
  if (!offersModes(volume, claim)) return 'incompatible accessMode';
  return undefined;
}

function offersModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const offered = textsOf(partOf(volume.spec).accessModes);
  return textsOf(partOf(claim.spec).accessModes).every((mode) => offered.includes(mode));
}

export interface MatchSetting {
  /** Where the pod is to run; without it a claim that waits for its pod finds only what is meant for it. */
  readonly node?: Node;
  readonly waits?: boolean;
}

/** The smallest volume that fits a claim, unless one is meant for it. */
export function bestMatch(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  { node, waits = false }: MatchSetting = {},
): PersistentVolume | undefined {
  const { selector, volumeAttributesClassName } = partOf(claim.spec);
  const selects = selector === undefined ? () => true : matcherOf(selector as LabelSelector);
  const fitting = volumes.filter((volume) => {
    const { metadata, spec, status } = volume;
    if (modeOf(volume) !== modeOf(claim) || metadata.deletionTimestamp !== undefined) return false;
    if (textOf(partOf(spec).volumeAttributesClassName) !== textOf(volumeAttributesClassName)) return false;
    if (compareQuantity(capacityOf(volume), requestOf(claim)) < 0) return false;
    if (node && !isAffine(volume, node)) return false;
    if (claimRefOf(volume)) return isFor(volume, claim);
    if (waits && !node) return false;
    const isFree = partOf(status).phase === 'Available' && storageClassOf(volume) === storageClassOf(claim);
    return isFree && selects(metadata.labels) && offersModes(volume, claim);
  });
  const meant = fitting.find((volume) => isFor(volume, claim));
  if (meant) return meant;
  return fitting.toSorted(
    (a, b) => compareQuantity(capacityOf(a), capacityOf(b)) || compareText(a.metadata.name, b.metadata.name),
  )[0];
}
