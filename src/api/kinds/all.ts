import { type Kind, makeKind } from '../kind.ts';
import { resources } from '../schema/tables/resources.ts';
import { configMaps } from './config-map.ts';
import { deployments } from './deployment.ts';
import { endpointSlices } from './endpoint-slice.ts';
import { eventRecords, events } from './event.ts';
import { leases } from './lease.ts';
import { namespaces } from './namespace.ts';
import { nodes } from './node.ts';
import { pods } from './pod.ts';
import { replicaSets } from './replica-set.ts';
import { secrets } from './secret.ts';
import { services } from './service.ts';

// Kinds with a file of their own. All the others are served by their facts and schema alone.
const ruled = [
  configMaps,
  deployments,
  endpointSlices,
  eventRecords,
  events,
  leases,
  namespaces,
  nodes,
  pods,
  replicaSets,
  secrets,
  services,
] as unknown as readonly Kind[];

const sameKind = (a: Kind, b: { readonly group: string; readonly version: string; readonly kind: string }) =>
  a.group === b.group && a.version === b.version && a.kind === b.kind;

/** Every built-in kind. */
export const builtInKinds: readonly Kind[] = resources.map(
  (facts) => ruled.find((kind) => sameKind(kind, facts)) ?? makeKind(facts),
);
