import type { Kind } from '../kind.ts';
import { dnsSubdomain } from '../names.ts';
import type { KubeObject } from '../object.ts';
import { parseQuantity } from '../quantity.ts';
import { rulesOf } from './checks.ts';
import type { Part } from './defaulting.ts';
import { defineKind } from './define.ts';

interface CSIStorageCapacity extends KubeObject<Part, Part> {}

const capacityRules = rulesOf((root, previous) => {
  root.at('storageClassName').like(dnsSubdomain);
  root.at('nodeTopology').selector();
  for (const field of ['capacity', 'maximumVolumeSize']) {
    const amount = root.at(field);
    if (!amount.isAbsent && parseQuantity(amount.text).nanos < 0n) {
      amount.invalid('must be greater than or equal to 0');
    }
  }
  if (!previous) return;
  for (const field of ['nodeTopology', 'storageClassName']) root.at(field).same(previous.part[field]);
});

export const csiStorageCapacities: Kind<CSIStorageCapacity> = defineKind<CSIStorageCapacity>(
  'storage.k8s.io/v1',
  'CSIStorageCapacity',
  { validate: capacityRules, needsRevision: true },
);
