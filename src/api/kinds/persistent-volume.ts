import { timestamp } from '../../base/text.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf, orUnset } from './columns.ts';
import { changed, filled, inPhase, mapOf, type Part, partOf, textOf, textsOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { persistentVolumeRules } from './persistent-volume-rules.ts';
import { persistentVolumeWarnings } from './persistent-volume-warnings.ts';
import { volumeSourceDefaults } from './pod-defaults.ts';

export interface PersistentVolume extends KubeObject<Part, Part> {}

export const persistentVolumes: Kind<PersistentVolume> = defineKind<PersistentVolume>('v1', 'PersistentVolume', {
  answersDeleted: true,
  validate: persistentVolumeRules,
  warnings: persistentVolumeWarnings,
  hasGeneration: false,
  defaults: (volume) =>
    changed(inPhase(volume, 'Pending'), 'spec', (spec) =>
      filled(volumeSourceDefaults(spec), { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' }),
    ),
  prepareUpdate: (next, previous, { now, subresource }) => {
    if (subresource !== 'status') return { ...next, ...(previous.status ? { status: previous.status } : {}) };
    const status = partOf(next.status);
    const before = partOf(previous.status);
    const moved = status.phase !== before.phase;
    const told = status.lastPhaseTransitionTime;
    const old = before.lastPhaseTransitionTime;
    // Who moves it without saying when moves it now, and who leaves it where it is leaves its time.
    const since = moved && (told === undefined || told === old) ? timestamp(now) : (told ?? old);
    const times = since === undefined ? {} : { lastPhaseTransitionTime: since };
    return { ...previous, metadata: next.metadata, status: { ...status, ...times } };
  },
  prepareCreate: (volume, { now }) => ({
    ...volume,
    status: { phase: 'Pending', lastPhaseTransitionTime: timestamp(now) },
  }),
  columns: columnsOf(
    'Name',
    'Capacity',
    'Access Modes',
    'Reclaim Policy',
    'Status',
    'Claim',
    'StorageClass',
    'VolumeAttributesClass',
    'Reason',
    'Age',
    'VolumeMode:wide',
  ),
  cells: (volume, now) => {
    const spec = partOf(volume.spec);
    const status = partOf(volume.status);
    const claim = spec.claimRef ? partOf(spec.claimRef) : undefined;
    return [
      volume.metadata.name,
      mapOf(spec.capacity).storage ?? '0',
      accessModesText(spec.accessModes),
      textOf(spec.persistentVolumeReclaimPolicy),
      volume.metadata.deletionTimestamp ? 'Terminating' : textOf(status.phase),
      claim ? `${textOf(claim.namespace)}/${textOf(claim.name)}` : '',
      textOf(spec.storageClassName),
      orUnset(spec.volumeAttributesClassName),
      textOf(status.reason),
      ageCell(volume, now),
      textOf(spec.volumeMode) || '<unset>',
    ];
  },
});

const modeNames: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
/** The short names of access modes, each once, in upstream's order. */
export const accessModesText = (modes: unknown): string =>
  Object.keys(modeNames)
    .filter((mode) => textsOf(modes).includes(mode))
    .map((mode) => modeNames[mode])
    .join(',');
