import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { defineKind } from './define.ts';
import { leaseRules } from './lease-rules.ts';

export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}
export interface Lease extends KubeObject<LeaseSpec, never> {}

export const leases: Kind<Lease> = defineKind<Lease>('coordination.k8s.io/v1', 'Lease', {
  validate: leaseRules,
  createOnUpdate: true,
  needsRevision: true,
  columns: columnsOf('Name', 'Holder', 'Age'),
  cells: (lease, now) => [lease.metadata.name, lease.spec?.holderIdentity ?? '', ageCell(lease, now)],
});
