import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { mutatingPolicyRules } from './admission-policy-rules.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, filled, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { matchDefaults } from './match-defaults.ts';

export interface MutatingAdmissionPolicy extends KubeObject<Part, Part> {}

export const mutatingAdmissionPolicies: Kind<MutatingAdmissionPolicy> = defineKind<MutatingAdmissionPolicy>(
  'admissionregistration.k8s.io/v1',
  'MutatingAdmissionPolicy',
  {
    hasGeneration: true,
    needsRevision: true,
    validate: mutatingPolicyRules,
    defaults: (policy) =>
      changed(policy, 'spec', (spec) =>
        changed(filled(spec, { failurePolicy: 'Fail' }), 'matchConstraints', matchDefaults),
      ),
    columns: columnsOf('Name', 'Mutations:integer', 'ParamKind', 'Age'),
    cells: (policy, now) => [
      policy.metadata.name,
      partsOf(partOf(policy.spec).mutations).length,
      paramText(partOf(policy.spec).paramKind),
      ageCell(policy, now),
    ],
  },
);

/** A kind and its version as one word. */
const paramText = (kind: unknown): string => {
  const { apiVersion, kind: name } = partOf(kind);
  return kind ? `${textOf(apiVersion)}/${textOf(name)}` : '<unset>';
};
