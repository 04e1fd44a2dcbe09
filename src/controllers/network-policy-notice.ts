import type { NetworkPolicy } from '../api/kinds/network-policy.ts';
import type { Node } from '../api/kinds/node.ts';
import { type Key, keyOf } from '../api/object.ts';
import { unenforcedSentence } from '../api/policy-enforcement.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

export interface PolicyObserved {
  readonly policy: NetworkPolicy;
  readonly nodes: readonly Node[];
}

/** An event for each policy that does not hold everywhere, as often as the policy changes. */
export class NetworkPolicyNoticeController implements Controller<PolicyObserved> {
  readonly name = 'network-policy-notice';
  readonly #policies: Cache<NetworkPolicy>;
  readonly #nodes: Cache<Node>;

  constructor(policies: Cache<NetworkPolicy>, nodes: Cache<Node>) {
    this.#policies = policies;
    this.#nodes = nodes;
  }

  sources(): readonly Source[] {
    return [source(this.#policies, (policy) => [keyOf(policy)])];
  }

  observe(key: Key): PolicyObserved | undefined {
    const policy = this.#policies.get(key);
    return policy && { policy, nodes: this.#nodes.list() };
  }

  plan({ policy, nodes }: PolicyObserved): Plan {
    const message = unenforcedSentence(nodes);
    if (!message || policy.metadata.deletionTimestamp !== undefined) return nothing;
    return { actions: [[{ verb: 'event', about: policy, type: 'Warning', reason: 'NotEnforced', message }]] };
  }
}
