import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { type Part, partOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { resourceSliceRules } from './resource-slice-rules.ts';

export interface ResourceSlice extends KubeObject<Part, Part> {}

export const resourceSlices: Kind<ResourceSlice> = defineKind<ResourceSlice>('resource.k8s.io/v1', 'ResourceSlice', {
  answersDeleted: true,
  validate: resourceSliceRules,
  hasGeneration: true,
  columns: columnsOf('Name', 'Node', 'Driver', 'Pool', 'Age'),
  cells: (slice, now) => {
    const { nodeName, driver, pool } = partOf(slice.spec);
    return [
      slice.metadata.name,
      textOf(nodeName) || '<unset>',
      textOf(driver),
      textOf(partOf(pool).name),
      ageCell(slice, now),
    ];
  },
  fields: (slice) => ({
    'spec.nodeName': textOf(partOf(slice.spec).nodeName),
    'spec.driver': textOf(partOf(slice.spec).driver),
  }),
});
