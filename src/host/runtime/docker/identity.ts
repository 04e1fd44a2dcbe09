import type { ContainerSpec, SandboxSpec } from '../../../agent/runtime.ts';

/** Whose containers these are. Two clusters on one engine, or two nodes of one, never look at each other's. */
export interface Owner {
  /** Unique and lasting: the same for every start of the same cluster. */
  readonly cluster: string;
  readonly node: string;
}

/** The labels are the truth that `list` is made of: whoever starts after a crash adopts what carries them. */
export const label = {
  cluster: 'io.mini-k8s.cluster',
  node: 'io.mini-k8s.node',
  /** The id that the agent gave; of a sandbox its own. */
  id: 'io.mini-k8s.id',
  sandbox: 'io.mini-k8s.sandbox',
  attempt: 'io.mini-k8s.attempt',
  /** The pod's address, kept as long as the sandbox lives. */
  address: 'io.mini-k8s.address',
  /** On the container that holds a sandbox: how the sandbox was asked for. */
  spec: 'io.mini-k8s.sandbox-spec',
  /** On the container that holds a sandbox: its link is not the engine's. */
  ownLink: 'io.mini-k8s.own-link',
} as const;

export type Labels = Readonly<Record<string, string>>;

export const ownedBy = ({ cluster, node }: Owner): readonly string[] => [
  `${label.cluster}=${cluster}`,
  `${label.node}=${node}`,
];

/** Engines take no other characters; a name that is taken proves that the thing is there already. */
const idPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$/;
const clusterNameLength = 12;

export const networkName = (cluster: string): string => `mini-k8s-${short(cluster)}`;

export function engineName(owner: Owner, id: string): string {
  if (!idPattern.test(id)) throw new Error(`${JSON.stringify(id)} is no id`);
  return `${networkName(owner.cluster)}_${owner.node}_${id}`;
}

const short = (cluster: string): string => cluster.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, clusterNameLength);

interface Box {
  readonly spec: SandboxSpec;
  readonly address: string;
}

export function sandboxLabels({ cluster, node }: Owner, { spec, address }: Box): Labels {
  return {
    [label.cluster]: cluster,
    [label.node]: node,
    [label.id]: spec.id,
    [label.sandbox]: spec.id,
    [label.address]: address,
    [label.spec]: JSON.stringify(spec),
    ...podLabels(spec),
  };
}

export function containerLabels({ cluster, node }: Owner, spec: ContainerSpec, box: Box): Labels {
  return {
    [label.cluster]: cluster,
    [label.node]: node,
    [label.id]: spec.id,
    [label.sandbox]: spec.sandbox,
    [label.attempt]: String(spec.attempt),
    [label.address]: box.address,
    // Where tools of other people look.
    'io.kubernetes.container.name': spec.name,
    ...podLabels(box.spec),
  };
}

const podLabels = ({ name, namespace, uid }: SandboxSpec): Labels => ({
  'io.kubernetes.pod.name': name,
  'io.kubernetes.pod.namespace': namespace,
  'io.kubernetes.pod.uid': uid,
});
