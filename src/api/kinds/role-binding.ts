import type { Instant } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import type { Kind } from '../kind.ts';
import { pathSegment } from '../names.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, changedItems, filled, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { roleBindingRules } from './role-rules.ts';

export interface RoleBinding extends KubeObject<Part, Part> {}

export const roleBindings: Kind<RoleBinding> = defineKind<RoleBinding>('rbac.authorization.k8s.io/v1', 'RoleBinding', {
  validate: roleBindingRules,
  validateName: pathSegment,
  defaults: bindingDefaults,
  columns: columnsOf('Name', 'Role', 'Age', 'Users:wide', 'Groups:wide', 'ServiceAccounts:wide'),
  cells: bindingCells,
});

const rbac = 'rbac.authorization.k8s.io';

export function bindingDefaults<T extends KubeObject>(binding: T): T {
  return changedItems(
    changed(binding, 'roleRef', (role) => (role.apiGroup ? role : { ...role, apiGroup: rbac })),
    'subjects',
    (subject) => (subject.kind === 'ServiceAccount' ? subject : filled(subject, { apiGroup: rbac })),
  );
}

export function bindingCells(binding: KubeObject, now: Instant): readonly Json[] {
  const { roleRef, subjects } = binding as unknown as Part;
  const role = partOf(roleRef);
  const named = (kind: string) =>
    partsOf(subjects)
      .filter((subject) => subject.kind === kind)
      .map(({ namespace, name }) => (kind === 'ServiceAccount' ? `${textOf(namespace)}/${textOf(name)}` : textOf(name)))
      .join(', ');
  return [
    binding.metadata.name,
    `${textOf(role.kind)}/${textOf(role.name)}`,
    ageCell(binding, now),
    named('User'),
    named('Group'),
    named('ServiceAccount'),
  ];
}
