import type { Millis } from '../base/env.ts';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** One pod's port behind a service. */
export interface Backend {
  readonly ip: string;
  readonly port: number;
}

/** One address of one port of one service, and who answers there. */
export interface Route {
  readonly namespace: string;
  readonly name: string;
  /** '' where the service has a single port without a name. */
  readonly portName: string;
  readonly vip: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Empty where nobody is ready: the address is known and refuses. */
  readonly backends: readonly Backend[];
  /** How long a client stays with the backend that it met last. Absent: not at all. */
  readonly affinity?: Millis;
  /** Also answered at this port of every node. Only the route of the cluster address carries it. */
  readonly nodePort?: number;
}

/**
 * Service routing as one declarative table, whole at the port: the driver works out and applies only what differs.
 * The promise resolves when the table is in force, as far as this machine allows.
 */
export interface Dataplane {
  replace(table: readonly Route[]): Promise<void>;
}

export const serviceText = (route: Route): string =>
  `${route.namespace}/${route.name}${route.portName ? `:${route.portName}` : ''}`;
