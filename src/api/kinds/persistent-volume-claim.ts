import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf, orUnset } from './columns.ts';
import { changed, filled, inPhase, mapOf, type Part, partOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { accessModesText } from './persistent-volume.ts';
import { persistentVolumeClaimRules } from './persistent-volume-claim-rules.ts';
import { persistentVolumeClaimWarnings } from './persistent-volume-warnings.ts';

export interface PersistentVolumeClaim extends KubeObject<Part, Part> {}

export const persistentVolumeClaims: Kind<PersistentVolumeClaim> = defineKind<PersistentVolumeClaim>(
  'v1',
  'PersistentVolumeClaim',
  {
    answersDeleted: true,
    validate: persistentVolumeClaimRules,
    warnings: persistentVolumeClaimWarnings,
    hasGeneration: false,
    defaults: (claim) =>
      changed(inPhase(claim, 'Pending'), 'spec', (spec) => filled(spec, { volumeMode: 'Filesystem' })),
    prepareUpdate: (next, previous, { subresource }) =>
      subresource === 'status'
        ? { ...previous, metadata: next.metadata, ...statusOf(next) }
        : { ...changed(next, 'spec', (spec) => withBothSources(spec, partOf(previous.spec))), ...statusOf(previous) },
    prepareCreate: (claim) => ({
      ...changed(claim, 'spec', (spec) => withBothSources(spec)),
      status: { phase: 'Pending' },
    }),
    columns: columnsOf(
      'Name',
      'Status',
      'Volume',
      'Capacity',
      'Access Modes',
      'StorageClass',
      'VolumeAttributesClass',
      'Age',
      'VolumeMode:wide',
    ),
    cells: (claim, now) => {
      const spec = partOf(claim.spec);
      const status = partOf(claim.status);
      const bound = textOf(spec.volumeName) !== '';
      const old = claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'];
      return [
        claim.metadata.name,
        claim.metadata.deletionTimestamp ? 'Terminating' : textOf(status.phase),
        textOf(spec.volumeName),
        bound ? (mapOf(status.capacity).storage ?? '0') : '',
        bound ? accessModesText(status.accessModes) : '',
        old ?? textOf(spec.storageClassName),
        orUnset(spec.volumeAttributesClassName),
        ageCell(claim, now),
        textOf(spec.volumeMode) || '<unset>',
      ];
    },
  },
);

const statusOf = ({ status }: PersistentVolumeClaim) => (status === undefined ? {} : { status });

const snapshots = 'snapshot.storage.k8s.io';

/** The old and the new field for where the data comes from say the same, where both can. */
function withBothSources(given: Part, previous: Part = {}): Part {
  const { dataSource, ...rest } = given;
  // The old field holds only what it always could; anything else in it was never heard, unless it is stored so.
  const heard = dataSource === undefined || previous.dataSource !== undefined || isClassicSource(partOf(dataSource));
  const known = heard ? given : rest;
  // Data of another namespace is not switched on by default: who asks for it is not heard.
  const { dataSourceRef: asked, ...others } = known;
  const foreign = partOf(asked).namespace !== undefined && previous.dataSourceRef === undefined;
  const spec: Part = foreign ? others : known;
  const { dataSourceRef } = spec;
  if (spec.dataSource !== undefined && dataSourceRef === undefined) return { ...spec, dataSourceRef: spec.dataSource };
  if (spec.dataSource !== undefined || dataSourceRef === undefined) return spec;
  const { namespace, ...source } = partOf(dataSourceRef);
  return namespace ? spec : { ...spec, dataSource: source };
}
function isClassicSource({ apiGroup, kind }: Part): boolean {
  const group = textOf(apiGroup);
  return (group === '' && kind === 'PersistentVolumeClaim') || (group === snapshots && kind === 'VolumeSnapshot');
}
