import type { Kind } from '../api/kind.ts';
import { leases } from '../api/kinds/lease.ts';
import { equalJson, type Json, type JsonObject } from '../base/json.ts';
import type { Losable } from '../store/journaled.ts';
import { storageKey } from './kinds.ts';

/**
 * Renewals of the Leases of nodes, and nothing else of them: a sign of life is worth nothing once its server has ended,
 * and a disk that is synced for each would never rest.
 */
export const nodeLeaseRenewals: Losable = {
  prefix: storageKey(leases as unknown as Kind, 'kube-node-lease', ''),
  allows: ({ type, entry, previous }) =>
    type === 'put' && previous !== undefined && equalJson(withoutTimes(entry.value), withoutTimes(previous.value)),
};

function withoutTimes(lease: Json): Json {
  const { metadata, spec, ...rest } = lease as JsonObject;
  const { managedFields: _owners, ...named } = (metadata ?? {}) as JsonObject;
  const { renewTime: _at, ...held } = (spec ?? {}) as JsonObject;
  return { ...rest, metadata: named, spec: held };
}
