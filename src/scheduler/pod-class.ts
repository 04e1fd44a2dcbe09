import { hostPortsOf } from '../api/host-ports.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { requestsOf } from '../api/pod-amounts.ts';

/** All that plugins look at which judge by class: the same for all pods that one template has made. */
export function podClass(pod: Pod): string {
  const { nodeName, nodeSelector, tolerations, affinity } = pod.spec;
  const { real, scored } = requestsOf(pod);
  const facts = [nodeName, nodeSelector, tolerations, affinity?.nodeAffinity, real, scored, hostPortsOf(pod)];
  return JSON.stringify(facts);
}
