import type { Kind } from '../kind.ts';
import { pathSegment } from '../names.ts';
import type { KubeObject } from '../object.ts';
import type { Part } from './defaulting.ts';
import { defineKind } from './define.ts';
import { roleRules, withRules } from './role-rules.ts';

export interface ClusterRole extends KubeObject<Part, Part> {}

export const clusterRoles: Kind<ClusterRole> = defineKind<ClusterRole>('rbac.authorization.k8s.io/v1', 'ClusterRole', {
  validate: roleRules,
  defaults: withRules,
  validateName: pathSegment,
});
