import { danglingCondition } from '../../../api/kinds/flow-schema.ts';
import type { JsonObject } from '../../../base/json.ts';
import { flowSchemas, priorityLevels } from './flow-control.ts';

export interface ClusterFacts {
  /** Where the API server itself is reached. */
  readonly ip: string;
  readonly port: number;
  /** PEM: whose client certificates are believed. */
  readonly clientAuthority: string;
  /** Who tells added servers who asks: PEM, and the name in its certificate. */
  readonly frontProxy?: { readonly authority: string; readonly client: string };
}
export interface BootstrapObject {
  readonly key: string;
  readonly value: JsonObject;
  /** Follows the facts at every start, and is not the operator's to change. */
  readonly always?: boolean;
}

/** What every cluster has beside roles and bindings. */
export function otherObjects(facts: ClusterFacts, now: string): readonly BootstrapObject[] {
  return [
    ...priorityClasses,
    ...Object.entries(priorityLevels).map(([name, spec]) => flowControl('PriorityLevelConfiguration', name, spec, {})),
    ...Object.entries(flowSchemas).map(([name, spec]) =>
      flowControl('FlowSchema', name, spec, { conditions: [foundCondition(spec, now)] }),
    ),
    authenticationFacts(facts),
    endpoints(facts),
    endpointSlice(facts),
  ];
}

const priorityClasses = [
  priorityClass(
    'system-cluster-critical',
    2_000_000_000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ),
  priorityClass(
    'system-node-critical',
    2_000_001_000,
    'Used for system critical pods that must not be moved from their current node.',
  ),
];

function priorityClass(name: string, value: number, description: string): BootstrapObject {
  return {
    key: `/scheduling.k8s.io/priorityclasses/${name}`,
    value: {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name, generation: 1 },
      value,
      description,
      preemptionPolicy: 'PreemptLowerPriority',
    },
  };
}

function flowControl(kind: string, name: string, spec: JsonObject, status: JsonObject): BootstrapObject {
  const plural = kind === 'FlowSchema' ? 'flowschemas' : 'prioritylevelconfigurations';
  return {
    key: `/flowcontrol.apiserver.k8s.io/${plural}/${name}`,
    value: {
      apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
      kind,
      metadata: { name, generation: 1, annotations: { 'apf.kubernetes.io/autoupdate-spec': 'true' } },
      spec,
      status,
    },
  };
}

function foundCondition(spec: JsonObject, now: string): JsonObject {
  const level = (spec.priorityLevelConfiguration as { readonly name: string }).name;
  return { ...danglingCondition(level, true), lastTransitionTime: now };
}

/** What an API server that is added to this one has to know, to believe whom this one believes. */
function authenticationFacts({ clientAuthority, frontProxy }: ClusterFacts): BootstrapObject {
  const name = 'extension-apiserver-authentication';
  return {
    key: `/core/configmaps/kube-system/${name}`,
    value: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'kube-system' },
      data: { 'client-ca-file': clientAuthority, ...(frontProxy ? proxyFacts(frontProxy) : {}) },
    },
    always: true,
  };
}

const proxyFacts = ({ authority, client }: NonNullable<ClusterFacts['frontProxy']>): JsonObject => ({
  'requestheader-allowed-names': JSON.stringify([client]),
  'requestheader-client-ca-file': authority,
  'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
  'requestheader-group-headers': '["X-Remote-Group"]',
  'requestheader-uid-headers': '["X-Remote-Uid"]',
  'requestheader-username-headers': '["X-Remote-User"]',
});

function endpoints({ ip, port }: ClusterFacts): BootstrapObject {
  return {
    key: '/core/endpoints/default/kubernetes',
    value: {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: {
        name: 'kubernetes',
        namespace: 'default',
        labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
      },
      subsets: [{ addresses: [{ ip }], ports: [{ name: 'https', port, protocol: 'TCP' }] }],
    },
    always: true,
  };
}

function endpointSlice({ ip, port }: ClusterFacts): BootstrapObject {
  return {
    key: '/discovery.k8s.io/endpointslices/default/kubernetes',
    value: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'kubernetes',
        namespace: 'default',
        generation: 1,
        labels: { 'kubernetes.io/service-name': 'kubernetes' },
      },
      addressType: ip.includes(':') ? 'IPv6' : 'IPv4',
      endpoints: [{ addresses: [ip], conditions: { ready: true } }],
      ports: [{ name: 'https', protocol: 'TCP', port }],
    },
    always: true,
  };
}
