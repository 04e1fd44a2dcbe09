import type { Kind } from '../kind.ts';
import { pathSegment } from '../names.ts';
import type { KubeObject } from '../object.ts';
import { columnsOf } from './columns.ts';
import type { Part } from './defaulting.ts';
import { defineKind } from './define.ts';
import { bindingCells, bindingDefaults } from './role-binding.ts';
import { clusterRoleBindingRules } from './role-rules.ts';

export interface ClusterRoleBinding extends KubeObject<Part, Part> {}

export const clusterRoleBindings: Kind<ClusterRoleBinding> = defineKind<ClusterRoleBinding>(
  'rbac.authorization.k8s.io/v1',
  'ClusterRoleBinding',
  {
    validate: clusterRoleBindingRules,
    validateName: pathSegment,
    defaults: bindingDefaults,
    columns: columnsOf('Name', 'Role', 'Age', 'Users:wide', 'Groups:wide', 'ServiceAccounts:wide'),
    cells: bindingCells,
  },
);
