import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '../api/kinds/lease.ts';
import { leases } from '../api/kinds/lease.ts';
import { leadershipHeader, leadershipText } from '../api/leadership.ts';
import type { ApiRequest } from '../api/wire.ts';
import type { Json } from '../base/json.ts';
import { MemoryStore } from '../store/memory.ts';
import { storageKey } from './kinds.ts';
import { requireLeadership } from './leader-fence.ts';

const place = { namespace: 'kube-system', name: 'kube-controller-manager' };

async function asked(spec: Lease['spec'] | undefined, text: string): Promise<string> {
  const store = new MemoryStore();
  const value = { metadata: place, spec } as unknown as Json;
  if (spec) await store.commit(storageKey(leases, place.namespace, place.name), 0, value);
  const request = { headers: { [leadershipHeader]: text } } as unknown as ApiRequest;
  return requireLeadership(store, request).then(
    () => 'taken',
    (error: Error) => error.message,
  );
}
const claim = (holder: string, transitions: number) => leadershipText({ ...place, holder, transitions });

const cases: readonly {
  readonly name: string;
  readonly spec?: Lease['spec'];
  readonly text: string;
  readonly told: string;
}[] = [
  {
    name: 'of the holder in its term',
    spec: { holderIdentity: 'a', leaseTransitions: 2 },
    text: claim('a', 2),
    told: 'taken',
  },
  { name: 'of the first term', spec: { holderIdentity: 'a' }, text: claim('a', 0), told: 'taken' },
  {
    name: 'of the holder in an older term of its own',
    spec: { holderIdentity: 'a', leaseTransitions: 4 },
    text: claim('a', 2),
    told: 'lease kube-system/kube-controller-manager is held by a in term 4, not by a in term 2',
  },
  {
    name: 'of somebody else',
    spec: { holderIdentity: 'b', leaseTransitions: 3 },
    text: claim('a', 2),
    told: 'lease kube-system/kube-controller-manager is held by b in term 3, not by a in term 2',
  },
  {
    name: 'where there is no lease',
    text: claim('a', 2),
    told: 'lease kube-system/kube-controller-manager is held by nobody, not by a in term 2',
  },
  {
    name: 'that says it in no form',
    text: 'me',
    told: 'header mini-k8s-leader is "namespace/name holder transitions", not "me"',
  },
];
for (const { name, spec, text, told } of cases) {
  test(`a write ${name} is ${told === 'taken' ? 'taken' : 'refused'}`, async () => {
    assert.equal(await asked(spec, text), told);
  });
}
