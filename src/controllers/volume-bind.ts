import { mapOf, partOf, textOf, textsOf } from '../api/kinds/defaulting.ts';
import { type PersistentVolume, persistentVolumes } from '../api/kinds/persistent-volume.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { keyOf } from '../api/object.ts';
import { bindCompleted, boundByController, isBound } from '../api/volume-matching.ts';
import { equalJson, type Json, type JsonObject } from '../base/json.ts';
import { type Action, act } from '../client/action.ts';
import { ownVolume } from '../machinery/own-volume.ts';
import { statusPatch } from './status-patch.ts';

/** The writes that make a volume and a claim one; none where they are. Each may fail, and is then found undone. */
export function bind(volume: PersistentVolume, claim: PersistentVolumeClaim): readonly (readonly Action[])[] {
  return [
    ownVolume(volume, claim),
    volumePhase(volume, 'Bound'),
    ownClaim(volume, claim),
    boundStatus(volume, claim),
  ].filter((group) => group.length > 0);
}

function ownClaim(volume: PersistentVolume, claim: PersistentVolumeClaim): readonly Action[] {
  const { uid, resourceVersion } = claim.metadata;
  const named = textOf(partOf(claim.spec).volumeName) === volume.metadata.name;
  if (named && isBound(claim)) return [];
  const annotations = { ...(named ? {} : { [boundByController]: 'yes' }), [bindCompleted]: 'yes' };
  const spec = named ? {} : { spec: { volumeName: volume.metadata.name } };
  const patch = { metadata: { uid, resourceVersion, annotations }, ...spec };
  return [act({ verb: 'patch', kind: persistentVolumeClaims, key: keyOf(claim), patch })];
}

function boundStatus(volume: PersistentVolume, claim: PersistentVolumeClaim): readonly Action[] {
  const { accessModes, capacity, volumeAttributesClassName } = partOf(volume.spec);
  const before = partOf(claim.status);
  // A claim that grows keeps what it has until the growth is over: only what is new is taken over.
  const had = before.phase === 'Bound' ? mapOf(before.capacity).storage : undefined;
  const storage = had ?? mapOf(capacity).storage;
  const next = {
    ...before,
    phase: 'Bound',
    accessModes: textsOf(accessModes),
    ...(storage === undefined ? {} : { capacity: { ...mapOf(before.capacity), storage } }),
    ...(volumeAttributesClassName ? { currentVolumeAttributesClassName: volumeAttributesClassName } : {}),
  };
  return statusPatch(persistentVolumeClaims, claim, next);
}

export function volumePhase(volume: PersistentVolume, phase: string, message?: string): readonly Action[] {
  const { message: _message, reason: _reason, ...rest } = partOf(volume.status);
  if (rest.phase === phase && equalJson(message, _message)) return [];
  // When it changed is the server's to say.
  const { lastPhaseTransitionTime: _since, ...status } = rest;
  const next = { ...status, phase, ...(message === undefined ? {} : { message }) };
  const patch: JsonObject = {
    status: { ...(next as JsonObject), ...(message === undefined ? { message: null } : {}) },
  };
  return [
    act({ verb: 'patch', kind: persistentVolumes, key: keyOf(volume), patch: patch as Json, subresource: 'status' }),
  ];
}
