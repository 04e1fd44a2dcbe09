import type { Kind } from '../kind.ts';
import type { KubeObject, Labels } from '../object.ts';
import { defineKind } from './define.ts';
import type { Condition } from './pod.ts';

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
  readonly timeAdded?: string;
}
export interface NodeSpec {
  readonly podCIDR?: string;
  readonly podCIDRs?: readonly string[];
  readonly providerID?: string;
  readonly taints?: readonly Taint[];
  readonly unschedulable?: boolean;
}
export interface NodeStatus {
  readonly capacity?: Labels;
  readonly allocatable?: Labels;
  readonly conditions?: readonly Condition[];
  readonly addresses?: readonly { readonly type: string; readonly address: string }[];
  readonly daemonEndpoints?: { readonly kubeletEndpoint?: { readonly Port: number } };
  readonly nodeInfo?: Labels;
  readonly images?: readonly { readonly names?: readonly string[]; readonly sizeBytes?: number }[];
}
export interface Node extends KubeObject<NodeSpec, NodeStatus> {
  readonly spec: NodeSpec;
}

export const nodes: Kind<Node> = defineKind<Node>('v1', 'Node');
