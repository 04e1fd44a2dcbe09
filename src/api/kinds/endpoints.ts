import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changedItems, filled, type Part, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { endpointsRules } from './endpoints-rules.ts';

export interface Endpoints extends KubeObject<Part, Part> {}

export const endpoints: Kind<Endpoints> = defineKind<Endpoints>('v1', 'Endpoints', {
  validate: endpointsRules,
  warnings: () => ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'],
  defaults: (object) =>
    changedItems(object, 'subsets', (subset) =>
      changedItems(subset, 'ports', (port) => filled(port, { protocol: 'TCP' })),
    ),
  columns: columnsOf('Name', 'Endpoints', 'Age'),
  cells: (object, now) => [object.metadata.name, addressesText(object), ageCell(object, now)],
});

/** So many addresses are shown, the others counted. */
const shownMax = 3;

function addressesText(object: Endpoints): string {
  const found: string[] = [];
  for (const { addresses, ports } of partsOf((object as unknown as Part).subsets)) {
    for (const { ip } of partsOf(addresses)) {
      if (partsOf(ports).length === 0) found.push(textOf(ip));
      for (const { port } of partsOf(ports)) {
        const host = textOf(ip);
        found.push(`${host.includes(':') ? `[${host}]` : host}:${textOf(port)}`);
      }
    }
  }
  if (found.length === 0) return '<none>';
  const shown = found.slice(0, shownMax).join(',');
  return found.length > shownMax ? `${shown} + ${found.length - shownMax} more...` : shown;
}
