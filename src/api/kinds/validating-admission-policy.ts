import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { validatingPolicyRules } from './admission-policy-rules.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, filled, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { matchDefaults } from './match-defaults.ts';
import { statusKeepsMetadata } from './status-writes.ts';

export interface ValidatingAdmissionPolicy extends KubeObject<Part, Part> {}

export const validatingAdmissionPolicies: Kind<ValidatingAdmissionPolicy> = defineKind<ValidatingAdmissionPolicy>(
  'admissionregistration.k8s.io/v1',
  'ValidatingAdmissionPolicy',
  {
    needsRevision: true,
    validate: validatingPolicyRules,
    ...statusKeepsMetadata,
    defaults: (policy) =>
      changed(policy, 'spec', (spec) =>
        changed(filled(spec, { failurePolicy: 'Fail' }), 'matchConstraints', matchDefaults),
      ),
    columns: columnsOf('Name', 'Validations:integer', 'ParamKind', 'Age'),
    cells: (policy, now) => [
      policy.metadata.name,
      partsOf(partOf(policy.spec).validations).length,
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
