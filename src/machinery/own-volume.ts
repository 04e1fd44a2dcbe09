import { type PersistentVolume, persistentVolumes } from '../api/kinds/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../api/kinds/persistent-volume-claim.ts';
import { keyOf } from '../api/object.ts';
import { boundByController, claimRefOf, isFor } from '../api/volume-matching.ts';
import { type Action, act } from '../client/action.ts';

/** The volume's side, which comes first: whoever owns the volume has won. */
export function ownVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): readonly Action[] {
  const ref = claimRefOf(volume);
  const meant = isFor(volume, claim);
  if (meant && ref?.uid === claim.metadata.uid) return [];
  const { uid, resourceVersion, annotations } = volume.metadata;
  const { namespace, name } = claim.metadata;
  const claimRef = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    ...(namespace ? { namespace } : {}),
    name,
    uid: claim.metadata.uid,
    resourceVersion: claim.metadata.resourceVersion,
  };
  const marked = meant || annotations?.[boundByController] ? {} : { annotations: { [boundByController]: 'yes' } };
  const patch = { metadata: { uid, resourceVersion, ...marked }, spec: { claimRef } };
  return [act({ verb: 'patch', kind: persistentVolumes, key: keyOf(volume), patch })];
}
