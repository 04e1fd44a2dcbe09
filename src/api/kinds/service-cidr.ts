import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { type Part, partOf, textsOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { serviceCidrRules } from './service-cidr-rules.ts';
import { statusKeepsMetadata } from './status-writes.ts';

export interface ServiceCIDR extends KubeObject<Part, Part> {}

export const serviceCidrs: Kind<ServiceCIDR> = defineKind<ServiceCIDR>('networking.k8s.io/v1', 'ServiceCIDR', {
  hasGeneration: false,
  validate: serviceCidrRules,
  ...statusKeepsMetadata,
  columns: columnsOf('Name', 'CIDRs', 'Age'),
  cells: (range, now) => [range.metadata.name, textsOf(partOf(range.spec).cidrs).join(','), ageCell(range, now)],
});
