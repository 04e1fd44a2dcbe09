import { equalJson } from '../../base/json.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { csiDriverRules } from './csi-driver-rules.ts';
import { changed, filled, type Part, partOf, partsOf, textOf, textsOf } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface CSIDriver extends KubeObject<Part, Part> {}

export const csiDrivers: Kind<CSIDriver> = defineKind<CSIDriver>('storage.k8s.io/v1', 'CSIDriver', {
  answersDeleted: true,
  validate: csiDriverRules,
  hasGeneration: false,
  needsRevision: true,
  // A driver begins without a generation and gets one with its first change.
  prepareUpdate: (next, previous) =>
    equalJson(next.spec, previous.spec)
      ? next
      : { ...next, metadata: { ...next.metadata, generation: (previous.metadata.generation ?? 0) + 1 } },
  warnings: (next, previous) => {
    const { tokenRequests, serviceAccountTokenInSecrets } = partOf(next.spec);
    if (partsOf(tokenRequests).length === 0 || serviceAccountTokenInSecrets !== undefined) return [];
    if (previous && equalJson(tokenRequests, partOf(previous.spec).tokenRequests)) return [];
    return [
      'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes',
    ];
  },
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
