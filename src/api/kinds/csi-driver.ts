import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, filled, type Part, partOf, partsOf, textOf, textsOf } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface CSIDriver extends KubeObject<Part, Part> {}

export const csiDrivers: Kind<CSIDriver> = defineKind<CSIDriver>('storage.k8s.io/v1', 'CSIDriver', {
  hasGeneration: false,
  defaults: (driver) =>
    changed(driver, 'spec', (spec) =>
      filled(spec, {
        attachRequired: true,
        podInfoOnMount: false,
        storageCapacity: false,
        fsGroupPolicy: 'ReadWriteOnceWithFSType',
        volumeLifecycleModes: ['Persistent'],
        requiresRepublish: false,
        seLinuxMount: false,
      }),
    ),
  columns: columnsOf(
    'Name',
    'AttachRequired:boolean',
    'PodInfoOnMount:boolean',
    'StorageCapacity:boolean',
    'TokenRequests',
    'RequiresRepublish:boolean',
    'Modes',
    'Age',
  ),
  cells: (driver, now) => {
    const spec = partOf(driver.spec);
    return [
      driver.metadata.name,
      spec.attachRequired !== false,
      spec.podInfoOnMount === true,
      spec.storageCapacity === true,
      partsOf(spec.tokenRequests)
        .map(({ audience }) => textOf(audience))
        .join(',') || '<unset>',
      spec.requiresRepublish === true,
      textsOf(spec.volumeLifecycleModes).join(','),
      ageCell(driver, now),
    ];
  },
});
