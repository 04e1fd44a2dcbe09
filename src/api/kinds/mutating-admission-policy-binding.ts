import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { bindingCells } from './admission-binding-cells.ts';
import { mutatingBindingRules } from './admission-policy-rules.ts';
import { columnsOf } from './columns.ts';
import { changed, type Part } from './defaulting.ts';
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
    cells: bindingCells,
  });
