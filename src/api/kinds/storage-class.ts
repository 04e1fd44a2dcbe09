import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { filled, type Part, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { storageClassRules } from './storage-class-rules.ts';

export interface StorageClass extends KubeObject<Part, Part> {}

export const storageClasses: Kind<StorageClass> = defineKind<StorageClass>('storage.k8s.io/v1', 'StorageClass', {
  answersDeleted: true,
  validate: storageClassRules,
  defaults: (found) => filled(found, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }),
  columns: columnsOf('Name', 'Provisioner', 'ReclaimPolicy', 'VolumeBindingMode', 'AllowVolumeExpansion', 'Age'),
  cells: (found, now) => {
    const part = found as unknown as Part;
    const marked = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
    const isDefault = marked.some((name) => found.metadata.annotations?.[name] === 'true');
    return [
      isDefault ? `${found.metadata.name} (default)` : found.metadata.name,
      textOf(part.provisioner),
      textOf(part.reclaimPolicy),
      textOf(part.volumeBindingMode),
      part.allowVolumeExpansion === true,
      ageCell(found, now),
    ];
  },
});
