import { localPathDriver } from '../api/local-path.ts';
import type { Caller } from '../api/wire.ts';
import { accountSpeaker } from '../client/speakers.ts';

/** The ServiceAccount in kube-system as which a controller works, where it has one. Most are upstream's. */
const accounts: Readonly<Record<string, string>> = {
  'attachdetach-controller': 'attachdetach-controller',
  'bootstrap-signer-controller': 'bootstrap-signer',
  'certificatesigningrequest-approving-controller': 'certificate-controller',
  'certificatesigningrequest-cleaner-controller': 'certificate-controller',
  'certificatesigningrequest-signing-controller': 'certificate-controller',
  'clusterrole-aggregation': 'clusterrole-aggregation-controller',
  controllermanager: 'disruption-controller',
  'cronjob-controller': 'cronjob-controller',
  'daemonset-controller': 'daemon-set-controller',
  'deployment-controller': 'deployment-controller',
  'endpoint-controller': 'endpoint-controller',
  'endpoint-slice': 'endpointslice-controller',
  'endpoint-slice-mirroring-controller': 'endpointslicemirroring-controller',
  'ephemeral-volume-controller': 'ephemeral-volume-controller',
  'flow-schema-status': 'flow-schema-status',
  'garbage-collector-controller': 'generic-garbage-collector',
  'horizontal-pod-autoscaler': 'horizontal-pod-autoscaler',
  'job-controller': 'job-controller',
  'job-orphan-controller': 'job-controller',
  'legacy-serviceaccount-token-cleaner-controller': 'legacy-service-account-token-cleaner',
  [localPathDriver]: 'local-path-provisioner',
  'namespace-controller': 'namespace-controller',
  'node-controller': 'node-controller',
  'node-ipam-controller': 'node-controller',
  'persistentvolume-controller': 'persistent-volume-binder',
  'persistentvolume-protection-controller': 'pv-protection-controller',
  'persistentvolumeclaim-protection-controller': 'pvc-protection-controller',
  'pod-garbage-collector-controller': 'pod-garbage-collector',
  rebalancer: 'rebalancer',
  'replicaset-controller': 'replicaset-controller',
  'replication-controller': 'replication-controller',
  'resourceclaim-controller': 'resource-claim-controller',
  'resourcequota-controller': 'resourcequota-controller',
  'root-ca-cert-publisher': 'root-ca-cert-publisher',
  'service-account-controller': 'service-account-controller',
  'service-address-controller': 'service-address-controller',
  'service-cidr-controller': 'service-cidrs-controller',
  'stale-disruption-controller': 'disruption-controller',
  'load-balancer-controller': 'service-controller',
  'network-policy-notice': 'network-policy-notice',
  'stateful-set-fencing': 'node-controller',
  'statefulset-controller': 'statefulset-controller',
  'token-cleaner-controller': 'token-cleaner',
  'ttl-after-finished-controller': 'ttl-after-finished-controller',
  'ttl-controller': 'ttl-controller',
  'volumeattributesclass-protection-controller': 'volumeattributesclass-protection-controller',
};

/** Undefined: it speaks as the controller manager. */
export function speakerFor(controller: string): Caller | undefined {
  const account = accounts[controller];
  return account === undefined ? undefined : accountSpeaker(account);
}
