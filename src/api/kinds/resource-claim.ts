import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, changedItems, filled, type Part, partOf, partsOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { resourceClaimRules } from './resource-claim-rules.ts';
import { statusKeepsMetadata } from './status-writes.ts';

export interface ResourceClaim extends KubeObject<Part, Part> {}

export const resourceClaims: Kind<ResourceClaim> = defineKind<ResourceClaim>('resource.k8s.io/v1', 'ResourceClaim', {
  answersDeleted: true,
  validate: resourceClaimRules,
  ...statusKeepsMetadata,
  hasGeneration: false,
  defaults: (claim) => changed(claim, 'spec', claimDefaults),
  columns: columnsOf('Name', 'State', 'Age'),
  cells: (claim, now) => {
    const { allocation, reservedFor } = partOf(claim.status);
    const words = [
      ...(claim.metadata.deletionTimestamp ? ['deleted'] : []),
      ...(allocation ? ['allocated'] : []),
      ...(partsOf(reservedFor).length > 0 ? ['reserved'] : []),
    ];
    const idle = !allocation && partsOf(reservedFor).length === 0;
    return [claim.metadata.name, [...words, ...(idle ? ['pending'] : [])].join(','), ageCell(claim, now)];
  },
});

/** One device for each request that does not say how many. */
export function claimDefaults(spec: Part): Part {
  return changed(spec, 'devices', (devices) =>
    changedItems(devices, 'requests', (request) =>
      changedItems(changed(request, 'exactly', exactly), 'firstAvailable', exactly),
    ),
  );
}
function exactly(request: Part): Part {
  const counted = filled(request, { allocationMode: 'ExactCount' });
  const complete = counted.allocationMode === 'ExactCount' ? filled(counted, { count: 1 }) : counted;
  return changedItems(complete, 'tolerations', (toleration) => filled(toleration, { operator: 'Equal' }));
}
