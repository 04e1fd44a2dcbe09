import type { Transport } from '../api/wire.ts';

/** Where a node's own API is, as its Node object says. */
export interface NodePlace {
  readonly name: string;
  /** '' where the node has not told it. */
  readonly host: string;
  readonly port: number;
  /** PEM: what its certificate has to be signed by, where the node has said so. */
  readonly authority?: string;
}

/** How the server speaks to the API of a node. A port: in one process a call, otherwise HTTPS. */
export type NodeDoors = (node: NodePlace) => Transport;

/** Somebody inside the cluster who speaks HTTP: a pod, or one behind a Service. */
export interface ReachTarget {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** The pod behind the address, and its node, where they are known: another way to it. */
  readonly pod?: PodPlace;
}
export interface PodPlace {
  readonly namespace: string;
  readonly name: string;
  readonly node: NodePlace;
}
/** How the server reaches them, for the proxy subresources. Bodies and upgrades pass through as they are. */
export type Reach = (target: ReachTarget) => Transport;
