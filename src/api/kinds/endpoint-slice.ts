import { equalJson } from '../../base/json.ts';
import type { Kind } from '../kind.ts';
import { type KubeObject, keyText, type Labels } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changedItems, filled, type Part } from './defaulting.ts';
import { defineKind } from './define.ts';
import { endpointSliceRules } from './endpoint-slice-rules.ts';

export interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly hostname?: string;
  readonly deprecatedTopology?: Labels;
  readonly nodeName?: string;
  readonly zone?: string;
  readonly hints?: {
    readonly forZones?: readonly { readonly name: string }[];
    readonly forNodes?: readonly { readonly name: string }[];
  };
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
  validate: endpointSliceRules,
  defaults: (slice) => changedItems(slice, 'ports', (port) => filled(port, { name: '', protocol: 'TCP' })),
  prepareCreate: (slice) => withoutTopology(slice, new Set()),
  prepareUpdate: (next, previous) => {
    if (equalJson(told(next), told(previous))) return next;
    // It counts as a change that a topology was asked for, although it is not taken over.
    const generation = (previous.metadata.generation ?? 0) + 1;
    const kept = equalJson(next.endpoints, previous.endpoints) ? next : withoutTopology(next, topologyNodes(previous));
    return { ...kept, metadata: { ...kept.metadata, generation } };
  },
  changesGeneration: () => false,
  warnings: (slice) => (slice.addressType === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : []),
  columns: columnsOf('Name', 'AddressType', 'Ports', 'Endpoints', 'Age'),
  cells: (slice, now) => [
    slice.metadata.name,
    slice.addressType,
    shortList((slice.ports ?? []).map(({ port }) => (port === undefined ? '*' : String(port)))),
    shortList((slice.endpoints ?? []).flatMap(({ addresses }) => addresses)),
    ageCell(slice, now),
  ],
});

/** What its generation counts. Labels say which Service it belongs to. */
const told = ({ metadata, endpoints, ports, ...rest }: EndpointSlice): object => {
  const [labels, lists] = [metadata.labels ?? {}, { endpoints: endpoints ?? [], ports: ports ?? [] }];
  return { ...rest, ...lists, labels };
};

const hostLabel = 'kubernetes.io/hostname';
const topologyOf = (endpoint: Endpoint): Labels => endpoint.deprecatedTopology ?? {};
const topologyNodes = ({ endpoints }: EndpointSlice): ReadonlySet<string> =>
  new Set((endpoints ?? []).flatMap((endpoint) => topologyOf(endpoint)[hostLabel] ?? []));

/** The topology of an older version is not taken over; the node that it named, and had named before, is. */
function withoutTopology(slice: EndpointSlice, nodes: ReadonlySet<string>): EndpointSlice {
  return changedItems(slice, 'endpoints', (part) => {
    const { deprecatedTopology, ...endpoint } = part as unknown as Endpoint;
    if (!deprecatedTopology) return part;
    const node = deprecatedTopology[hostLabel];
    const keeps = node !== undefined && nodes.has(node) && endpoint.nodeName === undefined;
    return (keeps ? { ...endpoint, nodeName: node } : endpoint) as unknown as Part;
  });
}

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
