import type { Kind } from '../kind.ts';
import { type KubeObject, keyText } from '../object.ts';
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

export const endpointSlices: Kind<EndpointSlice> = defineKind<EndpointSlice>('discovery.k8s.io/v1', 'EndpointSlice');
/** The label that ties a slice to its Service. */
export const serviceNameLabel = 'kubernetes.io/service-name';
/** `namespace/name` of the Service that a slice belongs to: the value of the index 'service'. */
export const serviceKeyOf = (slice: EndpointSlice): string =>
  keyText({ namespace: slice.metadata.namespace ?? '', name: slice.metadata.labels?.[serviceNameLabel] ?? '' });
