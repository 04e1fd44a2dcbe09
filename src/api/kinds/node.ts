import type { Kind } from '../kind.ts';
import type { KubeObject, Labels } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, filled, type Part, partOf, textOf, textsOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { nodeRules } from './node-rules.ts';
import { type Condition, conditionOf } from './pod.ts';
import { keepsHalves } from './status-writes.ts';

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
export interface NodeFeatures {
  readonly supplementalGroupsPolicy?: boolean;
}
export interface NodeStatus {
  readonly features?: NodeFeatures;
  readonly capacity?: Labels;
  readonly allocatable?: Labels;
  readonly conditions?: readonly Condition[];
  readonly addresses?: readonly { readonly type: string; readonly address: string }[];
  readonly daemonEndpoints?: { readonly kubeletEndpoint?: { readonly Port: number } };
  readonly nodeInfo?: Labels;
  readonly images?: readonly { readonly names?: readonly string[]; readonly sizeBytes?: number }[];
}
/** Where a node says who signed the certificate of its own API. */
export const nodeApiAuthority = 'mini-k8s.dev/node-api-authority';
/** Where a node says at which address its own API is heard: loopback, where only a server beside it is to reach it. */
export const nodeApiHost = 'mini-k8s.dev/node-api-host';

export interface Node extends KubeObject<NodeSpec, NodeStatus> {
  readonly spec: NodeSpec;
}

export const nodes: Kind<Node> = defineKind<Node>('v1', 'Node', {
  validate: nodeRules,
  warnings: ({ spec }) =>
    Object.keys(oldFields).flatMap((field) => (partOf(spec)[field] ? [`spec.${field}: ${oldFields[field]}`] : [])),
  defaults: (node) => changed(changed(node, 'status', withAllocatable), 'spec', withBothRanges),
  hasGeneration: false,
  // A kubelet registers its node together with its status.
  prepareCreate: (node) => node,
  prepareUpdate: keepsHalves(withoutNewConfig),
  columns: columnsOf(
    'Name',
    'Status',
    'Roles',
    'Age',
    'Version',
    'Internal-IP:wide',
    'External-IP:wide',
    'OS-Image:wide',
    'Kernel-Version:wide',
    'Container-Runtime:wide',
  ),
  cells: (node, now) => {
    const info = node.status?.nodeInfo ?? {};
    const address = (type: string) => node.status?.addresses?.find((found) => found.type === type)?.address ?? '<none>';
    return [
      node.metadata.name,
      conditionText(node),
      rolesOf(node).join(',') || '<none>',
      ageCell(node, now),
      info.kubeletVersion ?? '',
      address('InternalIP'),
      address('ExternalIP'),
      info.osImage || '<unknown>',
      kernelText(info),
      info.containerRuntimeVersion || '<unknown>',
    ];
  },
  fields: (node) => ({ 'spec.unschedulable': String(node.spec?.unschedulable ?? false) }),
});

/** Nobody configures a node through the API any more, besides where somebody still does. */
function withoutNewConfig(node: Node, previous: Node): Node {
  const { config, ...status } = partOf(node.status);
  return config === undefined || partOf(previous.status).config !== undefined ? node : { ...node, status };
}

const oldFields: Readonly<Record<string, string>> = {
  configSource: 'the feature is no longer supported',
  externalID: 'this field is deprecated, and is unused by Kubernetes',
};

/** What a node has may be used, unless it says otherwise. */
const withAllocatable = (status: Part): Part =>
  status.capacity === undefined ? status : filled(status, { allocatable: status.capacity });

/** The old field for a range and the first of the new list are one; where they differ, the old one counts. */
function withBothRanges(spec: Part): Part {
  const range = textOf(spec.podCIDR);
  const [first = ''] = textsOf(spec.podCIDRs);
  if (range === first) return spec;
  return range === '' ? { ...spec, podCIDR: first } : { ...spec, podCIDRs: [range] };
}

function conditionText(node: Node): string {
  const ready = conditionOf(node, 'Ready');
  const word = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return node.spec?.unschedulable ? `${word},SchedulingDisabled` : word;
}

const kernelText = ({ kernelVersion, architecture }: Labels): string =>
  `${kernelVersion || '<unknown>'}${architecture ? ` (${architecture})` : ''}`;

const rolePrefix = 'node-role.kubernetes.io/';
function rolesOf(node: Node): readonly string[] {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) roles.add(key.slice(rolePrefix.length));
    if (key === 'kubernetes.io/role' && value) roles.add(value);
  }
  return [...roles].sort();
}
