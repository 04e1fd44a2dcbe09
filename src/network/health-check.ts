import type { EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import type { Service } from '../api/kinds/service.ts';

/** What a balancer outside is told that asks a node whether it is worth sending anything to. */
export interface HealthCheck {
  readonly namespace: string;
  readonly name: string;
  /** Heard at every address of the node. */
  readonly port: number;
  readonly localEndpoints: number;
}

/** Who listens for such questions, whole at the port. */
export interface HealthPorts {
  replace(checks: readonly HealthCheck[]): void;
}

/** Only balanced services that go to pods of the node alone have such a port. */
export function healthCheckOf(
  { metadata, spec }: Service,
  slices: readonly EndpointSlice[],
  node: string | undefined,
): HealthCheck | undefined {
  const { healthCheckNodePort: port, externalTrafficPolicy } = spec;
  if (spec.type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local' || !port) return undefined;
  const here = new Set<string>();
  for (const slice of slices) {
    if (slice.metadata.deletionTimestamp || slice.addressType === 'FQDN') continue;
    for (const { addresses, conditions, nodeName } of slice.endpoints ?? []) {
      const isReady = (conditions?.ready ?? true) || spec.publishNotReadyAddresses === true;
      if (isReady && (node === undefined || nodeName === node) && addresses[0]) here.add(addresses[0]);
    }
  }
  return { namespace: metadata.namespace ?? '', name: metadata.name, port, localEndpoints: here.size };
}
