import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { bindingCells } from './admission-binding-cells.ts';
import { validatingBindingRules } from './admission-policy-rules.ts';
import { columnsOf } from './columns.ts';
import { changed, type Part } from './defaulting.ts';
import { defineKind } from './define.ts';
import { matchDefaults } from './match-defaults.ts';

export interface ValidatingAdmissionPolicyBinding extends KubeObject<Part, Part> {}

export const validatingAdmissionPolicyBindings: Kind<ValidatingAdmissionPolicyBinding> =
  defineKind<ValidatingAdmissionPolicyBinding>('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicyBinding', {
    hasGeneration: true,
    needsRevision: true,
    validate: validatingBindingRules,
    defaults: (binding) => changed(binding, 'spec', (spec) => changed(spec, 'matchResources', matchDefaults)),
    columns: columnsOf('Name', 'PolicyName', 'ParamRef', 'Age'),
    cells: bindingCells,
  });
