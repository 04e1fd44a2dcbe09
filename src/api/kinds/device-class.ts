import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import type { Part } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface DeviceClass extends KubeObject<Part, Part> {}

export const deviceClasses: Kind<DeviceClass> = defineKind<DeviceClass>('resource.k8s.io/v1', 'DeviceClass', {
  hasGeneration: true,
  columns: columnsOf('Name', 'Age'),
  cells: (object, now) => [object.metadata.name, ageCell(object, now)],
});
