import { partOf, textOf } from '../api/kinds/defaulting.ts';
import { type PersistentVolume, persistentVolumes } from '../api/kinds/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../api/kinds/persistent-volume-claim.ts';
import { keyOf } from '../api/object.ts';
import { boundByController, claimRefOf, isFor } from '../api/volume-matching.ts';
import type { Json } from '../base/json.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Plan } from '../machinery/controller.ts';
import { volumePhase } from './volume-bind.ts';

const provisionedBy = 'pv.kubernetes.io/provisioned-by';

export interface VolumeObserved {
  readonly about: 'volume';
  readonly volume: PersistentVolume;
  /** The claim of the name that the volume has in mind. */
  readonly claim: PersistentVolumeClaim | undefined;
}

/** What a volume is: free, taken, or left behind by its claim. */
export function planVolume({ volume, claim }: VolumeObserved): Plan {
  const ref = claimRefOf(volume);
  // A volume that somebody set aside for a claim waits for that claim.
  if (!ref?.uid) return phased(volume, 'Available');
  if (!claim || claim.metadata.uid !== ref.uid) return released(volume);
  const bound = textOf(partOf(claim.spec).volumeName);
  if (bound === volume.metadata.name) return phased(volume, 'Bound');
  // The claim's side of the binding is still to come.
  if (bound === '') return { actions: [] };
  const dynamic = volume.metadata.annotations?.[provisionedBy] !== undefined;
  if (dynamic && partOf(volume.spec).persistentVolumeReclaimPolicy === 'Delete') return released(volume);
  return { actions: [[unbound(volume, claim)], [...volumePhase(volume, 'Available')]] };
}

const phased = (volume: PersistentVolume, phase: string): Plan => {
  const actions = volumePhase(volume, phase);
  return { actions: actions.length > 0 ? [actions] : [] };
};

/** Another volume was quicker: this one is free again, for whomever it was meant before. */
function unbound(volume: PersistentVolume, claim: PersistentVolumeClaim): Action {
  const { uid, resourceVersion, annotations } = volume.metadata;
  const ours = annotations?.[boundByController] !== undefined && isFor(volume, claim);
  const claimRef: Json = ours ? null : { uid: null, resourceVersion: null };
  const metadata = { uid, resourceVersion, ...(ours ? { annotations: { [boundByController]: null } } : {}) };
  return act({ verb: 'patch', kind: persistentVolumes, key: keyOf(volume), patch: { metadata, spec: { claimRef } } });
}

/** Its claim is gone: it is kept, or its provisioner takes it away. What nobody can take away has failed. */
function released(volume: PersistentVolume): Plan {
  const { phase } = partOf(volume.status);
  if (phase !== 'Released' && phase !== 'Failed') return phased(volume, 'Released');
  if (phase === 'Failed') return { actions: [] };
  const policy = partOf(volume.spec).persistentVolumeReclaimPolicy;
  if (policy === 'Delete' && volume.metadata.annotations?.[provisionedBy] === undefined && !partOf(volume.spec).csi) {
    const why = `error getting deleter volume plugin for volume "${volume.metadata.name}": no deletable volume plugin matched`;
    return failed(volume, 'VolumeFailedDelete', why);
  }
  if (policy === 'Recycle') return failed(volume, 'VolumeFailedRecycle', 'No recycler plugin found for the volume!');
  return { actions: [] };
}

function failed(volume: PersistentVolume, reason: string, message: string): Plan {
  const event: Notice = { verb: 'event', about: volume, type: 'Warning', reason, message };
  return { actions: [[...volumePhase(volume, 'Failed', message), event]] };
}
