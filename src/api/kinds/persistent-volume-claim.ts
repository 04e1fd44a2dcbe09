import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf, orUnset } from './columns.ts';
import { changed, filled, mapOf, type Part, partOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { accessModesText, withFinalizer } from './persistent-volume.ts';
import { persistentVolumeClaimRules } from './persistent-volume-claim-rules.ts';

export interface PersistentVolumeClaim extends KubeObject<Part, Part> {}

export const persistentVolumeClaims: Kind<PersistentVolumeClaim> = defineKind<PersistentVolumeClaim>(
  'v1',
  'PersistentVolumeClaim',
  {
    validate: persistentVolumeClaimRules,
    hasGeneration: false,
    defaults: (claim) => changed(claim, 'spec', (spec) => filled(spec, { volumeMode: 'Filesystem' })),
    prepareCreate: (claim) => ({
      ...withFinalizer(changed(claim, 'spec', withBothSources), 'kubernetes.io/pvc-protection'),
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

const snapshots = 'snapshot.storage.k8s.io';

/** The old and the new field for where the data comes from say the same, where the old one can. */
function withBothSources(spec: Part): Part {
  const { dataSource, dataSourceRef, ...rest } = spec;
  if (dataSource !== undefined && !isClassicSource(partOf(dataSource))) {
    return dataSourceRef === undefined ? rest : { ...rest, dataSourceRef };
  }
  if (dataSource !== undefined && dataSourceRef === undefined) return { ...spec, dataSourceRef: dataSource };
  if (dataSource === undefined && dataSourceRef !== undefined) {
    const { namespace, ...source } = partOf(dataSourceRef);
    if (!namespace && isClassicSource(source)) return { ...spec, dataSource: source };
  }
  return spec;
}
const isClassicSource = ({ apiGroup = '', kind }: Part): boolean =>
  (apiGroup === '' && kind === 'PersistentVolumeClaim') || (apiGroup === snapshots && kind === 'VolumeSnapshot');
