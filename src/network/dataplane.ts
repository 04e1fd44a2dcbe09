import type { Millis } from '../base/env.ts';
import type { PolicyTable } from './policy-table.ts';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** One pod's port behind a service. */
export interface Backend {
  readonly ip: string;
  readonly port: number;
}

/**
 * What kind of address a route answers at: the service's own inside the cluster, every address of the node (a node
 * port), one that somebody else leads here, or one that a load balancer gave.
 */
export type Scope = 'cluster' | 'node' | 'external' | 'balancer';

/** One address of one port of one service, and who answers there. */
export interface Route {
  readonly namespace: string;
  readonly name: string;
  /** '' where the service has a single port without a name. */
  readonly portName: string;
  readonly scope: Scope;
  /** Of scope node: 0.0.0.0 or ::, the family. */
  readonly vip: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Who answers pods and this node. Empty where nobody does. */
  readonly backends: readonly Backend[];
  /** Who answers everybody else, where only pods of this node may, who are to see the client's own address. */
  readonly outside?: readonly Backend[];
  /** Somebody is ready, only not where this may go: silence, for another node will answer. Without it: a refusal. */
  readonly elsewhere?: true;
  /** Ranges that clients have to be in. */
  readonly sources?: readonly string[];
  /** How long a client stays with the backend that it met last. Absent: not at all. */
  readonly affinity?: Millis;
}

/**
 * Service routing as one declarative table, whole at the port: the driver works out and applies only what differs.
 * The promise resolves when the table is in force, as far as this machine allows. A route that did not change is the
 * same object as before.
 */
export interface Dataplane {
  replace(table: readonly Route[]): Promise<void>;
}

/** Who may speak with whom, as one table too. Only where a kernel does it. */
export interface PolicyDataplane {
  enforce(table: PolicyTable): Promise<void>;
}

export const serviceText = (route: Route): string =>
  `${route.namespace}/${route.name}${route.portName ? `:${route.portName}` : ''}`;

export const anyAddress = { IPv4: '0.0.0.0', IPv6: '::' } as const;
export type Family = keyof typeof anyAddress;
export const familyOf = (ip: string): Family => (ip.includes(':') ? 'IPv6' : 'IPv4');
