import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { classAnnotation, ingressRules } from './ingress-rules.ts';

export interface Ingress extends KubeObject<Part, Part> {}

export const ingresses: Kind<Ingress> = defineKind<Ingress>('networking.k8s.io/v1', 'Ingress', {
  validate: ingressRules,
  warnings: (ingress, previous) =>
    previous || ingress.metadata.annotations?.[classAnnotation] === undefined
      ? []
      : [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`],
  columns: columnsOf('Name', 'Class', 'Hosts', 'Address', 'Ports', 'Age'),
  cells: (ingress, now) => {
    const spec = partOf(ingress.spec);
    const hosts = partsOf(spec.rules)
      .map(({ host }) => textOf(host))
      .filter((host) => host !== '');
    const shown = hosts.slice(0, shownMax).join(',');
    const addresses = partsOf(partOf(partOf(ingress.status).loadBalancer).ingress);
    return [
      ingress.metadata.name,
      textOf(spec.ingressClassName) || '<none>',
      hosts.length === 0 ? '*' : hosts.length > shownMax ? `${shown} + ${hosts.length - shownMax} more...` : shown,
      addresses.map(({ ip, hostname }) => textOf(ip ?? hostname)).join(','),
      partsOf(spec.tls).length > 0 ? '80, 443' : '80',
      ageCell(ingress, now),
    ];
  },
});

/** So many hosts are shown, the others counted. */
const shownMax = 3;
