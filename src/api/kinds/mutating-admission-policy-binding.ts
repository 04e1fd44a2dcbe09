import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { mutatingBindingRules } from './admission-policy-rules.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, type Part, partOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { matchDefaults } from './match-defaults.ts';

export interface MutatingAdmissionPolicyBinding extends KubeObject<Part, Part> {}

export const mutatingAdmissionPolicyBindings: Kind<MutatingAdmissionPolicyBinding> =
  defineKind<MutatingAdmissionPolicyBinding>('admissionregistration.k8s.io/v1', 'MutatingAdmissionPolicyBinding', {
    hasGeneration: true,
    needsRevision: true,
    validate: mutatingBindingRules,
    defaults: (binding) => changed(binding, 'spec', (spec) => changed(spec, 'matchResources', matchDefaults)),
    columns: columnsOf('Name', 'PolicyName', 'ParamRef', 'Age'),
    cells: (binding, now) => {
      const { policyName, paramRef } = partOf(binding.spec);
      const { namespace, name } = partOf(paramRef);
      const whole = namespace ? `${textOf(namespace)}/${textOf(name)}` : `*/${textOf(name)}`;
      return [binding.metadata.name, textOf(policyName), paramRef ? whole : '<unset>', ageCell(binding, now)];
    },
  });
