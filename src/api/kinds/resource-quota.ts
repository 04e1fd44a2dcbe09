import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { mapOf, type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { resourceQuotaRules } from './resource-quota-rules.ts';

export interface ResourceQuota extends KubeObject<Part, Part> {}

export const resourceQuotas: Kind<ResourceQuota> = defineKind<ResourceQuota>('v1', 'ResourceQuota', {
  answersDeleted: true,
  validate: resourceQuotaRules,
  hasGeneration: false,
  columns: columnsOf('Name', 'Request', 'Limit', 'Age'),
  cells: (quota, now) => {
    const { hard, used } = partOf(quota.status);
    const names = Object.keys(mapOf(hard)).sort();
    const text = (wanted: boolean) =>
      names
        .filter((name) => name.startsWith('limits') === wanted)
        .map((name) => `${name}: ${mapOf(used)[name] ?? '0'}/${mapOf(hard)[name]}`)
        .join(', ');
    return [quota.metadata.name, text(false), text(true), ageCell(quota, now)];
  },
});
