import { ApiError } from '../api/error.ts';
import { type Lease, leases } from '../api/kinds/lease.ts';
import { leadershipHeader, parseLeadership } from '../api/leadership.ts';
import type { ApiRequest } from '../api/wire.ts';
import type { Store } from '../store/store.ts';
import { storageKey } from './kinds.ts';

/**
 * Refuses what somebody writes who led once and does not any more: it may have slept while another took over. Writes
 * that name no lease are not asked.
 */
export async function requireLeadership(store: Store, { headers }: ApiRequest): Promise<void> {
  const text = headers[leadershipHeader] ?? '';
  const claimed = parseLeadership(text);
  if (!claimed) {
    const form = '"namespace/name holder transitions"';
    throw new ApiError('BadRequest', `header ${leadershipHeader} is ${form}, not ${JSON.stringify(text)}`, {});
  }
  const { namespace, name, holder, transitions } = claimed;
  const { entry } = await store.get(storageKey(leases, namespace, name));
  const { holderIdentity = '', leaseTransitions = 0 } = (entry?.value as Lease | undefined)?.spec ?? {};
  if (holderIdentity === holder && leaseTransitions === transitions) return;
  const now = holderIdentity === '' ? 'nobody' : `${holderIdentity} in term ${leaseTransitions}`;
  const message = `lease ${namespace}/${name} is held by ${now}, not by ${holder} in term ${transitions}`;
  throw new ApiError('Conflict', message, {});
}
