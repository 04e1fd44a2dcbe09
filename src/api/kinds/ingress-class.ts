import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, filled, type Part, partOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { ingressClassRules } from './ingress-rules.ts';

export interface IngressClass extends KubeObject<Part, Part> {}

export const ingressClasses: Kind<IngressClass> = defineKind<IngressClass>('networking.k8s.io/v1', 'IngressClass', {
  validate: ingressClassRules,
  hasGeneration: true,
  defaults: (found) =>
    changed(found, 'spec', (spec) => changed(spec, 'parameters', (given) => filled(given, { scope: 'Cluster' }))),
  columns: columnsOf('Name', 'Controller', 'Parameters', 'Age'),
  cells: (found, now) => {
    const spec = partOf(found.spec);
    const { apiGroup, kind, name } = partOf(spec.parameters);
    const text = `${textOf(kind)}${apiGroup ? `.${textOf(apiGroup)}` : ''}/${textOf(name)}`;
    return [found.metadata.name, textOf(spec.controller), spec.parameters ? text : '<none>', ageCell(found, now)];
  },
});
