import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import type { LabelSelector } from '../selector.ts';
import { ageCell, columnsOf, selectorText } from './columns.ts';
import { changed, changedItems, filled, type Part, partOf, partsOf, textsOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { networkPolicyRules } from './network-policy-rules.ts';

export interface NetworkPolicy extends KubeObject<Part, Part> {}

export const networkPolicies: Kind<NetworkPolicy> = defineKind<NetworkPolicy>('networking.k8s.io/v1', 'NetworkPolicy', {
  validate: networkPolicyRules,
  hasGeneration: true,
  defaults: (policy) => changed(policy, 'spec', specDefaults),
  columns: columnsOf('Name', 'Pod-Selector', 'Age'),
  cells: (policy, now) => [
    policy.metadata.name,
    selectorText((partOf(policy.spec).podSelector ?? {}) as LabelSelector),
    ageCell(policy, now),
  ],
});

function specDefaults(given: Part): Part {
  let spec = given;
  for (const direction of ['ingress', 'egress']) {
    spec = changedItems(spec, direction, (rule) =>
      changedItems(rule, 'ports', (port) => filled(port, { protocol: 'TCP' })),
    );
  }
  if (textsOf(spec.policyTypes).length > 0) return spec;
  return { ...spec, policyTypes: partsOf(spec.egress).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'] };
}
