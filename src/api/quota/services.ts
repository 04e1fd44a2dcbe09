import type { KubeObject } from '../object.ts';
import type { Amounts } from './amounts.ts';
import { whole } from './amounts.ts';
import type { Evaluator } from './evaluator.ts';

const names = ['count/services', 'services', 'services.nodeports', 'services.loadbalancers'];

interface Spec {
  readonly type?: string;
  readonly allocateLoadBalancerNodePorts?: boolean;
  readonly ports?: readonly { readonly nodePort?: number }[];
}

/** Ports on every node and balancers in front of them are goods of their own. */
export const serviceEvaluator: Evaluator = {
  handles: ({ operation, route }) => (operation === 'CREATE' || operation === 'UPDATE') && route.subresource === '',
  limits: (name) => names.includes(name),
  inScope: () => false,
  usage: (service) => usageOf(service),
};

function usageOf({ spec }: KubeObject): Amounts {
  const { type, allocateLoadBalancerNodePorts, ports = [] } = (spec ?? {}) as Spec;
  const balanced = type === 'LoadBalancer';
  const chosen = ports.filter(({ nodePort }) => nodePort !== undefined && nodePort !== 0).length;
  const nodePorts = balanced && allocateLoadBalancerNodePorts === false ? chosen : ports.length;
  return new Map([
    ['count/services', whole(1)],
    ['services', whole(1)],
    ['services.nodeports', whole(balanced || type === 'NodePort' ? nodePorts : 0)],
    ['services.loadbalancers', whole(balanced ? 1 : 0)],
  ]);
}
