import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { type Part, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { volumeAttributesClassRules } from './volume-attributes-class-rules.ts';

export interface VolumeAttributesClass extends KubeObject<Part, Part> {}

export const volumeAttributesClasses: Kind<VolumeAttributesClass> = defineKind<VolumeAttributesClass>(
  'storage.k8s.io/v1',
  'VolumeAttributesClass',
  {
    answersDeleted: true,
    validate: volumeAttributesClassRules,
    columns: columnsOf('Name', 'DriverName', 'Age'),
    cells: (found, now) => {
      const isDefault = found.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
      const { name } = found.metadata;
      return [
        isDefault ? `${name} (default)` : name,
        textOf((found as unknown as Part).driverName),
        ageCell(found, now),
      ];
    },
  },
);
