import { mapOf, partOf, textOf } from '../api/kinds/defaulting.ts';
import type { PersistentVolume } from '../api/kinds/persistent-volume.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { conditionOf, type Pod } from '../api/kinds/pod.ts';
import type { StorageClass } from '../api/kinds/storage-class.ts';
import { localPathDriver } from '../api/local-path.ts';
import { type KubeObject, keyOf } from '../api/object.ts';
import { compareQuantity, parseQuantity } from '../api/quantity.ts';
import { hasStorageClass, storageClassOf } from '../api/storage-class-of.ts';
import {
  bestMatch,
  boundByController,
  claimRefOf,
  isBound,
  isFor,
  misfit,
  requestOf,
  selectedNodeAnnotation,
  waitsForPod,
} from '../api/volume-matching.ts';
import type { Instant } from '../base/env.ts';
import { compareText } from '../base/text.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Plan } from '../machinery/controller.ts';
import { statusPatch } from './status-patch.ts';
import { bind } from './volume-bind.ts';

const provisionerAnnotations = [
  'volume.beta.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/storage-provisioner',
];
const defaultClassAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

export interface ClaimObserved {
  readonly about: 'claim';
  readonly claim: PersistentVolumeClaim;
  /** The one that the claim names. */
  readonly volume: PersistentVolume | undefined;
  /** Those to choose from, where it names none. */
  readonly volumes: readonly PersistentVolume[];
  readonly storageClass: StorageClass | undefined;
  readonly classes: readonly StorageClass[];
  readonly pods: readonly Pod[];
  readonly told: string | undefined;
}
/** `tells`: what the claim that goes on waiting was told. */
export type ClaimPlan = Plan & { readonly tells?: string };

const done: ClaimPlan = { actions: [] };

export function planClaim(observed: ClaimObserved, _now: Instant): ClaimPlan {
  return isBound(observed.claim) ? keepBound(observed) : findVolume(observed);
}

