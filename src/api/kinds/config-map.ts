import type { Kind } from '../kind.ts';
import type { KubeObject, Labels } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { configMapRules } from './config-map-rules.ts';
import { defineKind } from './define.ts';

export interface ConfigMap extends KubeObject<never, never> {
  readonly data?: Labels;
  readonly binaryData?: Labels;
  readonly immutable?: boolean;
}

export const configMaps: Kind<ConfigMap> = defineKind<ConfigMap>('v1', 'ConfigMap', {
  ...configMapRules,
  columns: columnsOf('Name', 'Data', 'Age'),
  cells: (map, now) => [
    map.metadata.name,
    Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length,
    ageCell(map, now),
  ],
});
