import type { Kind } from '../kind.ts';
import { type KubeObject, keyText } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changedItems, filled } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly hostname?: string;
  readonly nodeName?: string;
  readonly zone?: string;
  readonly targetRef?: {
    readonly kind?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly uid?: string;
  };
}
export interface EndpointSlice extends KubeObject<never, never> {
  readonly addressType: string;
  readonly endpoints: readonly Endpoint[];
  readonly ports?:
    | readonly {
        readonly name?: string;
        readonly protocol?: string;
        readonly port?: number;
        readonly appProtocol?: string;
      }[]
    | null;
}

export const endpointSlices: Kind<EndpointSlice> = defineKind<EndpointSlice>('discovery.k8s.io/v1', 'EndpointSlice', {
  hasGeneration: true,
  defaults: (slice) => {
    const ports = (slice.ports ?? []).length > 0 ? slice.ports : null;
    return changedItems({ ...slice, ports: ports as EndpointSlice['ports'] & object }, 'ports', (port) =>
      filled(port, { name: '', protocol: 'TCP' }),
    );
  },
  columns: columnsOf('Name', 'AddressType', 'Ports', 'Endpoints', 'Age'),
  cells: (slice, now) => [
    slice.metadata.name,
    slice.addressType,
    shortList((slice.ports ?? []).map(({ port }) => (port === undefined ? '*' : String(port)))),
    shortList((slice.endpoints ?? []).flatMap(({ addresses }) => addresses)),
    ageCell(slice, now),
  ],
});

/** So many items are shown, the others counted. */
const shownMax = 3;
function shortList(items: readonly string[]): string {
  if (items.length === 0) return '<unset>';
  const shown = items.slice(0, shownMax).join(',');
  return items.length > shownMax ? `${shown} + ${items.length - shownMax} more...` : shown;
}
/** The label that ties a slice to its Service. */
export const serviceNameLabel = 'kubernetes.io/service-name';
/** `namespace/name` of the Service that a slice belongs to: the value of the index 'service'. */
export const serviceKeyOf = (slice: EndpointSlice): string =>
  keyText({ namespace: slice.metadata.namespace ?? '', name: slice.metadata.labels?.[serviceNameLabel] ?? '' });
