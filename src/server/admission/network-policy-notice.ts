import { networkPolicies } from '../../api/kinds/network-policy.ts';
import { nodes } from '../../api/kinds/node.ts';
import type { KubeObject } from '../../api/object.ts';
import { unenforcedSentence } from '../../api/policy-enforcement.ts';
import type { Store } from '../../store/store.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout } from './refusal.ts';

/** Whoever writes a policy is told of the nodes where it does not hold: there it would only seem to be safe. */
export class NetworkPolicyNotice implements AdmissionPlugin {
  readonly name = 'NetworkPolicyNotice';
  readonly kinds = [networkPolicies];
  readonly #nodes: ObjectIndex<KubeObject>;

  constructor(store: Store) {
    this.#nodes = new ObjectIndex(store, nodes as never);
  }

  async validate(_policy: KubeObject | undefined, request: AdmissionRequest): Promise<void> {
    if (request.operation === 'DELETE' || !isAbout(request, networkPolicies)) return;
    await this.#nodes.ready();
    const sentence = unenforcedSentence(this.#nodes.list(''));
    if (sentence) request.warn?.(sentence);
  }
}