/** A claim that was bound once never gets another volume. */
function keepBound(observed: ClaimObserved): ClaimPlan {
  const { claim, volume } = observed;
  if (textOf(partOf(claim.spec).volumeName) === '') {
    return lost(claim, 'ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  }
  if (!volume)
    return lost(claim, 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  const ref = claimRefOf(volume);
  if (ref === undefined || isFor(volume, claim)) return growing(observed, bind(volume, claim));
  return lost(claim, 'ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

/** A claim that asks for more than it has: somebody else makes the volume larger, and it says so once. */
function growing({ claim, volume, storageClass, told: before }: ClaimObserved, actions: Plan['actions']): ClaimPlan {
  const { driver } = partOf(partOf(volume?.spec).csi);
  const has = mapOf(partOf(claim.status).capacity).storage;
  const wants = has !== undefined && compareQuantity(requestOf(claim), parseQuantity(has)) > 0;
  const allowed = partOf(storageClass).allowVolumeExpansion === true;
  if (!wants || !allowed || driver === undefined || driver === localPathDriver) return { actions };
  const message = 'waiting for an external controller to expand this PVC';
  const event = notice(claim, 'Normal', 'ExternalExpanding', message);
  return { actions: before === message ? actions : [...actions, [event]], tells: message };
}

function lost(claim: PersistentVolumeClaim, reason: string, message: string): ClaimPlan {
  const { capacity: _c, accessModes: _m, currentVolumeAttributesClassName: _a, ...status } = partOf(claim.status);
  if (status.phase === 'Lost') return done;
  const actions = statusPatch(persistentVolumeClaims, claim, { ...status, phase: 'Lost' });
  return { actions: [[...actions, { verb: 'event', about: claim, type: 'Warning', reason, message }]] };
}

function findVolume(observed: ClaimObserved): ClaimPlan {
  const { claim, volume } = observed;
  const named = textOf(partOf(claim.spec).volumeName);
  if (named) return namedVolume(observed, volume);
  const waits = isDelayed(claim, observed.storageClass);
  const found = bestMatch(claim, observed.volumes, { waits });
  if (found) return { actions: bind(found, claim) };
  const adopted = withDefaultClass(observed);
  if (adopted) return adopted;
  if (waits) return told(observed, waitingFor(claim, observed.pods));
  if (storageClassOf(claim) !== '') return provisioned(observed);
  const message = 'no persistent volumes available for this claim and no storage class is set';
  return told(observed, notice(claim, 'Normal', 'FailedBinding', message));
}

/** The user says which volume it is to be. */
function namedVolume(observed: ClaimObserved, volume: PersistentVolume | undefined): ClaimPlan {
  const { claim } = observed;
  if (!volume) return { actions: pending(claim) };
  if (claimRefOf(volume) === undefined) {
    const why = misfit(volume, claim);
    if (why === undefined) return { actions: bind(volume, claim) };
    const message = `Cannot bind to requested volume "${volume.metadata.name}": ${why}`;
    return told(observed, notice(claim, 'Warning', 'VolumeMismatch', message));
  }
  if (isFor(volume, claim)) return { actions: bind(volume, claim) };
  // Our own half-done binding is undone from the volume's side.
  if (claim.metadata.annotations?.[boundByController] !== undefined) return done;
  const message = `volume "${volume.metadata.name}" already bound to a different claim.`;
  return told(observed, notice(claim, 'Warning', 'FailedBinding', message));
}

/** Whether a claim waits for its first pod, which has not found its node yet. */
const isDelayed = (claim: PersistentVolumeClaim, storageClass: StorageClass | undefined): boolean =>
  claim.metadata.annotations?.[selectedNodeAnnotation] === undefined && waitsForPod(storageClass);

function waitingFor(claim: PersistentVolumeClaim, pods: readonly Pod[]): Notice {
  const first = 'waiting for first consumer to be created before binding';
  const unplaced = pods.filter((pod) => !pod.spec.nodeName && conditionOf(pod, 'PodScheduled')?.status !== 'True');
  if (unplaced.length === 0) return notice(claim, 'Normal', 'WaitForFirstConsumer', first);
  const names = unplaced.map(({ metadata }) => metadata.name).sort(compareText);
  const message = `waiting for pod${names.length > 1 ? 's' : ''} ${names.join(',')} to be scheduled`;
  return notice(claim, 'Normal', 'WaitForPodScheduled', message);
}

function provisioned(observed: ClaimObserved): ClaimPlan {
  const { claim, storageClass } = observed;
  if (!storageClass) {
    const message = `storageclass.storage.k8s.io "${storageClassOf(claim)}" not found`;
    return told(observed, notice(claim, 'Warning', 'ProvisioningFailed', message));
  }
  const provisioner = textOf(partOf(storageClass).provisioner);
  if (provisioner.startsWith('kubernetes.io/')) {
    const message = `no volume plugin matched name: ${provisioner}`;
    return told(observed, notice(claim, 'Warning', 'ProvisioningFailed', message));
  }
  const { uid, resourceVersion, annotations = {} } = claim.metadata;
  const missing = provisionerAnnotations.filter((name) => annotations[name] !== provisioner);
  const marked = Object.fromEntries(missing.map((name) => [name, provisioner]));
  const patch = { metadata: { uid, resourceVersion, annotations: marked } };
  const writes =
    missing.length > 0 ? [act({ verb: 'patch', kind: persistentVolumeClaims, key: keyOf(claim), patch })] : [];
  const message =
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system ` +
    'administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.';
  return told(observed, notice(claim, 'Normal', 'ExternalProvisioning', message), writes);
}

/** A claim that was made before there was a default class gets it later. */
function withDefaultClass({ claim, classes }: ClaimObserved): ClaimPlan | undefined {
  if (hasStorageClass(claim)) return undefined;
  const [newest] = classes
    .filter(({ metadata }) => defaultClassAnnotations.some((name) => metadata.annotations?.[name] === 'true'))
    .toSorted(
      (a, b) =>
        compareText(b.metadata.creationTimestamp, a.metadata.creationTimestamp) ||
        compareText(a.metadata.name, b.metadata.name),
    );
  if (!newest) return undefined;
  const { uid, resourceVersion } = claim.metadata;
  const patch = { metadata: { uid, resourceVersion }, spec: { storageClassName: newest.metadata.name } };
  return { actions: [[act({ verb: 'patch', kind: persistentVolumeClaims, key: keyOf(claim), patch })]] };
}

const notice = (about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): Notice => ({
  verb: 'event',
  about,
  type,
  reason,
  message,
});

function pending(claim: PersistentVolumeClaim): readonly (readonly Action[])[] {
  const status = statusPatch(persistentVolumeClaims, claim, { ...partOf(claim.status), phase: 'Pending' });
  return status.length > 0 ? [status] : [];
}

/** Says once why the claim waits. */
function told({ claim, told: before }: ClaimObserved, event: Notice, writes: readonly Action[] = []): ClaimPlan {
  const tells = `${event.reason}: ${event.message}`;
  const isNew = before !== tells;
  const group = [...writes, ...pending(claim).flat(), ...(isNew ? [event] : [])];
  return { actions: group.length > 0 ? [group] : [], tells };
}
